"""The options by which commands read a source, and the reading."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Annotated

import typer

from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    from nearspace.data import Dataset, Kind

__all__ = ["Reading", "SourceArgument"]

SourceArgument = Annotated[
    str,
    typer.Argument(
        help="A folder of images or of idx files, a .npy, .npz, .txt, .csv, .parquet or .space "
        "file, or "
        "sample data: digits, wine, sentences, customers.",
        show_default=False,
    ),
]


@dataclasses.dataclass(frozen=True)
class Reading:
    """How to read a SOURCE: what `load` takes, as options."""

    labels: Annotated[
        str | None, typer.Option(help="Column or array with the classes or numbers.")
    ] = None
    column: Annotated[
        str | None, typer.Option(help="Column of a CSV with the texts, or array of an npz.")
    ] = None
    kind: Annotated[
        str | None, typer.Option(help="image, text, table or vector; overrules the guess.")
    ] = None
    size: Annotated[
        int | None, typer.Option(min=1, help="Side in pixels that images are read to.")
    ] = None
    groups: Annotated[
        str | None, typer.Option(help="Column or array; a group never stands on both sides.")
    ] = None
    time: Annotated[
        str | None, typer.Option(help="Column or array; the latest items then test.")
    ] = None
    ids: Annotated[str | None, typer.Option(help="Column or array with each item's id.")] = None
    limit: Annotated[int | None, typer.Option(min=1, help="At most N items, at random.")] = None
    test: Annotated[str | None, typer.Option(help="A test set of your own, read like SOURCE.")] = (
        None
    )

    def read(self, source: str, *, like: Kind | None = None, random_state: int = 0) -> Dataset:
        """Return the dataset of a source, with its notes on standard error."""
        from rich.console import Console
        from rich.markup import escape

        from nearspace.data import load

        console = Console(stderr=True)
        with console.status(escape(f"Reading {source}")):
            if source.endswith(".space"):
                dataset = self._read_space(source, like, random_state)
            else:
                options = dataclasses.asdict(self)
                dataset = load(source, **options, like=like, random_state=random_state)
        console.print(f"[bold]{escape(dataset.name)}[/]: {len(dataset):,} items.", highlight=False)
        for note in dataset.notes:
            console.print(f"  {note}", highlight=False, markup=False)
        return dataset

    def _read_space(self, source: str, like: Kind | None, random_state: int) -> Dataset:
        """Return the vectors of a space as a dataset, for which some options have no meaning."""
        from nearspace.space.dataset import as_dataset
        from nearspace.space.formats import open_space

        if like is not None:
            raise NearspaceError(
                f"{source} holds vectors, not items to embed; expected a folder, a file or a "
                "sample."
            )
        options = dataclasses.asdict(self)
        usable = {name: options.pop(name) for name in ("labels", "groups", "time", "limit")}
        for name, value in options.items():
            if value is not None:
                raise NearspaceError(f"{source} holds vectors; it is read without --{name}.")
        return as_dataset(open_space(source), **usable, random_state=random_state)
