"""Who has what: read from tables and matrices, and what is told of odd ones."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import sparse

from nearspace.data import load
from nearspace.data.graph_reading import load_interactions
from nearspace.data.kinds.graph import Graph
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.kinds.saved import kind_from_json
from nearspace.errors import DataError

PAIRS = [("ann", "a"), ("ann", "b"), ("bob", "b"), ("bob", "c"), ("cy", "c")]


@pytest.fixture(scope="module")
def films():
    return load(["Alien", "Brazil", "Clue", "Dune"], ids=["a", "b", "c", "d"])


def cells(data):
    return data.items.interactions.toarray().tolist()


def test_users_come_first_and_items_in_the_order_of_what_is_said_of_them(films):
    data = load_interactions(PAIRS, films)
    assert data.ids.tolist() == [
        "user-ann", "user-bob", "user-cy", "item-a", "item-b", "item-c", "item-d",
    ]  # fmt: skip
    assert cells(data) == [[1, 1, 0, 0], [0, 1, 1, 0], [0, 0, 1, 0]]
    assert data.notes[-3:] == (
        "3 users, 4 items and 5 interactions.", "1 user has one item alone.", "1 item nobody has.",
    )  # fmt: skip
    assert str(data.kind) == "users and items with texts"
    assert data.items[[5, 0]].own == ["Clue"]
    assert data.items[[0]].own == []


def test_tables_have_columns_of_any_name_weights_and_times(films, tmp_path):
    frame = pd.DataFrame(PAIRS, columns=["who", "what"])
    frame["stars"], frame["on"] = [5, 3, 4, 1, 2], [1363061522 + at for at in range(5)]
    path = tmp_path / "had.csv"
    frame[["on", "stars", "what", "who"]].to_csv(path, index=False)
    data = load_interactions(path, films, ends=("who", "what"), weights="stars", time="on")
    assert cells(data) == [[5, 3, 0, 0], [0, 4, 1, 0], [0, 0, 2, 0]]
    assert data.items.edges.time.tolist() == frame["on"].tolist()  # seconds, read as text
    with pytest.raises(DataError, match="no column 'star'"):
        load_interactions(frame, films, weights="star")


def test_of_a_matrix_every_row_is_a_user_and_every_column_an_item():
    matrix = sparse.csr_array(np.array([[0, 2.0, 0], [0, 0, 0], [1, 0, 0]]))
    data = load_interactions(matrix)
    assert cells(data) == matrix.toarray().tolist()
    assert "1 user has no item." in data.notes
    assert "1 item nobody has." in data.notes
    with pytest.raises(DataError, match="expected a column for each of 2 items"):
        load_interactions(matrix, ["x", "y"])


def test_numbers_in_text_and_as_numbers_are_one_id():
    films = load(["x", "y"], ids=["1", "2"])
    data = load_interactions([(1, 1), ("1", 2.0), (2, "2")], films)
    assert data.ids.tolist() == ["user-1", "user-2", "item-1", "item-2"]
    assert cells(data) == [[1, 1], [0, 1]]


def test_what_stands_twice_or_names_nothing_is_told(films):
    rows = [*PAIRS, ("ann", "a"), ("ann", "x"), ("dot", "x"), (None, "a"), ("bob", None)]
    data = load_interactions(pd.DataFrame(rows), films)
    told = " ".join(data.notes)
    assert "1 interaction named more than once was left out." in told
    assert "2 interactions that name an item which data does not have were left out: 'x'." in told
    assert "2 rows with one end alone were left out." in told
    assert "1 user has no item." in told  # whose only item is not there
    frame = pd.DataFrame([("ann", "a", 3.0), ("ann", "a", 1.0), ("bob", "b", 2.0)])
    frame.columns = ["who", "what", "stars"]
    data = load_interactions(frame, films, weights="stars")
    assert cells(data)[0] == [3, 0, 0, 0]
    assert "1 of these have several weights, of which the first counts." in data.notes


@pytest.mark.parametrize(
    ("weight", "words"),
    [(np.nan, "got 'nan' in row 1"), (-1.0, "got '-1.0' in row 1"), ("x", "got 'x' in row 1")],
)
def test_weights_that_are_none_are_refused(films, weight, words):
    frame = pd.DataFrame(PAIRS, columns=["who", "what"])
    frame["stars"] = np.array([5, weight, 4, 1, 2], dtype=object)
    with pytest.raises(DataError, match=words):
        load_interactions(frame, films, weights="stars")


def test_where_nothing_goes_together_both_are_named(films):
    with pytest.raises(
        DataError, match=r"none of the 1 interactions is with an item of data, .* 'x'"
    ):
        load_interactions([("ann", "x")], films)
    with pytest.raises(DataError, match="expected edges as rows of two ids"):
        load_interactions([], films)


def test_a_kind_says_what_a_user_has_and_what_an_item_is(films):
    data = load_interactions(PAIRS, films)
    kind, items = data.kind, data.items
    shown = kind.draw(kind.item(items, 0))
    assert shown == "<small>user-ann, 2 items:</small> <q>Alien</q> <q>Brazil</q>"
    assert kind.draw(kind.item(items, 6)) == "<q>Dune</q> <small>item-d, 0 users</small>"
    columns = kind.to_columns(items)
    assert columns["sort"] == ["user"] * 3 + ["item"] * 4
    assert columns["degree"] == [2, 2, 1, 1, 2, 2, 0]
    assert columns["history"][1] == '["item-b", "item-c"]'
    assert columns["text"] == [None] * 3 + films.items
    assert kind_from_json(kind.to_json()) == kind == Interactions(films.kind)
    bare = load_interactions(PAIRS)
    assert kind_from_json(bare.kind.to_json()) == Interactions(None)
    assert bare.kind.draw(bare.kind.item(bare.items, 1)) == (
        "<small>user-bob, 2 items:</small> item-b item-c"
    )
    with pytest.raises(DataError, match=r"expected nodes and the edges .* got users and items"):
        Graph(films.kind).check(items)
    wrong = dataclasses.replace(items, attributes=films.items[:3])
    with pytest.raises(DataError, match="but of 3 users, of each of 7 nodes, got 7 and 3"):
        kind.check(wrong)


def test_hashes_change_with_what_a_user_has_and_what_an_item_is(films):
    one, other = (load_interactions(pairs, films) for pairs in (PAIRS, [*PAIRS, ("cy", "a")]))
    changed = np.flatnonzero(one.hashes != other.hashes)
    assert one.ids[changed].tolist() == ["user-cy", "item-a"]
    assert one.fingerprint != other.fingerprint
    renamed = load(["Alien", "Brazil", "Clue", "Dune!"], ids=["a", "b", "c", "d"])
    assert np.flatnonzero(one.hashes != load_interactions(PAIRS, renamed).hashes).tolist() == [6]


@pytest.mark.parametrize(
    ("times", "kind"),
    [
        (["1363061522", "1365029107", "9", "20", "100"], "i"),
        (["2024-01-02", "2023-05-31", "2024-01-03", "2022-01-01", "2022-01-02"], "M"),
        ([*map(pd.Timestamp, ("2024-01-02", "2023-05-31", "2024-01-03", "2022", "2023"))], "M"),
        ([3.5, 1.0, 2.0, 5.0, 4.0], "f"),
    ],
)
def test_times_are_numbers_or_dates_however_they_are_written(films, times, kind):
    frame = pd.DataFrame(PAIRS, columns=["who", "what"])
    frame["on"] = np.array(times, dtype=object)
    edges = load_interactions(frame, films, time="on").items.edges
    assert edges.time.dtype.kind == kind
    wanted = np.argsort(times if kind != "i" else [*map(int, times)])
    assert np.argsort(edges.time).tolist() == wanted.tolist()
