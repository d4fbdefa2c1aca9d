"""What float32 loses of columns of float64, and what reading says of it."""

import numpy as np
import pandas as pd
import pytest

from nearspace import load
from nearspace.data import Vector
from nearspace.data.rounding import large_offsets, merged_share, rounding_notes
from nearspace.errors import DataError


def spread_out(n=300):
    return np.random.default_rng(0).standard_normal(n)


def test_columns_far_from_zero_are_moved_by_their_median():
    rows = np.stack([spread_out(), spread_out() + 1.7e9, spread_out() + 500], axis=1)
    assert large_offsets(rows).tolist() == [0, np.median(rows[:, 1]), 0]
    assert large_offsets(rows[:, [0, 2]]) is None
    assert large_offsets(rows.astype(np.float32)) is None  # there is nothing left to keep
    assert large_offsets(rows[:0]) is None


def test_a_few_missing_seconds_written_as_0_take_no_offset_away():
    seconds = spread_out() + 1.7e9
    seconds[::50] = 0
    assert abs(large_offsets(seconds[:, None])[0] - 1.7e9) < 2


def test_a_flag_that_few_rows_have_counts_and_rounding_does_not():
    flag = np.full(300, 1.7e9)
    flag[::40] += 1
    assert large_offsets(flag[:, None]).tolist() == [1.7e9]
    assert large_offsets(np.full((300, 1), 1.7e9)) is None
    same = 1.7e9 * (1 + 1e-16 * np.arange(300))
    assert large_offsets(same[:, None]) is None
    assert merged_share(same[:, None]) == 0


@pytest.mark.parametrize(
    ("numbers", "lost"),
    [
        (spread_out(), False),
        (spread_out() * 1e-30, False),
        (spread_out() * 1e30, False),
        (spread_out() + 1.7e9, False),  # by the offset
        (np.where(np.arange(300) % 2, 1.7e9, 0) + spread_out(), True),  # two sorts of numbers
        (spread_out() * 1e-44, True),
        (spread_out() * 1e-50, True),
        (np.where(np.arange(300) < 4, 1e30, spread_out()), False),
        (np.round(spread_out(), 1) + 1e-17 * np.arange(300), False),
        (np.zeros(300), False),
    ],
)
def test_where_different_numbers_become_equal_it_is_told(numbers, lost):
    notes = rounding_notes(np.stack([spread_out(), numbers], axis=1), ["this", "that"])
    assert len(notes) == lost
    assert not lost or "numbers of that equal" in notes[0]


def test_reading_tells_it_of_arrays_and_of_tables(tmp_path):
    two_sorts = np.where(np.arange(300) % 2, 1.7e9, 0) + spread_out()
    rows = np.stack([spread_out(), two_sorts, two_sorts], axis=1)
    np.save(tmp_path / "rows.npy", rows)
    (note,) = [note for note in load(tmp_path / "rows.npy").notes if "float32" in note]
    assert "of column 1 equal, and so in 1 columns more" in note
    frame = pd.DataFrame(rows, columns=["a", "sold at", "b"])
    frame.loc[::9, "sold at"] = np.nan
    frame.to_csv(tmp_path / "rows.csv", index=False)
    assert any("the column 'sold at'" in note for note in load(tmp_path / "rows.csv").notes)
    np.save(tmp_path / "good.npy", rows[:, :1])
    assert not any("float32" in note for note in load(tmp_path / "good.npy").notes)


def test_vectors_keep_float64_and_whole_numbers_that_need_it():
    of = Vector(1)
    for dtype, kept in {
        "float32": "float32",
        "float64": "float64",
        "uint8": "float32",
        "int64": "float64",
        "int32": "float64",
        "bool": "float32",
        "float16": "float32",
    }.items():
        assert of.check(np.ones((2, 1), dtype)).dtype == kept
    with pytest.raises(DataError, match=r"row 1, column 0 is 1e\+200.*scale the column"):
        of.check(np.array([[1.0], [1e200]]))


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-12, 1e12, 1e30])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_networks_see_columns_of_deviation_1_at_every_scale(scale, dtype):
    of = Vector(4)
    columns = np.stack([spread_out(), 1e6 * spread_out(), 3 + 0 * spread_out(), spread_out()], 1)
    items = (scale * columns).astype(dtype)
    seen = of.batches(items, of.scaling(items))[:].numpy()
    np.testing.assert_allclose(seen.std(axis=0), [1, 1, 0, 1], atol=1e-3)
    np.testing.assert_allclose(seen.mean(axis=0), 0, atol=1e-3)


def test_of_float64_the_mean_is_taken_off_before_rounding():
    of, items = Vector(1), spread_out()[:, None] + 1e12
    seen = of.batches(items, of.scaling(items))[:].numpy()
    np.testing.assert_allclose(seen[:, 0], (items - items.mean())[:, 0] / items.std(), rtol=1e-3)
