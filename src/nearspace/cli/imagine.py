"""``nearspace imagine``: pictures that sentences may mean, drawn, and the nearest real ones."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from nearspace.cli import options as cli
from nearspace.cli.terminal import counted, echo, waiting
from nearspace.errors import NearspaceError
from nearspace.foreign import printable
from nearspace.writing import replacing


def imagine_command(
    path: cli.SpaceFile,
    texts: Annotated[
        list[str], typer.Argument(metavar="TEXT...", help="What is to be seen, in words.")
    ],
    n: Annotated[int, typer.Option("-n", min=1, help="How many to draw for each.")] = 4,
    temperature: Annotated[
        float, typer.Option(min=0, help="The lower, the likelier and the more alike what is drawn.")
    ] = 0.5,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            rich_help_panel=cli.OUTPUT,
            help="The picture to write, .png: each text, what was drawn, the nearest real picture.",
        ),
    ] = Path("imagined.png"),
    random_state: Annotated[int, typer.Option(min=0, help="Of the draws.")] = 0,
) -> None:
    """Draw pictures that texts may mean, by what pairs of pictures and texts have taught.

    SPACE is one of nearspace pair pictures/ captions/ --with imagine. What is drawn was never
    there: beside it stands the picture of the space that a search by the text finds.

    [bold]Examples[/]

      nearspace imagine emoji.space 'a red heart'

      nearspace imagine emoji.space 'a smiling cat' 'green apple' -n 6 -o strip.png
    """
    from nearspace.data.kinds.image import Image
    from nearspace.data.kinds.text import Text
    from nearspace.space.imagining import imagine, strip, unwritten
    from nearspace.space.sides import is_sided

    cli.check_file(output, ".png", reads=[str(path)])
    space = cli.open_file(path)
    if is_sided(space) and space.encoder is not None:
        sides = [space.encoder.side(name).kind_ for name in ("left", "right")]
        if not (type(sides[0]) is Image and type(sides[1]) is Text):
            raise NearspaceError(
                f"{path}: expected pictures on the left and texts on the right, got {space.kind}."
            )
    if blank := [text for text in texts if not text.strip()]:
        raise NearspaceError(f"imagine: expected texts, got {blank[0]!r}.")
    with waiting("Drawing"):
        imagined = imagine(space, texts, n, temperature, random_state)
    with replacing(output) as beside:
        strip(space, texts, imagined).save(beside, format="png")
    for text, place, score in zip(texts, imagined.nearest, imagined.scores, strict=True):
        told = printable(f"{text}: nearest real one {space.ids[place]} ({score:.3f})")
        echo(" ".join(told.split()), wrap=True)
    if missing := unwritten("".join(texts)):
        echo(f"note: {output} cannot show '{printable(missing)}', for want of a font.", err=True)
    drawn = counted(n * len(texts), "picture")
    echo(f"{output}: {drawn} drawn for {counted(len(texts), 'text')}.")
