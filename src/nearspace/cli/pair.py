"""``nearspace pair``: one space of both sides of pairs, such as a translator."""

from __future__ import annotations

from typing import Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli.pairing import Pairing
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo
from nearspace.errors import NearspaceError


def pair_command(
    source: cli.Source,
    other: cli.Right = None,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="An encoder of pairs, or one that both sides share. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = "linear_pair",
    *,
    output: cli.Output,
    reading: Annotated[Reading, cli.only("kind", "test")],
    pairing: Annotated[Pairing, cli.only("pairs")],
    force: cli.Force = False,
) -> None:
    """Fit an encoder on pairs that belong together, and write one space of both sides.

    Items on one side are then searched by what stands on the other: sentences by their translation,
    pictures by a sentence. How good that is, nearspace compare tells of pairs held back.

    [bold]Examples[/]

      nearspace pair german.txt english.txt --with linear_pair -o translator.space

      nearspace pair faq.csv --pairs question,answer --with linear_pair -o faq.space
    """
    from nearspace.data.pairs import Pairs
    from nearspace.encoders.paired import Shared
    from nearspace.encoders.spec import make
    from nearspace.space.formats import save

    cli.check_file(output, ".space", force=force, reads=[source])
    encoder = make(spec)
    if encoder.learns != "pairs":
        encoder = Shared(encoder)
    data = pairing.read(source, reading, other=other, command="pair")
    if not isinstance(data, Pairs):
        raise NearspaceError(
            f"{source} has no pairs: give a second source, or two columns by --pairs LEFT,RIGHT."
        )
    space = cli.embedded(data.together(), encoder, encoder.spec)
    save(space, output)
    for note in space.encoder.notes if space.encoder else ():
        echo(f"note: {space.recipe.spec}: {note}", err=True)
    rows, dim = space.vectors.shape
    echo(f"{output}: {counted(rows, 'vector')} of both sides, {counted(dim, 'dimension')}.")
