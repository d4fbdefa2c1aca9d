import numpy as np
import pytest

from nearspace import load
from nearspace.data import Series
from nearspace.errors import DataError


def test_what_forms_series_come_in():
    whole = np.random.default_rng(0).normal(size=(4, 3, 20))
    for items in (whole, [*whole], whole.astype(np.float32).tolist()):
        data = load(items, kind="series")
        assert data.kind == Series(3)
        np.testing.assert_allclose(np.stack(data.items), whole, rtol=1e-6)
    lone = load([np.arange(5), np.arange(3.0)])
    assert (lone.kind, [item.shape for item in lone.items]) == (Series(1), [(1, 5), (1, 3)])
    assert load(whole[:, 0], kind="series", rate=50).kind.rate == 50


@pytest.mark.parametrize(
    ("items", "words"),
    [
        ([np.zeros((2, 5)), np.zeros((3, 5))], "series 1 has 3 channels, expected 2"),
        ([np.zeros((2, 5)), np.zeros((2, 0))], "series 1 has no step"),
        ([np.ones(4), np.array([1, np.inf])], "series 1, channel 0, step 1 is inf"),
        ([np.ones(4), np.zeros((2, 2, 2))], r"series 1 is an array of shape \(2, 2, 2\)"),
        ([np.ones(4), "abc"], "series 1 is of type str"),
        ([], "at least one item"),
    ],
)
def test_what_is_no_series_is_named(items, words):
    with pytest.raises(DataError, match=words):
        load(items, kind="series")


def test_missing_values_are_filled_in_time_and_told():
    gaps = [np.array([np.nan, 1, np.nan, np.nan, 4, np.nan]), np.full(3, np.nan), np.ones(2)]
    data = load(gaps)
    assert data.items[0].tolist() == [[1, 1, 2, 3, 4]]
    assert data.items[1].tolist() == [[0, 0, 0]]
    told = " ".join(data.notes)
    assert "missing in 2 of 3 series (0, 1), 60.00% of all" in told
    assert "without any value was filled with 0 in 1 series (1)" in told
    with pytest.raises(DataError, match="series 0, channel 0, step 0 is nan"):
        Series(1).check(gaps)


def test_a_decoded_series_is_as_long_as_its_last_channel_says():
    kind = Series(2)
    values = np.zeros((3, 3, 4), np.float32)
    values[0, 2], values[1, 2, :2] = 1, 0.6
    assert [item.shape for item in kind.restore(values)] == [(2, 4), (2, 2), (2, 1)]


def test_series_that_are_nearly_the_same_are_told():
    items = load("gestures").items[:100]
    again = [*items, items[3] + 0.001]
    pairs = Series(3).near(again, np.array([100]))
    assert pairs.tolist() == [[100, 3]]


@pytest.mark.parametrize("kind", ["image", "text", "vector", "table", "audio"])
def test_series_that_are_to_be_of_another_kind_are_refused_in_words(kind):
    with pytest.raises(DataError, match=f"it holds series of 3 channels, which kind '{kind}' does"):
        load("gestures", kind=kind)
