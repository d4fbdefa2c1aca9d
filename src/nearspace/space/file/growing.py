"""A space that grows while its items are embedded, and is taken up where it was interrupted."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data import Dataset, Text
from nearspace.data.readers.texts import line_blocks
from nearspace.encoders.base import Encoder
from nearspace.errors import NearspaceError
from nearspace.space.file.checking import changing
from nearspace.space.file.database import reading
from nearspace.space.file.saving import check_replaceable
from nearspace.space.file.store import add, write_part
from nearspace.space.file.stored import Parts, reader_of
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, dataset_for, embed, fitted

__all__ = [
    "BlockSize",
    "Grown",
    "begun",
    "embed_items",
    "embed_lines",
    "finish",
    "grow",
    "grow_by_parts",
    "is_unfinished",
    "mark_of",
]

UNFINISHED = "unfinished"  # the part that says how far a file was read
FEWEST, MOST = 256, 16_384  # lines that are embedded at once
PATIENCE = 10.0  # seconds of work that may be lost where it is interrupted

# Is told how many bytes and lines were read of all.
Tell = Callable[[int, int, int], None]
# Is told how many items are embedded, of all.
TellItems = Callable[[int, int], None]
# Returns the space of the items at some rows, by the fitted encoder.
Part = Callable[[np.ndarray, Encoder], Space]


@dataclasses.dataclass(frozen=True)
class Grown:
    """What `embed_lines` did.

    Attributes
    ----------
    items : int
        How many items the space has.
    blank : int
        How many lines this run left out, since they hold no text.
    dim : int
        Length of the vectors.
    notes : tuple of str
        What there is to say of the texts.
    """

    items: int
    blank: int
    dim: int
    notes: tuple[str, ...]


class BlockSize:
    """How many lines are embedded at once."""

    def __init__(self) -> None:
        self.items = FEWEST

    def set(self, seconds: float) -> None:
        """Take more at once, up to four times as many, where some took less than is bearable."""
        many = self.items * min(4.0, PATIENCE / max(seconds, 1e-3))
        self.items = int(np.clip(many, FEWEST, MOST))


def is_unfinished(path: Path) -> bool:
    """Return whether a space was interrupted while it grew."""
    if path.suffix != ".space" or not path.is_file() or not path.stat().st_size:
        return False
    with reading(path) as (_, header):
        return UNFINISHED in header.parts


def mark_of(source: Path) -> dict[str, Any]:
    """Return by what a file is known again that a space is made of."""
    file = source.stat()
    return {"source": source.name, "bytes": file.st_size, "changed": file.st_mtime_ns}


def embed_lines(
    source: Path, encoder: Encoder, path: Path, tell: Tell, anew: bool = False
) -> Grown:
    r"""Embed the lines of a text file into a space, some at a time.

    The space holds all that is done, whenever it is interrupted, and grows on from there when the
    same is asked for again. An encoder that is not fitted is fitted on the first lines, so that it
    has to be one that learns nothing. With ``anew`` it does not grow on, and what is there is
    replaced once the first lines are embedded.

    Raises
    ------
    NearspaceError
        If a space that is to grow on was made of another file, or by another encoder.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import load, make
    >>> encoder = make("raw").fit(["a"])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     lines = Path(folder, "lines.txt")
    ...     _ = lines.write_text("near means alike\n\nfar means other\n")
    ...     embed_lines(lines, encoder, Path(folder, "lines.space"), lambda *done: None)
    Grown(items=2, blank=1, dim=256, notes=())
    """
    file, mark = source.stat(), mark_of(source)
    goes_on, before, items = not anew and is_unfinished(path), 0, 0
    if goes_on:
        encoder, before, items = begun(path, mark, encoder)
    blank, notes, fitted = 0, list[str](), goes_on
    size = BlockSize()
    for block in line_blocks(source, before, lambda: size.items):
        start = time.monotonic()
        texts = {row: text for row, text in enumerate(block.lines, block.first) if text.strip()}
        blank += len(block.lines) - len(texts)
        if texts:
            ids = np.fromiter(texts, np.int64)
            space = embed(Dataset([*texts.values()], Text(), ids, name=source.name), encoder)
            assert space.encoder is not None
            notes += space.encoder.notes if not fitted else encoder.notes_on([*texts.values()])
            items += grow(path, space, mark, block.last, begin=not fitted)
            encoder, fitted = space.encoder, True
        tell(block.read, file.st_size, block.last)
        size.set(time.monotonic() - start)
    if not items:
        raise NearspaceError(f"{source.name} is empty; expected a text in each line.")
    return Grown(items, blank, finish(path), tuple(notes))


def embed_items(
    dataset: Dataset, encoder: Encoder, path: Path, tell: TellItems, anew: bool = False
) -> Space:
    """Embed a dataset into a space, some items at a time where all take long.

    The encoder is fitted on all items, before any is embedded. The space holds all that is done,
    whenever it is interrupted, and grows on from there when the same is asked for again; what was
    learnt is in it.

    Parameters
    ----------
    dataset : Dataset
        The items.
    encoder : Encoder
        Fitted or not.
    path : Path
        The file.
    tell : callable
        Is told how many items are done, of all.
    anew : bool, default=False
        Whether to begin again where it was interrupted.

    Raises
    ------
    NearspaceError
        If a space that is to grow on was made of other items, or by another encoder.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import load, make
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     embed_items(load("digits"), make("raw"), Path(folder, "a.space"), lambda *done: None)
    Space(1,797 × 64, raw, digits)
    """
    dataset = dataset_for(encoder, dataset)

    def mark() -> dict[str, Any]:
        ids = "\0".join(map(str, np.asarray(dataset.ids).tolist())).encode(errors="surrogatepass")
        digest = f"{dataset.fingerprint} {hashlib.blake2b(ids, digest_size=8).hexdigest()}"
        return {"source": dataset.name, "items": len(dataset), "digest": digest}

    return grow_by_parts(
        dataset, encoder, path, mark, lambda rows, by: embed(dataset.take(rows), by), tell, anew
    )


def grow_by_parts(
    dataset: Dataset,
    encoder: Encoder,
    path: Path,
    mark: Callable[[], dict[str, Any]],
    part: Part,
    tell: TellItems,
    anew: bool,
) -> Space:
    """Write a space part by part where to embed all of it takes long, and at once where not.

    Parameters
    ----------
    dataset, encoder, path, tell, anew
        As of `embed_items`.
    mark : callable
        Returns what the items come from; see `grow`.
    part : callable
        Returns the space of some rows.
    """
    done, goes_on, size = 0, not anew and is_unfinished(path), BlockSize()
    if goes_on:
        encoder, done, _ = begun(path, mark(), encoder)
    else:
        encoder = fitted(encoder, dataset)
    tell(done, len(dataset))
    while done < len(dataset):
        start = time.monotonic()
        rows = np.arange(done, min(done + size.items, len(dataset)))
        some = part(rows, encoder)
        seconds = time.monotonic() - start
        if not done and seconds * len(dataset) < PATIENCE * len(rows):
            # As fast as that it is the same file whatever else the machine does.
            whole = some if len(rows) == len(dataset) else part(np.arange(len(dataset)), encoder)
            save(whole, path)
            return whole
        done = int(rows[-1]) + 1
        grow(path, some, mark(), done, begin=not goes_on)
        goes_on = True
        tell(done, len(dataset))
        size.set(seconds)
    finish(path)
    return open_space(path)


def grow(path: Path, space: Space, mark: dict[str, Any], read: int, *, begin: bool) -> int:
    """Write the first items of a space that grows, or add more, and say how far that is.

    Parameters
    ----------
    path : Path
        The file.
    space : Space
        Some items.
    mark : dict
        What they are read from, so that they are gone on with from nothing else.
    read : int
        How many lines, or items, of it are in the file then.
    begin : bool
        Whether they are the first, and take the place of what is there.

    Returns
    -------
    int
        How many items are new.
    """
    how_far = json.dumps(mark | {"lines": read}).encode()
    if begin:
        save(dataclasses.replace(space, parts={UNFINISHED: how_far}), path)
        return len(space)
    added = add(path, space)
    write_part(path, UNFINISHED, how_far)
    return added.new


def finish(path: Path) -> int:
    """Write that all items are in a space that grew; return the length of its vectors."""
    with changing(path) as (db, header):
        db.execute("DELETE FROM parts WHERE name = ?", (UNFINISHED,))
        del header.parts[UNFINISHED]
        return header.columns.dim


def begun(path: Path, mark: dict[str, Any], encoder: Encoder) -> tuple[Encoder, int, int]:
    """Return the encoder of a space that is to grow on, the lines that were read, and its items.

    Raises
    ------
    NearspaceError
        If it was begun with another source or encoder.
    """
    check_replaceable(path)
    with reading(path) as (_, header):
        parts = Parts(path, header)
    read = json.loads(parts[UNFINISHED])
    lines = read.pop("lines")
    read_encoder = reader_of(parts, header.recipe, path)
    made_by = read_encoder() if read_encoder is not None else None
    if read != mark:
        raise NearspaceError(
            f"{path} was begun with {_source(read)} and is unfinished; got {_source(mark)}, or "
            "changed since: begin anew by --force."
        )
    if not isinstance(made_by, Encoder) or header.recipe.spec != encoder.spec:
        raise NearspaceError(
            f"{path} was begun with {header.recipe.spec} and is unfinished, got {encoder.spec}: go "
            "on with the same encoder, or begin anew by --force."
        )
    return made_by, lines, header.items.count


def _source(mark: dict[str, Any]) -> str:
    """Return in words what a space is made of."""
    count = next((f"{mark[unit]:,} {unit}" for unit in ("bytes", "items") if unit in mark), "items")
    return f"{mark.get('source')} of {count}"
