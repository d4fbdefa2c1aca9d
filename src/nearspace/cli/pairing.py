"""The options for pairs, queries and documents, and how a SOURCE is read by them."""

from __future__ import annotations

import dataclasses
import math
from typing import TYPE_CHECKING, Annotated, ClassVar

import typer

from nearspace.cli.options import Reading
from nearspace.cli.terminal import counted, echo, print_heading, waiting
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    from nearspace.data.dataset import Dataset
    from nearspace.data.pairs import Pairs

__all__ = ["Pairing"]


@dataclasses.dataclass(frozen=True)
class Pairing:
    """What of a SOURCE belongs together: what `load_pairs` and `load_retrieval` take."""

    heading: ClassVar[str] = "Pairs and queries"

    left: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of a table with one text of each pair."),
    ] = None
    right: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column with the other, which the one is to find."),
    ] = None
    scores: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that says how alike the two are."),
    ] = None
    scale: Annotated[
        str | None,
        typer.Option(metavar="LOW,HIGH", help="The least and the largest score there can be."),
    ] = None
    queries: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Table with an id and a text a query; SOURCE is found."),
    ] = None
    qrels: Annotated[
        str | None,
        typer.Option(metavar="FILE", help="Which items are relevant to which query, as of TREC."),
    ] = None

    def read(self, source: str, reading: Reading, random_state: int = 0) -> Dataset | Pairs:
        """Return the dataset or the pairs of a source, with its notes on standard error."""
        from nearspace.data.relevance import holds_queries

        in_columns = {"left": self.left, "right": self.right, "scores": self.scores}
        in_files = {"queries": self.queries, "qrels": self.qrels}
        if self.scale is not None and self.scores is None:
            raise NearspaceError("--scale is that of --scores, which is missing.")
        if any(in_columns.values()):
            self._check(in_columns, in_files, reading, ("test",))
            return _told(self._of_columns(source, reading.test))
        if any(in_files.values()):
            self._check(in_files, in_columns, reading, ("column", "ids", "groups", "kind"))
            return _told(self._of_files(source, reading, random_state))
        if holds_queries(source):
            self._check({}, {}, reading, ("column",))
            return _told(self._of_folder(source, reading.column))
        return reading.read(source, random_state=random_state)

    def _check(
        self,
        asked: dict[str, str | None],
        others: dict[str, str | None],
        reading: Reading,
        usable: tuple[str, ...],
    ) -> None:
        """Raise `NearspaceError` for options that are missing, or have no meaning beside others."""
        given = next((name for name, value in asked.items() if value), "")
        for name, value in asked.items():
            if value is None and name != "scores":
                raise NearspaceError(f"--{given} goes with --{name}, which is missing.")
        what = f"beside --{given}" if given else "for a folder of documents and queries"
        unusable = {**others, **dataclasses.asdict(reading)}
        for name, value in unusable.items():
            if value and name not in usable:
                raise NearspaceError(f"--{name} has no meaning {what}; leave it out.")

    def _of_columns(self, source: str, test: str | None) -> Pairs:
        from nearspace.data.pairs import load_pairs

        assert self.left is not None
        assert self.right is not None
        scale = None if self.scale is None else _ends(self.scale)
        with waiting(f"Reading {source}"):
            return load_pairs(
                source, self.left, self.right, scores=self.scores, scale=scale,
                same=self.scores is not None, test=test,
            )  # fmt: skip

    def _of_files(self, source: str, reading: Reading, random_state: int) -> Pairs:
        from nearspace.data.relevance import load_retrieval

        documents = reading.read(source, random_state=random_state)
        with waiting(f"Reading {self.qrels}"):
            return load_retrieval(documents, self.queries, self.qrels)

    def _of_folder(self, source: str, columns: list[str] | None) -> Pairs:
        from nearspace.data.relevance import load_retrieval

        if columns and len(columns) > 1:
            raise NearspaceError(
                f"--column: expected one column of the documents in {source}, with which their "
                f"titles stand already, got {len(columns)}."
            )
        column = columns[0] if columns else None
        with waiting(f"Reading {source}"):
            return load_retrieval(source, column=column)


def _told(pairs: Pairs) -> Pairs:
    """Return pairs, after what there is to say of them."""
    if pairs.scores is None:
        asking = "1 query" if len(pairs.left) == 1 else f"{len(pairs.left):,} queries"
        print_heading(pairs.name, f"{counted(len(pairs.right), 'document')}, {asking}.")
    else:
        print_heading(pairs.name, f"{counted(len(pairs), 'pair')}.")
    for note in pairs.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    return pairs


def _ends(text: str) -> tuple[float, float]:
    """Return the two ends of a scale."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not low < high:
        raise NearspaceError(f"--scale {text}: expected the least and the largest score, as 0,5.")
    return low, high
