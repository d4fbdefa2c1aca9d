"""Numbers and dates as columns: against naive loops, scikit-learn and the calendar of Python."""

import datetime
import itertools
import math

import numpy as np
import pytest
from sklearn.preprocessing import QuantileTransformer

from nearspace.encoders.numbers import (
    date_cycles,
    date_features,
    date_names,
    piecewise_linear,
    piecewise_names,
    quantile_edges,
    quantile_transform,
    quantiles,
    years,
)


def columns():
    rng = np.random.default_rng(0)
    ties = rng.integers(0, 4, 3000).astype(float)
    return {
        "normal": rng.normal(size=3000),
        "heavy tails": rng.standard_cauchy(3000),
        "mostly zero": rng.exponential(size=3000) * (rng.random(3000) < 0.1),
        "ties": ties,
        "few": rng.normal(size=7),
        "constant": np.full(50, 3.5),
    }


@pytest.mark.parametrize("output", ["uniform", "normal"])
@pytest.mark.parametrize("name", [name for name in columns() if name != "constant"])
def test_positions_are_those_of_scikit_learn(name, output):
    train = columns()[name]
    train[::9] = np.nan
    asked = np.concatenate([train, np.linspace(np.nanmin(train) - 1, np.nanmax(train) + 1, 99)])
    n_quantiles = min(1000, int((~np.isnan(train)).sum()))
    theirs = QuantileTransformer(
        n_quantiles=n_quantiles, output_distribution=output, subsample=None
    ).fit(train[:, None])
    ours = quantiles(train)
    np.testing.assert_allclose(ours, theirs.quantiles_[:, 0], rtol=1e-12, atol=1e-300)
    np.testing.assert_allclose(
        quantile_transform(asked, ours, output), theirs.transform(asked[:, None])[:, 0], atol=1e-6
    )


def naive(value, edges):
    """Equation 1 of the paper, bin by bin."""
    coded, last = [], len(edges) - 2
    for at, (low, high) in enumerate(itertools.pairwise(edges)):
        if value < low and at > 0:
            coded.append(0.0)
        elif value >= high and at < last:
            coded.append(1.0)
        else:
            coded.append((value - low) / (high - low))
    return coded


@pytest.mark.parametrize("n_bins", [1, 2, 8])
@pytest.mark.parametrize("name", columns())
def test_bins_are_those_of_the_paper(name, n_bins):
    values = columns()[name]
    edges = quantile_edges(values, n_bins)
    assert (np.diff(edges) > 0).all()
    assert len(edges) <= n_bins + 1
    assert (edges[0], edges[-1]) == (values.min(), values.max())
    asked = np.concatenate([values, edges, [edges[0] - 2, edges[-1] + 2]])
    coded = piecewise_linear(asked, edges)
    np.testing.assert_allclose(coded, [naive(value, edges.tolist()) for value in asked.tolist()])
    assert coded.shape[1] == len(piecewise_names(name, edges)) == len(edges) - 1
    if len(edges) > 1:  # the code says all: a number is what its parts of the bins add up to
        np.testing.assert_allclose(edges[0] + coded @ np.diff(edges), asked, atol=1e-6)


def test_what_is_missing_stays_missing_and_huge_numbers_do_not_overflow():
    nothing = np.array([np.nan, np.nan])
    assert quantiles(nothing).shape == quantile_edges(nothing, 4).shape == (0,)
    assert np.isnan(quantile_transform(np.array([1.0, np.nan]), quantiles(nothing))[1])
    values = np.array([-1.7e308, 0.0, np.nan, 1.7e308])
    edges = quantile_edges(values, 2)
    assert piecewise_linear(values, edges)[[0, 1, 3]].tolist() == [[0, 0], [1, 0], [1, 1]]
    assert np.isnan(piecewise_linear(values, edges)[2]).all()
    assert quantile_transform(values, quantiles(values))[[0, 1, 3]].tolist() == [0, 0.5, 1]


def test_dates_are_taken_apart_as_the_calendar_does():
    rng = np.random.default_rng(1)
    seconds = rng.integers(-3_000_000_000, 4_000_000_000, 400)
    dates = np.append(
        seconds.astype("datetime64[s]").astype("datetime64[us]"), np.datetime64("NaT")
    )
    features = date_features(dates)
    assert features.shape[1] == len(date_names("when"))
    for row, date in zip(features, dates[:-1].tolist(), strict=False):
        start, after = datetime.datetime(date.year, 1, 1), datetime.datetime(date.year + 1, 1, 1)
        assert row[0] == pytest.approx(date.year + (date - start) / (after - start))
        midnight = datetime.datetime(date.year, date.month, date.day)
        turns = [
            (midnight - start) / (after - start),
            date.weekday() / 7,
            (date - midnight) / datetime.timedelta(days=1),
        ]
        circles = [wave(2 * math.pi * turn) for turn in turns for wave in (math.sin, math.cos)]
        assert row[1:] == pytest.approx(circles, abs=1e-9)
    assert np.isnan(features[-1]).all()
    assert np.isnan(years(dates)[-1])


@pytest.mark.parametrize(
    ("dates", "cycles"),
    [
        (["2023-03-01", "2024-03-01"], ("week",)),  # a leap day between them is no other day
        (["2024-03-01 07:00", "2024-03-01 09:00", "NaT"], ("day",)),
        (["2024-03-01", "2024-03-08"], ("year",)),
        (["2024-03-01", "2024-03-01"], ()),
        (["NaT"], ()),
    ],
)
def test_only_cycles_in_which_dates_differ_count(dates, cycles):
    assert date_cycles(np.array(dates, dtype="datetime64[us]")) == cycles
