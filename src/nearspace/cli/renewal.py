"""``nearspace re-embed`` and ``align``: a space when the model changes."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.growing import growing_bar
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo
from nearspace.errors import NearspaceError


def re_embed_command(
    path: cli.SpaceFile,
    spec: Annotated[
        str,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="The new encoder, or the .space file that has it. See nearspace encoders.",
            rich_help_panel=cli.ENCODERS,
        ),
    ],
    output: cli.Output,
    items: Annotated[
        str | None,
        typer.Option(
            metavar="SOURCE",
            help="What the space was made of, where it does not keep it: images, vectors.",
            show_default=False,
        ),
    ] = None,
    *,
    reading: Annotated[Reading, cli.only("column", "ids", "pattern", "chunks", "overlap")],
    force: cli.Force = False,
) -> None:
    """Embed the items of a space anew by another encoder, into another file.

    Ids, labels, metadata and thumbnails go along. A space keeps its texts and tables; of images
    give the folder by --items, in which each is found by its id. The old file stays as it is. After
    Ctrl-C the new one holds what is done, and the same command goes on from there.

    [bold]Examples[/]

      nearspace re-embed notes.space --with 'tfidf | svd:dim=256' -o new.space

      nearspace re-embed notes.space --with best.space -o new.space

      nearspace re-embed photos.space --items photos/ --with hog -o new.space
    """
    from nearspace.encoders.spec import make
    from nearspace.space.file.growing import is_unfinished
    from nearspace.space.file.reembedding import re_embed_file

    if output.exists() and path.exists() and output.samefile(path):
        raise NearspaceError(
            f"-o {output} is the old space, which stays until the new one is whole: give another "
            "name."
        )
    goes_on = not force and is_unfinished(output)
    cli.check_file(output, ".space", force=force or goes_on)
    if spec.endswith(".space"):
        encoder: Any = cli.encoder_of(cli.open_file(Path(spec)), spec)
    else:
        encoder = make(spec)
    source = None
    if items is not None:
        source = reading.read(items, like=cli.open_file(path).kind)
    with growing_bar(spec, output, goes_on) as tell:
        space = re_embed_file(path, encoder, output, tell, source, anew=force)
    for note in space.encoder.notes if space.encoder else ():
        echo(f"note: {space.recipe.spec}: {note}", err=True)
    cli.tell_zeros(space)
    rows, dim = space.vectors.shape
    echo(f"{output}: {counted(rows, 'vector')} of {counted(dim, 'dimension')}.")


def align_command(
    path: cli.SpaceFile,
    to: Annotated[
        Path,
        typer.Option(
            metavar="SPACE",
            help="A .space file in which the new encoder has embedded some of the same items.",
            show_default=False,
        ),
    ],
    output: cli.Output,
    force: cli.Force = False,
) -> None:
    """Lead the vectors of an old space into that of a new encoder, by the items that both have.

    For when the items are gone, or are too many to be embedded anew. The rotation is found by the
    items with ids in both spaces, 60 at least; how well it goes is measured on a fifth of them that
    had no part in it, told, and kept in the new file.

    [bold]Example[/]

      nearspace align old.space --to new.space -o aligned.space
    """
    from nearspace.space.alignment import align
    from nearspace.space.formats import save

    if any(output.exists() and each.exists() and output.samefile(each) for each in (path, to)):
        raise NearspaceError(f"-o {output} is what the command reads; give another name.")
    cli.check_file(output, ".space", force=force)
    space, how = align(cli.open_file(path), cli.open_file(to))
    save(space, output)
    echo(str(how), wrap=True)
    rows, dim = space.vectors.shape
    echo(f"{output}: {counted(rows, 'vector')} of {counted(dim, 'dimension')}.")
