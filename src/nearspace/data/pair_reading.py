"""`load_pairs`: pairs from two sources, or from two columns of a table."""

from __future__ import annotations

import dataclasses
import os
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.captions import captioned
from nearspace.data.dataset import Dataset
from nearspace.data.frames import as_frame
from nearspace.data.kinds.kind import Kind, is_frame
from nearspace.data.load import load
from nearspace.data.numerals import Numerals, parse_numbers
from nearspace.data.pairs import Pairs, groups_of_items, paired, settled
from nearspace.data.readers.archives import is_archive
from nearspace.data.readers.files import TABLES, read_frame, suffix_of
from nearspace.data.sources import check_names, left_out
from nearspace.errors import DataError, did_you_mean

__all__ = ["load_pairs"]

LIKE_OTHERS = 5  # different scores, of which one can be told to be unlike the others
MOST_UNLIKE = 0.2  # of the scores: more are no mistake


def load_pairs(
    source: Any,
    left: str | None = None,
    right: str | None = None,
    *,
    kind: str | None = None,
    scores: str | None = None,
    scale: tuple[float, float] | None = None,
    same: bool = False,
    groups: str | None = None,
    links: Any = None,
    test: Any = None,
) -> Pairs:
    """Read pairs from two sources, of which items of one place or name belong together.

    Of two files of text line n of one belongs to line n of the other; of two folders, files of one
    name do. Of a folder, or an archive, and a table each row is a pair: of the file that it names,
    and its text. Of one table two columns are read, a pair a row.

    A text that stands in several rows is one item in several pairs. Rows without one of the two
    texts or without a score, and those whose pair stood there before, are left out, which a note
    says.

    Parameters
    ----------
    source : (source, source), str, path or DataFrame
        What `load` reads, twice, or a file that holds a table, or a frame.
    left, right : str, optional
        The columns of the table with the texts; beside a folder those with the names of files and
        with the texts, which are told by what stands there where nobody says.
    kind : str, optional
        The kind of the items on both sides, of two sources. Files of any other ending are then
        read as texts, a text a line, if it is ``"text"``.
    scores : str, optional
        The column that says how alike the two are.
    scale : (float, float), optional
        The least and the largest score that there can be; by default any number is one.
    same : bool, default=False
        Whether both columns are of one set, such as sentences of one language: then a text is one
        item, on whichever side it stands.
    groups : str, optional
        A column of the table: what is of one group is kept on one side of a split.
    links : sequence of (id, id), optional
        Of two sources which items belong together, by their ids; or a frame of two columns.
    test : source as the first, optional
        More of such pairs, by which encoders are judged; those of `source` are then to learn from.

    Returns
    -------
    Pairs
        The ids of items are the rows in which they first stand, their positions with ``same``.

    Raises
    ------
    DataError
        If the file cannot be read, two sources are not of one length, a column does not exist, of
        which the nearest is named, or a score is no number, or none of the scale.

    Examples
    --------
    >>> import pandas as pd
    >>> table = pd.DataFrame({"de": ["Hund", "Katze"], "en": ["dog", "cat"], "sure": [1.0, 0.9]})
    >>> pairs = load_pairs(table, "de", "en", scores="sure")
    >>> pairs.left.items, pairs.right.items, pairs.scores.tolist()
    (['Hund', 'Katze'], ['dog', 'cat'], [1.0, 0.9])
    """
    if isinstance(source, tuple):
        if links is not None:
            unusable = {"left": left, "right": right, "groups": groups, "test": test}
            if given := [name for name, value in unusable.items() if value is not None]:
                raise DataError(f"load_pairs: {given[0]}= has no meaning beside links.")
            return _linked(source, kind, links)
        return _of_two(source, kind, (left, right), groups, test)
    if links is not None:
        raise DataError("load_pairs: links are those of two sources; leave it out.")
    import pandas as pd

    frame, name, notes = _frame(source)
    asked = {"left": left, "right": right} | ({} if scores is None else {"scores": scores})
    for option, column in asked.items():
        if not isinstance(column, str) or not column:
            raise DataError(
                f"load_pairs: expected {option}= as the name of a column, got {column!r:.40}."
            )
    check_names(name, "column", (left, right, scores, groups), frame.columns)
    columns = [each for each in (left, right, scores, groups) if each is not None]
    table, split = frame[columns].reset_index(drop=True), None
    if test is not None:
        more, test_name, test_notes = _frame(test)
        check_names(test_name, "column", columns, more.columns)
        split = np.repeat(["train", "test"], [len(table), len(more)])
        table = pd.concat([table, more[columns]], ignore_index=True)
        notes += [f"Test pairs come from {test_name}.", *(f"Test: {note}" for note in test_notes)]
    both = table[[left, right]]
    there = both.notna().all(axis=1)
    judged = there if scores is None else there & table[scores].notna()
    first = judged & ~both.where(judged).duplicated()
    for count, why in (
        ((~there).sum(), "without one of its texts"),
        ((there & ~judged).sum(), "without a score"),
        ((judged & ~first).sum(), "whose pair stood there before"),
    ):
        if count:
            notes.append(left_out(int(count), "row", why))
    rows = np.flatnonzero(first)
    if not len(rows):
        raise DataError(f"{name}: expected a row with a text in '{left}' and in '{right}'.")
    told = None if scores is None else _scores(table, scores, rows, scale, name)
    if told is not None and scale is None:
        notes += _unlike_others(told, rows)
    texts = [both[column].to_numpy()[rows].tolist() for column in (left, right)]
    if same:
        dataset, places = _side(texts[0] + texts[1], None, name)
        sides, links = (dataset, dataset), places.reshape(2, -1).T
    else:
        (one, here), (other, at) = (_side(side, rows, name) for side in texts)
        sides, links = (one, other), np.stack([here, at], axis=1)
    if groups is not None:
        if same:
            raise DataError(
                "load_pairs: groups= has no meaning where both columns are of one set; leave it "
                "out."
            )
        own = groups_of_items(links[:, 0], table[groups].iloc[rows], len(sides[0]), name)
        sides = dataclasses.replace(sides[0], groups=own), sides[1]
    parts = None if split is None else split[rows]
    return Pairs(*sides, links, told, split=parts, name=name, notes=tuple(notes))


def _of_two(
    source: tuple[Any, ...],
    kind: str | None,
    columns: tuple[str | None, str | None],
    groups: str | None,
    test: Any,
) -> Pairs:
    """Return the pairs of two sources, and of two more to be judged on where there are."""
    if len(source) != 2 or not (test is None or (isinstance(test, tuple) and len(test) == 2)):
        raise DataError("load_pairs: expected two sources, as in load_pairs((left, right)).")
    if test is not None and groups is not None:
        raise DataError(
            "load_pairs: groups= keeps pairs on one side of a split that is made, and test= is one "
            "already; leave one of them out."
        )
    pairs = _side_by_side(source, kind, columns, groups)
    if test is None:
        return pairs
    kinds = (pairs.left.kind, pairs.right.kind)
    return _with_test(pairs, _side_by_side(test, kind, columns, None, kinds))


def _side_by_side(
    source: tuple[Any, ...],
    kind: str | None,
    columns: tuple[str | None, str | None],
    groups: str | None,
    like: tuple[Kind | None, Kind | None] = (None, None),
) -> Pairs:
    """Return the pairs of files and of a table that names them, or of what goes by place or name.

    What is to be like the items of others, of which kind they are tells.
    """
    if _may_be_files(source[1]) and not _may_be_files(source[0]):
        source = source[::-1]
    first: Dataset | None = None
    if _may_be_files(source[0]) and not _may_be_files(source[1]) and _is_table(source[1]):
        first = load(source[0], kind=kind, like=like[0])
        if first.files is not None:
            frame, name, _ = _frame(source[1])
            return captioned(first, frame, name, columns, groups)
    if groups is not None or any(columns):
        raise DataError(
            "load_pairs: columns are those of a table, alone or beside a folder; leave left= and "
            "right= and groups= out."
        )
    return paired(
        load(source[0], kind=kind, like=like[0]) if first is None else first,
        load(source[1], kind=kind, like=like[1]),
    )


def _with_test(pairs: Pairs, more: Pairs) -> Pairs:
    """Return pairs to learn from and more to be judged on as one, with a published split."""
    sides, links = [], [pairs.links, more.links]
    for which, (one, other) in enumerate(((pairs.left, more.left), (pairs.right, more.right))):
        items = one.kind.join(one.items, other.items)
        sides.append(Dataset(items, one.kind, name=one.name))
        links[1] = links[1] + np.eye(2, dtype=int)[which] * len(one)
    return Pairs(
        sides[0], sides[1], np.concatenate(links),
        split=np.repeat(["train", "test"], [len(pairs), len(more)]), name=pairs.name,
        notes=(
            *pairs.notes,
            f"Test pairs come from {more.name}.",
            *(f"Test: {note}" for note in more.notes),
        ),
    )  # fmt: skip


def _linked(source: tuple[Any, ...], kind: str | None, links: Any) -> Pairs:
    """Return the pairs of two sources that ids name, without items that are in none."""
    if len(source) != 2:
        raise DataError("load_pairs: expected two sources, as in load_pairs((left, right)).")
    rows = np.asarray(as_frame(links), dtype=object)
    if rows.ndim != 2 or rows.shape[1] != 2 or not len(rows):
        raise DataError(
            "load_pairs: expected links as rows of two ids, left and right, got an array of shape "
            f"{rows.shape}."
        )
    sides, places = [load(each, kind=kind) for each in source], []
    for side, ids in zip(sides, rows.T, strict=True):
        place = {str(name): at for at, name in enumerate(np.asarray(side.ids).tolist())}
        unknown = [str(each) for each in ids if str(each) not in place]
        if unknown:
            raise DataError(
                f"load_pairs: links name {len(unknown):,} items that {side.name} does not have, "
                f"as '{unknown[0]:.60}'. {did_you_mean(unknown[0], place)}"
            )
        places.append([place[str(each)] for each in ids])
    notes = [*(f"Left: {note}" for note in sides[0].notes)]
    notes += [f"Right: {note}" for note in sides[1].notes]
    for side, used in zip(sides, places, strict=True):
        if lost := len(side) - len({*used}):
            notes.append(left_out(lost, "item", f"of {side.name} that is in no pair"))
    pairs, twice = np.unique(np.array(places).T, axis=0), len(rows)
    if twice := twice - len(pairs):
        notes.append(left_out(twice, "pair", "that stood there before"))
    name = f"{sides[0].name} and {sides[1].name}"
    made = Pairs(sides[0], sides[1], pairs, name=name, notes=tuple(notes))
    return settled(made.take(np.arange(len(pairs))))


def _may_be_files(source: Any) -> bool:
    """Return whether a source is a folder, or an archive, which may hold one file of an item."""
    if not isinstance(source, str | os.PathLike):
        return False
    return Path(source).expanduser().is_dir() or is_archive(Path(source).name)


def _is_table(source: Any) -> bool:
    """Return whether a source is a frame, or a file that holds a table."""
    return is_frame(source) or (
        isinstance(source, str | os.PathLike) and suffix_of(Path(source).name) in TABLES
    )


def _frame(source: Any) -> tuple[Any, str, list[str]]:
    source = as_frame(source)
    if is_frame(source):
        return source, "data", []
    if not isinstance(source, str | os.PathLike):
        raise DataError(f"load_pairs: expected a file or a DataFrame, got {type(source).__name__}.")
    path = Path(source).expanduser()
    frame, notes = read_frame(path)
    return frame, path.name, notes


def _scores(
    table: Any, column: str, rows: np.ndarray, scale: tuple[float, float] | None, name: str
) -> np.ndarray:
    """Return the scores in some rows as numbers, where text says some; all of them of the scale."""
    values = table[column].iloc[rows]
    numbers = values.to_numpy()
    if values.dtype.kind not in "fiub":
        read = parse_numbers(values)
        if not isinstance(read, Numerals):
            odd = next((cell for cell in numbers if not _is_number(cell)), numbers[0])
            raise DataError(
                f"{name}: expected a number in each row of '{column}', which says how alike the "
                f"two texts are; got '{odd!s:.40}'."
            )
        wrong = np.flatnonzero(~np.isfinite(read.values))
        if len(wrong):
            raise DataError(
                f"{name}: the score in row {rows[wrong[0]]} is '{numbers[wrong[0]]!s:.40}'; "
                "expected a number, or nothing where there is none."
            )
        numbers = read.values
    low, high = (-np.inf, np.inf) if scale is None else scale
    beyond = np.flatnonzero((numbers < low) | (numbers > high) | ~np.isfinite(numbers))
    if len(beyond):
        within = "a finite number" if scale is None else f"scores from {low:g} to {high:g}"
        raise DataError(
            f"{name}: the score in row {rows[beyond[0]]} is {numbers[beyond[0]]:g}, expected "
            f"{within}{f'; so it is in {len(beyond):,} rows' * (len(beyond) > 1)}."
        )
    return numbers.astype(np.float64)


def _unlike_others(numbers: np.ndarray, rows: np.ndarray) -> list[str]:
    """Return which scores are likely none, where nobody said of which scale they are.

    Those are farther from all others than these are from each other, as 55 is among 0 to 5, or the
    same number below 0 where all others are not, as -1 is.
    """
    ordered = np.unique(numbers)
    if len(ordered) < LIKE_OTHERS:
        return []
    low, second = ordered[:2]
    below, high = ordered[-2:]
    for odd, is_odd, others in (
        (high, high - below > below - low, (low, below)),
        (low, second - low > high - second or low < 0 <= second, (second, high)),
    ):
        at = np.flatnonzero(numbers == odd)
        if is_odd and len(at) <= MOST_UNLIKE * len(numbers):
            more = f" and in {len(at) - 1:,} more" if len(at) > 1 else ""
            return [
                f"The score in row {rows[at[0]]}{more} is {odd:g}, all others are from "
                f"{others[0]:g} to {others[1]:g}: if it is a mistake, correct it, and say by "
                "scale= which scores there can be."
            ]
    return []


def _is_number(cell: Any) -> bool:
    try:
        return np.isfinite(float(cell))
    except ValueError:
        return False


def _side(texts: list[str], rows: np.ndarray | None, name: str) -> tuple[Dataset, np.ndarray]:
    """Return the different texts of a side, in the order in which they come, and each one's place.

    The id of an item is the row in which it stands first, where rows are given.
    """
    import pandas as pd

    places, different = pd.factorize(np.array(texts, dtype=object))
    first = np.unique(places, return_index=True)[1]
    dataset = load(list(different), kind="text", ids=None if rows is None else rows[first])
    return dataclasses.replace(dataset, name=name), places
