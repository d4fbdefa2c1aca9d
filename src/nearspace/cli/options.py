"""The options that commands share, written once, and the checks of what they are to write."""

from __future__ import annotations

import contextlib
import copy
import dataclasses
import functools
import inspect
import os
import re
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Annotated, Any, ClassVar, get_args, get_origin, get_type_hints

import typer

from nearspace.cli.terminal import (
    counted,
    echo,
    print_heading,
    progress_bar,
    waiting,
)
from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError
from nearspace.writing import check_empty, check_place

OUTPUT, ENCODERS = "Output", "Encoders"  # headings of options in the help

Source = Annotated[
    str,
    typer.Argument(
        metavar="SOURCE",
        help="A folder or an archive (.zip, .tar) of images, texts or idx files; a .npy, .npz, "
        ".txt, .csv, .tsv, .data, .json, .jsonl, .parquet or .space file; or sample data: "
        f"{', '.join(SAMPLES)}.",
        show_default=False,
    ),
]
Right = Annotated[
    str | None,
    typer.Argument(
        metavar="[RIGHT]",
        help="A second one, whose items belong to those of the first, line by line or by name.",
        show_default=False,
    ),
]
SpaceFile = Annotated[
    Path, typer.Argument(help="A .space file, as nearspace embed writes it.", show_default=False)
]
Item = Annotated[
    list[str] | None,
    typer.Option(
        "--id",
        help="An item of the space, by its id or a part of it that no other has; "
        "repeat for several.",
    ),
]
Vectors = Annotated[
    str | None,
    typer.Option("--vectors", metavar="FILE", help="A .npy, .npz or .parquet file of vectors."),
]
Metric = Annotated[
    str | None,
    typer.Option(metavar="METRIC", help="cosine, dot or euclidean; the space's own if absent."),
]
SCORES = {
    "cosine": "cosine",
    "dot": "inner product",
    "euclidean": "distance",
    "bm25": "BM25",
    "ranks": "fused",
}
Force = Annotated[
    bool,
    typer.Option("--force", help="Replace a .space file that is there.", rich_help_panel=OUTPUT),
]
Replace = Annotated[
    bool, typer.Option("--replace", help="Let items take the places of those with their ids.")
]
Output = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="FILE",
        help="The file to write, whose ending says as what.",
        rich_help_panel=OUTPUT,
    ),
]
Pages = Annotated[
    Path,
    typer.Option(
        "-o",
        "--output",
        metavar="PLACE",
        help="The file to write, whose ending says as what, or a folder for all there is to write.",
        rich_help_panel=OUTPUT,
    ),
]
Open = Annotated[
    bool,
    typer.Option("--open", help="Show the page in a browser.", rich_help_panel=OUTPUT),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.", rich_help_panel=OUTPUT)]


LIKE_A_FILE = re.compile(r"\.[a-z]{2,7}\d?", re.IGNORECASE)  # as no folder is called


@dataclasses.dataclass(frozen=True)
class Judging:
    """How to judge encoders: what `compare` and the other studies take, as options."""

    heading: ClassVar[str] = "Judging"

    task: Annotated[
        str | None,
        typer.Option(
            metavar="TASK",
            help="classes, numbers, unlabelled, retrieval, likeness, matching, links, ranking "
            "or analogies; overrules what the data bring.",
        ),
    ] = None
    hold_out: Annotated[
        str | None,
        typer.Option(
            metavar="HOW",
            help="Of edges and interactions: date, the latest by one date for all; random; or user,"
            " some of each. By date where there is a time, if absent.",
        ),
    ] = None
    test_size: Annotated[
        float, typer.Option(metavar="SHARE", help="Share that tests, if not published.")
    ] = 0.25
    k: Annotated[int, typer.Option("-k", metavar="N", min=1, help="Neighbours that vote.")] = 5
    rank_by: Annotated[str | None, typer.Option(metavar="SCORE", help="knn, probe, knn_r2, …")] = (
        None
    )
    metric: Annotated[
        str | None,
        typer.Option(
            metavar="METRIC",
            help="cosine, dot or euclidean, for all; each encoder's own if absent.",
        ),
    ] = None
    seeds: Annotated[
        int, typer.Option(metavar="N", min=1, help="Fits of each encoder that learns.")
    ] = 1
    folds: Annotated[
        str | None,
        typer.Option(
            metavar="N",
            help="Parts of which each tests once; 1 is one held-out part, groups leaves each group "
            "out once. 5 for few items if absent.",
        ),
    ] = None
    also_without_groups: Annotated[
        bool,
        typer.Option(
            "--also-without-groups",
            help="Judge once more as if there were no groups, and say what that promises too much.",
        ),
    ] = False
    random_state: Annotated[int, typer.Option(metavar="N", min=0, help="Of split and draws.")] = 0
    near_duplicates: Annotated[
        str,
        typer.Option(metavar="HOW", help="tell, or keep them together on one side of the split."),
    ] = "tell"
    cache: Annotated[
        bool, typer.Option(help="Keep what is fitted and judged, and find it again.")
    ] = True

    def check(self) -> None:
        """Raise `NearspaceError` for what no data can be judged by, before any are read."""
        from nearspace.judge.protocol import Protocol
        from nearspace.judge.tasks import check_task

        check_task(self.task)
        Protocol(
            self.k, self.rank_by, self.seeds, self.test_size, self.random_state,
            self.near_duplicates, self.metric, self.parts, self.hold_out,
        ).check()  # fmt: skip

    @property
    def parts(self) -> int | str | None:
        """The folds that are asked for: a number of them where it is one."""
        with contextlib.suppress(ValueError, TypeError):
            return int(self.folds)  # type: ignore[arg-type]
        return self.folds

    @property
    def folder(self) -> Path | None:
        """The folder of the user's cache, in which what is fitted and judged is kept; or None."""
        from platformdirs import user_cache_path

        return user_cache_path("nearspace") if self.cache else None


def only(*names: str) -> tuple[str, ...]:
    """Return which fields of a dataclass a command has as options, and in which order.

    It stands in the annotation: ``reading: Annotated[Reading, only("labels", "ids")]``.
    """
    return names


def with_options(command: Callable[..., None]) -> Callable[..., None]:
    """Return a command for Typer, with an option for each field of its parameters' dataclasses.

    Typer reads the options of a command off its signature and composes none. The fields carry
    what a parameter would: a type with a `typer.Option`, and a default. Those that a command does
    not ask for (see `only`) keep it.

    Parameters
    ----------
    command : callable
        Whose parameters may be dataclasses.

    Returns
    -------
    callable
        Which takes the options by name, and calls the command.

    Raises
    ------
    KeyError
        If a command asks for a field that the dataclass does not have.
    """
    hints = get_type_hints(command, include_extras=True)
    composed: dict[str, tuple[type, list[str]]] = {}
    parameters = []
    for parameter in inspect.signature(command).parameters.values():
        hint = hints[parameter.name]
        kind, *names = get_args(hint) if get_origin(hint) is Annotated else (hint,)
        if dataclasses.is_dataclass(kind) and isinstance(kind, type):
            fields = inspect.signature(kind).parameters
            types = _under_heading(kind)
            options = [fields[name] for name in (names[0] if names else fields)]
            composed[parameter.name] = kind, [option.name for option in options]
        else:
            options, types = [parameter], hints
        parameters += [
            option.replace(kind=option.KEYWORD_ONLY, annotation=types[option.name])
            for option in options
        ]

    @functools.wraps(command)
    def run(**options: Any) -> None:
        made = {
            parameter: kind(**{name: options.pop(name) for name in names})
            for parameter, (kind, names) in composed.items()
        }
        command(**options, **made)

    run.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    run.__annotations__ = {each.name: each.annotation for each in parameters}
    return run


def _under_heading(kind: type) -> dict[str, Any]:
    """Return the types of the fields of a dataclass, as options under its heading in the help."""
    types = get_type_hints(kind, include_extras=True)
    for name, hint in types.items():
        if get_origin(hint) is Annotated:
            plain, option = get_args(hint)
            option = copy.copy(option)
            option.rich_help_panel = getattr(kind, "heading", None)
            types[name] = Annotated[plain, option]
    return types


def either(endings: Sequence[str]) -> str:
    """Return endings of which one is wanted.

    Examples
    --------
    >>> either([".png", ".npy", ".npz"])
    '.png, .npy or .npz'
    """
    *others, last = endings
    return f"{', '.join(others)} or {last}" if others else last


def check_file(
    output: Path,
    *endings: str,
    option: str = "-o",
    force: bool = True,
    reads: Iterable[str | None] = (),
) -> None:
    """Raise `NearspaceError` if a command could not write its file; nothing is made or changed.

    A space that is there is replaced only by ``force``, another file that the command reads never.
    A link is told.
    """
    from nearspace.space.file.saving import check_replaceable

    if output.suffix not in endings:
        raise NearspaceError(f"{option} {output}: expected a file ending {either(endings)}.")
    is_space = output.suffix == ".space"
    with _named(option):
        place = check_replaceable(output) if is_space else check_place(output)
    if not force and is_space and output.exists() and output.stat().st_size:
        raise NearspaceError(
            f"{option} {output} is there already: add items to it with nearspace add, or let it be "
            "replaced by --force."
        )
    for source in filter(None, reads):
        there = output.exists() and os.path.exists(source)
        if there and not is_space and os.path.samefile(output, source):
            raise NearspaceError(
                f"{option} {output} is what the command reads; give another name, so that it stays."
            )
    if output.is_symlink():
        echo(f"note: {option} {output} is a link to {place}, which is what is written.", err=True)


def places(output: Path, *names: str, open_page: bool = False) -> list[Path]:
    """Return where a command writes: files of some names in a folder, or the one that is named.

    A page comes first, which ``open_page`` asks for.

    Raises
    ------
    NearspaceError
        If it could not write there; nothing is made or changed.
    """
    endings = [Path(name).suffix for name in names]
    if output.suffix in endings:
        paths = [output]
    elif output.is_file() or (LIKE_A_FILE.fullmatch(output.suffix) and not output.is_dir()):
        raise NearspaceError(
            f"-o {output}: expected a folder, for {' and '.join(names)}, or a file ending "
            f"{either(endings)}."
        )
    else:
        paths = [output / name for name in names]
    for path in paths:
        check_file(path, *endings)
    if open_page and paths[0].suffix != ".html":
        raise NearspaceError(f"--open shows a page, and -o {output} is none: end it in .html.")
    return paths


def check_new_folder(output: Path) -> None:
    """Raise `NearspaceError` unless a command could make a folder, or fill an empty one."""
    with _named("-o"):
        check_empty(output)


@contextlib.contextmanager
def _named(option: str) -> Iterator[None]:
    """Begin a sentence about a path with the option that gave it."""
    try:
        yield
    except NearspaceError as error:
        raise NearspaceError(f"{option} {error}") from error


def check_labels(encoder: Any, dataset: Any) -> None:
    """Raise `NearspaceError` if an encoder learns from labels that the data does not have."""
    if encoder.learns == "labels" and dataset.target is None:
        raise NearspaceError(
            f"{dataset.name} has no labels, from which this encoder learns: sort files into a "
            "subfolder for each class, or name the column with --labels."
        )


def open_file(path: Path) -> Any:
    """Return the space that a file holds, with its size on standard error."""
    from nearspace.space.formats import open_space

    with waiting(f"Opening {path}"):
        space = open_space(path)
    rows, dim = space.vectors.shape
    print_heading(path, f"{counted(rows, 'vector')} of {dim}, {space.recipe.spec}.")
    return space


def ids_meant(space: Any, names: Sequence[str]) -> list[Any]:
    """Return the ids that names stand for, and tell of those that are not written in full."""
    from nearspace.space.search.naming import id_meant

    ids = [id_meant(space, name) for name in names]
    for name, meant in zip(names, ids, strict=True):
        if name != str(meant):
            echo(f"note: {name} is {meant}.", err=True)
    return ids


def encoder_of(space: Any, path: str | Path) -> Any:
    """Return the encoder of a space, or raise `NearspaceError` if it has none."""
    if space.encoder is None:
        why = "it is the half that decodes" if space.decoder else "its vectors were made elsewhere"
        raise NearspaceError(f"{path} has no encoder, since {why}: it cannot embed anything new.")
    return space.encoder


def embedded(dataset: Any, encoder: Any, name: str) -> Any:
    """Return the space of a dataset, with a bar on standard error while the encoder is busy."""
    from nearspace.learning.progress import about, embedding_listener, epoch_listener
    from nearspace.space.space import embed

    start = time.monotonic()

    def tell_embedded(done: float, items: int) -> None:
        left = (time.monotonic() - start) * (items - done) / done
        tell(done / items, f"{name}, {int(done):,} of {items:,}, {about(left)} left")

    with (
        progress_bar() as tell,
        epoch_listener(lambda done, epochs: tell(done / epochs, f"{name}, epoch {done:,}")),
        embedding_listener(tell_embedded),
    ):
        tell(0.0, name)
        space = embed(dataset, encoder)
    tell_of(space, dataset)
    return space


def tell_of(space: Any, dataset: Any) -> None:
    """Tell on standard error what is odd about a space of a dataset: names, and no direction."""
    before = [] if dataset.meta is None else dataset.meta.column_names
    after = [] if space.meta is None else space.meta.column_names
    for column in ("id", "label"):
        if f"{column}_" in set(after) - set(before):
            echo(f"note: The column '{column}' is '{column}_' in the space.", err=True)
    tell_zeros(space)


def tell_zeros(space: Any) -> None:
    """Tell on standard error of items without direction, which no search by the cosine finds."""
    from nearspace.metrics.directions import has_direction, zeros_told

    zeros = int((~has_direction(space.vectors)).sum())
    if zeros and space.recipe.metric == "cosine":
        items = "items" if space.kind is None else space.kind.plural
        blank = {} if space.encoder is None else {"blank": space.encoder.first.zero_means}
        echo(f"note: {zeros_told(zeros, len(space), items, **blank)}", err=True)
