"""``nearspace add``, ``remove``, ``info`` and ``verify``: the file of a space."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nearspace.cli import options as cli


def add_command(
    source: cli.Source,
    to: Annotated[Path, typer.Option("--to", help="The .space file.", show_default=False)],
    *,
    reading: Annotated[cli.Reading, cli.only("labels", "column", "ids", "without")],
    append: Annotated[
        bool, typer.Option("--append", help="Number items without ids on from the last one.")
    ] = False,
) -> None:
    """Embed items with the encoder of a space and add them to it: all of them, or none.

    An item whose id the space has takes the place of the old one; adding the same again changes
    nothing. Files in a folder have their path in it as their id.

    [bold]Examples[/]

      nearspace add more_photos/ --to photos.space

      nearspace add new_reviews.csv --column text --ids review_id --to reviews.space
    """
    from nearspace.space.file.store import add

    space = cli.open_file(to)
    encoder = cli.encoder_of(space, to)
    dataset = reading.read(source, like=space.kind)
    named = None if reading.ids is None else False
    added = add(to, cli.embedded(dataset, encoder, str(to)), append or named)
    typer.echo(
        f"{to}: {added.new:,} new, {added.changed:,} changed, {added.unchanged:,} unchanged; "
        f"{len(space) + added.new:,} items."
    )


def remove_command(
    path: cli.SpaceFile,
    ids: Annotated[list[str], typer.Argument(help="Ids of items.", show_default=False)],
) -> None:
    """Remove items from a .space file: all of them, or none."""
    from nearspace.space.file.store import remove
    from nearspace.space.formats import open_space

    space = open_space(path)
    rows = sorted({space.position(name) for name in ids})
    remove(path, space.ids[rows].tolist())
    typer.echo(f"{path}: {len(rows):,} removed; {len(space) - len(rows):,} items.")


def info_command(path: cli.SpaceFile) -> None:
    """Say what a .space file holds: its encoder, vectors, ids, labels, metadata and parts."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from nearspace.report.words import bytes_text
    from nearspace.space.formats import open_space

    space = open_space(path)
    recipe, (count, dim) = space.recipe, space.vectors.shape
    rows = {
        "items": f"{count:,} of {recipe.data}, {space.kind or 'of a kind that is not known'}",
        "vectors": f"{dim} dimensions"
        + ("" if isinstance(space.vectors, np.ndarray) else ", sparse"),
        "made by": f"{recipe.maker}, fingerprint {recipe.fingerprint}",
        "metric": recipe.metric,
        "encoder": _encoder_told(space),
        "ids": f"{space.ids[0]!s:.40} … {space.ids[-1]!s:.40}" if count else "none",
    }
    if space.encoder is not None and space.encoder.notes:
        rows["notes"] = " ".join(space.encoder.notes)
    if space.labels is not None:
        rows["labels"] = _labels_told(space.labels.tolist())
    if space.meta is not None:
        rows["metadata"] = ", ".join(space.meta.column_names)
    if space.thumbnails is not None:
        rows["thumbnails"] = "yes"
    rows["parts"] = ", ".join(space.parts) or "none"
    rows["file"] = bytes_text(path.stat().st_size)
    libraries = {name: text for name, text in recipe.versions.items() if text}
    rows["written with"] = ", ".join(f"{name} {text}" for name, text in libraries.items())
    table = Table.grid(padding=(0, 2))
    table.add_column(style="bold")
    table.add_column()
    for name, text in rows.items():
        table.add_row(name, escape(text))
    Console().print(table, highlight=False)


def _labels_told(labels: list[Any]) -> str:
    """Return how many labels there are, which, and how many items have none."""
    texts = sorted({str(label) for label in labels if label is not None})
    told = f"{len(texts)}: {', '.join(texts[:8])}{' …' * (len(texts) > 8)}"
    missing = labels.count(None)
    return f"{told}; {missing:,} items have none" if missing else told


def _encoder_told(space: Any) -> str:
    """Return whether the encoder is in the file, or only half of it."""
    if space.made_by is None:
        return "none: the vectors were made elsewhere"
    from nearspace.space.decode import is_half

    if space.encoder is None:
        return "one half: its decoder"
    return "one half: its encoder" if is_half(space.encoder) else "in the file"


def verify_command(path: cli.SpaceFile) -> None:
    """Check every row, thumbnail and part of a .space file, and its encoder."""
    from nearspace.space.file.stored import verify
    from nearspace.space.formats import open_space

    problems = verify(path)
    for problem in problems:
        typer.echo(problem, err=True)
    if problems:
        typer.echo(f"{path}: {len(problems)} things are wrong; use a copy of it.", err=True)
        raise typer.Exit(1)
    space = open_space(path)
    typer.echo(f"{path}: {len(space):,} items and {len(space.parts)} parts are as written.")
