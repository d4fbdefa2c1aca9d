"""Columns that give numbers away together are named, those that only go with them are not."""

import numpy as np
import pandas as pd
import pytest

from nearspace import load
from nearspace.judge.formulas import find_formula
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

RNG = np.random.default_rng(0)
ROWS = pd.DataFrame(RNG.lognormal(size=(200, 4)), columns=["net", "tax", "pieces", "weight"])
ROWS.loc[::9, "weight"] = np.nan
FORMULAS = {
    "sum": ROWS["net"] + 0.19 * ROWS["tax"],
    "difference": ROWS["net"] - ROWS["tax"],
    "product": ROWS["net"] * ROWS["tax"],
    "ratio": ROWS["net"] / np.sqrt(ROWS["tax"]),
}


@pytest.mark.parametrize("name", FORMULAS)
def test_a_formula_names_the_columns_that_it_is_made_of(name):
    data = load(ROWS, labels=FORMULAS[name].to_numpy())
    (leak,) = set_task(data, Protocol()).leaks
    assert leak.name == "the columns 'net' and 'tax'"
    assert "--without 'net' --without 'tax', or without=['net', 'tax']" in leak.told


def test_what_is_only_near_a_formula_or_is_one_column_is_none():
    noisy = FORMULAS["sum"] + 0.05 * RNG.standard_normal(len(ROWS))
    for labels in (noisy, 2 * ROWS["net"], FORMULAS["sum"].round(0)):
        assert find_formula(load(ROWS, labels=labels.to_numpy() + 0.5)) is None


@pytest.mark.data
@pytest.mark.parametrize("label", ["body_mass_g", "bill_length_mm"])
def test_no_formula_is_found_in_honest_tables(public_data, label):
    data = load(public_data / "tables" / "penguins.csv", labels=label)
    assert set_task(data, Protocol(), "numbers").leaks == ()
