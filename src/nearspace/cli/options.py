"""The options that commands share, and the checks of what they are to write."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Annotated, Any

import typer

from nearspace.errors import NearspaceError

SpaceFile = Annotated[
    Path, typer.Argument(help="A .space file, as nearspace embed writes it.", show_default=False)
]
Item = Annotated[
    list[str] | None, typer.Option("--id", help="An item of the space; repeat for several.")
]
Vectors = Annotated[
    str | None, typer.Option("--vectors", help="A .npy, .npz or .parquet file of vectors.")
]
Metric = Annotated[str, typer.Option(help="cosine, dot or euclidean.")]
SCORES = {"cosine": "cosine", "dot": "inner product", "euclidean": "distance"}
Force = Annotated[bool, typer.Option("--force", help="Replace a .space file that is there.")]
Output = Annotated[Path, typer.Option("-o", "--output", help="Where to write.")]


def make_folder(output: Path, files: str) -> None:
    """Make the folder into which a command writes its files, or raise `NearspaceError`."""
    if output.exists() and not output.is_dir():
        raise NearspaceError(f"-o {output} is a file; give a folder for {files}.")
    try:
        output.mkdir(parents=True, exist_ok=True)
        tempfile.TemporaryFile(dir=output).close()
    except OSError as error:
        raise NearspaceError(f"-o {output}: the folder cannot be made ({error}).") from error


def check_file(output: Path, *endings: str, option: str = "-o") -> None:
    """Raise `NearspaceError` if a command could not write its file; the folder is made."""
    if output.suffix not in endings:
        raise NearspaceError(f"{option} {output}: expected a file ending {' or '.join(endings)}.")
    try:
        there = output.exists()
        output.parent.mkdir(parents=True, exist_ok=True)
        output.open("ab").close()
        tempfile.TemporaryFile(dir=output.parent).close()  # a space is first written beside
    except OSError as error:
        raise NearspaceError(f"{option} {output}: the file cannot be written ({error}).") from error
    if not there:
        output.unlink()


def check_new(output: Path, force: bool, option: str = "-o") -> None:
    """Raise `NearspaceError` if a space stands where one is to be written, unless by force."""
    if not force and output.suffix == ".space" and output.exists() and output.stat().st_size:
        raise NearspaceError(
            f"{option} {output} is there already: add items to it with nearspace add, or let it be "
            "replaced by --force."
        )


def check_labels(encoder: Any, dataset: Any) -> None:
    """Raise `NearspaceError` if an encoder learns from labels that the data does not have."""
    if encoder.learns == "labels" and dataset.target is None:
        raise NearspaceError(
            f"{dataset.name} has no labels, from which this encoder learns: sort files into a "
            "subfolder for each class, or name the column with --labels."
        )


def open_file(path: Path) -> Any:
    """Return the space that a file holds, with its size on standard error."""
    from rich.console import Console
    from rich.markup import escape

    from nearspace.space.formats import open_space

    console = Console(stderr=True)
    with console.status(escape(f"Opening {path}")):
        space = open_space(path)
    rows, dim = space.vectors.shape
    told = escape(f"{rows:,} vectors of {dim}, {space.recipe.spec}.")
    console.print(f"[bold]{escape(str(path))}[/]: {told}", highlight=False)
    return space


def encoder_of(space: Any, path: str | Path) -> Any:
    """Return the encoder of a space, or raise `NearspaceError` if it has none."""
    if space.encoder is None:
        why = "it is the half that decodes" if space.decoder else "its vectors were made elsewhere"
        raise NearspaceError(f"{path} has no encoder, since {why}: it cannot embed anything new.")
    return space.encoder


def embedded(dataset: Any, encoder: Any, name: str) -> Any:
    """Return the space of a dataset, with a bar on standard error while the encoder is fitted."""
    from nearspace.learning.progress import epoch_bar
    from nearspace.space.space import embed

    with epoch_bar(name, shown=True):
        return embed(dataset, encoder)
