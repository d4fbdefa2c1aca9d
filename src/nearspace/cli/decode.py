"""``nearspace decode``, ``sample``, ``interpolate``, ``analogy``: what stands in a space."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli.answers import print_answers
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import counted, echo, echo_lines
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.writing import replacing

if TYPE_CHECKING:
    import pandas as pd

    from nearspace.data.sound import Sound

ENDINGS = (".png", ".npy", ".npz", ".csv", ".wav")
# What items of a kind are written as that are no arrays of one shape.
OF_KIND = {"table": (".csv",), "audio": (".wav",), "series": (".npy", ".npz")}
BETWEEN = 0.5  # seconds of silence between two sounds
ROW = 12  # images on the way that stand side by side


Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        rich_help_panel=cli.OUTPUT,
        help="The file to write: .png for a grid of images, .npy for the items, .npz for items and "
        "vectors, .csv for rows of a table, .wav for sounds, one after the other.",
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="Of the fit and the draw.")]


def decode_command(
    path: cli.SpaceFile,
    output: Output,
    item: cli.Item = None,
    vectors: cli.Vectors = None,
) -> None:
    """Decode items of a space, or vectors of your own, to pictures, arrays or rows.

    [bold]Examples[/]

      nearspace decode photos.space --id cat/1.jpg --id dog/7.jpg -o decoded.png

      nearspace decode photos.space --vectors mine.npy -o decoded.npy
    """
    if (item is None) == (vectors is None):
        raise NearspaceError("decode: say what to decode, by --id (several times) or --vectors.")
    space = _open(path, output, vectors)
    if vectors is not None:
        from nearspace.space.formats import open_space

        given: Any = open_space(vectors)
        _write(output, space, given.vectors, given.ids)
    else:
        from nearspace.space.search.neighbours import vectors_at

        ids = cli.ids_meant(space, item or [])
        _write(output, space, vectors_at(space, ids), np.array(ids))


def sample_command(
    path: cli.SpaceFile,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            rich_help_panel=cli.OUTPUT,
            help="The file to write: .png for a grid of images, .npy for the items, .npz for items "
            "and vectors, .csv for rows of a table, .txt for texts, which are printed without it.",
        ),
    ] = None,
    n: Annotated[
        int | None,
        typer.Option("-n", min=1, help="How many to draw.", show_default="64; of texts 1"),
    ] = None,
    source: Annotated[
        str,
        typer.Option(
            "--from",
            help="mixture: of Gaussians, fitted to the vectors of the space; prior: what the "
            "encoder was trained to match.",
        ),
    ] = "mixture",
    prompt: Annotated[
        str | None, typer.Option(metavar="TEXT", help="What texts begin with.")
    ] = None,
    length: Annotated[int, typer.Option(min=1, help="How many tokens a text is written on.")] = 200,
    temperature: Annotated[
        float,
        typer.Option(min=0, help="Of texts: below 1 what is likely becomes likelier, at 0 alone."),
    ] = 1.0,
    random_state: Seed = 0,
) -> None:
    """Draw new items from a space whose encoder decodes, or texts from one that writes on.

    [bold]Examples[/]

      nearspace sample photos.space -n 64 -o samples.png

      nearspace sample photos.space --from prior -o samples.npz

      nearspace sample plays.space --prompt 'ROMEO:' --temperature 0.8
    """
    if output is not None:
        cli.check_file(output, *ENDINGS, ".txt")
    space = cli.open_file(path)
    from nearspace.space.decode import mixture_size, sample, writer

    if prompt is not None or output is None or output.suffix == ".txt":
        texts = writer(space).sample(
            prompt or "", n or 1, length=length, temperature=temperature, random_state=random_state
        )
        if output is None:
            for text in texts:
                echo_lines(text)
            return
        if output.suffix != ".txt":
            raise NearspaceError(f"-o {output}: texts are written into a file ending .txt.")
        with replacing(output) as beside:
            beside.write_text("\n\n".join(texts) + "\n", encoding="utf-8")
        echo(f"{output}: {counted(len(texts), 'text')} written.")
        return
    _check_decodes(space, output)
    drawn = sample(space, n or 64, random_state, source)
    _write(output, space, drawn)
    fitted = f"a mixture of {mixture_size(space)} Gaussians fitted to the vectors of the space"
    where = fitted if source == "mixture" else f"the prior of {space.recipe.spec}"
    echo(f"Drawn from {where}.")


def interpolate_command(
    path: cli.SpaceFile,
    first: Annotated[str, typer.Argument(metavar="A", help="The id of the item at the beginning.")],
    last: Annotated[str, typer.Argument(metavar="B", help="The id of the item at the end.")],
    output: Output,
    n: Annotated[int, typer.Option("-n", min=2, help="How many, ends included.")] = 9,
    how: Annotated[
        str,
        typer.Option(help="linear: the straight way; spherical: the arc around the origin."),
    ] = "linear",
) -> None:
    """Decode the way between two items of a space, ends included.

    [bold]Examples[/]

      nearspace interpolate photos.space cat/1.jpg dog/7.jpg -n 9 -o way.png

      nearspace interpolate photos.space cat/1.jpg dog/7.jpg --how spherical -o way.npy
    """
    space = _open(path, output)
    from nearspace.space.decode import interpolate
    from nearspace.space.search.neighbours import vectors_at

    begin, end = vectors_at(space, cli.ids_meant(space, [first, last]))
    way = interpolate(begin, end, n, how)
    _write(output, space, way, columns=min(n, ROW))


def analogy_command(
    path: cli.SpaceFile,
    a: Annotated[str, typer.Argument(metavar="A", help="The id of an item,")],
    b: Annotated[str, typer.Argument(metavar="B", help="of what is to it as")],
    c: Annotated[str, typer.Argument(metavar="C", help="the wanted is to this one.")],
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 5,
    metric: cli.Metric = None,
    as_json: cli.AsJson = False,
) -> None:
    """Find what is to C as B is to A: the items nearest to B - A + C.

    [bold]Examples[/]

      nearspace analogy words.space man woman king -k 5
    """
    space = cli.open_file(path)
    from nearspace.space.search.neighbours import analogy
    from nearspace.space.search.queries import answer_notes, answer_rows, answers_json

    a, b, c = cli.ids_meant(space, [a, b, c])
    nearest = analogy(space, a, b, c, k, metric)
    answers = answer_rows(space, nearest)
    for note in (*nearest.notes, *answer_notes(space)):
        echo(f"note: {in_options(note)}", err=True, style="dim", wrap=True)
    if as_json:
        echo_lines(answers_json([f"{b} - {a} + {c}"], answers, nearest))
    else:
        print_answers(
            "", answers[0], cli.SCORES[nearest.metric], "There is no other item to be found."
        )


def _open(path: Path, output: Path, vectors: str | None = None) -> Any:
    """Return a space that decodes to what is to be written."""
    cli.check_file(output, *ENDINGS, reads=[vectors])
    space = cli.open_file(path)
    _check_decodes(space, output)
    return space


def _check_decodes(space: Any, output: Path) -> None:
    """Raise an error unless a space decodes to what a file of this name can hold."""
    from nearspace.space.decode import decoder

    own = OF_KIND.get(decoder(space).kind.name)
    if output.suffix not in (own or (".npy", ".npz", ".png")):
        raise NearspaceError(
            f"-o {output}: the space decodes to {space.kind}; write "
            f"{' or '.join(own or ('.npy', '.npz'))}."
        )
    if output.suffix == ".png" and not (space.kind and space.kind.pixels):
        what = "unknown items" if space.kind is None else str(space.kind)
        raise NearspaceError(
            f"-o {output}: the space is one of {what}, of which there is no picture; write .npy or "
            ".npz."
        )


def _write(
    output: Path,
    space: Any,
    vectors: np.ndarray,
    ids: np.ndarray | None = None,
    columns: int | None = None,
) -> None:
    """Decode vectors and write what stands there, and say so."""
    from nearspace.space.decode import decode

    items: Any = decode(space, vectors)
    if output.suffix == ".wav":
        _write_sounds(output, items)
        return
    if isinstance(items, list):
        items = _of_one_length(items)
    arrays = {"items": items, "vectors": vectors}
    if ids is not None:
        arrays["ids"] = ids
    if output.suffix == ".csv":
        _write_rows(output, items, ids)
        return
    with replacing(output) as beside:
        if output.suffix == ".png":
            from nearspace.space.pictures import image_grid

            image_grid(items, columns).save(beside)
        elif output.suffix == ".npy":
            np.save(beside, items)
        else:
            np.savez(beside, **arrays)
    one = f"decoded, of shape {items.shape[1:]}" if items.ndim > 2 else "decoded"
    echo(f"{output}: {counted(len(items), 'item')} {one}.")


def _of_one_length(series: list[np.ndarray]) -> np.ndarray:
    """Return series as one array ``(n, channels, time)``, NaN behind their ends."""
    longest = max(item.shape[1] for item in series)
    return np.stack(
        [
            np.pad(item, ((0, 0), (0, longest - item.shape[1])), constant_values=np.nan)
            for item in series
        ]
    )


def _write_sounds(output: Path, sounds: list[Sound]) -> None:
    """Write sounds one after the other, as 16 bits a sample."""
    import wave

    rate = sounds[0].rate
    silence = np.zeros(round(BETWEEN * rate), np.float32)
    samples = np.concatenate([part for sound in sounds for part in (sound.samples, silence)])
    whole = (samples.clip(-1, 1) * (2**15 - 1)).round().astype("<i2")
    with replacing(output) as beside, wave.open(str(beside), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(whole.tobytes())
    echo(f"{output}: {counted(len(sounds), 'sound')} decoded.")


def _write_rows(output: Path, rows: pd.DataFrame, ids: np.ndarray | None) -> None:
    """Write rows of a table behind their ids, numbers to as many digits as mean something."""
    numbers = rows.select_dtypes("number").columns
    rows[numbers] = rows[numbers].map(lambda number: float(f"{number:.6g}"))
    if ids is not None:
        rows.insert(0, "id", ids, allow_duplicates=True)
    write_csv(rows, output)
    echo(f"{output}: {counted(len(rows), 'row')} decoded.")
