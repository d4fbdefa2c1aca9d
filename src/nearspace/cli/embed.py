"""``nearspace embed``: vectors of a source, as a space or in a file that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli

HELP = """
Fit an encoder and write one vector an item: into a .space file, which keeps the encoder and can be
searched, mapped, decoded and added to, or as .npz or .parquet for other tools.

[bold]Examples[/]

  nearspace embed my_photos/ --with simclr -o photos.space

  nearspace embed reviews.csv --column text --with 'tfidf | pca(dim=64)' -o reviews.space

  nearspace embed more_photos/ --with photos.space -o more.npz
"""


def embed_command(
    source: cli.Source,
    spec: Annotated[
        str, typer.Option("--with", help="The encoder, or the .space file that has it. [encoders]")
    ],
    output: cli.Output,
    labels: cli.Labels = None,
    column: cli.Column = None,
    kind: cli.Kind = None,
    size: cli.Size = None,
    ids: cli.Ids = None,
    limit: cli.Limit = None,
    force: cli.Force = False,
) -> None:
    """Fit, embed, write; the help text stands in HELP."""
    cli.check_file(output, ".space", ".npz", ".parquet")
    cli.check_new(output, force)
    from nearspace.encoders.spec import make

    options = {"column": column, "labels": labels, "ids": ids, "limit": limit}
    if spec.endswith(".space"):
        fitted = cli.open_file(Path(spec))
        encoder: Any = cli.encoder_of(fitted, spec)
        dataset = cli.read(source, kind=kind, size=size, like=fitted.kind, **options)
    else:
        encoder = make(spec)
        dataset = cli.read(source, kind=kind, size=size, **options)
        cli.check_labels(encoder, dataset)
    space = cli.embedded(dataset, encoder, spec)
    path = space.save(output) if output.suffix == ".space" else space.export(output)
    typer.echo(
        f"{path}: {space.vectors.shape[0]:,} vectors of {space.vectors.shape[1]} dimensions."
    )
