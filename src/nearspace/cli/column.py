"""``nearspace column``: the values of a column of a table as a space."""

from __future__ import annotations

from typing import Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo, progress_bar


def column_command(
    source: cli.Source,
    name: Annotated[
        str, typer.Argument(metavar="COLUMN", help="The column of categories, by its name.")
    ],
    output: cli.Output,
    *,
    spec: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="entity with parameters; it learns the labels, or where there are none the cells "
            "of the other columns.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    reading: Annotated[Reading, cli.only("labels", "types", "ratio", "without", "limit")],
    force: cli.Force = False,
) -> None:
    """Make a space whose items are the values of a column of a table.

    An encoder learns the rows, and in them a vector for each value: those that tell alike of the
    labels, or of the other cells, come out near each other. The space can be searched by values,
    and mapped.

    [bold]Examples[/]

      nearspace column adult.csv occupation --labels income -o occupation.space
    """
    from nearspace.learning.progress import epoch_listener
    from nearspace.space.column_space import column_space
    from nearspace.space.formats import save, written_endings

    cli.check_file(output, *written_endings(), force=force, reads=[source])
    dataset = reading.read(source)
    with (
        progress_bar() as tell,
        epoch_listener(lambda done, epochs: tell(done / epochs, f"{name}, epoch {done:,}")),
    ):
        tell(0.0, name)
        space = column_space(dataset, name, spec)
    path = save(space, output)
    assert space.encoder is not None  # which has the values
    for note in space.encoder.notes:
        echo(f"note: {note}", err=True, wrap=True)
    rows, dim = space.vectors.shape
    echo(f"{path}: {counted(rows, 'value')} of {counted(dim, 'dimension')}.")
