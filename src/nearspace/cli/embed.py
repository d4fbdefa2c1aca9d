"""``nearspace embed``: vectors of a source, as a space or in a file that other tools read."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.growing import growing_bar
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo

AT_ONCE = 2**22  # bytes of a text file that are embedded at once
NOTES = 3  # of texts in blocks of lines


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
        Reading,
        cli.only(
            "labels",
            "column",
            "kind",
            "size",
            "rate",
            "ids",
            "split",
            "without",
            "types",
            "ratio",
            "pattern",
            "chunks",
            "overlap",
            "limit",
            "edges",
            "interactions",
            "ends",
            "weights",
            "directed",
        ),
    ],
    force: cli.Force = False,
) -> None:
    """Fit an encoder and write one vector an item.

    A .space file keeps the encoder too, and can be searched, mapped, decoded and added to; .npz and
    .parquet are for other tools.

    Where it takes long, items go into a .space some at a time: after Ctrl-C it holds what is done,
    and the same command goes on from there. The lines of a large .txt file are read so too, in
    little memory, where the encoder learns nothing.

    [bold]Examples[/]

      nearspace embed my_photos/ --with simclr -o photos.space

      nearspace embed reviews.csv --column text --with 'tfidf | pca:dim=64' -o reviews.space

      nearspace embed more_photos/ --with photos.space -o more.npz

      nearspace embed papers.csv --edges cites.csv --ids paper --with propagated -o papers.space
    """
    from nearspace.encoders.spec import make
    from nearspace.space.file.growing import embed_items, is_unfinished
    from nearspace.space.formats import save, written_endings

    if _streams(source, output, spec, reading):
        _embed_lines(Path(source), spec, output, force)
        return
    goes_on = not force and is_unfinished(output)
    cli.check_file(output, *written_endings(), force=force or goes_on, reads=[source])

    if spec.endswith(".space"):
        fitted = cli.open_file(Path(spec))
        encoder: Any = cli.encoder_of(fitted, spec)
        dataset = reading.read(source, like=fitted.kind)
        notes = encoder.notes_on(dataset.items)
    else:
        encoder = make(spec)
        dataset = reading.read(source)
        cli.check_labels(encoder, dataset)
    if output.suffix == ".space" and not any(part.needs_all_items for part in encoder.parts):
        with growing_bar(spec, output, goes_on) as tell:
            space = embed_items(dataset, encoder, output, tell, anew=force)
        cli.tell_of(space, dataset)
    else:
        space = cli.embedded(dataset, encoder, spec)
        save(space, output)
    if not spec.endswith(".space"):
        notes = space.encoder.notes if space.encoder else ()
    for note in notes:
        echo(f"note: {space.recipe.spec}: {note}", err=True)
    rows, dim = space.vectors.shape
    echo(f"{output}: {counted(rows, 'vector')} of {counted(dim, 'dimension')}.")


def _streams(source: str, output: Path, spec: str, reading: Any) -> bool:
    """Return whether a source is read some lines at a time: a large text file, and nothing else."""
    from nearspace.data.encodings import BEGINNING, encoding_of
    from nearspace.encoders.spec import make
    from nearspace.space.file.growing import is_unfinished

    path = Path(source)
    if path.suffix != ".txt" or output.suffix != ".space" or not path.is_file():
        return False
    if reading != type(reading)() or spec.endswith(".space") or make(spec).learns != "nothing":
        return False
    with path.open("rb") as file:
        if not encoding_of(file.read(BEGINNING)).startswith("utf-8"):
            return False
    return path.stat().st_size > AT_ONCE or is_unfinished(output)


def _embed_lines(source: Path, spec: str, output: Path, force: bool) -> None:
    """Embed the lines of a text file, or those that an earlier run left."""
    from nearspace.encoders.spec import make
    from nearspace.space.file.growing import embed_lines, is_unfinished

    goes_on = not force and is_unfinished(output)
    cli.check_file(output, ".space", force=force or goes_on)
    with growing_bar(spec, output, goes_on, " bytes") as tell:
        grown = embed_lines(
            source, make(spec), output, lambda read, size, lines: tell(read, size), anew=force
        )
    for note in grown.notes[:NOTES]:
        echo(f"note: {spec}: {note}", err=True)
    if grown.blank:
        echo(f"note: {counted(grown.blank, 'line')} without a text left out.", err=True)
    echo(f"{output}: {counted(grown.items, 'vector')} of {counted(grown.dim, 'dimension')}.")
