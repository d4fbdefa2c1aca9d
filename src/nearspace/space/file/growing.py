"""A space that grows while a text file is read: in little memory, and taken up where it ended."""

from __future__ import annotations

import dataclasses
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
from nearspace.space.formats import save
from nearspace.space.space import embed

__all__ = ["Grown", "embed_lines", "is_unfinished"]

UNFINISHED = "unfinished"  # the part that says how far a file was read
FEWEST, MOST = 256, 16_384  # lines that are embedded at once
PATIENCE = 10.0  # seconds of work that may be lost where it is interrupted

# Is told how many bytes and lines were read of all.
Tell = Callable[[int, int, int], None]


@dataclasses.dataclass(frozen=True)
class Grown:
    """What `embed_lines` did.

    Attributes
    ----------
    items : int
        How many items the space has.
    before : int
        How many lines an earlier run had read.
    blank : int
        How many lines this run left out, since they hold no text.
    dim : int
        Length of the vectors.
    notes : tuple of str
        What there is to say of the texts.
    """

    items: int
    before: int
    blank: int
    dim: int
    notes: tuple[str, ...]


class Pace:
    """How many lines are embedded at once."""

    def __init__(self) -> None:
        self.lines = FEWEST

    def set(self, seconds: float) -> None:
        """Take more at once, up to four times as many, where some took less than is bearable."""
        many = self.lines * min(4.0, PATIENCE / max(seconds, 1e-3))
        self.lines = int(np.clip(many, FEWEST, MOST))


def is_unfinished(path: Path) -> bool:
    """Return whether a space was interrupted while it grew."""
    if path.suffix != ".space" or not path.is_file() or not path.stat().st_size:
        return False
    with reading(path) as (_, header):
        return UNFINISHED in header.parts


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
    Grown(items=2, before=0, blank=1, dim=256, notes=())
    """
    file = source.stat()
    mark = {"source": source.name, "bytes": file.st_size, "changed": file.st_mtime_ns}
    begun = _begun(path, mark, encoder) if not anew and is_unfinished(path) else None
    before = items = 0
    if begun is not None:
        encoder, before, items = begun
    blank, notes, fitted = 0, list[str](), begun is not None
    pace = Pace()
    for block in line_blocks(source, before, lambda: pace.lines):
        start = time.monotonic()
        texts = {row: text for row, text in enumerate(block.lines, block.first) if text.strip()}
        blank += len(block.lines) - len(texts)
        if texts:
            ids = np.fromiter(texts, np.int64)
            space = embed(Dataset([*texts.values()], Text(), ids, name=source.name), encoder)
            assert space.encoder is not None
            notes += space.encoder.notes if not fitted else encoder.notes_on([*texts.values()])
            if fitted:
                items += add(path, space).new
            else:
                parts = {UNFINISHED: _written(mark, block.last)}
                save(dataclasses.replace(space, parts=parts), path)
                items, fitted = len(space), True
            encoder = space.encoder
            write_part(path, UNFINISHED, _written(mark, block.last))
        tell(block.read, file.st_size, block.last)
        pace.set(time.monotonic() - start)
    if not items:
        raise NearspaceError(f"{source.name} is empty; expected a text in each line.")
    with changing(path) as (db, header):
        db.execute("DELETE FROM parts WHERE name = ?", (UNFINISHED,))
        del header.parts[UNFINISHED]
        dim = header.columns.dim
    return Grown(items, before, blank, dim, tuple(notes))


def _written(mark: dict[str, Any], lines: int) -> bytes:
    return json.dumps(mark | {"lines": lines}).encode()


def _begun(path: Path, mark: dict[str, Any], encoder: Encoder) -> tuple[Encoder, int, int]:
    """Return the encoder of a space that is to grow on, the lines that were read, and its items."""
    check_replaceable(path)
    with reading(path) as (_, header):
        parts = Parts(path, header)
    read = json.loads(parts[UNFINISHED])
    lines = read.pop("lines")
    read_encoder = reader_of(parts, header.recipe, path)
    begun = read_encoder() if read_encoder is not None else None
    if read != mark:
        raise NearspaceError(
            f"{path} was begun with {read.get('source')} of {read.get('bytes'):,} bytes, and is "
            f"unfinished; got {mark['source']} of {mark['bytes']:,} bytes, or changed since: begin "
            "anew by --force."
        )
    if not isinstance(begun, Encoder) or header.recipe.spec != encoder.spec:
        raise NearspaceError(
            f"{path} was begun with {header.recipe.spec} and is unfinished, got {encoder.spec}: go "
            "on with the same encoder, or begin anew by --force."
        )
    return begun, lines, header.items.count
