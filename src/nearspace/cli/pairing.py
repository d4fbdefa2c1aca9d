"""The options for pairs, queries and documents, and how a SOURCE is read by them."""

from __future__ import annotations

import dataclasses
import math
import os
from typing import TYPE_CHECKING, Annotated, Any, ClassVar

import typer

from nearspace.cli.mistyped import misplaced
from nearspace.cli.reading import Reading, two_names
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

    pairs: Annotated[
        str | None,
        typer.Option(
            metavar="LEFT,RIGHT",
            help="Two columns of a table whose texts belong together, by row; beside a folder "
            "those with the names of its files and with what is said of them.",
        ),
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

    def read(
        self,
        source: str,
        reading: Reading,
        random_state: int = 0,
        other: str | None = None,
        command: str = "compare",
    ) -> Dataset | Pairs:
        """Return the dataset or the pairs of a source, or of two, with notes on standard error."""
        from nearspace.data.relevance import holds_queries

        in_columns = {"pairs": self.pairs, "scores": self.scores}
        in_files = {"queries": self.queries, "qrels": self.qrels}
        if other is not None:
            # What looks like no file is more likely an encoder, or was typed by mistake.
            if not os.path.exists(os.path.expanduser(other)) and not os.path.splitext(other)[1]:
                raise NearspaceError(misplaced(other, f"nearspace {command}", ["--with"]))
            unusable = {"scores": self.scores, "scale": self.scale} | in_files
            self._check({}, unusable, reading, ("kind", "test", "groups"), f"beside {other}")
            return _told(self._of_two(source, other, reading))
        if self.scale is not None and self.scores is None:
            raise NearspaceError("--scale is that of --scores, which is missing.")
        if any(in_columns.values()):
            self._check(in_columns, in_files, reading, ("test", "groups"))
            return _told(self._of_columns(source, reading))
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
        beside: str = "for a folder of documents and queries",
    ) -> None:
        """Raise `NearspaceError` for options that are missing, or have no meaning beside others."""
        given = next((name for name, value in asked.items() if value), "")
        for name, value in asked.items():
            if value is None and name != "scores":
                raise NearspaceError(f"--{given} goes with --{name}, which is missing.")
        what = f"beside --{given}" if given else beside
        unusable = {**others, **dataclasses.asdict(reading)}
        for name, value in unusable.items():
            if value and name not in usable:
                raise NearspaceError(f"--{name} has no meaning {what}; leave it out.")

    def _of_columns(self, source: str, reading: Reading) -> Pairs:
        from nearspace.data.pair_reading import load_pairs

        left, right = two_names(self.pairs or "")
        scale = None if self.scale is None else _ends(self.scale)
        with waiting(f"Reading {source}"):
            return load_pairs(
                source, left, right, scores=self.scores, scale=scale,
                same=self.scores is not None, groups=_one(reading.groups), test=reading.test,
            )  # fmt: skip

    def _of_two(self, source: str, other: str, reading: Reading) -> Pairs:
        from nearspace.data.pair_reading import load_pairs

        test = (
            None if reading.test is None else two_names(reading.test, "--test", "de2.txt,en2.txt")
        )
        columns = (None, None) if self.pairs is None else two_names(self.pairs)
        with waiting(f"Reading {source} and {other}"):
            return load_pairs(
                (source, other), *columns, kind=reading.kind, groups=_one(reading.groups), test=test
            )

    def _of_files(self, source: str, reading: Reading, random_state: int) -> Pairs:
        from nearspace.data.relevance import load_retrieval

        documents = reading.read(source, random_state=random_state)
        with waiting(f"Reading {self.qrels}"):
            return load_retrieval(documents, self.queries, self.qrels)

    def _of_folder(self, source: str, column: list[str] | None) -> Pairs:
        from nearspace.data.relevance import load_retrieval

        with waiting(f"Reading {source}"):
            return load_retrieval(source, column=column)


def _told(pairs: Pairs) -> Pairs:
    """Return pairs, after what there is to say of them."""
    if pairs.searched:
        asking = "1 query" if len(pairs.left) == 1 else f"{len(pairs.left):,} queries"
        print_heading(pairs.name, f"{counted(len(pairs.right), 'document')}, {asking}.")
    else:
        print_heading(pairs.name, f"{counted(len(pairs), 'pair')}.")
    for note in pairs.notes:
        echo(f"  {in_options(note)}", err=True, wrap=True)
    return pairs


def _one(groups: Any) -> str | None:
    """Return the one column by whose values pairs are kept together."""
    names = [groups] if isinstance(groups, str) else list(groups or ())
    if len(names) > 1:
        raise NearspaceError(f"--groups: expected one column of pairs, got {len(names)}.")
    return names[0] if names else None


def _ends(text: str) -> tuple[float, float]:
    """Return the two ends of a scale."""
    try:
        low, high = map(float, text.split(","))
    except ValueError:
        low = high = math.nan
    if not low < high:
        raise NearspaceError(f"--scale {text}: expected the least and the largest score, as 0,5.")
    return low, high
