import time

import numpy as np
import pytest
from scipy import stats

from nearspace.judge.statistics import compare_to_base, compare_to_best, interval


def coverage(draw, truth, groups=None, rounds=3, encoders=400, bounded=True):
    """Share of simulated encoders whose interval holds the truth; each has data of its own."""
    hits = []
    for seed in range(rounds):
        scores = draw(np.random.default_rng(seed), encoders)
        low, high = interval(scores, groups, bounded=bounded)
        hits.append((low <= truth) & (truth <= high))
    return np.mean(hits)


@pytest.mark.parametrize("rate", [0.5, 0.9, 0.97])
def test_intervals_of_right_and_wrong_cover(rate):
    def draw(rng, encoders):
        return (rng.random((encoders, 1, 300)) < rate).astype(float)

    assert 0.93 <= coverage(draw, rate) <= 0.97


@pytest.mark.parametrize(
    ("name", "parameters", "truth"),
    [("standard_normal", (), 0.0), ("beta", (5, 1), 5 / 6), ("gamma", (4,), 4.0)],
)
def test_intervals_of_continuous_scores_cover(name, parameters, truth):
    def draw(rng, encoders):
        return getattr(rng, name)(*parameters, size=(encoders, 1, 300))

    assert 0.93 <= coverage(draw, truth, bounded=name == "beta") <= 0.97


def test_what_is_not_bounded_has_no_bounded_interval_wherever_it_happens_to_lie():
    errors = np.random.default_rng(0).exponential(0.02, (1, 1, 40))
    low, high = interval(errors, bounded=False)
    assert high - errors.mean() == pytest.approx(errors.mean() - low)
    wilson = interval(errors)
    assert wilson[1] - errors.mean() > errors.mean() - wilson[0]
    further, _ = interval(errors + 7, bounded=False)
    assert further == pytest.approx(low + 7)


@pytest.mark.parametrize("rate", [0.7, 0.9])
def test_intervals_cover_when_items_of_a_group_are_alike(rate):
    groups = np.repeat(np.arange(60), 10)
    concentration = 1 / 0.1 - 1  # a correlation of 0.1 within groups

    def draw(rng, encoders):
        shape = (encoders, 1, 60)
        rates = rng.beta(rate * concentration, (1 - rate) * concentration, shape)
        return (rng.random((encoders, 1, 600)) < np.repeat(rates, 10, axis=2)).astype(float)

    assert 0.93 <= coverage(draw, rate, groups) <= 0.97
    assert coverage(draw, rate) < 0.92  # the groups are what makes it honest


def test_intervals_cover_when_training_is_noisy():
    def draw(rng, encoders):
        fits = rng.normal(0, 0.1, (encoders, 4, 1))
        return fits + rng.normal(size=(encoders, 1, 300)) + rng.normal(0, 0.3, (encoders, 4, 300))

    assert 0.93 <= coverage(draw, 0.0, bounded=False) <= 0.975
    assert coverage(lambda rng, n: draw(rng, n)[:, :1], 0.0, bounded=False) < 0.85


def test_all_correct_gives_the_exact_one_sided_bound():
    scores = np.stack([np.ones((1, 300)), np.zeros((1, 300)), np.eye(1, 300)])
    low, high = interval(scores)
    assert low[0] == pytest.approx(0.05 ** (1 / 300))
    assert high[0] == pytest.approx(1.0)
    assert low[1] == pytest.approx(0.0)
    assert high[1] == pytest.approx(1 - 0.05 ** (1 / 300))
    assert 0 < low[2] < 1 / 300 < high[2]
    groups = np.repeat(np.arange(10), 30)
    low, _ = interval(scores, groups)
    assert low[0] == pytest.approx(0.05 ** (1 / 10))


def half_width(scores, groups=None):
    low, high = interval(scores, groups, bounded=False)
    return (high - low) / 2


def test_an_interval_is_as_wide_as_the_error_of_the_mean_is_large():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(2, 1, 40))
    errors = scores[:, 0].std(axis=1, ddof=1) / np.sqrt(40)
    assert half_width(scores) == pytest.approx(errors * stats.t.isf(0.025, 39))
    # Whole groups of one size: as if each group were one item.
    groups = np.sort(rng.permutation(np.arange(40) % 8))
    sums = np.stack([np.bincount(groups, row) for row in scores[:, 0]])
    assert half_width(scores, groups) == pytest.approx(half_width(sums[:, None] / 5))
    # Seeds: three fits that differ by a constant, on items that are all alike.
    seeds = np.array([0.1, 0.2, 0.6])[None, :, None] * np.ones((1, 3, 30))
    error = np.std([0.1, 0.2, 0.6], ddof=1) / np.sqrt(3)
    assert half_width(seeds) == pytest.approx(error * stats.t.isf(0.025, 2))


def test_differences_are_paired_and_items_without_scores_have_no_part():
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(1, 1, 50))
    both = np.concatenate([scores, scores + 1])
    beside = compare_to_best(both)
    assert beside.low[0] == pytest.approx(-1.0)
    assert beside.high[0] == pytest.approx(-1.0)
    groups = rng.integers(9, size=50)
    holes = np.full((2, 1, 70), np.nan)
    where = np.sort(rng.permutation(70)[:50])
    holes[:, :, where] = both
    all_groups = np.full(70, 99)
    all_groups[where] = groups
    low, high = interval(holes, all_groups, bounded=False)
    expected = interval(both, groups, bounded=False)
    np.testing.assert_array_equal([low, high], expected)


def equal_encoders(rng, n, encoders=8, better=0.0):
    """0/1 scores of correlated encoders that are right equally often, but for the first."""
    difficulty = rng.normal(size=n)
    ability = np.full((encoders, 1), 2.0)
    ability[0] += better
    return (ability + 1.5 * difficulty > rng.normal(size=(encoders, n)))[:, None].astype(float)


def test_equal_encoders_are_tied_and_a_worse_one_is_found():
    accused = found = 0
    for seed in range(300):
        scores = equal_encoders(np.random.default_rng(seed), 500)
        accused += not compare_to_best(scores).tied.all()
    for seed in range(40):  # 5 points below the others
        scores = equal_encoders(np.random.default_rng(seed), 1000, better=-0.5)
        verdict = compare_to_best(scores)
        found += not verdict.tied[0]
    assert 0.01 <= accused / 300 <= 0.07
    assert found >= 38


def test_few_groups_and_few_seeds_do_not_make_differences_real():
    groups = np.repeat(np.arange(6), 30)
    accused = np.zeros(2)
    for seed in range(200):
        rng = np.random.default_rng(seed)
        grouped = np.repeat(rng.normal(size=(4, 1, 6)), 30, axis=2) + rng.normal(size=(4, 1, 180))
        noisy = rng.normal(size=(4, 3, 1)) + rng.normal(size=(4, 3, 100))
        for case, (scores, units) in enumerate([(grouped, groups), (noisy, None)]):
            accused[case] += not compare_to_best(scores, units).tied.all()
    assert (accused / 200 <= 0.08).all()


def test_comparison_orientation_and_degenerate_encoders():
    rng = np.random.default_rng(0)
    errors = rng.gamma(4, size=300)
    scores = np.stack([errors + 0.01, errors, errors.copy(), 2 * errors, errors * np.nan])[:, None]
    found = compare_to_best(scores, higher_is_better=False)
    assert found.best == 1
    assert found.tied.tolist() == [False, True, True, False, False]
    assert found.difference[:3] == pytest.approx([0.01, 0.0, 0.0])
    assert 0 < found.low[3] < found.difference[3] < found.high[3]
    assert np.isnan(found.difference[4])
    assert compare_to_best(scores).best == 3


@pytest.mark.parametrize("n", [0, 1])
def test_one_item_tells_nothing(n):
    scores = np.zeros((2, 1, 3))
    scores[:, :, n:] = np.nan
    scores[1] += 1
    low, high = interval(scores)
    assert np.isnan([low, high]).all()
    assert compare_to_best(scores).tied.all()
    assert np.isnan(compare_to_base(scores, scores[0])[1]).all()


def test_it_is_repeatable_and_fast():
    scores = (np.random.default_rng(0).random((12, 1, 10_000)) < 0.9).astype(float)
    start = time.perf_counter()
    first = compare_to_best(scores, random_state=3)
    interval(scores)
    assert time.perf_counter() - start < 3
    np.testing.assert_array_equal(first.low, compare_to_best(scores, random_state=3).low)
    assert (first.low != compare_to_best(scores, random_state=4).low).any()


def test_a_handful_of_items_proves_nothing():
    for units, tied in ((3, True), (5, True), (12, False)):
        scores = np.zeros((2, 1, units))
        scores[0] = 1
        assert compare_to_best(scores).tied[1] == tied


def test_groups_that_agree_still_have_an_interval():
    scores = np.tile([1.0, 1.0, 1.0, 1.0, 0.0], 4)[None, None]
    groups = np.repeat(np.arange(4), 5)
    low, high = interval(scores, groups)
    assert low[0] < 0.7
    assert high[0] > 0.85


@pytest.mark.parametrize(("better", "worse"), [(0.01, 0.01), (0.02, 0.0), (0.1, 0.05), (0.0, 0.0)])
def test_intervals_of_differences_cover(better, worse):
    hits = []
    for seed in range(3):
        drawn = np.random.default_rng(seed).random((400, 1, 450))
        scores = (drawn < better) * 1.0 - (drawn > 1 - worse)
        low, high = interval(scores, differences=True)
        hits.append((low <= better - worse) & (better - worse <= high))
    assert np.mean(hits) >= 0.93


def test_differences_that_are_never_negative_are_no_shares():
    scores = np.zeros((5, 5, 450))
    scores[1, 0, 0] = 1  # one item, in one of five draws
    scores[2, :, :5] = 1
    scores[3, :, :12] = 1
    scores[4] = 1
    low, high = interval(scores, differences=True)
    assert (low[:3] <= 0).all()
    assert low[3] > 0
    assert low[4] == high[4] == 1
    np.testing.assert_allclose((low + high) / 2, scores.mean(axis=(1, 2)), atol=1e-12)
    assert high[0] == pytest.approx(1 - 0.05 ** (1 / 450))
    few = np.ones((1, 1, 5))  # as many may all be better by chance
    assert interval(few, differences=True)[0] <= 0


def test_a_difference_of_two_shares_lies_between_minus_and_plus_one():
    random = np.random.default_rng(0)
    # Two seeds that disagree wholly leave one degree of freedom, whose quantile is 12.7.
    scores = np.stack([np.ones(40), -np.ones(40)])[None] * (random.random((1, 2, 40)) < 0.8)
    low, high = interval(scores, differences=True)
    assert (low[0], high[0]) == (-1, 1)


def two_rows(n=500, both=380, first=52, second=28):
    """Scores of two rows of which each alone is right on some items: McNemar's p is .007."""
    right = np.zeros((2, 1, n))
    right[:, :, :both] = 1
    right[0, :, both : both + first] = 1
    right[1, :, both + first : both + first + second] = 1
    return right


def test_rows_that_are_clearly_worse_make_it_no_harder_to_tell_the_good_ones_apart():
    alone = compare_to_best(two_rows())
    rng = np.random.default_rng(0)
    clearly = (rng.random((18, 1, 500)) < 0.4) * 1.0
    among = compare_to_best(np.concatenate([two_rows(), clearly]))
    assert alone.tied.tolist() == [True, False]
    assert among.tied.tolist() == [True] + [False] * 19
    assert among.high[1] == pytest.approx(alone.high[1], abs=0.004)
    # As many that are as good do: then the lead may be that of the luckiest.
    near = (rng.random((18, 1, 500)) < 0.84) * 1.0
    assert compare_to_best(np.concatenate([two_rows(), near])).tied[:2].all()


def test_an_interval_of_a_difference_holds_0_where_rows_are_tied_and_only_there():
    for seed in range(20):
        scores = equal_encoders(np.random.default_rng(seed), 200, encoders=6, better=0.5)
        beside = compare_to_best(scores)
        others = np.arange(6) != beside.best
        assert ((beside.high >= 0) == beside.tied)[others].all()


def guessing(rng, rows, n, shares=(0.5, 0.5), skill=0.0):
    """Scores of rows that guess much alike, what the commonest class gets, and the classes."""
    labels = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * n).astype(int))
    common = rng.choice(len(shares), n, p=shares)
    own = rng.choice(len(shares), (rows, n), p=shares)
    told = np.where(rng.random((rows, n)) < 0.6, common, own)
    told = np.where(rng.random((rows, n)) < skill, labels, told)
    return (told == labels)[:, None] * 1.0, (labels == 0)[None] * 1.0, labels


@pytest.mark.parametrize("stratified", [True, False])
@pytest.mark.parametrize(("rows", "n"), [(2, 60), (12, 60), (12, 300)])
def test_rows_that_tell_nothing_are_seldom_told_from_chance(rows, n, stratified):
    told, alone = 0, 0
    for seed in range(150):
        scores, chance, labels = guessing(np.random.default_rng(seed), rows, n)
        low = compare_to_base(scores, chance, None, labels if stratified else None)[1]
        told += (low > 0).any()
        alone += (interval(scores)[0] > 0.5).any()
    assert told / 150 <= 0.08
    assert rows == 2 or alone / 150 > 0.1  # each by itself would be


def test_what_a_row_tells_is_found_and_more_of_it_within_classes():
    found = np.zeros(2)
    for seed in range(60):
        scores, chance, labels = guessing(np.random.default_rng(seed), 10, 200, skill=0.25)
        found += [(compare_to_base(scores, chance, None, by)[1] > 0).any() for by in (labels, None)]
    assert found[0] > found[1] > 20
    # The commonest of unequal classes is hard to beat.
    scores, chance, labels = guessing(np.random.default_rng(0), 10, 200, (0.9, 0.1), 0.2)
    assert not (compare_to_base(scores, chance, None, labels)[1] > 0).any()


def test_of_errors_the_lower_ones_are_better_than_guessing():
    errors = np.random.default_rng(0).gamma(4, size=300)
    scores = np.stack([errors / 2, errors, errors * np.nan])[:, None]
    gain, low = compare_to_base(scores, errors[None], higher_is_better=False)
    assert gain[:2] == pytest.approx([errors.mean() / 2, 0])
    assert 0 < low[0] < gain[0]
    assert low[1] <= 0
    assert np.isnan(low[2])


def test_where_fewer_than_six_units_differ_nothing_is_told():
    for differing, tied in ((5, True), (7, False)):
        scores = np.ones((2, 1, 500))
        scores[1, 0, :differing] = 0
        assert compare_to_best(scores).tied[1] == tied
        assert (compare_to_base(scores[:1], scores[1])[1] > 0) != tied
    groups = np.repeat(np.arange(5), 20)
    apart = np.stack([np.ones((1, 100)), np.zeros((1, 100))])
    apart += np.random.default_rng(0).normal(scale=0.01, size=apart.shape)
    assert compare_to_best(apart, groups).tied.all()
    assert not compare_to_best(apart).tied.all()


def test_groups_of_unequal_size_and_two_fits_accuse_nobody():
    sizes = [5, 10, 20, 30, 40, 75]
    groups = np.repeat(np.arange(6), sizes)
    accused = np.zeros(3)
    for seed in range(150):
        rng = np.random.default_rng(seed)
        grouped = rng.normal(size=(4, 1, 6))[:, :, groups] + rng.normal(size=(4, 1, 180))
        fits = rng.normal(size=(4, 2, 1)) + rng.normal(size=(4, 2, 100))
        steady = np.concatenate([fits[:1], np.repeat(rng.normal(size=(1, 1, 100)), 2, axis=1)])
        for case, (scores, units) in enumerate([(grouped, groups), (fits, None), (steady, None)]):
            accused[case] += not compare_to_best(scores, units).tied.all()
    assert (accused / 150 <= 0.08).all()
