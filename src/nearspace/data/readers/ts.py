"""Read the text format ``.ts`` of the archives of series of UEA, UCR and sktime."""

from __future__ import annotations

import re
from collections.abc import Iterator

import numpy as np

from nearspace.data.kinds.series import Series
from nearspace.data.members import File
from nearspace.data.readers.texts import plain_name, read_text
from nearspace.data.roles import as_written
from nearspace.data.sources import Source
from nearspace.errors import DataError

__all__ = ["read_ts", "ts_parts"]

COPIES = 4  # of the text that are in memory at once, as text and as numbers
BETWEEN = re.compile(r":(?![^(]*\))")  # channels; a time of day within a step has colons too
STEP = re.compile(r"\(([^()]*)\)")  # a time and a value
SPLIT = re.compile(r"(.+?)_(train|test)\.ts", re.IGNORECASE)
SHOWN = 40  # characters of what is no number


def read_ts(file: File) -> Source:
    """Return the series of a ``.ts`` file, with their labels.

    A header tells what there is; what is there is believed where it tells otherwise, and noted.

    Parameters
    ----------
    file : Path or Member
        The file, packed or not.

    Raises
    ------
    DataError
        If a line is no series. One with fewer channels than most is left out.
    """
    data, notes = read_text(file, COPIES)
    header: dict[str, list[str]] = {}
    items: list[np.ndarray] = []
    labels: list[str] = []
    names: list[int] = []
    timed = False
    for number, line in _lines(data.decode()):
        if not items and not header.get("data") and line.startswith("@"):
            key, *words = line[1:].split()
            header[key.lower()] = words or ["true"]
            continue
        if "data" not in header:
            raise DataError(
                f"{file.name}: line {number} comes before @data, and begins with "
                f"'{line[:SHOWN]}'; expected a header, as '@problemName Name'."
            )
        parts = BETWEEN.split(line)
        *channels, label = parts if _labelled(header) else [*parts, ""]
        if not channels:
            raise DataError(
                f"{file.name}: line {number} has no ':' before a label, which its header promises."
            )
        timed = timed or line.startswith("(")
        items.append(_series(channels, header, f"{file.name}: line {number}"))
        labels.append(label.strip())
        names.append(number)
    if not items:
        raise DataError(f"{file.name} holds no series; expected one a line after @data.")
    widths, counts = np.unique([item.shape[0] for item in items], return_counts=True)
    usual = int(widths[counts.argmax()])
    source = Source(items, file.name, "a .ts file of series", notes=notes, kind=Series(usual))
    source.roles["ids"] = np.arange(len(items))
    if _labelled(header):
        source.notes += _on_labels(header, labels)
        values, told = as_written(labels, "labels")
        source.roles["labels"] = values
        source.notes += told
    odd = {
        row: f"line {names[row]} has {item.shape[0]} channels"
        for row, item in enumerate(items)
        if item.shape[0] != usual
    }
    source = source.without(odd, "line", f"without the {usual} channels that most have")
    source.notes += _lies(header, source.items)
    if timed:
        source.notes.append(
            "Its steps have times, which were not looked at: steps are taken as they come, evenly."
        )
    return source


def ts_parts(names: list[str]) -> dict[str, str] | None:
    """Return which of some files are the parts of a published split, by ``"train"`` and ``"test"``.

    Raises
    ------
    DataError
        If there are several data sets.

    Examples
    --------
    >>> ts_parts(["A_TEST.ts", "A_TRAIN.ts.gz", "notes.txt"])
    {'train': 'A_TRAIN.ts.gz', 'test': 'A_TEST.ts'}
    """
    files = [name for name in names if plain_name(name).endswith(".ts")]
    matches = [SPLIT.fullmatch(plain_name(name)) for name in files]
    problems = {match[1] if match else None for match in matches}
    if len(files) > 1 and (None in problems or len(problems) > 1):
        raise DataError(
            f"expected the .ts files of one data set in a folder, got {', '.join(files[:3])}"
            f"{', …' * (len(files) > 3)}; give one of them, and another by test=."
        )
    parts = {}
    for part in ("train", "test"):
        of = [name for name in files if plain_name(name).endswith(f"_{part}.ts")]
        if of:  # of a file and the same packed, the one that is not
            parts[part] = min(of, key=len)
    return parts or ({"": files[0]} if files else None)


def _lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield the lines that are neither blank nor comments, with their numbers from 1."""
    for number, line in enumerate(text.splitlines(), start=1):
        line = line.strip()
        if line and line[0] not in "#%":
            yield number, line


def _labelled(header: dict[str, list[str]]) -> bool:
    keys = (header.get("classlabel", ["false"]), header.get("targetlabel", ["false"]))
    return any(words[0].lower() == "true" for words in keys)


def _series(channels: list[str], header: dict[str, list[str]], who: str) -> np.ndarray:
    """Return the channels of a line as an array, NaN where a value is missing."""
    timed = header.get("timestamps", ["false"])[0].lower() == "true"
    rows = []
    for channel in channels:
        cells = channel.split(",")
        if timed or channel.lstrip().startswith("("):
            if STEP.sub("", channel).strip(", \t"):
                raise DataError(f"{who} has steps that are no '(time,value)'; correct it.")
            steps = [step.rpartition(",") for step in STEP.findall(channel)]
            cells = [value for _, _, value in steps]
        try:
            rows.append([_number(cell) for cell in cells])
        except ValueError as error:
            raise DataError(f"{who} holds {error}, expected numbers with commas between.") from None
    if len({len(row) for row in rows}) > 1:
        lengths = sorted({len(row) for row in rows})
        # A channel may be shorter where its values end before those of the others.
        rows = [row + [np.nan] * (lengths[-1] - len(row)) for row in rows]
    return np.array(rows, dtype=np.float64)


def _number(cell: str) -> float:
    text = cell.strip()
    if text in ("", "?"):
        return np.nan
    try:
        return float(text)
    except ValueError:
        raise ValueError(f"'{text[:SHOWN]}'") from None


def _lies(header: dict[str, list[str]], items: list[np.ndarray]) -> list[str]:
    """Return where the header tells otherwise than the series."""
    lengths = [item.shape[1] for item in items]
    gaps = any(np.isnan(item).any() for item in items)
    facts = {
        "univariate": ("true" if items[0].shape[0] == 1 else "false"),
        "dimensions": str(items[0].shape[0]),
        "dimension": str(items[0].shape[0]),
        "equallength": "true" if len({*lengths}) == 1 else "false",
        "serieslength": str(lengths[0]) if len({*lengths}) == 1 else "several",
        "missing": "true" if gaps else "false",
    }
    said = {key: header[key][0].lower() for key in facts if key in header}
    return [
        f"Its header says @{key} {said[key]}, and it is {fact}: what is there was read."
        for key, fact in facts.items()
        # A file of a split may be without the gaps, or of one length, unlike the other.
        if key in said and said[key] != fact and (key, fact) not in QUIET
    ]


QUIET = {("missing", "false"), ("equallength", "true")}


def _on_labels(header: dict[str, list[str]], labels: list[str]) -> list[str]:
    """Return which labels the header does not name."""
    named = header.get("classlabel", ["false"])[1:]
    odd = sorted({label for label in labels if label and named and label not in named})
    if not odd:
        return []
    return [
        f"Its header names the classes {', '.join(named[:5])}{', …' * (len(named) > 5)}, and not "
        f"'{odd[0]}', which stands there{f' (and {len(odd) - 1} more)' if odd[1:] else ''}."
    ]
