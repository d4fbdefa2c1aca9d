"""How often verdicts are wrong where nothing differs, and how often they find what does.

    python benchmarks/verdicts.py            # 400 boards a line, about ten minutes
    python benchmarks/verdicts.py 50

Three tables. *Worse*: a board is wrong where a row that is truly best is called worse; beside the
rule of nearspace stand the critical value of all pairs, and Hsu's comparisons with the best, which
ask of each row by itself whether it may be the best. *Star*: k-NN rows of random columns of data
in which the labels have nothing to do with the items; a board is wrong where any row is told from
chance; beside the rule stands what each row's own interval says. *Units*: few groups, few fits.
"""

import sys

import numpy as np
from scipy import stats

from nearspace.data.target import Classes, Numbers
from nearspace.judge.statistics import compare_to_base, compare_to_best, interval
from nearspace.metrics.labels import knn_scores

DRAWS = 2000
LEVEL = 0.95


def binary_rows(rng, rates, n):
    """0/1 scores of rows that are right at these rates, correlated since some items are hard."""
    spread = 1.5
    ability = stats.norm.ppf(rates)[:, None] * np.sqrt(1 + spread**2)
    return (ability + spread * rng.normal(size=n) > rng.normal(size=(len(rates), n))) * 1.0


def calls(scores, seed):
    """Which rows three rules call worse: nearspace's, all pairs', Hsu's."""
    rows, n = scores.shape
    means, cov = scores.mean(axis=1), np.atleast_2d(np.cov(scores)) / n
    errors = np.sqrt(np.maximum(np.diag(cov)[:, None] + np.diag(cov) - 2 * cov, 1e-12))
    rng = np.random.default_rng(seed)
    drawn = rng.multivariate_normal(np.zeros(rows), cov, DRAWS, method="eigh").T
    ratios = (drawn[:, None] - drawn) / errors[:, :, None]
    ratios[np.arange(rows), np.arange(rows)] = 0
    gaps = (means[:, None] - means) / errors  # of j over i at [j, i]
    np.fill_diagonal(gaps, 0)
    pairs = student(np.quantile(ratios.max(axis=(0, 1)), LEVEL), n)
    best = np.array([student(np.quantile(ratios[i].max(axis=0), LEVEL), n) for i in range(rows)])
    here = ~compare_to_best(scores[:, None], random_state=seed).tied
    return here, gaps[means.argmax()] > pairs, gaps.max(axis=0) > best


def student(normal, n):
    return stats.t.isf(stats.norm.sf(normal), n - 1)


def worse(repetitions):
    print("worse                                                wrong boards, %   | found, %")
    three = "here pairs   Hsu"
    print(f"{'rates of being right':38s} {'rows':>4} {'items':>5}   {three}  | {three}")
    for rows in (2, 3, 10, 20):
        for n, rate in ((50, 0.8), (500, 0.8), (500, 0.97)):
            equal = np.full(rows, rate)
            print_calls(f"equal, {rate}", equal, n, repetitions)
    for rows in (3, 10, 20):
        one = np.r_[0.85, np.full(rows - 1, 0.8)]
        print_calls("one at 0.85, the others at 0.8", one, 500, repetitions)
        two = np.r_[0.85, 0.8, np.full(rows - 2, 0.6)]
        print_calls("0.85, 0.8, the others at 0.6", two, 500, repetitions)
        near = np.r_[0.85, 0.85, np.linspace(0.845, 0.8, rows - 2)]
        print_calls("two at 0.85, a ladder down to 0.8", near, 500, repetitions)
        ladder = np.linspace(0.9, 0.7, rows)
        print_calls("a ladder from 0.9 to 0.7", ladder, 500, repetitions)


def print_calls(name, rates, n, repetitions):
    top = rates == rates.max()
    wrong, found = np.zeros(3), np.zeros(3)
    for seed in range(repetitions):
        told = calls(binary_rows(np.random.default_rng(seed), rates, n), seed)
        wrong += [rule[top].any() for rule in told]
        found += [rule[~top].mean() if (~top).any() else 0.0 for rule in told]
    text = " ".join(f"{100 * x / repetitions:5.1f}" for x in wrong)
    power = " ".join(f"{100 * x / repetitions:5.1f}" for x in found) if (~top).any() else ""
    print(f"{name:38s} {len(rates):4d} {n:5d}  {text}  | {power}", flush=True)


def neighbour_rows(rng, rows, n, shares, signal=0.0, groups=0, drawn=False):
    """k-NN scores of rows that see random halves of the columns, what guessing gets, and units.

    The units are groups, or the classes of the test items, unless labels are drawn at random.
    """
    test = np.repeat(np.arange(len(shares)), np.round(np.array(shares) * n).astype(int))
    train, of = np.repeat(test, 3), None
    if drawn:
        train, test = (rng.choice(len(shares), len(side), p=shares) for side in (train, test))
    offsets = [np.zeros((len(side), 12)) for side in (train, test)]
    if groups:  # items of a group are near each other, and have one label
        of = np.arange(n) % groups
        classes = rng.integers(len(shares), size=(2, groups))
        train, test = np.repeat(classes[0][of], 3), classes[1][of]
        centres = rng.normal(size=(2, groups, 12))
        offsets = [2 * centres[0][np.repeat(of, 3)], 2 * centres[1][of]]
    items = [
        offset + rng.normal(size=(len(side), 12)) + signal * (side % 2)[:, None]
        for side, offset in zip((train, test), offsets, strict=True)
    ]
    target = Classes(train)
    columns = [rng.permutation(12)[:6] for _ in range(rows)]
    scores = [knn_scores(items[0][:, c], target, items[1][:, c], test, k=5) for c in columns]
    guess = target.score(test, np.full(len(test), target.guess()))
    return np.stack(scores)[:, None], guess[None], of, None if groups or drawn else test


def ridge_rows(rng, rows, n, signal=0.0):
    """R² of ridge regressions on random halves of the columns, for numbers with heavy tails."""
    from sklearn.linear_model import RidgeCV

    items = rng.normal(size=(4 * n, 12))
    values = rng.standard_t(3, size=4 * n) + signal * items.sum(axis=1)
    train, test = slice(n, None), slice(n)
    target, scores = Numbers(values[train]), []
    for _ in range(rows):
        some = items[:, rng.permutation(12)[:6]]
        model = RidgeCV(np.logspace(-1, 5, 7)).fit(some[train], values[train])
        scores.append(target.score(values[test], model.predict(some[test])))
    guess = target.score(values[test], np.full(n, target.guess()))
    return np.stack(scores)[:, None], guess[None], None, None


def stars(repetitions):
    print("\nstar                                                  boards with one, %")
    print(f"{'what there is to tell':38s} {'rows':>4} {'items':>5}   here  own interval")
    two, ten = (0.5, 0.5), (0.1,) * 10
    cases = {
        "nothing, two classes": {"shares": two},
        "nothing, two classes, drawn": {"shares": two, "drawn": True},
        "nothing, two classes, 80 to 20": {"shares": (0.8, 0.2)},
        "nothing, ten classes": {"shares": ten},
        "nothing, two classes, 12 groups": {"shares": two, "groups": 12},
        "nothing, numbers": {},
        "a little, two classes": {"shares": two, "signal": 0.25},
        "a little, two classes, drawn": {"shares": two, "signal": 0.25, "drawn": True},
        "a little, ten classes": {"shares": ten, "signal": 0.5},
        "a little, numbers": {"signal": 0.15},
    }
    for name, how in cases.items():
        numbers = "numbers" in name
        make = ridge_rows if numbers else neighbour_rows
        for n in (50, 200):
            told = {rows: np.zeros(2) for rows in (2, 5, 10, 20)}
            for seed in range(repetitions):
                scores, guess, *unit = make(np.random.default_rng(seed), 20, n, **how)
                own = interval(scores, unit[0], bounded=not numbers)[0] > guess.mean()
                for rows, count in told.items():
                    low = compare_to_base(scores[:rows], guess, *unit, random_state=seed)[1]
                    count += (low > 0).any(), own[:rows].any()
            for rows, count in told.items():
                here, own = 100 * count / repetitions
                print(f"{name:38s} {rows:4d} {n:5d}  {here:5.1f}  {own:5.1f}", flush=True)


def units(repetitions):
    print("\nunits                                               boards, %")
    print(f"{'of rows that are equal':38s} {'rows':>4}   worse   found where one is better")
    sizes = [5, 10, 20, 30, 40, 75]
    cases = {
        "6 groups": (np.repeat(np.arange(6), 10), 1),
        "12 groups": (np.repeat(np.arange(12), 10), 1),
        "6 groups of 5 to 75 items": (np.repeat(np.arange(6), sizes), 1),
        "2 fits": (None, 2),
        "3 fits": (None, 3),
        "5 fits": (None, 5),
    }
    for name, (groups, fits) in cases.items():
        for rows in (2, 4, 10):
            wrong = found = 0
            for seed in range(repetitions):
                scores, error = noisy_rows(np.random.default_rng(seed), rows, groups, fits)
                wrong += not compare_to_best(scores, groups, random_state=seed).tied.all()
                scores[0] += 4 * error  # of the difference of two rows
                found += (~compare_to_best(scores, groups, random_state=seed).tied[1:]).mean()
            told = f"{100 * wrong / repetitions:5.1f}   {100 * found / repetitions:5.1f}"
            print(f"{name:38s} {rows:4d}   {told}", flush=True)


def noisy_rows(rng, rows, groups, fits):
    """Numbers in which what groups, or fits, have in common is most of the noise."""
    if groups is None:
        scores = rng.normal(size=(rows, fits, 1)) + rng.normal(size=(rows, fits, 100)) / 2
        return scores, np.sqrt(2 / fits)
    shares = np.bincount(groups) / len(groups)
    noise = rng.normal(size=(rows, 1, len(shares)))[:, :, groups]
    scores = noise + rng.normal(size=(rows, 1, len(groups))) / 2
    return scores, np.sqrt(2 * np.square(shares).sum())


if __name__ == "__main__":
    repetitions = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    worse(repetitions)
    stars(repetitions)
    units(repetitions)
