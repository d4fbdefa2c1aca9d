"""``nearspace export`` and ``nearspace import``: vectors to and from other tools."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError


def export_command(path: cli.SpaceFile, output: cli.Output) -> None:
    """Write a space for other tools.

    A .parquet file has the columns id, label, vector, all that is known of each item, its thumbnail
    as image, and its place on the map as x and y; Apple's embedding-atlas opens it as it is.

    [bold]Examples[/]

      nearspace export photos.space -o photos.parquet

      nearspace export photos.space -o photos.npz
    """
    from nearspace.space.formats import save, written_endings

    cli.check_file(output, *(ending for ending in written_endings() if ending != ".space"))
    space = cli.open_file(path)
    save(space, output)
    columns = ""
    if output.suffix == ".parquet":
        import pyarrow.parquet as pq

        columns = f"; {', '.join(pq.read_schema(output).names)}"
    echo(f"{output}: {counted(len(space), 'item')}{columns}.")


def import_command(
    source: Annotated[
        Path, typer.Argument(help="A .parquet, .npz or .npy file.", show_default=False)
    ],
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="The .space file to write.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
    to: Annotated[
        Path | None,
        typer.Option(
            "--to",
            metavar="FILE",
            help="A .space file to add to, whose vectors are of the same maker.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
    vectors: Annotated[
        str | None, typer.Option(help="Column or array with the vectors, where it is not plain.")
    ] = None,
    *,
    reading: Annotated[Reading, cli.only("ids", "labels")],
    made_by: Annotated[
        str | None,
        typer.Option(
            help="What made the vectors: those of one name can be added to each other. By default "
            "the name of the file."
        ),
    ] = None,
    metric: Annotated[
        str | None,
        typer.Option(
            help="By what they are compared: cosine, dot or euclidean; by default what the file "
            "says, or else cosine."
        ),
    ] = None,
    force: cli.Force = False,
    replace: cli.Replace = False,
) -> None:
    """Make a space of vectors that another tool made.

    It can be searched, mapped and judged; it embeds no new items, since the encoder is elsewhere.

    [bold]Examples[/]

      nearspace import openai.parquet --made-by text-embedding-3-small -o reviews.space

      nearspace import more.parquet --made-by text-embedding-3-small --to reviews.space

      nearspace import table.parquet --vectors emb --ids sku --labels brand -o products.space
    """
    if (output is None) == (to is None):
        raise NearspaceError("import: say where to: -o for a new .space file, --to to add to one.")
    if output is not None:
        cli.check_file(output, ".space", force=force)
    from nearspace.space.file.store import add
    from nearspace.space.formats import open_space, save

    space = open_space(
        source, vectors=vectors, ids=reading.ids, labels=reading.labels, made_by=made_by,
        metric=metric,
    )  # fmt: skip
    rows, dim = space.vectors.shape
    what = f"{counted(rows, 'vector')} of {dim}, made by {space.recipe.maker}"
    if output is not None:
        save(space, output)
        echo(f"{output}: {what}.")
    elif to is not None:
        done = add(to, space, replace=replace)
        for note in done.notes:
            echo(f"note: {in_options(note)}", err=True)
        echo(
            f"{to}: {what}; {done.new:,} new, {done.changed:,} changed, {done.unchanged:,} as they "
            "were."
        )
    columns = [] if space.labels is None else ["labels"]
    columns += [] if space.meta is None else space.meta.column_names
    if columns:
        echo(f"  Known of each: {', '.join(columns)}.")
    echo(f"  Compared by {space.recipe.metric}.")
    cli.tell_zeros(space)
    if left := space.recipe.left_out:
        echo(f"  Left out, as they hold vectors or bytes: {', '.join(left)}.")
