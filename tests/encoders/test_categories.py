import itertools
from collections import Counter

import numpy as np
import pandas as pd
import pytest

from nearspace.encoders.categories import FIRST_VALUE, MISSING, UNSEEN, Categories


def column(cells):
    return pd.Series(cells, dtype=object)


def drawn(n, rng):
    """Return cells of which some are missing, empty, odd, or twice the same."""
    values = ["", "a", "A", "é", "\ud800", "a\x00", "nan", "None", *map(str, range(30)), None]
    return [values[at] for at in rng.zipf(1.4, n) % len(values)]


@pytest.mark.parametrize(("most", "at_least"), [(None, 1), (5, 1), (None, 3), (40, 2), (1, 10_000)])
def test_values_and_codes_are_those_of_a_loop_over_cells(most, at_least):
    rng = np.random.default_rng(0)
    cells, others = drawn(500, rng), [*drawn(100, rng), "never"]
    categories = Categories.of(column(cells), most, at_least)
    counter = Counter(cell for cell in cells if cell is not None)
    order = sorted(counter, key=lambda value: (-counter[value], value))
    values = [value for value in order if counter[value] >= at_least][:most]
    assert categories.values == values
    assert categories.counts.tolist() == [counter[value] for value in values]
    assert categories.seen == (len(counter), counter.total())
    assert len(categories) == FIRST_VALUE + len(values)
    code = dict(zip(values, itertools.count(FIRST_VALUE))) | {None: MISSING}
    for some in (cells, others):
        codes = [code.get(cell, UNSEEN) for cell in some]
        np.testing.assert_array_equal(categories.codes(column(some)), codes)
    again = Categories.from_state(categories.state)
    np.testing.assert_array_equal(again.codes(column(others)), categories.codes(column(others)))


def test_several_values_of_a_cell_are_those_of_a_loop_over_cells():
    rng = np.random.default_rng(1)
    cells = [
        None if rng.random() < 0.2 else "|".join(sorted({*rng.choice([*"abcdefgh"], 3)}))
        for _ in range(300)
    ]
    categories = Categories.of(column(cells), most=6, several=True)
    counter = Counter(itertools.chain.from_iterable(cell.split("|") for cell in cells if cell))
    assert categories.values == sorted(counter, key=lambda each: (-counter[each], each))[:6]
    flat, offsets = categories.codes_of_each(column(cells))
    for cell, (start, end) in zip(cells, itertools.pairwise(offsets.tolist()), strict=True):
        values = cell.split("|") if cell else []
        codes = [
            FIRST_VALUE + categories.values.index(v) if v in categories.values else UNSEEN
            for v in values
        ]
        assert flat[start:end].tolist() == codes


@pytest.mark.parametrize("several", [False, True])
def test_a_column_of_nothing_has_codes_too(several):
    empty = Categories.of(column([None, None]), several=several)
    assert len(empty) == FIRST_VALUE
    assert empty.note_on("town") == ()
    assert empty.codes(column([None, "a"])).tolist() == [MISSING, UNSEEN]
    flat, offsets = empty.codes_of_each(column([None, "a|b"]))
    assert (flat.tolist(), offsets.tolist()) == ([UNSEEN, UNSEEN], [0, 0, 2])
    assert Categories.of(column([]), several=several).codes_of_each(column([]))[1].tolist() == [0]


def test_a_state_that_is_none_is_refused():
    state = Categories.of(column(["a", "b"])).state
    with pytest.raises(ValueError, match="no different values"):
        Categories.from_state({**state, "values": ["a", "a"]})
    with pytest.raises(TypeError):
        Categories.from_state({**state, "values": [1, 2]})
    with pytest.raises(TypeError, match="counts"):
        Categories.from_state({name: state[name] for name in ("values", "seen")})
