"""How often intervals, verdicts and the power estimate hold where items are judged in folds.

    python benchmarks/folds.py            # 500 datasets a line, an hour
    python benchmarks/folds.py 100

*Coverage*: of what the fits of the folds get on new items on average, of what any fits on as many
training items get, and of the difference of two learners, paired by item. Beside the rule of
nearspace, which multiplies the variance over items (`overlap_of`), stand the same without it, and
Nadeau and Bengio's (2003) corrected t of the means of the folds. *Verdicts*: rows that are equally
good, of which any is called worse, and rows where there is nothing to tell, of which any is told
from chance. *Power*: how often a gap of the size that `visible_gap` tells is seen, and how often as
many items as `items_to_settle` asks for tell two rows apart.
"""

import sys

import numpy as np
from scipy import stats

from nearspace.judge.folding import overlap_of
from nearspace.judge.power import items_to_settle, visible_gap
from nearspace.judge.statistics import compare_to_base, compare_to_best, interval
from nearspace.judge.table import ScoreTable

FOLDS, COLUMNS, NEW = 5, 8, 6000
TASKS = {
    "classes, easy": {"signal": 1.0},
    "classes, hard": {"signal": 0.35},
    "numbers": {"signal": 0.5, "numbers": True},
    "classes, groups of 4": {"signal": 0.6, "grouped": True},
}


def make(rng, n, signal, numbers=False, grouped=False):
    """Items, labels and groups."""
    items, of = rng.normal(size=(n, COLUMNS)), None
    if numbers:
        return items, signal * items[:, ::2].sum(axis=1) + rng.normal(size=n), of
    labels = np.arange(n) % 2.0
    if grouped:
        of = np.arange(n) // 4
        labels = (of % 2.0)[:n]
        items += 0.7 * rng.normal(size=(of.max() + 1, COLUMNS))[of]
    items[:, ::2] += 0.85 * signal * (2 * labels - 1)[:, None]
    return items, labels, of


def neighbours(rng, train, labels, test, columns=slice(None), k=5):
    train, test = train[:, columns], test[:, columns]
    square = np.square(train).sum(axis=1) - 2 * test @ train.T
    return labels[np.argpartition(square, k, axis=1)[:, :k]].mean(axis=1)


def linear(rng, train, labels, test, columns=slice(None), penalty=1.0):
    train, test, middle = train[:, columns], test[:, columns], labels.mean()
    centre = train.mean(axis=0)
    square = (train - centre).T @ (train - centre) + penalty * np.eye(train.shape[1])
    weights = np.linalg.solve(square, (train - centre).T @ (labels - middle))
    return (test - centre) @ weights + middle


def noisy(rng, train, labels, test):
    """Tell by a linear model of random features, which are others in every fit."""
    weights = rng.normal(size=(COLUMNS + 1, 12))
    sides = [np.maximum(np.c_[x, np.ones(len(x))] @ weights, 0) for x in (train, test)]
    return linear(rng, sides[0], labels, sides[1])


def halves(learner, at):
    """Return one of four equally good learners: of two columns with signal and two without."""
    columns = [(at + step) % COLUMNS for step in (0, 1, 2, 3)]
    return lambda rng, *given: learner(rng, *given, columns)


LEARNERS = {
    "k-NN": neighbours,
    "k-NN of 6 columns": lambda rng, *given: neighbours(rng, *given, slice(6)),
    "linear": linear,
    "noisy": noisy,
    "noisy again": noisy,
}
PAIRS = (
    ("k-NN", "k-NN of 6 columns"),
    ("k-NN", "linear"),
    ("linear", "noisy"),
    ("noisy", "noisy again"),
)


def scored(labels, told, numbers, scale):
    if numbers:
        return 1 - np.square(labels - told) / scale
    return ((told > 0.5) == (labels > 0.5)) * 1.0


def dealt(rng, labels, of, numbers):
    """Return the fold of each item: stratified, groups whole."""
    units = np.arange(len(labels)) if of is None else of
    _, first = np.unique(units, return_index=True)
    keys = labels[first] if not numbers else np.argsort(np.argsort(labels)) // FOLDS
    fold = np.empty(len(first), dtype=int)
    fold[np.lexsort((rng.random(len(first)), keys))] = np.arange(len(first)) % FOLDS
    return fold[units]


def in_folds(rng, items, labels, of, learners, numbers=False, rounds=1, new=None):
    """Scores ``(learners, rounds, n)`` of items that test in folds, and the folds of each round.

    With ``new`` items and labels also what the fits get on them on average, ``(learners,)``.
    """
    told = np.empty((len(learners), rounds, len(labels)))
    folds = [dealt(rng, labels, of, numbers) for _ in range(rounds)]
    beyond = np.zeros(len(learners))
    for turn, fold in enumerate(folds):
        for number in range(FOLDS):
            train, test = fold != number, fold == number
            asked = items[test] if new is None else np.concatenate([items[test], new[0]])
            for at, learner in enumerate(learners):
                said = learner(rng, items[train], labels[train], asked)
                told[at, turn, test] = said[: test.sum()]
                if new is not None:
                    right = scored(new[1], said[test.sum() :], numbers, np.var(new[1]))
                    beyond[at] += right.mean() / (FOLDS * rounds)
    return scored(labels, told, numbers, np.var(labels)), folds, beyond


def of_folds(scores, folds):
    """Nadeau and Bengio's interval, of the means of the folds."""
    means = np.concatenate(
        [
            np.bincount(fold, one) / np.bincount(fold)
            for one, fold in zip(scores, folds, strict=True)
        ]
    )
    wide = np.sqrt((1 / len(means) + 1 / (FOLDS - 1)) * means.var(ddof=1))
    half = stats.t.isf(0.025, len(means) - 1) * wide
    return means.mean() - half, means.mean() + half


def coverage(n, rounds, repetitions, learners=LEARNERS, pairs=PAIRS, **task):
    """In what share of datasets intervals hold the truth, by learner or pair.

    Of what these fits get on new items: by the rule of nearspace, and without correction. Of what
    any such fits get: by both, and by Nadeau and Bengio's rule.
    """
    numbers = task.get("numbers", False)
    boards = []
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        items, labels, of = make(rng, n, **task)
        new = make(rng, NEW, **task)[:2]
        how = {"numbers": numbers, "rounds": rounds, "new": new}
        boards.append((*in_folds(rng, items, labels, of, learners.values(), **how), of))
    any_fits, names = np.mean([beyond for _, _, beyond, _ in boards], axis=0), list(learners)
    rows = [(name, (names.index(name),)) for name in names]
    rows += [(f"{one} - {other}", (names.index(one), names.index(other))) for one, other in pairs]
    held = {}
    for name, at in rows:
        for scores, folds, beyond, of in boards:
            one, these, every = (
                values[at[0]] - values[at[1]] if len(at) == 2 else values[at[0]]
                for values in (scores, beyond, any_fits)
            )
            mean, how = one.mean(axis=0)[None, None], {"bounded": not numbers}
            if len(at) == 2:
                how["differences"] = not numbers
            ours = interval(mean, of, overlap=overlap_of(FOLDS), **how)
            plain = interval(mean, of, **how)
            cases = [(ours, these), (plain, these)]
            cases += [(ours, every), (plain, every), (of_folds(one, folds), every)]
            within = [np.ravel(low)[0] <= true <= np.ravel(high)[0] for (low, high), true in cases]
            held.setdefault(name, []).append(within)
    return {name: np.mean(within, axis=0) for name, within in held.items()}


def false_calls(n, rounds, repetitions, learner=neighbours, **task):
    """In what share of boards of 4 equal rows one is worse; of rows with nothing, one is told."""
    worse = star = 0
    rows = [halves(learner, at) for at in (0, 2, 4, 6)]
    for seed in range(repetitions):
        rng = np.random.default_rng(seed)
        items, labels, of = make(rng, n, **task)
        scores = in_folds(rng, items, labels, of, rows, rounds=rounds)[0].mean(axis=1)[:, None]
        how = {"overlap": overlap_of(FOLDS), "random_state": seed}
        worse += not compare_to_best(scores, of, **how).tied.all()
        items, labels, of = make(rng, n, **{**task, "signal": 0.0})
        scores = in_folds(rng, items, labels, of, rows, rounds=rounds)[0].mean(axis=1)[:, None]
        guess = (labels == 0)[None] * 1.0
        strata = None if of is not None else labels
        star += (compare_to_base(scores, guess, of, strata, **how)[1] > 0).any()
    return worse / repetitions, star / repetitions


def right_rows(rng, rates, n):
    """0/1 scores of rows that are right at these rates, correlated since some items are hard."""
    ability = stats.norm.ppf(rates)[:, None] * np.sqrt(1 + 1.5**2)
    return (ability + 1.5 * rng.normal(size=n) > rng.normal(size=(len(rates), n)))[:, None] * 1.0


def power(n, rows, rate, repetitions):
    """How often the last of several rows is called worse, at the gap and at the number told."""

    def table(seed, rates, count):
        return ScoreTable(right_rows(np.random.default_rng(seed), rates, count), None, seed)

    def seen(rates, count):
        seeds = range(repetitions, 2 * repetitions)
        return np.mean([table(s, rates, count).verdicts()[-1].word == "worse" for s in seeds])

    equal = np.full(rows, rate)
    gap = np.median([visible_gap(table(seed, equal, n)) for seed in range(repetitions)])
    at_gap = seen(np.r_[equal[1:], rate - gap], n)
    lower = np.r_[equal[1:], rate - 0.05]
    told = []
    for seed in range(repetitions):
        pilot = table(seed, lower, 4000)
        told.append(items_to_settle(pilot, 0, rows - 1))
    count = int(np.median(told))
    return gap, at_gap, count, seen(lower, count)


def main(repetitions):
    print("coverage, %, of these fits: nearspace, no correction")
    print("            of any fits: nearspace, no correction, Nadeau and Bengio")
    for n, rounds in ((60, 2), (178, 1), (178, 2), (500, 1)):
        for name, task in TASKS.items():
            print(f"{name}, {n} items, {rounds} x {FOLDS} folds")
            for row, shares in coverage(n, rounds, repetitions, **task).items():
                told = [f"{100 * share:5.1f}" for share in shares]
                print(f"  {row:28s} {' '.join(told[:2])} | {' '.join(told[2:])}", flush=True)
    print("boards of 4 rows, %: equal and one worse / nothing to tell and one told from chance")
    for n, rounds in ((60, 2), (178, 1), (500, 1)):
        for name, task in TASKS.items():
            if "numbers" not in task:
                worse, star = false_calls(n, rounds, repetitions, **task)
                print(f"  {name:28s} {n:4d}  {100 * worse:5.1f}  {100 * star:5.1f}", flush=True)
    print("power, 80 % wanted: gap told, % seen / items told for 5 points, % seen")
    for n, rows, rate in ((225, 2, 0.8), (225, 8, 0.8), (44, 4, 0.9), (1000, 4, 0.6)):
        gap, at_gap, count, settled = power(n, rows, rate, repetitions)
        print(
            f"  {n:5d} items, {rows} rows at {rate}: {100 * gap:5.1f} {100 * at_gap:5.1f}"
            f" / {count:6d} {100 * settled:5.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 500)
