"""Parts of the names of files that come again, and by which pattern each is read."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterator, Sequence

import numpy as np

__all__ = ["NamePart", "name_parts"]

ENDING = re.compile(r"\.[A-Za-z]\w{0,4}$")
SEPARATORS = re.compile(r"[_\-. ]+")
RUNS = re.compile(r"\d+|\D+", re.ASCII)
GROUP, LABEL, ANYTHING = "{group}", "{label}", "{}"


@dataclasses.dataclass(frozen=True, eq=False)
class NamePart:
    """What stands at one place of all names.

    Attributes
    ----------
    place : str
        Which, as in "part 2 of the names".
    values : ndarray of shape (n,), object
        Texts.
    pattern : str
        By which `read_pattern` takes it for the group; "" where no pattern says it.
    """

    place: str
    values: np.ndarray
    pattern: str


def name_parts(names: Sequence[str], labels: Sequence[str] | None = None) -> list[NamePart]:
    """Return the parts that differ of names which are all made alike, folders first.

    Names are cut at ``/``, ``_``, ``-``, ``.`` and blanks, and between letters and digits where all
    have them in the same places. Of names that have not the same number of parts it is the first.

    Parameters
    ----------
    names : sequence of str
        Names, or paths with ``/``.
    labels : sequence of str, optional
        The label of each; the part that says it stands as ``{label}`` in patterns, unless a folder
        says it too.

    Examples
    --------
    >>> names = ["7_theo_0.wav", "3_jackson_1.wav", "3_theo_1.wav"]
    >>> for part in name_parts(names, ["7", "3", "3"]):
    ...     print(part.place, part.values.tolist(), part.pattern)
    part 1 of the names ['7', '3', '3'] {group}_{}_{}.wav
    part 2 of the names ['theo', 'jackson', 'theo'] {label}_{group}_{}.wav
    part 3 of the names ['0', '1', '1'] {label}_{}_{group}.wav
    """
    if not len(names):
        return []
    paths = [name.split("/") for name in names]
    parts, depth = [], len(paths[0])
    foldered = depth > 1 and all(len(path) == depth for path in paths)
    told_by_folder = False
    for at in range(depth - 1) if foldered else ():
        values = _texts([path[at] for path in paths])
        told_by_folder |= labels is not None and values.tolist() == list(labels)
        if len(set(values.tolist())) > 1:
            pattern = "/".join(GROUP if at == place else ANYTHING for place in range(depth))
            parts.append(NamePart(f"folder {at + 1} of the paths", values, pattern))
    last = [path[-1] for path in paths]
    parts += _parts_of_names(last, None if told_by_folder else labels)
    return parts


def _parts_of_names(names: list[str], labels: Sequence[str] | None) -> Iterator[NamePart]:
    stems = [ENDING.sub("", name) for name in names]
    endings = {name[len(stem) :] for name, stem in zip(names, stems, strict=True)}
    ending = endings.pop() if len(endings) == 1 else None
    separators = [SEPARATORS.findall(stem) for stem in stems]
    tokens = [SEPARATORS.split(stem) for stem in stems]
    if any(each != separators[0] for each in separators):
        firsts = {each[0] if each else "" for each in separators}
        if len(firsts) == 1 and "" not in firsts and all(each[0] for each in tokens):
            values = _texts([each[0] for each in tokens])
            yield NamePart("part 1 of the names", values, f"{GROUP}{firsts.pop()}{ANYTHING}")
        return
    columns = [_texts(each) for each in zip(*tokens, strict=True)]
    between = [*separators[0], ending or ""]
    for at, column in enumerate(columns):
        for place, values, own in _cut(column):
            if len(set(values.tolist())) < 2:
                continue
            text, after = "", between if ending is not None else [*between[:-1], ""]
            for other, following in zip(range(len(columns)), after, strict=True):
                text += (own if other == at else _field(columns[other], labels)) + following
            # What follows the last field up to the ending could not be told from it.
            said = own and (ending is not None or at < len(columns) - 1) and _is_sound(text)
            what = f"part {at + 1} of the names" + place
            yield NamePart(what, values, text if said else "")


def _cut(column: np.ndarray) -> Iterator[tuple[str, np.ndarray, str]]:
    """Yield a part whole, then its runs of letters and of digits where all are made alike.

    Each comes with its place, its values and how a pattern says it, "" where none can.
    """
    yield "", column, GROUP
    runs = [RUNS.findall(value) for value in column.tolist()]
    shapes = {tuple(run[:1].isdigit() for run in each) for each in runs}
    if len(shapes) > 1 or len(runs[0]) < 2:
        return
    pieces = [_texts(each) for each in zip(*runs, strict=True)]
    vary = [len(set(piece.tolist())) > 1 for piece in pieces]
    for at, piece in enumerate(pieces):
        if sum(vary) < 2 or not vary[at]:
            continue  # all of the part says the same
        alone = not any(vary[beside] for beside in (at - 1, at + 1) if 0 <= beside < len(vary))
        fields = (
            ANYTHING if varies else value[0] for varies, value in zip(vary, pieces, strict=True)
        )
        own = "".join(GROUP if at == place else field for place, field in enumerate(fields))
        kind = "digits" if piece[0][:1].isdigit() else "letters"
        yield f", its {kind} at {at + 1}", piece, own if alone else ""


def _field(column: np.ndarray, labels: Sequence[str] | None) -> str:
    """Return how a pattern says a part that is not the group: as it is where all have the same."""
    values = column.tolist()
    if len(set(values)) == 1:
        return str(values[0])
    return LABEL if labels is not None and values == list(labels) else ANYTHING


def _is_sound(pattern: str) -> bool:
    """Return whether no brace stands in it but those of fields, and none in two fields at once."""
    bare = re.sub(r"\{(group|label)?\}", "", pattern)
    return not set("{}") & set(bare) and "}{" not in pattern and pattern.count(LABEL) < 2


def _texts(values: Sequence[str]) -> np.ndarray:
    texts = np.empty(len(values), dtype=object)
    texts[:] = values
    return texts
