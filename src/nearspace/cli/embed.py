"""``nearspace embed``: vectors of a source, in a file that other tools read."""

from __future__ import annotations

from typing import Annotated

import typer

from nearspace.cli import options as cli

HELP = """
Fit an encoder and write one vector an item.

[bold]Examples[/]

  nearspace embed digits --with 'pca(dim=32)' -o digits.npz

  nearspace embed my_photos/ --with simclr -o photos.parquet

  nearspace embed reviews.csv --column text --with 'tfidf | pca(dim=64)' -o reviews.npz
"""


def embed_command(
    source: cli.Source,
    spec: Annotated[str, typer.Option("--with", help="The encoder. [encoders]")],
    output: cli.Output,
    labels: cli.Labels = None,
    column: cli.Column = None,
    kind: cli.Kind = None,
    size: cli.Size = None,
    ids: cli.Ids = None,
    limit: cli.Limit = None,
) -> None:
    """Fit, embed, export; the help text stands in HELP."""
    cli.check_file(output, ".npz", ".parquet")
    from rich.console import Console
    from rich.progress import Progress

    from nearspace.encoders.spec import make

    encoder = make(spec)
    dataset = cli.read(
        source, kind=kind, size=size, column=column, labels=labels, ids=ids, limit=limit
    )
    cli.check_labels(encoder, dataset)
    from nearspace.learning.progress import epoch_listener
    from nearspace.space.space import embed

    with Progress(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task(spec, total=None)
        with epoch_listener(lambda done, total: bar.update(task, completed=done, total=total)):
            space = embed(dataset, encoder)
    path = space.export(output)
    typer.echo(
        f"{path}: {space.vectors.shape[0]:,} vectors of {space.vectors.shape[1]} dimensions."
    )
