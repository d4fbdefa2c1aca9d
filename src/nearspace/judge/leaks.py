"""Which single value of an item gives its label away: a column, a length, a file's size."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Callable, Iterator, Sequence

import numpy as np

from nearspace.data import Classes, Dataset, Target
from nearspace.data.traits import Trait, file_traits, name_traits

__all__ = ["Leak", "find_leaks"]

# What one value has to tell alone; benchmarks/leaks.py measures what this finds, misses, accuses.
LEAST = {"classes": 0.97, "numbers": 0.99}
SCREEN = {"classes": 0.85, "numbers": 0.85}  # what it has to tell of a few items before it is tried
FEW, MOST = 2000, 10_000  # items on which values are screened, and tried
TEST_ENOUGH = 500  # test items, below which training items are asked about too
FOLDS = 5
BINS, BINS_PER_CLASS = 64, 4
FEWEST_IN_BIN = 5  # items on average: one that is alone in its bin tells itself

Way = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


@dataclasses.dataclass(frozen=True)
class Leak:
    """A value of an item that alone tells the labels of nearly all, or parts them as no split does.

    Attributes
    ----------
    name : str
        What it is, as in "the column 'alive'".
    column : str or None
        The column of a table that can be left out.
    score : float
        What it tells alone of items that were not learnt from: the accuracy, or of numbers R², or
        R² of their ranks where that is more. Of groups and times what is told split at random.
    guess : float
        What guessing has of it; of groups and times, what is told split by them.
    told : str
        All that in sentences, and what to do.
    """

    name: str
    column: str | None
    score: float
    guess: float
    told: str


def find_leaks(
    dataset: Dataset, train: np.ndarray, test: np.ndarray
) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Return what gives the labels away that encoders see, best first, and notes on what else does.

    Each value is judged by what it alone tells of test items, having been learnt on training items:
    a category by the commonest class among those that share it, a number by a small decision tree.
    Where there are few test items, training items are told from one another as well.

    Parameters
    ----------
    dataset : Dataset
        The items.
    train, test : ndarray of int
        The positions of the two sides of the split.

    Examples
    --------
    >>> import pandas as pd
    >>> from nearspace import load
    >>> frame = pd.DataFrame({"alive": ["yes", "no"] * 50, "age": np.arange(100) % 7})
    >>> data = load(frame, labels=np.array(["saved", "lost"] * 50))
    >>> leaks, _ = find_leaks(data, np.arange(80), np.arange(80, 100))
    >>> leaks[0].name, leaks[0].score
    ("the column 'alive'", 1.0)
    """
    if dataset.target is None or not dataset.target.take(train).varies:
        return (), ()
    rng, labels = np.random.default_rng(0), dataset.target.values
    if isinstance(dataset.target, Classes):
        test = test[np.isin(labels[test], labels[train])]
    if not len(test):
        return (), ()
    train, test = _drawn(train, rng), _drawn(test, rng)
    target, count = dataset.target.take(train), len(train)
    rows, labels = np.concatenate([train, test]), np.concatenate([labels[train], labels[test]])
    sides = [(np.arange(count), np.arange(count, len(rows)))]
    sides += _folds(dataset, train) if len(test) < TEST_ENOUGH else []
    few = rng.permutation(count)[:FEW]
    leaks, notes = [], []
    for trait in _traits(dataset, rows):
        if _screened(trait.values[few], target.take(few)) < SCREEN[target.name]:
            continue
        score = _told(trait.values, labels, sides, target)
        if score < LEAST[target.name]:
            continue
        if trait.seen:
            leaks.append(_leak(trait, score, target))
        else:
            notes.append(
                f"No encoder sees them, but {trait.name} alone {_amount(score, target)}: keep "
                "them out of whatever is learnt beside the vectors."
            )
    leaks.sort(key=lambda leak: -leak.score)
    # Of a column and its words the best stands for all.
    best = {leak.column or leak.name: leak for leak in reversed(leaks)}
    return tuple(leak for leak in leaks if leak in best.values()), tuple(notes)


def _drawn(rows: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return at most so many rows as are tried, drawn at random."""
    return rows if len(rows) <= MOST else np.sort(rng.permutation(rows)[:MOST])


def _traits(data: Dataset, rows: np.ndarray) -> Iterator[Trait]:
    """Yield what can be seen of the items at some rows, and what stands in their names."""
    yield from data.kind.traits(data.items, rows)
    if data.files is not None:
        yield from file_traits(data.files[rows], data.kind.pixels)
        names = name_traits([path.name for path in data.files[rows]], "the file names")
        yield from (dataclasses.replace(trait, seen=False) for trait in names)


def _folds(dataset: Dataset, rows: np.ndarray) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return which of the rows to learn from and which to ask about, so that each is asked once.

    Items of a group, and equal ones, are never on both sides.
    """
    from sklearn.model_selection import GroupKFold

    units = dataset.hashes[rows] if dataset.groups is None else dataset.groups[rows]
    if len(np.unique(units)) < FOLDS:
        return []
    return list(GroupKFold(FOLDS).split(rows, groups=units))


def _leak(trait: Trait, score: float, target: Target) -> Leak:
    name = trait.name[0].upper() + trait.name[1:]
    told = f"{name} alone {_amount(score, target)}, so it may be the answer itself, or made from it"
    if trait.column is not None:
        told += (
            f". If it is not known before the answer is, leave it out (--without '{trait.column}', "
            f"or without=['{trait.column}']) and compare again."
        )
    else:
        told += ": check how the items were gathered before believing what is measured here."
    return Leak(trait.name, trait.column, score, _guess(target), told)


def _amount(score: float, target: Target) -> str:
    """Return how much is told, and what guessing tells, in words."""
    if not isinstance(target, Classes):
        return f"tells the labels, or their order, with R² {score:.3f}"
    guess = f"{100 * _guess(target):.1f} %"
    return f"tells {100 * score:.1f} % of the labels (guessing: {guess})"


def _guess(target: Target) -> float:
    return float(target.score(target.values, target.guess()).mean())


# What one value tells


def _screened(values: np.ndarray, target: Target) -> float:
    """Return about how much values tell at best, by their ranges: quick, and too good."""
    if values.dtype == object:
        codes = _codes(values)
        # Names of which hardly one stands twice would tell all of the items that they name.
        codes = np.where(np.bincount(codes)[codes] > 1, codes, len(codes))
    else:
        edges = np.unique(values[np.isfinite(values)])
        if len(edges) > len(values) / 4:  # else each may be a name of its own
            bins = max(BINS, BINS_PER_CLASS * target.width)
            bins = min(bins, max(2 * target.width, len(values) // FEWEST_IN_BIN))
            edges = np.unique(np.nanquantile(values, np.arange(1, bins) / bins))
        codes = np.searchsorted(edges, values)
    if codes.max() == codes.min():
        return 0.0
    codes = np.unique(codes, return_inverse=True)[1]
    if isinstance(target, Classes):
        told = _commonest(codes, target.strata, codes)
        return _balanced(target.strata, told)
    scales = (target.values, _ranks(target.values))
    return max(_r2(each, (np.bincount(codes, each) / np.bincount(codes))[codes]) for each in scales)


def _told(
    values: np.ndarray,
    labels: np.ndarray,
    sides: Sequence[tuple[np.ndarray, np.ndarray]],
    target: Target,
) -> float:
    """Return how much values tell at best of items: positions to learn from, and to ask about."""
    if isinstance(target, Classes):
        scales, score = [labels], _accuracy
    else:
        # Of numbers of which a few are very large, what tells the order tells all but those few.
        scales, score = [labels, _ranks(labels)], _r2
    ways = _ways(values[sides[0][0]], target)
    return max(_score_of(way, values, each, sides, score) for way in ways for each in scales)


def _score_of(
    way: Way,
    values: np.ndarray,
    labels: np.ndarray,
    sides: Sequence[tuple[np.ndarray, np.ndarray]],
    score: Callable[[np.ndarray, np.ndarray], float],
) -> float:
    """Return how well one way tells labels from values, over all that are asked about."""
    told = [way(values[learnt], labels[learnt], values[asked]) for learnt, asked in sides]
    return score(np.concatenate([labels[asked] for _, asked in sides]), np.concatenate(told))


def _ways(values: np.ndarray, target: Target) -> list[Way]:
    """Return the functions that tell labels from such values, of those of other items."""
    if isinstance(target, Classes):
        by_value: Way = _class_of_value
        # With a leaf a class a few wrong labels do no harm; with more a class may have ranges.
        others: list[Way] = [functools.partial(_class_of_tree, leaves=leaves) for leaves in (1, 4)]
    else:
        by_value, others = _mean_of_value, [_number_of_tree, _number_of_line]
    if values.dtype == object:
        return [by_value]
    numbers = values[np.isfinite(values)]
    return [*others, *([by_value] if 2 * len(np.unique(numbers)) <= len(numbers) else [])]


def _class_of_value(values: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    classes, strata = np.unique(labels, return_inverse=True)
    codes = _codes(np.concatenate([values, asked]))
    return classes[_commonest(codes[: len(values)], strata, codes[len(values) :])]


def _commonest(codes: np.ndarray, strata: np.ndarray, asked: np.ndarray) -> np.ndarray:
    """Return for each code asked about the class that is the commonest among those that share it.

    Every class counts as much as another; the class of a code that is new is the commonest of all.
    """
    width = strata.max() + 1
    sizes = np.bincount(strata)
    pairs, counts = np.unique(codes * width + strata, return_counts=True)
    code, stratum = pairs // width, pairs % width
    order = np.lexsort((counts / sizes[stratum], code))
    last = order[np.flatnonzero(np.diff(code[order], append=-1))]
    of_code = np.full(max(codes.max(), asked.max()) + 1, sizes.argmax())
    of_code[code[last]] = stratum[last]
    return of_code[asked]


def _mean_of_value(values: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    codes = _codes(np.concatenate([values, asked]))
    size = codes.max() + 1
    counts = np.bincount(codes[: len(values)], minlength=size)
    sums = np.bincount(codes[: len(values)], labels, minlength=size)
    means = np.where(counts, sums / np.maximum(counts, 1), labels.mean())
    return means[codes[len(values) :]]


def _class_of_tree(
    values: np.ndarray, labels: np.ndarray, asked: np.ndarray, leaves: int
) -> np.ndarray:
    """Return what a tree tells that has so many leaves for each class."""
    from sklearn.tree import DecisionTreeClassifier

    most = leaves * len(np.unique(labels))
    tree = DecisionTreeClassifier(max_leaf_nodes=most, class_weight="balanced", random_state=0)
    learnt, wanted = _places(values, asked)
    return tree.fit(learnt, labels).predict(wanted)


def _number_of_tree(values: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    from sklearn.tree import DecisionTreeRegressor

    tree = DecisionTreeRegressor(max_leaf_nodes=256, min_samples_leaf=2, random_state=0)
    learnt, wanted = _places(values, asked)
    return tree.fit(learnt, labels).predict(wanted)


def _places(values: np.ndarray, asked: np.ndarray) -> Iterator[np.ndarray]:
    """Yield numbers as places among the different values learnt from, in a column each.

    Trees look at nothing but the order, and would round numbers to float32, which loses that of
    numbers far from zero.
    """
    edges = np.unique(values[np.isfinite(values)])
    places = np.arange(len(edges), dtype=np.float64)
    for some in (values, asked):
        yield np.interp(some, edges, places)[:, None] if len(edges) else np.zeros((len(some), 1))


def _number_of_line(values: np.ndarray, labels: np.ndarray, asked: np.ndarray) -> np.ndarray:
    there = np.isfinite(values)
    centre, spread = values[there].mean(), values[there].std()
    if not spread:
        return np.full(len(asked), labels.mean())
    steep = ((values[there] - centre) / spread * labels[there]).mean()
    line = labels[there].mean() + steep * (asked - centre) / spread
    return np.where(np.isfinite(asked), line, labels.mean())


def _ranks(numbers: np.ndarray) -> np.ndarray:
    from scipy.stats import rankdata

    return rankdata(numbers)


def _codes(values: np.ndarray) -> np.ndarray:
    """Return a whole number for each different value; that there is none is a value too."""
    import pandas as pd

    return pd.factorize(values, use_na_sentinel=False)[0]


def _accuracy(truth: np.ndarray, told: np.ndarray) -> float:
    """Return the accuracy over all items, or over the classes where that is less."""
    return min(float((truth == told).mean()), _balanced(truth, told))


def _balanced(truth: np.ndarray, told: np.ndarray) -> float:
    """Return the mean over the classes of the share of each that is told."""
    strata = np.unique(truth, return_inverse=True)[1]
    return float((np.bincount(strata, truth == told) / np.bincount(strata)).mean())


def _r2(truth: np.ndarray, told: np.ndarray) -> float:
    spread = np.square(truth - truth.mean()).sum()
    return float(1 - np.square(truth - told).sum() / spread) if spread else 0.0
