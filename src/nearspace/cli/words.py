"""``nearspace words``: words as a space, learned from texts or read from a file of vectors."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.reading import Reading
from nearspace.cli.terminal import counted, echo, progress_bar, waiting


def words_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="Texts, for --with; or a file of word vectors: the text of GloVe, fastText or "
            "word2vec, or the binary of word2vec.",
            show_default=False,
        ),
    ],
    output: cli.Output,
    *,
    spec: Annotated[
        str | None,
        typer.Option(
            "--with",
            metavar="ENCODER",
            help="skipgram or cbow, which learn word vectors from texts.",
            rich_help_panel=cli.ENCODERS,
        ),
    ] = None,
    most: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="At most N words, the commonest, or the first."),
    ] = None,
    reading: Annotated[Reading, cli.only("column", "without", "limit")],
    force: cli.Force = False,
) -> None:
    """Make a space whose items are words.

    With --with an encoder learns word vectors from texts; without it they are read from a file. The
    space keeps the encoder, so that it embeds texts too, and can be searched, mapped and asked for
    analogies.

    [bold]Examples[/]

      nearspace words reviews.csv --column text --with skipgram -o words.space

      nearspace words glove.6B.100d.txt --most 100000 -o words.space
    """
    from nearspace.space.formats import save, written_endings

    cli.check_file(output, *written_endings(), force=force, reads=[source])
    space = _read(source, most, reading) if spec is None else _learned(source, spec, most, reading)
    cli.tell_zeros(space)
    path = save(space, output)
    assert space.encoder is not None  # which has the words
    for note in space.encoder.notes:
        echo(f"note: {space.recipe.spec}: {note}", err=True, wrap=True)
    rows, dim = space.vectors.shape
    echo(f"{path}: {counted(rows, 'word')} of {counted(dim, 'dimension')}.")


def _read(source: str, most: int | None, reading: Reading) -> Any:
    from nearspace.errors import NearspaceError
    from nearspace.space.word_space import word_space

    if reading != Reading():
        raise NearspaceError(
            "words: --column, --without and --limit are of texts, from which --with learns; leave "
            "them out."
        )
    with waiting(f"Reading {source}"):
        return word_space(source, most=most)


def _learned(source: str, spec: str, most: int | None, reading: Reading) -> Any:
    from nearspace.encoders.spec import make
    from nearspace.learning.progress import epoch_listener
    from nearspace.space.word_space import word_space

    encoder = make(spec)
    dataset = reading.read(source)
    with (
        progress_bar() as tell,
        epoch_listener(lambda done, epochs: tell(done / epochs, f"{spec}, epoch {done:,}")),
    ):
        tell(0.0, spec)
        return word_space(dataset, encoder, most=most)
