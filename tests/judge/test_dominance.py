"""Which columns make the distances of raw input, and the floor row that undoes it."""

import numpy as np
import pandas as pd
import pytest
from scipy.spatial.distance import pdist

from nearspace import compare, load
from nearspace.judge.dominance import dominance_notes, variance_shares

RNG = np.random.default_rng(0)


def test_shares_are_those_of_all_squared_distances():
    rows = RNG.normal(size=(40, 3)) * [1.0, 5.0, 0.0] + [1e6, 0, 7]
    by_column = np.array([np.square(pdist(rows[:, [at]])).sum() for at in range(3)])
    np.testing.assert_allclose(variance_shares(rows), by_column / by_column.sum())
    huge = variance_shares(np.float32([[3e38, 0], [-3e38, 1]]))
    assert huge.tolist() == pytest.approx([1, 0])
    assert variance_shares(np.ones((3, 2))).tolist() == [0, 0]


def test_a_note_names_the_columns_and_the_row_that_undoes_it():
    board = compare("wine", encoders=[])
    assert any(note.startswith("Column 12 makes 99.8 %") for note in board.notes)
    scores = {row.spec: row.scores["knn"].value for row in board.results}
    assert scores["raw | scale"] > 0.9 > 0.75 > scores["raw"]
    assert board.best().spec == "raw | scale"

    people = pd.DataFrame({"age": RNG.normal(40, 9, 50), "income": RNG.normal(5e4, 9e3, 50)})
    people["town"] = "Ulm"
    (note,) = dominance_notes(load(people))
    assert note.startswith("Column 'income' makes all but 0.05 %")
    assert "onehot gives every column its say" in note
    several = RNG.normal(size=(60, 40)) * np.repeat([1, 100.0], [34, 6])
    assert dominance_notes(load(several))[0].startswith("Columns ")
    assert "and 3 more make" in dominance_notes(load(several))[0]


@pytest.mark.parametrize("what", ["alike", "one", "constant", "beyond", "digits", "sentences"])
def test_nothing_is_said_where_no_column_dominates(what):
    items = {
        "alike": RNG.normal(size=(60, 8)),
        "one": RNG.normal(size=(60, 1)),
        "constant": np.ones((20, 5)),
        "beyond": pd.DataFrame({"a": [1e300, 1.0, 2.0], "b": ["x", "y", "z"]}),
    }
    assert dominance_notes(load(items.get(what, what))) == []
