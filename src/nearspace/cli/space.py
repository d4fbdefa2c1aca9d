"""``nearspace add``, ``remove``, ``info`` and ``verify``: the file of a space."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.foreign import printable

LISTED = 20  # things that are wrong, of which the others are counted


def add_command(
    source: cli.Source,
    to: Annotated[Path, typer.Option("--to", help="The .space file.", show_default=False)],
    *,
    reading: Annotated[
        Reading,
        cli.only(
            "labels",
            "column",
            "ids",
            "without",
            "pattern",
            "chunks",
            "overlap",
            "edges",
            "interactions",
            "ends",
            "weights",
            "directed",
        ),
    ],
    append: Annotated[
        bool, typer.Option("--append", help="Number items without ids on from the last one.")
    ] = False,
    replace: cli.Replace = False,
) -> None:
    """Embed items with the encoder of a space and add them to it: all of them, or none.

    Adding the same again changes nothing. Other items under ids that the space has are refused,
    unless --replace puts them in the places of the old ones. Files in a folder have their path in
    it as their id.

    Items are cut into chunks as those of the space were.

    Labels and columns keep the types that they have in the space: a cell that is of another is
    refused by name, and a word such as unknown, where numbers stand, is a missing one.

    [bold]Examples[/]

      nearspace add more_photos/ --to photos.space

      nearspace add new_reviews.csv --column text --ids review_id --to reviews.space
    """
    from nearspace.space.file.store import add

    space = cli.open_file(to)
    encoder = cli.encoder_of(space, to)
    cut = space.recipe.cut
    if cut is not None and reading.chunks is None and not reading.overlap:
        reading = dataclasses.replace(reading, chunks=cut[0], overlap=cut[1])
    dataset = reading.read(source, like=space.kind)
    new = cli.embedded(dataset, encoder, str(to))
    added = add(to, new, append=append, replace=replace)
    for note in (*encoder.notes_on(dataset.items), *added.notes, *_new_labels(space, new)):
        echo(f"note: {in_options(note)}", err=True)
    echo(
        f"{to}: {added.new:,} new, {added.changed:,} changed, {added.unchanged:,} unchanged; "
        f"{counted(len(space) + added.new, 'item')}."
    )


def _new_labels(space: Any, added: Any) -> list[str]:
    """Return which labels a space had no item of before others were added, in a sentence."""
    if space.labels is None or added.labels is None:
        return []
    there = set(map(str, space.labels.tolist()))
    new = dict.fromkeys(str(each) for each in added.labels.tolist() if each is not None)
    names = [name for name in new if name not in there]
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return [f"Labels new to the space: {', '.join(names[:5])}{more}."] if names else []


def remove_command(
    path: cli.SpaceFile,
    ids: Annotated[list[str], typer.Argument(help="Ids of items.", show_default=False)],
) -> None:
    """Remove items from a .space file: all of them, or none.

    [bold]Example[/]

      nearspace remove photos.space cat/1.jpg dog/7.jpg
    """
    from nearspace.space.file.store import remove
    from nearspace.space.formats import open_space

    space = open_space(path)
    rows = sorted({space.position(name) for name in ids})
    remove(path, space.ids[rows].tolist())
    echo(f"{path}: {len(rows):,} removed; {counted(len(space) - len(rows), 'item')}.")


def info_command(path: cli.SpaceFile) -> None:
    """Say what a .space file holds: its encoder, vectors, ids, labels, metadata and parts.

    [bold]Example[/]

      nearspace info photos.space
    """
    from rich.table import Table

    from nearspace.judge.amounts import bytes_text
    from nearspace.space.columns import META_TYPES, type_of
    from nearspace.space.formats import open_space

    space = open_space(path)
    recipe, (count, dim) = space.recipe, space.vectors.shape
    rows = {
        "items": f"{count:,} of {recipe.data}, {space.kind or 'of a kind that is not known'}"
        + (f", {recipe.unit}" if recipe.chunks else ""),
        "vectors": counted(dim, "dimension")
        + ("" if isinstance(space.vectors, np.ndarray) else ", sparse"),
        "made by": f"{recipe.maker}, fingerprint {recipe.fingerprint}",
        "metric": recipe.metric,
        "encoder": _encoder_told(space),
        "ids": f"{space.ids[0]!s:.40} … {space.ids[-1]!s:.40}" if count else "none",
    }
    if recipe.aligned is not None:
        rows["aligned"] = ", ".join(f"{name} {value}" for name, value in recipe.aligned.items())
    if space.encoder is not None and space.encoder.notes:
        rows["notes"] = " ".join(space.encoder.notes)
    if space.labels is not None:
        rows["labels"] = _labels_told(space.labels.tolist())
    if space.meta is not None:
        rows["metadata"] = ", ".join(
            f"{field.name} ({META_TYPES[type_of(field.type)]})" for field in space.meta.schema
        )
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
        table.add_row(name, printable(text))
    echo(table, wrap=True)


def _labels_told(labels: list[Any]) -> str:
    """Return how many labels there are, which, and how many items have none."""
    texts = sorted({str(label) for label in labels if label is not None})
    told = f"{len(texts)}: {', '.join(texts[:8])}{' …' * (len(texts) > 8)}"
    missing = labels.count(None)
    have = "item has" if missing == 1 else "items have"
    return f"{told}; {missing:,} {have} none" if missing else told


def _encoder_told(space: Any) -> str:
    """Return whether the encoder is in the file, or only half of it."""
    if space.made_by is None:
        return "none: the vectors were made elsewhere"
    from nearspace.space.decode import is_half

    if space.encoder is None:
        return "one half: its decoder"
    return "one half: its encoder" if is_half(space.encoder) else "in the file"


def verify_command(
    path: cli.SpaceFile,
    repair: Annotated[
        bool, typer.Option("--repair", help="Copy what is whole into the file of -o.")
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The new .space file.",
            show_default=False,
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
) -> None:
    """Check every row, thumbnail and part of a .space file, and its encoder.

    What is wrong is told, and the exit code is 1. With --repair what is whole is copied into a new
    file, and what is not is named; the exit code is then 0 where nothing was lost. The damaged file
    stays as it is.

    [bold]Example[/]

      nearspace verify photos.space --repair -o mended.space
    """
    from nearspace.space.file import database
    from nearspace.space.file.checking import verify

    if repair != (output is not None):
        have, lack = ("--repair", "-o") if repair else ("-o", "--repair")
        raise NearspaceError(
            f"verify {path}: {have} needs {lack}; write --repair -o mended.space, with the name of "
            "a new file for what is whole."
        )
    if output is not None:
        cli.check_file(output, ".space")
        _repair(path, output)
        return
    problems = verify(path)
    for problem in problems[:LISTED]:
        echo(problem, err=True)
    if len(problems) > LISTED:
        echo(f"… and {len(problems) - LISTED:,} more.", err=True)
    if problems:
        things = "1 thing is" if len(problems) == 1 else f"{len(problems):,} things are"
        echo(
            f"{path}: {things} wrong; use a copy of it, or keep what is whole by nearspace verify "
            f"{path} --repair -o mended.space.",
            err=True,
        )
        raise typer.Exit(1)
    with database.reading(path) as (_, header):
        items, parts = header.items.count, len(header.parts)
    echo(f"{path}: {counted(items, 'item')} and {counted(parts, 'part')} are as written.")


def _repair(path: Path, output: Path) -> None:
    """Copy what is whole of a file, and say what is not."""
    from nearspace.space.file.repair import repair

    done = repair(path, output)
    for sentence in done.lost:
        echo(sentence, err=True)
    pictures = f", {counted(done.thumbnails, 'thumbnail')}" if done.thumbnails else ""
    whole = f"{counted(done.items, 'item')}{pictures} and {counted(done.parts, 'part')}"
    echo(f"{output}: {whole} of {path}.")
    if done.lost:
        raise typer.Exit(1)
