"""Split a dataset into training and test items, so that nothing stands on both sides.

An item's side follows from its own name, or its content where it has no name, and from the seed:
an item that is changed, added or taken away moves itself, and at most one or two others, so that
the shares of the classes stay exact.
"""

from __future__ import annotations

import dataclasses
from numbers import Real

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.duplicates import components
from nearspace.data.kinds.kind import content_hash
from nearspace.data.load import dataset_of
from nearspace.data.lots import keys_of, lots
from nearspace.errors import DataError, called_as, did_you_mean

__all__ = ["NEAR_DUPLICATES", "Split", "split_of", "train_test_split"]

FEWEST = 8
MOST_TIED = 0.5  # of the items may hang together through copies in other groups
NEAR_DUPLICATES = ("tell", "together")
MOST_COMPARED = 200_000_000  # pairs of items that are compared to tell which are nearly the same
SHOWN = 3


@dataclasses.dataclass(frozen=True, eq=False)
class Split:
    """Which items train and which test, and which of these have a copy among the others.

    Attributes
    ----------
    train, test : ndarray of int
        Positions in order.
    copies : ndarray of str of shape (len(test),)
        For each test item whether a training item is ``"equal"`` or ``"near"`` to it, or
        ``"none"``; ``"unknown"`` where there were too many to compare.
    content : ndarray of int
        A number for each of all items, the same where encoders see the same.
    notes : tuple of str
        What there is to say.
    """

    train: np.ndarray
    test: np.ndarray
    copies: np.ndarray
    content: np.ndarray
    notes: tuple[str, ...]


@called_as("train_test_split(load(data, labels=labels))")
def train_test_split(
    dataset: Dataset,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
) -> tuple[np.ndarray, np.ndarray, tuple[str, ...]]:
    """Return the positions of training and of test items, and what there is to say about them.

    A published split is kept as it is. Where there is a time, the latest items test. Else items
    are drawn so that every label, or range of numbers, has its share on both sides; copies of an
    item, and the items of a group, always stay on one side. Copies are items that encoders cannot
    tell apart: numbers that differ by rounding, texts by blanks, case or the way in which
    characters are written.

    The draw of an item depends on its name alone (that of its group, its id, or else its content)
    and on the seed, so that few items change sides where some are added, changed or removed.

    Parameters
    ----------
    dataset : Dataset
        The data. Whole numbers in rising order are no names: they count the items.
    test_size : float
        The share of test items, where no split is published.
    random_state : int
        The seed of the draw.
    near_duplicates : {"tell", "together"}
        Whether items that are nearly the same are counted, or kept on one side as well.

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
    split = split_of(dataset_of(dataset), test_size, random_state, near_duplicates)
    return split.train, split.test, split.notes


def split_of(
    dataset: Dataset,
    test_size: float = 0.25,
    random_state: int = 0,
    near_duplicates: str = "tell",
) -> Split:
    """Return what `train_test_split` does, and which test items have a copy in training."""
    if len(dataset) < FEWEST:
        raise DataError(
            f"{dataset.name}: a split needs at least {FEWEST} items, got {len(dataset)}."
        )
    if not (isinstance(test_size, Real) and 0 < test_size < 1):
        raise DataError(f"train_test_split: test_size has to lie in (0, 1), got {test_size}.")
    if near_duplicates not in NEAR_DUPLICATES:
        raise DataError(
            f"train_test_split: near_duplicates cannot be '{near_duplicates}'. "
            f"{did_you_mean(near_duplicates, NEAR_DUPLICATES)}"
        )
    content = dataset.kind.same(dataset.items)
    notes = duplicates_told(content)
    together = content
    if near_duplicates == "together" and dataset.split is None:
        together = with_near(dataset, content, notes)
    if dataset.split is not None:
        train, test = _published(dataset, dataset.split, notes)
    elif dataset.time is not None:
        train, test = _by_time(dataset, dataset.time, together, test_size, notes)
    else:
        told = notes if together is content else None  # together is together where it is asked for
        train, test = _drawn(dataset, units_of(dataset, together, told), test_size, random_state)
    if not train.any() and dataset.time is not None and dataset.groups is not None:
        raise DataError(
            f"{dataset.name}: no training item is left, as every earlier item is of a group, or "
            "equal to an item, that stands among the later ones too: split by the time alone, "
            "without groups=, or by groups alone, without time=."
        )
    if not train.any() or not test.any():
        side = "test" if train.any() else "training"
        raise DataError(
            f"{dataset.name}: the split leaves no {side} item; items that are equal, or of one "
            "group or time, cannot be parted."
        )
    across = np.full(int(test.sum()), "none", dtype="U7")
    if together is content:
        across = _across(dataset, content, train, test, random_state, notes)
    if dataset.target is not None:
        there = slice(None) if dataset.labelled is None else dataset.labelled
        notes += dataset.target.split_notes(train[there], test[there])
    return Split(np.flatnonzero(train), np.flatnonzero(test), across, content, tuple(notes))


def duplicates_told(content: np.ndarray) -> list[str]:
    """Return how many items equal an earlier one, by the number of each item's content."""
    copies = len(content) - (content.max() + 1)
    if not copies:
        return []
    return [f"Exact duplicates: {copies:,} of {len(content):,} items equal an earlier one."]


def compared(dataset: Dataset, asked: np.ndarray, random_state: int) -> np.ndarray:
    """Return which of some items are compared with all, in order: of too many a draw."""
    most = max(1, MOST_COMPARED // len(dataset))
    if not dataset.kind.compares_pairs or len(asked) <= most:
        return asked
    return np.sort(np.random.default_rng(random_state).choice(asked, most, replace=False))


def with_near(dataset: Dataset, content: np.ndarray, notes: list[str]) -> np.ndarray:
    """Return the number of each item's set of copies, near ones among them; say how many."""
    pairs = dataset.kind.near(dataset.items, np.arange(len(dataset)))
    pairs = pairs[content[pairs[:, 0]] != content[pairs[:, 1]]]
    together = components(content.max() + 1, content[pairs])[content]
    involved = np.unique(pairs)
    if len(involved):
        sizes = np.bincount(together)
        notes.append(
            f"Near-duplicates: {len(involved):,} items are nearly the same as another, such as "
            f"{named_pairs(dataset, pairs)}; the {len(np.unique(together[involved])):,} sets of "
            f"them, of at most {sizes[together[involved]].max():,} items, stay on one side each."
        )
    return together


def _across(
    dataset: Dataset,
    content: np.ndarray,
    train: np.ndarray,
    test: np.ndarray,
    random_state: int,
    notes: list[str],
) -> np.ndarray:
    """Return which test items have a copy among the training items; say how many."""
    asked = np.flatnonzero(test)
    across = np.full(len(asked), "none", dtype="U7")
    equal = np.isin(content[asked], content[train])
    across[equal] = "equal"
    if equal.any():
        of = "" if dataset.split is None else " of the published split"
        notes.append(
            f"{equal.sum():,} of {len(asked):,} test items{of} stand among the training items too; "
            "they were left where they are."
        )
    left = compared(dataset, asked[~equal], random_state)
    across[~equal] = "unknown"
    across[np.searchsorted(asked, left)] = "none"
    pairs = dataset.kind.near(dataset.items, left)
    pairs = pairs[train[pairs[:, 1]]]
    near = np.unique(pairs[:, 0])
    across[np.searchsorted(asked, near)] = "near"
    if len(near):
        of = f"{len(asked):,} test items"
        if (across == "unknown").any():
            of = f"the {len(left):,} test items that were compared"
        how = "they were left where they are."
        if dataset.split is None:
            how = "near_duplicates='together' keeps such on one side."
        notes.append(
            f"Near-duplicates: {len(near):,} of {of} are nearly the same as a training item, such "
            f"as {named_pairs(dataset, pairs)}; {how}"
        )
    return across


def named_pairs(dataset: Dataset, pairs: np.ndarray) -> str:
    """Return the ids of a few pairs of items."""
    ids = np.asarray(dataset.ids)
    first = np.sort(np.unique(pairs[:, 0], return_index=True)[1])
    shown = [f"{ids[one]} and {ids[other]}" for one, other in pairs[first[:SHOWN]]]
    return "; ".join(shown)


def _published(
    dataset: Dataset, split: np.ndarray, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Return the two sides of the published split; say what stands on both of them."""
    part = "test" if (split == "test").any() else "validation"
    train, test = split == "train", split == part
    validation = 0 if part == "validation" else int((split == "validation").sum())
    others = len(dataset) - int(train.sum()) - int(test.sum()) - validation
    if validation + others:
        unused = [f"{validation:,} validation items"] * (validation > 0)
        unused += [f"{others:,} others"] * (others > 0)
        notes.append(f"The {' and '.join(unused)} are in neither part.")
    elif part == "validation":
        notes.append("The published validation items test, as there are no test items.")
    of = dataset.groups
    if of is not None and (shared := np.isin(of[test], of[train]).sum()):
        notes.append(
            f"{shared:,} of {test.sum():,} test items of the published split are of a group that "
            "stands among the training items too; they were left where they are."
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


def units_of(dataset: Dataset, content: np.ndarray, notes: list[str] | None = None) -> np.ndarray:
    """Return for every item the number of the unit of items that have to stay together.

    Copies tie groups together, but for those that stand in so many, as one letterhead in all
    letters, that most items would hang together: then groups alone do, as ``notes`` say where they
    are given.
    """
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
    units = np.unique(component[content], return_inverse=True)[1]
    largest = np.bincount(units).max()
    if notes is None or largest <= max(MOST_TIED * len(units), np.bincount(groups).max()):
        return units
    pairs = np.unique(np.stack([content, groups]), axis=1)[0]
    tying = int((np.bincount(pairs)[content] > 1).sum())
    notes.append(
        f"{tying:,} items equal one of another group, and would tie {largest:,} of {len(units):,} "
        "together: groups stay whole, and such items may stand on both sides."
    )
    return groups


def lots_of(dataset: Dataset, units: np.ndarray, random_state: int) -> np.ndarray:
    """Return the lot of every unit, which the smallest of its items' keys draws."""
    names: np.ndarray = np.asarray(dataset.ids)
    if dataset.groups is not None:
        names = dataset.groups
    elif names.dtype.kind in "iu" and (names[1:] > names[:-1]).all():
        names = dataset.hashes  # numbers that count the items would name another after each gap
    if names.dtype.kind != "S":
        names = content_hash([str(name) for name in names.tolist()])
    smallest = np.full(units.max() + 1, np.iinfo(np.uint64).max)
    np.minimum.at(smallest, units, keys_of(names))
    return lots(smallest, random_state)


def _drawn(
    dataset: Dataset, units: np.ndarray, test_size: float, random_state: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return sides drawn so that each label comes as near to its share of the test as it can."""
    lot = lots_of(dataset, units, random_state)
    classes = np.zeros(len(dataset), dtype=np.int64)
    if dataset.target is not None:
        # Items without a label are one more class.
        there = slice(None) if dataset.labelled is None else dataset.labelled
        classes[:] = dataset.target.strata.max() + 1
        classes[there] = dataset.target.strata
    sizes = np.bincount(units)
    order = np.argsort(lot, kind="stable")
    # The items, unit by unit, and where each unit begins.
    items = np.argsort(units, kind="stable")
    starts = np.cumsum(sizes) - sizes
    singles = items[starts[order[sizes[order] == 1]]]
    large = order[sizes[order] > 1]
    members = [items[starts[unit] : starts[unit] + sizes[unit]] for unit in large]
    pairs = np.unique(np.stack([units, classes]), axis=1)[1]
    # How many units of each class may still go: one has to stay, to learn the class from.
    spare = np.bincount(pairs) - 1
    wanted = test_size * np.bincount(classes)
    test, scale = np.zeros(len(dataset), dtype=bool), wanted
    # Large units go by their own lots; more of them only if there are too few single items.
    first = int((lot[large] < test_size).sum())
    available = np.bincount(classes[singles], minlength=len(wanted))
    for part, filled in ((members[:first], 0), (members[first:], available)):
        must = not len(singles) and not test.any()
        lacking = np.where(wanted > 0, np.maximum(wanted - filled, 0), wanted)
        chosen, spare = _choose_units([classes[unit] for unit in part], lacking, spare, scale, must)
        for index in chosen:
            test[part[index]] = True
            wanted = wanted - np.bincount(classes[part[index]], minlength=len(wanted))
    test[_choose_singles(singles, classes, wanted, spare)] = True
    if not test.any():
        raise DataError(
            f"{dataset.name}: no test items can be drawn, as items that are equal or of one group "
            "stay together, and every label has to keep some for training."
        )
    return ~test, test


def _choose_units(
    units: list[np.ndarray], wanted: np.ndarray, spare: np.ndarray, scale: np.ndarray, must: bool
) -> tuple[list[int], np.ndarray]:
    """Take units, in order, where that brings the counts of test items nearer to the wanted.

    A unit is given as the classes of its items. Returned are the units taken (at least one, if one
    ``must`` be and can), and how many of each class may then still go. Classes count by ``scale``.
    """
    chosen: list[int] = []
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
    return chosen, spare


def _choose_singles(
    items: np.ndarray, classes: np.ndarray, wanted: np.ndarray, spare: np.ndarray
) -> np.ndarray:
    """Return which of the items that belong to no unit test, the first of each class in order."""
    available = np.bincount(classes[items], minlength=len(wanted))
    most = np.minimum(available, spare)
    shares = np.clip(wanted, 0, most)
    counts = np.floor(shares).astype(np.int64)
    # What the rounding down left over goes to the classes that lost most by it.
    missing = round(shares.sum()) - counts.sum()
    ties = lots(np.arange(len(counts), dtype=np.uint64), 0)
    counts[np.lexsort((ties, np.round(counts - shares, 9)))[:missing]] += 1
    grouped = items[np.argsort(classes[items], kind="stable")]
    rank = np.arange(len(items)) - np.repeat(np.cumsum(available) - available, available)
    return grouped[rank < counts[classes[grouped]]]
