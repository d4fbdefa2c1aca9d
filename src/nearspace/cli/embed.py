"""``nearspace embed``: vectors of a source, as a space or in a file that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.terminal import counted, echo


def embed_command(
    source: cli.Source,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="The encoder, or the .space file that has it. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    output: cli.Output,
    *,
    reading: Annotated[
        cli.Reading,
        cli.only("labels", "column", "kind", "size", "ids", "split", "without", "limit"),
    ],
    force: cli.Force = False,
) -> None:
    """Fit an encoder and write one vector an item.

    A .space file keeps the encoder too, and can be searched, mapped, decoded and added to; .npz and
    .parquet are for other tools.

    [bold]Examples[/]

      nearspace embed my_photos/ --with simclr -o photos.space

      nearspace embed reviews.csv --column text --with 'tfidf | pca:dim=64' -o reviews.space

      nearspace embed more_photos/ --with photos.space -o more.npz
    """
    from nearspace.encoders.spec import make
    from nearspace.space.formats import save, written_endings

    cli.check_file(output, *written_endings(), force=force, reads=[source])

    if spec.endswith(".space"):
        fitted = cli.open_file(Path(spec))
        encoder: Any = cli.encoder_of(fitted, spec)
        dataset = reading.read(source, like=fitted.kind)
        notes = encoder.notes_on(dataset.items)
    else:
        encoder = make(spec)
        dataset = reading.read(source)
        cli.check_labels(encoder, dataset)
    space = cli.embedded(dataset, encoder, spec)
    path = save(space, output)
    if not spec.endswith(".space"):
        notes = space.encoder.notes if space.encoder else ()
    for note in notes:
        echo(f"note: {space.recipe.spec}: {note}", err=True)
    rows, dim = space.vectors.shape
    echo(f"{path}: {counted(rows, 'vector')} of {counted(dim, 'dimension')}.")
