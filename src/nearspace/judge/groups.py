"""Which column, or part of names, says that items belong together, and no split heeds it.

Rows of one user, sounds of one speaker and pictures of one place are alike. A split at random has
some of each on both sides, so that what is measured holds for new items of the same ones, and for
no other. What that is worth is measured: the plain representation of the kind is judged at random
and by the column.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data import Classes, Dataset
from nearspace.data.folds import folds_of
from nearspace.data.name_parts import name_parts
from nearspace.data.split import train_test_split
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.folding import FOLDS, overlap_of
from nearspace.judge.leaks import Leak
from nearspace.judge.sharing import Sharing, neighbours_within, shared_by_neighbours
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable
from nearspace.judge.usual import USUAL
from nearspace.metrics.labels import knn_scores

if TYPE_CHECKING:
    import pandas as pd

    from nearspace.judge.protocol import Protocol

__all__ = ["find_groups"]

FEWEST, MOST_ROWS = 10, 50  # groups, and rows that each has on average; at least two
# Of what stands beside items, or in their names: values, as of two it is a property rather than a
# group, and items of each on average.
FEWEST_VALUES, FEWEST_OF_VALUE = 3, 4
FEWEST_COUNTED = 20  # rows, from which on whole numbers that all differ are no chance
MOST_JUDGED = 4000  # rows, drawn as whole groups, of large ones a part
MOST_NUMBERS_JUDGED = 40_000_000  # of the items that are drawn
MOST_COLUMNS = 1000  # of a table that is judged
MOST_TRIED = 5  # columns, those whose rows have the most alike labels
SHOWN = 3  # values that are named
# What rows of one value tell of each other beyond guessing, as a share of what guessing lacks.
ALIKE = 0.15
# What near neighbours share beyond chance, as a share of what chance lacks, and how often values
# dealt at random may be shared as much: benchmarks/groups.py measures what that finds and accuses.
SHARED, P = 0.1, 0.01
NAMES = re.compile(
    r"(?i)(?:^|[\W_])(?:user|customer|client|member|patient|subject|participant|speaker|author|"
    r"person|household|family|session|visitor|device|account|group)(?:$|[\W_]|s$|id$)"
)


@dataclasses.dataclass(frozen=True, eq=False)
class _Column:
    """Values that come again, for each item; "" where there is none.

    ``what`` it is as in "the column 'user'", ``how`` one splits by it, and what near neighbours
    share of it: None of a column that the plain representation sees.
    """

    what: str
    how: str
    values: np.ndarray
    named: bool
    sharing: Sharing | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class _Plain:
    """Some items in the plain representation of their kind."""

    dataset: Dataset
    vectors: Any
    metric: str


def find_groups(dataset: Dataset, protocol: Protocol) -> tuple[tuple[Leak, ...], tuple[str, ...]]:
    """Return what a split at random tells more than one by groups, or by time, and notes.

    A column of a table is looked at where it is called as groups are (``user_id``, ``patient``) or
    where rows of one value have alike labels; a date is, where it is a column of a table. What
    stands beside items, or in the names of their files, is looked at where near neighbours of one
    label share it more than chance has it; of a published split too, where its test items have
    values that train. Nothing is where groups or a time say how rows are parted. Numbers that count
    the rows are told of anyhow.

    Parameters
    ----------
    dataset : Dataset
        The items, with labels.
    protocol : Protocol
        How many neighbours vote.

    Returns
    -------
    leaks : tuple of Leak
        Columns of which it is sure; its ``score`` is what is told at random, ``guess`` by groups.
    notes : tuple of str
        What there is to say of the others.

    Examples
    --------
    >>> from nearspace import load
    >>> from nearspace.judge.protocol import Protocol
    >>> find_groups(load("customers"), Protocol())
    ((), ())
    """
    parted = dataset.groups is not None or dataset.time is not None
    if dataset.target is None or not dataset.target.varies:
        return (), ()
    leaks: list[Leak] = []
    notes = [_on_counter(name) for name in _counters(dataset)]
    if parted:
        return (), tuple(notes)
    if dataset.split is not None:
        return (), (*notes, *_on_published(dataset, protocol))
    for column in _candidates(dataset):
        there = column.values != ""
        some = dataset.take(np.flatnonzero(there))
        told = _judged(some, column.values[there], "groups", protocol)
        _tell(column, told, dataset, protocol, leaks, notes)
    for column, plain, values in _shared(dataset, protocol):
        told = _judged_in_folds(plain, values, protocol)
        _tell(column, told, dataset, protocol, leaks, notes)
    for name, values in _dates(dataset):
        told = _judged(dataset, values, "time", protocol)
        if told is None:
            continue
        words = (
            f"The column '{name}' is a time, which encoders see. {_both(told, dataset, protocol)} "
            f"where the latest rows test. Where later rows are to be told from earlier ones, split "
            f"by it (--time '{name}', or time='{name}') and compare again."
        )
        if _is_less(*told):
            leaks.append(_leak(f"the column '{name}'", told, words))
        else:
            notes.append(words)
    return tuple(leaks), tuple(notes)


def _on_published(dataset: Dataset, protocol: Protocol) -> Iterator[str]:
    """Yield notes on values that neighbours share, and that a published split has on both sides."""
    split: Any = dataset.split
    for column, plain, values in _shared(dataclasses.replace(dataset, split=None), protocol):
        test = np.isin(split, ["test"] if "test" in split else ["validation"])
        trained = np.isin(column.values, column.values[split == "train"]) & (column.values != "")
        if not (crossing := trained[test].mean()):
            continue
        told = _judged_in_folds(plain, values, protocol)
        yield (
            f"{_on_groups(column, told, dataset, protocol)} Of the test items of the published "
            f"split {crossing:.0%} have a value that training items have."
        )


def _tell(
    column: _Column,
    told: tuple[Estimate, Estimate] | None,
    dataset: Dataset,
    protocol: Protocol,
    leaks: list[Leak],
    notes: list[str],
) -> None:
    """Add what there is to say of a column: for sure, where its two scores surely differ."""
    words = _on_groups(column, told, dataset, protocol)
    if told is not None and _is_less(*told):
        leaks.append(_leak(column.what, told, words))
    elif column.named or column.sharing is not None:
        notes.append(words)


def _leak(what: str, told: tuple[Estimate, Estimate], words: str) -> Leak:
    return Leak(what, None, told[0].value, told[1].value, words)


def _is_less(at_random: Estimate, parted: Estimate) -> bool:
    """Return whether the two intervals do not meet."""
    ends = parted.high, at_random.low
    return ends[0] is not None and ends[1] is not None and ends[0] < ends[1]


def _on_groups(
    column: _Column,
    told: tuple[Estimate, Estimate] | None,
    dataset: Dataset,
    protocol: Protocol,
) -> str:
    names, sizes = np.unique(column.values[column.values != ""], return_counts=True)
    n, each, share = len(names), f"{sizes.mean():,.2g}", column.sharing
    scores = ""
    if told is not None:
        both = _both(told, dataset, protocol)
        scores = f"{both} where those of one value stay on one side. "
    what = column.what[0].upper() + column.what[1:]
    seen = f"{what} looks as if it named groups: {n:,} values, of {each} items each."
    if share is not None:
        shown = ", ".join(f"'{name}'" for name in names[np.argsort(-sizes, kind="stable")][:SHOWN])
        seen = (
            f"{what} looks as if it named groups: near neighbours of one label share it in "
            f"{share.share:.0%}, where chance gives {share.chance:.0%} ({n:,} values, such as "
            f"{shown})."
        )
    return (
        f"{seen} {scores}Where new items will be of new values, split by it ({column.how}) and "
        "compare again."
    )


def _both(told: tuple[Estimate, Estimate], dataset: Dataset, protocol: Protocol) -> str:
    """Return the two scores in words, up to where the second is of."""
    plain, (one, other) = USUAL[dataset.kind.name].reference, (estimate.value for estimate in told)
    if isinstance(dataset.target, Classes):
        return (
            f"Split at random, {plain} tells {100 * one:.1f} % of the labels by {protocol.k} "
            f"neighbours, and {100 * other:.1f} %"
        )
    return (
        f"Split at random, {plain} tells the labels with R² {one:.3f} by {protocol.k} neighbours, "
        f"and {other:.3f}"
    )


def _candidates(dataset: Dataset) -> Iterator[_Column]:
    """Yield the columns of a table that may name groups, that tell most of the labels first."""
    columns = []
    for name, values in _features(dataset):
        import pandas as pd

        codes = pd.factorize(values)[0]
        there = codes >= 0
        sizes = np.bincount(codes[there]) if there.any() else np.zeros(1)
        if len(sizes) < FEWEST or not 2 <= there.sum() / len(sizes) <= MOST_ROWS:
            continue
        named, alike = NAMES.search(name) is not None, _alike(codes, dataset)
        if named or (alike >= ALIKE and values.dtype == object):
            texts = np.where(there, codes.astype("U20"), "")
            columns.append((named, alike, _column(name, texts)))
    columns.sort(key=lambda each: (not each[0], -each[1]))
    yield from (column for _, _, column in columns[:MOST_TRIED])


def _column(name: str, values: np.ndarray) -> _Column:
    how = f"--groups '{name}', or groups='{name}'"
    return _Column(f"the column '{name}'", how, values, NAMES.search(name) is not None)


def _features(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield categories and whole numbers of a table."""
    for name, of in dataset.kind.column_kinds.items():
        values = dataset.items[name].to_numpy()
        if of == "category" or (of == "number" and _are_whole(values)):
            yield name, values


def _beside(dataset: Dataset) -> Iterator[_Column]:
    """Yield what stands beside items, and in their names, as texts."""
    if dataset.meta is not None:
        frame: pd.DataFrame = dataset.meta.to_pandas()
        for name in frame.columns:
            cells, missing = frame[name].to_numpy(), frame[name].isna().to_numpy()
            whole = cells.dtype.kind in "iu"
            if whole or all(
                cell is None or isinstance(cell, str) for cell in cells[~missing][:100]
            ):
                yield _column(name, np.where(missing, "", cells.astype(str)).astype(str))
    ids: Any = dataset.ids
    if ids.dtype.kind not in "OU" or not all(isinstance(each, str) for each in ids[:100]):
        return
    target: Any = dataset.target
    labels = None
    if isinstance(target, Classes) and len(target) == len(ids):
        labels = [str(label) for label in target.values.tolist()]
    for part in name_parts([str(each) for each in ids.tolist()], labels):
        how = "give it as groups="
        what = part.place
        if dataset.files is not None:
            what = what.replace("the names", "the file names")
            if part.pattern:
                how = f"--pattern '{part.pattern}', or pattern='{part.pattern}'"
        yield _Column(what, how, part.values.astype(str), False)


def _shared(dataset: Dataset, protocol: Protocol) -> Iterator[tuple[_Column, _Plain, np.ndarray]]:
    """Yield what near neighbours share beyond chance, the most first, with items and values of it.

    So is what is called as groups are, whatever they share. What says the same as another stands
    for it.
    """
    told, partitions, plains = [], set[bytes](), dict[bytes, _Plain]()
    target: Any = dataset.target
    for column in _beside(dataset):
        there = np.flatnonzero(column.values != "")
        codes = np.unique(column.values[there], return_inverse=True)[1]
        n = codes.max(initial=0) + 1
        if not (2 if column.named else FEWEST_VALUES) <= n <= len(there) / FEWEST_OF_VALUE:
            continue
        of_labels = np.unique(np.stack([codes, target.strata[there]]), axis=1).shape[1]
        order = np.unique(codes, return_index=True)[1].argsort().argsort()
        partition = there.tobytes() + order[codes].tobytes()
        if of_labels == n == target.width or partition in partitions:
            continue  # the labels themselves
        partitions.add(partition)
        rows = there[_drawn_in_part(dataset, codes, protocol.random_state)]
        try:
            plain = plains.get(rows.tobytes()) or _plain(dataset.take(rows))
            plains[rows.tobytes()] = plain
            strata = target.strata[rows]
            near = neighbours_within(plain.vectors, strata, protocol.k, plain.metric)
        except NearspaceError:
            continue
        values = column.values[rows]
        sharing = shared_by_neighbours(near, values, strata, protocol.random_state)
        if column.named or (sharing.excess >= SHARED and sharing.p <= P):
            column = dataclasses.replace(column, sharing=sharing)
            told.append((not column.named, -sharing.excess, column, plain, values))
    told.sort(key=lambda each: each[:2])
    yield from (each[2:] for each in told[:MOST_TRIED])


def _plain(dataset: Dataset) -> _Plain:
    encoder = make(USUAL[dataset.kind.name].reference).fit_on(dataset)
    return _Plain(dataset, encoder.transform(dataset.items), encoder.metric)


def _are_whole(values: np.ndarray) -> bool:
    there = values[np.isfinite(values)]
    return bool((there == np.trunc(there)).all())


def _counters(dataset: Dataset) -> Iterator[str]:
    """Yield the columns of a table whose whole numbers count the rows."""
    n = len(dataset)
    for name, of in dataset.kind.column_kinds.items():
        values = dataset.items[name].to_numpy() if of == "number" else np.empty(0)
        if n < FEWEST_COUNTED or len(values) < n or np.isnan(values).any():
            continue
        whole = _are_whole(values) and len(np.unique(values)) == n
        if whole and ((np.diff(values) > 0).all() or values.max() - values.min() == n - 1):
            yield name


def _on_counter(name: str) -> str:
    return (
        f"The column '{name}' counts the rows: a whole number that no two share, in their order or "
        "without a gap. Encoders see it as an amount; unless it is one, leave it out "
        f"(--without '{name}', or without=['{name}'])."
    )


def _dates(dataset: Dataset) -> Iterator[tuple[str, np.ndarray]]:
    """Yield the dates of a table that no row lacks."""
    for name, of in dataset.kind.column_kinds.items():
        if of == "date" and dataset.items[name].notna().all() and dataset.items[name].nunique() > 1:
            yield name, dataset.items[name].to_numpy()


def _alike(codes: np.ndarray, dataset: Dataset) -> float:
    """Return what the other rows of its value tell of a row, 0 for guessing and 1 for all."""
    target: Any = dataset.target
    sizes = np.bincount(codes[codes >= 0])
    rows = np.flatnonzero((codes >= 0) & (sizes[codes] > 1))
    if not len(rows):
        return 0.0
    own, n = codes[rows], len(sizes)
    if isinstance(target, Classes):
        strata = target.strata[rows]
        shares = np.bincount(strata) / len(rows)
        others = np.bincount(own * target.width + strata, minlength=n * target.width)
        same = (others[own * target.width + strata] - 1) / (sizes[own] - 1)
        guess = np.square(shares).sum()
        return float((same.mean() - guess) / (1 - guess)) if guess < 1 else 0.0
    values = target.values[rows]
    sums = np.bincount(own, values, minlength=n)
    means = (sums[own] - values) / (sizes[own] - 1)
    spread = np.square(values - values.mean()).mean()
    return float(1 - np.square(values - means).mean() / spread) if spread else 0.0


def _judged(
    dataset: Dataset, values: np.ndarray, role: str, protocol: Protocol
) -> tuple[Estimate, Estimate] | None:
    """Return what the plain representation tells at random, and parted by a column; None if not."""
    if len(dataset.kind.column_kinds) > MOST_COLUMNS:
        return None
    try:
        rows = _drawn(values, role, protocol.random_state)
        some, own = dataset.take(rows), values[rows]
        parted = dataclasses.replace(some, **{role: own})
        return _told(some, protocol), _told(parted, protocol)
    except NearspaceError:  # too few are left on a side, or nothing to compare them by
        return None


def _drawn(values: np.ndarray, role: str, random_state: int) -> np.ndarray:
    """Return rows in order, at most about so many as are judged, groups whole."""
    n, rng = len(values), np.random.default_rng(random_state)
    if n <= MOST_JUDGED:
        return np.arange(n)
    if role == "time":
        return np.sort(rng.choice(n, MOST_JUDGED, replace=False))
    codes = np.unique(values, return_inverse=True)[1]
    order = rng.permutation(codes.max() + 1)
    sizes = np.bincount(codes)[order]
    return np.flatnonzero(np.isin(codes, order[np.cumsum(sizes) <= MOST_JUDGED]))


def _drawn_in_part(dataset: Dataset, codes: np.ndarray, random_state: int) -> np.ndarray:
    """Return rows in order, at most so many as are judged: of large groups a part, others whole."""
    each = dataset.kind.numbers(dataset.items) / len(dataset)
    most = min(MOST_JUDGED, max(FEWEST * FEWEST, int(MOST_NUMBERS_JUDGED / each)))
    if len(codes) <= most:
        return np.arange(len(codes))
    rng = np.random.default_rng(random_state)
    order = np.lexsort((rng.random(len(codes)), codes))
    sizes = np.bincount(codes)
    within = np.arange(len(codes)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    rows = order[within < max(2, most // min(FEWEST, len(sizes)))]
    names = rng.permutation(len(sizes))
    taken = np.cumsum(np.bincount(codes[rows], minlength=len(sizes))[names]) <= most
    return np.sort(rows[np.isin(codes[rows], names[taken])])


def _judged_in_folds(
    plain: _Plain, values: np.ndarray, protocol: Protocol
) -> tuple[Estimate, Estimate] | None:
    """Return what neighbours tell at random, and by a column, in as many folds; None if not."""
    groups = dataclasses.replace(plain.dataset, groups=values)
    folds = min(FOLDS, len(np.unique(values)))
    try:
        return _told_in_folds(plain, plain.dataset, folds, protocol), _told_in_folds(
            plain, groups, folds, protocol
        )
    except NearspaceError:  # too few are left on a side, or nothing to compare them by
        return None


def _told_in_folds(plain: _Plain, dataset: Dataset, folds: int, protocol: Protocol) -> Estimate:
    dealt = folds_of(dataset, folds, random_state=protocol.random_state, compare=False)
    target: Any = dataset.target
    scores = np.full(len(dataset), np.nan)
    for fold in range(folds):
        train, test = dealt.sides(0, fold)
        vectors, asked = plain.vectors[train], target.values[test]
        scores[test] = knn_scores(
            vectors, target.take(train), plain.vectors[test], asked, protocol.k, plain.metric
        )
    bounded = isinstance(target, Classes)
    table = ScoreTable(scores[None, None], dataset.groups, 0, bounded, overlap=overlap_of(folds))
    return table.estimates()[0]


def _told(dataset: Dataset, protocol: Protocol) -> Estimate:
    """Return what neighbours tell in the plain representation of the kind."""
    train, test, _ = train_test_split(dataset, protocol.test_size, protocol.random_state)
    sides = dataset.take(train), dataset.take(test)
    target, asked = sides[0].target, sides[1].target
    assert target is not None
    assert asked is not None
    encoder = make(USUAL[dataset.kind.name].reference).fit_on(sides[0])
    vectors = [encoder.transform(side.items) for side in sides]
    scores = knn_scores(vectors[0], target, vectors[1], asked.values, protocol.k, encoder.metric)
    bounded = isinstance(target, Classes)
    return ScoreTable(scores[None, None], sides[1].groups, 0, bounded).estimates()[0]
