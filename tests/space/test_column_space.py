"""A column as a space: its values and counts, the encoder within, and refusals."""

import numpy as np
import pandas as pd
import pytest

from nearspace import column_space, load, make, neighbours, open_space, save
from nearspace.errors import DataError
from nearspace.space.search.queries import read_queries

QUICK = "entity(epochs=1, hidden=(8,), dim=4)"


@pytest.mark.trains
def test_values_are_a_space_that_is_searched_by_values(tmp_path):
    customers = load("customers")
    space = column_space(customers, "plan", QUICK)
    counts = customers.items["plan"].value_counts()
    assert dict(zip(space.ids, space.meta["count"].to_pylist(), strict=True)) == dict(counts)
    again = open_space(save(space, tmp_path / "plans.space"))
    asked = read_queries(again, ["plus"])
    np.testing.assert_array_equal(asked.vectors[0], again.vectors[again.position("plus")])
    assert neighbours(again, asked.vectors, 1).ids[0, 0] == "plus"
    assert again.recipe.fingerprint == again.encoder.fingerprint
    unseen = again.encoder.transform(["gold", "silver"])
    np.testing.assert_array_equal(unseen[0], unseen[1])
    assert "Did you mean 'plus'?" in read_queries(again, ["pluss"]).notes[0]
    fitted = make(QUICK).fit_on(customers)
    assert column_space(customers, "region", fitted).shape == (4, 3)


@pytest.mark.trains
def test_values_that_tell_alike_of_the_labels_come_out_near():
    rng = np.random.default_rng(0)
    towns = rng.choice([f"town {at}" for at in range(12)], 3000)
    north = np.array([int(town.split()[1]) % 2 for town in towns])
    rows = pd.DataFrame({"town": towns, "noise": rng.normal(size=3000)})
    labels = np.where(rng.random(3000) < 0.2 + 0.6 * north, "cold", "warm")
    rare = rows.assign(town=rows["town"].where(rows.index >= 2, "rare town"))
    space = column_space(rare, "town", "entity(epochs=10, hidden=(16,), dim=8)", labels=labels)
    nearest = neighbours(space, space.vectors, 5).ids
    parity = {town: int(town.split()[-1] in {"1", "3", "5", "7", "9", "11"}) for town in space.ids}
    right = [
        parity[near] == parity[town]
        for town, row in zip(space.ids, nearest, strict=True)
        for near in row
        if "rare town" not in (town, near) and near != town
    ]
    assert np.mean(right) > 0.8
    assert space.encoder.notes == (
        "1 of 13 values stands in fewer than 10 rows ('rare town'), and has hardly been learnt.",
    )


def test_what_has_no_values_is_refused():
    customers = load("customers")
    for column, told in {
        "pln": r"has no column 'pln'.*Did you mean 'plan'\?",
        "age": r"The column 'age' is of the type 'number'.*\(age=category\)",
    }.items():
        with pytest.raises(DataError, match=told):
            column_space(customers, column, QUICK)
    with pytest.raises(DataError, match="'onehot' has no vectors of values of a column"):
        column_space(customers, "plan", "onehot")
    with pytest.raises(DataError, match="no column beside 'a', and no labels"):
        column_space(pd.DataFrame({"a": ["x", "y"] * 30}), "a")
