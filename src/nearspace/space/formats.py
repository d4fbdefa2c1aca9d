"""`save` and `open_space`: a space in a file of any format; `FORMATS` is all there are."""

from __future__ import annotations

import dataclasses
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

from nearspace.errors import DataError, NearspaceError
from nearspace.space.file.saving import replacing
from nearspace.space.file.store import read_space
from nearspace.space.file.written import write_space
from nearspace.space.npz import read_npy, read_npz, write_npz
from nearspace.space.parquet import read_parquet, write_parquet
from nearspace.space.space import Space
from nearspace.space.vectors import VectorFile

__all__ = ["FORMATS", "Format", "open_space", "save", "written_endings"]

UNREADABLE = (
    OSError, EOFError, ValueError, NotImplementedError, zipfile.BadZipFile, zlib.error,
)  # fmt: skip


@dataclasses.dataclass(frozen=True)
class Format:
    """How a space is read from a file, and written into a new one.

    Attributes
    ----------
    read : callable
        From a `VectorFile` to a `Space`. What the libraries raise becomes one sentence.
    write : callable or None
        Takes a `Space` and the path of the new file, which `save` puts in place.
    """

    read: Callable[[VectorFile], Space]
    write: Callable[[Space, Path], None] | None = None


def save(space: Space, path: str | Path) -> Path:
    """Write a space into one file, in place of what it held.

    The file is complete or not there. A ``.space`` that was there is replaced in one transaction,
    for which those who add to it, or read it, are waited for.

    Parameters
    ----------
    space : Space
        Vectors, and the encoder if there is one, which has to be of the catalogue.
    path : str or Path
        ``.space``: all of it, the encoder too, so that it embeds new items and can be added to.
        For other tools ``.parquet``, which Apple's embedding-atlas opens as it is, with all that is
        known of each item, its thumbnail and its place on the map; or ``.npz``: vectors, ids and
        labels.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    NearspaceError
        If the ending is another, a vector is not finite, an id stands twice, the encoder cannot be
        saved, sparse vectors are too wide to be written in full, or the disk is full; the old file
        is then as it was.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = save(embed(load("wine"), "pca(dim=2)"), f"{folder}/wine.space")
    ...     again = open_space(path)
    >>> len(again), again.recipe.spec
    (178, 'pca(dim=2)')
    """
    path = Path(path)
    write = FORMATS[path.suffix].write if path.suffix in FORMATS else None
    if write is None:
        raise _unknown(path, written_endings())
    with replacing(path) as beside:
        write(space, beside)
    return path


def open_space(
    path: str | Path,
    *,
    vectors: str | None = None,
    ids: str | None = None,
    labels: str | None = None,
    made_by: str | None = None,
) -> Space:
    """Return the space that a file holds: one that `save` wrote, or vectors of another tool.

    Of a ``.space`` file every row is checked; its encoder, thumbnails and parts are read, and
    checked, when they are first asked for. What other files hold can be searched, mapped, judged
    and compared, but has no encoder, so that it embeds no new items.

    Parameters
    ----------
    path : str or Path
        A ``.space`` file, a ``.parquet`` file with a column of lists of numbers, an ``.npz``
        archive, an ``.npy`` array.
    vectors, ids, labels : str, optional
        The columns or arrays of another tool; by default those with the usual names, ``vector``,
        ``embedding``, ``id``, ``label``, or the only one that can hold vectors. Ids are row numbers
        where there are none. All other columns of a Parquet file but vectors and bytes become
        metadata.
    made_by : str, optional
        What made the vectors of another tool, such as the name of a model; by default the name of
        the file. Vectors of one name can be added to each other.

    Returns
    -------
    Space
        Its ids are text or int64, its vectors float32. Its fingerprint is that of the encoder, or
        of ``made_by``.

    Raises
    ------
    NearspaceError
        If the file cannot be read, is damaged, or was written in a newer format; if vectors differ
        in length or are not finite, or an id is missing or stands twice: the id is named.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     space = open_space(save(embed(wine, "pca(dim=2)"), f"{folder}/wine.space"))
    ...     space.encoder.transform(wine.items[:1]).shape
    (1, 2)
    """
    file = VectorFile(Path(path), vectors, ids, labels, made_by)
    if file.path.suffix not in FORMATS:
        raise _unknown(file.path, [*FORMATS])
    try:
        return FORMATS[file.path.suffix].read(file)
    except NearspaceError:
        raise
    except UNREADABLE as error:
        reason = str(error).strip().split("\n")[0].rstrip(".")
        raise DataError(f"{file.path.name} cannot be read, or is damaged: {reason}.") from None


def written_endings() -> list[str]:
    """Return the endings of the files that `save` writes."""
    return [ending for ending, form in FORMATS.items() if form.write is not None]


def _unknown(path: Path, endings: list[str]) -> DataError:
    return DataError(
        f"{path}: expected a file of vectors that ends in {', '.join(endings)}; got "
        f"'{path.suffix or path.name}'."
    )


def _read_space(file: VectorFile) -> Space:
    if file != VectorFile(file.path):
        raise DataError(
            f"{file.path} says itself which are its vectors, ids and labels, and what made them; "
            "open it without these names."
        )
    return read_space(file.path)


FORMATS = {
    ".space": Format(_read_space, write_space),
    ".parquet": Format(read_parquet, write_parquet),
    ".npz": Format(read_npz, write_npz),
    ".npy": Format(read_npy),
}
