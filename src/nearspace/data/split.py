"""Split a dataset into training and test items, so that nothing stands on both sides."""

from __future__ import annotations

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.errors import DataError

__all__ = ["train_test_split"]

FEWEST = 8


def train_test_split(
    dataset: Dataset, test_size: float = 0.25, random_state: int = 0
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the positions of training and of test items, and what there is to say about them.

    A published split is kept as it is. Where there is a time, the latest items test. Else items
    are drawn so that every label, or range of numbers, has its share on both sides; copies of an
    item, and the items of a group, always stay on one side.

    Parameters
    ----------
    dataset : Dataset
        The data.
    test_size : float
        The share of test items, where no split is published.
    random_state : int
        The seed of the draw.

    Returns
    -------
    train, test : ndarray of int
        Positions in order.
    notes : tuple of str
        Duplicates, items in neither part, labels that are missing on a side.

    Raises
    ------
    DataError
        If there are fewer than eight items, or a side would be empty.

    Examples
    --------
    >>> from nearspace import load
    >>> train, test, notes = train_test_split(load("digits"))
    >>> len(train), len(test), notes
    (1348, 449, ())
    """
    if len(dataset) < FEWEST:
        raise DataError(
            f"{dataset.name}: a split needs at least {FEWEST} items, got {len(dataset)}."
        )
    if not 0 < test_size < 1:
        raise DataError(f"train_test_split: test_size has to lie in (0, 1), got {test_size}.")
    content = np.unique(dataset.hashes, return_inverse=True)[1]
    notes: list[str] = []
    copies = len(content) - (content.max() + 1)
    if copies:
        notes.append(
            f"Exact duplicates: {copies:,} of {len(dataset):,} items equal an earlier one."
        )
    if dataset.split is not None:
        train, test = _published(dataset, dataset.split, content, notes)
    elif dataset.time is not None:
        train, test = _by_time(dataset, dataset.time, content, test_size, notes)
    else:
        train, test = _drawn(dataset, content, test_size, random_state)
    if not train.any() or not test.any():
        side = "test" if train.any() else "training"
        raise DataError(
            f"{dataset.name}: the split leaves no {side} item; items that are equal, or of one "
            "group or time, cannot be parted."
        )
    if dataset.target is not None:
        notes += dataset.target.split_notes(train, test)
    return np.flatnonzero(train), np.flatnonzero(test), tuple(notes)


def _published(
    dataset: Dataset, split: np.ndarray, content: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two sides of the published split; say what stands on both of them."""
    part = "test" if (split == "test").any() else "validation"
    train, test = split == "train", split == part
    unused = len(dataset) - train.sum() - test.sum()
    if unused:
        what = "validation items are" if (split == "validation").any() else "others are"
        notes.append(f"The {unused:,} {what} in neither part.")
    elif part == "validation":
        notes.append("The published validation items test, as there are no test items.")
    for of, where in ((content, "stand"), (dataset.groups, "are of a group that stands")):
        if of is not None and (shared := np.isin(of[test], of[train]).sum()):
            notes.append(
                f"{shared:,} of {test.sum():,} test items of the published split {where} among the "
                "training items too; they were left where they are."
            )
    return train, test


def _by_time(
    dataset: Dataset, time: np.ndarray, content: np.ndarray, test_size: float, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return earlier items for training, later ones for the test, and one moment on one side."""
    moment = np.sort(time)[len(time) - max(1, round(test_size * len(time)))]
    cuts = [time >= moment, time > moment]
    cuts = [cut for cut in cuts if cut.any() and not cut.all()]
    if not cuts:
        raise DataError(f"{dataset.name}: all items are of one time, so none is later.")
    test = min(cuts, key=lambda cut: abs(cut.mean() - test_size))
    leaks = ~test & np.isin(content, content[test])
    if dataset.groups is not None:
        leaks |= ~test & np.isin(dataset.groups, dataset.groups[test])
    if leaks.any():
        notes.append(
            f"{leaks.sum():,} earlier items were left out of training, as their content or group "
            "stands among the later ones."
        )
    return ~test & ~leaks, test


def _units(dataset: Dataset, content: np.ndarray) -> np.ndarray:
    """Return for every item the number of the unit of items that have to stay together."""
    if dataset.groups is None:
        return content
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    groups = np.unique(dataset.groups, return_inverse=True)[1]
    # A graph of contents and groups, an edge an item: what hangs together stays together.
    first = content.max() + 1
    size = first + groups.max() + 1
    edges = coo_array((np.ones(len(content)), (content, first + groups)), shape=(size, size))
    component = connected_components(edges, directed=False)[1]
    return np.unique(component[content], return_inverse=True)[1]


def _drawn(
    dataset: Dataset, content: np.ndarray, test_size: float, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sides drawn so that each label comes as near to its share of the test as it can."""
    units = _units(dataset, content)
    sizes = np.bincount(units)
    classes = np.zeros(len(dataset), dtype=np.int64)
    if dataset.target is not None:
        classes = dataset.target.strata
    rng = np.random.default_rng(random_state)
    order = rng.permutation(len(sizes))
    order = order[np.argsort(-sizes[order], kind="stable")]
    # The items, unit by unit, and where each unit begins.
    items = np.argsort(units, kind="stable")
    starts = np.cumsum(sizes) - sizes
    large = [items[starts[unit] : starts[unit] + sizes[unit]] for unit in order[sizes[order] > 1]]
    singles = items[starts[order[sizes[order] == 1]]]
    pairs = np.unique(np.stack([units, classes]), axis=1)[1]
    # How many units of each class may still go: one has to stay, to learn the class from.
    spare = np.bincount(pairs) - 1
    wanted = test_size * np.bincount(classes)
    members = [classes[unit] for unit in large]
    chosen, wanted, spare = _choose_units(members, wanted, spare, must=not len(singles))
    test = np.zeros(len(dataset), dtype=bool)
    for index in chosen:
        test[large[index]] = True
    test[_choose_singles(singles, classes, wanted, spare, rng)] = True
    if not test.any():
        raise DataError(
            f"{dataset.name}: no test items can be drawn, as items that are equal or of one group "
            "stay together, and every label has to keep some for training."
        )
    return ~test, test


def _choose_units(
    units: list[np.ndarray], wanted: np.ndarray, spare: np.ndarray, must: bool
) -> tuple[list[int], np.ndarray, np.ndarray]:
    """Take units, largest first, where that brings the counts of test items nearer to the wanted.

    A unit is given as the classes of its items. Returned are the units taken (at least one, if one
    ``must`` be and can), and what is then still wanted and to spare of each class.
    """
    chosen: list[int] = []
    scale = wanted.copy()
    least, nearest = np.inf, -1
    for index, classes in enumerate(units):
        counts = np.bincount(classes, minlength=len(wanted))
        present = counts > 0
        if (spare[present] < 1).any():
            continue
        change = ((counts**2 - 2 * wanted * counts) / scale).sum()
        # What is still wanted in all is left to smaller units rather than exceeded.
        if change < 0 and len(classes) < wanted.sum() + 0.5:
            chosen.append(index)
            wanted, spare = wanted - counts, spare - present
        elif change < least:
            least, nearest = change, index
    if must and not chosen and nearest >= 0:
        chosen = [nearest]
    return chosen, wanted, spare


def _choose_singles(
    items: np.ndarray,
    classes: np.ndarray,
    wanted: np.ndarray,
    spare: np.ndarray,
    rng: np.random.Generator,
) -> np.ndarray:
    """Return which of the items that belong to no unit test, the first of each class in order."""
    available = np.bincount(classes[items], minlength=len(wanted))
    most = np.minimum(available, spare)
    shares = np.clip(wanted, 0, most)
    counts = np.floor(shares).astype(np.int64)
    # What the rounding down left over goes to the classes that lost most by it.
    missing = round(shares.sum()) - counts.sum()
    counts[np.lexsort((rng.random(len(counts)), counts - shares))[:missing]] += 1
    grouped = items[np.argsort(classes[items], kind="stable")]
    rank = np.arange(len(items)) - np.repeat(np.cumsum(available) - available, available)
    return grouped[rank < counts[classes[grouped]]]
