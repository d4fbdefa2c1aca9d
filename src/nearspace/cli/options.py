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
    console,
    counted,
    echo,
    print_heading,
    progress_bar,
    waiting,
)
from nearspace.cli.wording import in_options
from nearspace.data import SAMPLES, Dataset, Kind
from nearspace.data.column_types import TYPES
from nearspace.data.kinds.graph import Graph, OfNodes
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.sources import NAMED
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
LISTED = 50  # items left out for one reason that have a line each; more stand in one
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
class Reading:
    """How to read a SOURCE: what `load` takes, as options."""

    heading: ClassVar[str] = "Data"

    labels: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column or array with the classes or numbers."),
    ] = None
    column: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column of a CSV with the texts, or array of an npz; repeat to join texts.",
        ),
    ] = None
    kind: Annotated[
        str | None,
        typer.Option(
            metavar="KIND",
            help=f"{', '.join(Kind.registry)}; overrules the guess. graph: "
            "SOURCE is a list of edges; interactions: of users and their items.",
        ),
    ] = None
    size: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="Side in pixels that images are read to.")
    ] = None
    rate: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Samples a second to which sounds are brought; those of most files if absent.",
        ),
    ] = None
    groups: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column or array; a group never stands on both sides."),
    ] = None
    time: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column or array; the latest items then test."),
    ] = None
    ids: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column or array with each item's id.")
    ] = None
    split: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column or array of a published split: train, test, …"),
    ] = None
    without: Annotated[
        list[str] | None,
        typer.Option(metavar="COLUMN", help="Column that is no feature; repeat for several."),
    ] = None
    types: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN=TYPE",
            help=f"What a column is ({', '.join(TYPES)}), whatever it looks like; repeat for "
            "several.",
        ),
    ] = None
    ratio: Annotated[
        list[str] | None,
        typer.Option(metavar="A/B", help="Column to make of two columns; repeat for several."),
    ] = None
    pattern: Annotated[
        str | None,
        typer.Option(
            metavar="NAME",
            help="What names of files look like, as '{label}_{group}_{}.wav'; {} is anything, "
            "another name in braces a column.",
        ),
    ] = None
    chunks: Annotated[
        float | None,
        typer.Option(
            metavar="N",
            help="Cut items into chunks, an item each: of N words of a text, N seconds of a sound, "
            "N steps of a series.",
        ),
    ] = None
    overlap: Annotated[
        float,
        typer.Option(metavar="M", help="How much of a chunk ends the one before."),
    ] = 0
    limit: Annotated[
        int | None, typer.Option(metavar="N", min=1, help="At most N items, at random.")
    ] = None
    test: Annotated[
        str | None, typer.Option(metavar="SOURCE", help="A test set of your own, read like SOURCE.")
    ] = None

    edges: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Table with the ids of two items a row, between which there is an edge: items "
            "are then nodes of a graph.",
        ),
    ] = None
    interactions: Annotated[
        str | None,
        typer.Option(
            metavar="FILE",
            help="Table with the ids of a user and of an item a row: SOURCE holds what is said of "
            "items, and users come beside them.",
        ),
    ] = None
    ends: Annotated[
        str | None,
        typer.Option(
            metavar="FROM,TO",
            help="Columns of edges, or of interactions: both ids; the first two if absent.",
        ),
    ] = None
    weights: Annotated[
        str | None, typer.Option(metavar="COLUMN", help="Column of these: how much each weighs.")
    ] = None
    edge_time: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column of these: when each came about."),
    ] = None
    directed: Annotated[
        bool, typer.Option("--directed", help="Edges lead one way, from the first id.")
    ] = False

    def read(self, source: str, *, like: Kind | None = None, random_state: int = 0) -> Dataset:
        """Return the dataset of a source, with its notes on standard error."""
        with waiting(f"Reading {source}"):
            dataset = self._read(source, like, random_state)
        print_heading(dataset.name, f"{counted(len(dataset), 'item')}.")
        for note in dataset.notes:
            echo(f"  {in_options(note)}", err=True, wrap=True)
        _name_all(dataset.left_out)
        return dataset

    def _read(self, source: str, like: Kind | None, random_state: int) -> Dataset:
        from nearspace.data import load
        from nearspace.data.graph_reading import holds_graph, load_graph, load_interactions

        options = dataclasses.asdict(self) | {"types": _types(self.types or [])}
        names = ("ends", "weights", "edge_time", "directed")
        of_edges = {name: options.pop(name) for name in names}
        edges, interactions = options.pop("edges"), options.pop("interactions")
        how: dict[str, Any] = {
            "ends": None if self.ends is None else two_names(self.ends, "--ends", "citing,cited"),
            "weights": self.weights, "time": self.edge_time,
        }  # fmt: skip
        if source.endswith(".space"):
            return self._read_space(source, like, random_state)
        if edges is not None and interactions is not None:
            raise NearspaceError(
                "--edges has no meaning beside --interactions, which lead from users to items; "
                "leave one of them out."
            )
        if edges is not None or interactions is not None:
            if self.test is not None:
                beside = "--edges" if interactions is None else "--interactions"
                raise NearspaceError(
                    f"--test has no meaning beside {beside}, as one graph holds all nodes; say by "
                    "--split which of them test."
                    if interactions is None
                    else f"--test has no meaning beside {beside}, of which some are held back."
                )
            of_nodes = {Graph.name, Interactions.name}
            options["kind"] = None if self.kind in of_nodes else self.kind
            own = like.attributes if isinstance(like, OfNodes) else like
            nodes = load(source, **options, like=own, random_state=random_state)
            if interactions is None:
                return load_graph(edges, nodes, **how, directed=self.directed)
            if self.directed:
                raise NearspaceError(
                    "--directed has no meaning beside --interactions; leave it out."
                )
            return load_interactions(interactions, nodes, **how)
        if holds_graph(source):
            self._only(source, {"directed"}, "holds a graph, with all that is said of its nodes")
            return load_graph(source, directed=self.directed)
        if self.kind == Graph.name:
            self._only(source, {"kind", *of_edges}, "holds the edges of a graph")
            return load_graph(source, **how, directed=self.directed)
        if self.kind == Interactions.name:
            usable = {"kind", *of_edges} - {"directed"}
            self._only(source, usable, "holds interactions of users and items")
            return load_interactions(source, **how)
        if given := next((name for name, value in of_edges.items() if value), None):
            raise NearspaceError(
                f"--{given.replace('_', '-')} is of edges; name the file that holds them (--edges)."
            )
        dataset = load(source, **options, like=None if isinstance(like, OfNodes) else like,
                       random_state=random_state)  # fmt: skip
        if isinstance(like, OfNodes) and type(dataset.kind) is not type(like):
            holds = "interactions" if like.has_users else "edges"
            raise NearspaceError(
                f"{source}: the space is one of {like}; name the file that holds their {holds} "
                f"(--{holds})."
            )
        return dataset

    def _read_space(self, source: str, like: Kind | None, random_state: int) -> Dataset:
        """Return the vectors of a space as a dataset, for which some options have no meaning."""
        from nearspace.space.dataset import as_dataset
        from nearspace.space.formats import open_space

        if like is not None:
            raise NearspaceError(
                f"{source} holds vectors, not items to embed; expected a folder, a file or a "
                "sample."
            )
        names = ("labels", "groups", "time", "limit")
        self._only(source, {*names}, "holds vectors")
        usable = {name: getattr(self, name) for name in names}
        return as_dataset(open_space(source), **usable, random_state=random_state)

    def _only(self, source: str, usable: set[str], what: str) -> None:
        """Raise `NearspaceError` for an option beside some that have a meaning."""
        for name, value in dataclasses.asdict(self).items():
            if value and name not in usable:
                option = name.replace("_", "-")
                raise NearspaceError(f"{source} {what}; it is read without --{option}.")


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


def two_names(
    text: str, option: str = "--pairs", example: str = "question,answer"
) -> tuple[str, str]:
    """Return the two names that an option holds."""
    names = [name.strip() for name in text.split(",")]
    if len(names) != 2 or not all(names):
        raise NearspaceError(f"{option} {text}: expected two names with a comma, as {example}.")
    return names[0], names[1]


def _types(given: list[str]) -> dict[str, str]:
    """Return the type of each column from ``COLUMN=TYPE``."""
    types = {}
    for each in given:
        name, sign, of = each.rpartition("=")
        if not sign or not name:
            raise NearspaceError(
                f"--types: expected COLUMN=TYPE, such as occupation=category, got '{each}'."
            )
        types[name] = of
    return types


def _name_all(left_out: dict[str, str]) -> None:
    """Name all that was left out where standard error is kept in a file; say so where it is not."""
    if len(left_out) <= NAMED:
        return
    if console(err=True).is_terminal:
        where = "  All that was left out is named where standard error is kept: 2> notes.txt"
        echo(where, err=True, wrap=True)
        return
    alike: dict[str, list[str]] = {}
    for name, why in left_out.items():
        alike.setdefault(why, []).append(name)
    for why, names in alike.items():
        for line in names if len(names) <= LISTED else [", ".join(names)]:
            echo(f"  left out: {line} ({why})", err=True)


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
