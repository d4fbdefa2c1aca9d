"""`Trait`: what can be seen of every item as one value, in which its label may hide."""

from __future__ import annotations

import contextlib
import dataclasses
import re
import warnings
from collections.abc import Sequence

import numpy as np

from nearspace.data.kinds.image_bounds import open_picture
from nearspace.data.members import File, Member, size_of

__all__ = ["Trait", "file_traits", "name_traits"]

WORD, DIGITS = re.compile(r"[^\W\d_]+"), re.compile(r"\d+", re.ASCII)
ENDING = re.compile(r"\.[A-Za-z]\w{0,4}$")


@dataclasses.dataclass(frozen=True, eq=False)
class Trait:
    """One value of every item.

    Attributes
    ----------
    name : str
        What it is, as in "the length of the texts".
    values : ndarray of shape (n,)
        Numbers, NaN where there is none; or objects, texts and None.
    column : str or None
        The column of a table that holds it, which can be left out.
    seen : bool
        Whether an encoder sees it: a file's name, for one, none does.
    """

    name: str
    values: np.ndarray
    column: str | None = None
    seen: bool = True


def name_traits(names: Sequence[str | None], of: str) -> list[Trait]:
    """Return the first and the last word and the first number of names such as ``cat_012.png``.

    Examples
    --------
    >>> for trait in name_traits(["a/cat_012.png", "b/7 dogs.png"], "the file names"):
    ...     print(trait.name, trait.values.tolist())
    the first word of the file names ['cat', 'dogs']
    the last word of the file names ['cat', 'dogs']
    the first number of the file names [12.0, 7.0]
    """
    texts = [ENDING.sub("", (name or "").rpartition("/")[2]) for name in names]
    words = [WORD.findall(text) for text in texts]
    numbers = [DIGITS.search(text) for text in texts]
    ends = {"first": 0, "last": -1}
    traits = [
        Trait(f"the {end} word of {of}", _texts([each[at] if each else None for each in words]))
        for end, at in ends.items()
    ]
    values = np.array([float(number[0][:15]) if number else np.nan for number in numbers])
    return [*traits, Trait(f"the first number of {of}", values)]


def file_traits(files: Sequence[File], pictures: bool) -> list[Trait]:
    """Return the size of files, and of ``pictures`` width, height and mode, from their headers.

    A file that is gone has none.
    """
    there = [isinstance(file, Member) or file.exists() for file in files]
    sizes = np.array(
        [size_of(file) if at else np.nan for file, at in zip(files, there, strict=True)]
    )
    traits = [Trait("the size of the files in bytes", sizes)]
    endings = _texts([path.suffix.lower() for path in files])
    traits.append(Trait("the ending of the file names", endings))
    if not pictures:
        return traits
    heads = [_head(path) for path in files]
    for at, name in enumerate(("width", "height")):
        values = np.array([np.nan if head is None else head[at] for head in heads])
        traits.append(Trait(f"the {name} of the picture files", values))
    modes = _texts([None if head is None else head[2] for head in heads])
    return [*traits, Trait("the colour mode of the picture files", modes)]


def _head(path: File) -> tuple[int, int, str] | None:
    with contextlib.suppress(Exception), warnings.catch_warnings():  # as when it was read
        warnings.simplefilter("ignore")
        with open_picture(path) as image:
            return *image.size, image.mode
    return None


def _texts(values: Sequence[str | None]) -> np.ndarray:
    return np.array(values, dtype=object)
