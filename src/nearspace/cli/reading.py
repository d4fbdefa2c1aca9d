"""`Reading`: the options that say how a SOURCE is read, and the reading of it."""

from __future__ import annotations

import dataclasses
from typing import Annotated, Any, ClassVar

import typer

from nearspace.cli.terminal import console, counted, echo, print_heading, waiting
from nearspace.cli.wording import in_options
from nearspace.data import Dataset, Kind
from nearspace.data.column_types import TYPES
from nearspace.data.kinds.graph import Graph, OfNodes
from nearspace.data.kinds.interactions import Interactions
from nearspace.data.sources import NAMED
from nearspace.errors import NearspaceError

__all__ = ["Reading", "two_names"]

LISTED = 50  # items left out for one reason that have a line each; more stand in one
OF_EDGES = ("ends", "weights", "edge_time", "directed")
# Files that hold nothing but links, by the kind that says so: which options they have, and what.
LINKS = {
    Graph.name: (OF_EDGES, "holds the edges of a graph"),
    Interactions.name: (OF_EDGES[:-1], "holds interactions of users and items"),
}


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
        from nearspace.data.graph_reading import holds_graph, load_graph

        if source.endswith(".space"):
            return self._read_space(source, like, random_state)
        if self.edges is not None or self.interactions is not None:
            return self._read_nodes(source, like, random_state)
        if holds_graph(source):
            self._only(source, {"directed"}, "holds a graph, with all that is said of its nodes")
            return load_graph(source, directed=self.directed)
        if self.kind in LINKS:
            usable, what = LINKS[self.kind]
            self._only(source, {"kind", *usable}, what)
            return self._linked(source, None, graph=self.kind == Graph.name)
        of_links = [name for name in OF_EDGES if getattr(self, name)]
        if of_links:
            option = of_links[0].replace("_", "-")
            raise NearspaceError(
                f"--{option} is of edges; name the file that holds them (--edges)."
            )
        dataset = load(source, **self._options, like=None if isinstance(like, OfNodes) else like,
                       random_state=random_state)  # fmt: skip
        if isinstance(like, OfNodes) and type(dataset.kind) is not type(like):
            holds = "interactions" if like.has_users else "edges"
            raise NearspaceError(
                f"{source}: the space is one of {like}; name the file that holds their {holds} "
                f"(--{holds})."
            )
        return dataset

    def _read_nodes(self, source: str, like: Kind | None, random_state: int) -> Dataset:
        """Return nodes of which a source says something, or users and the items of a source."""
        from nearspace.data import load

        if self.edges is not None and self.interactions is not None:
            raise NearspaceError(
                "--edges has no meaning beside --interactions, which lead from users to items; "
                "leave one of them out."
            )
        if self.test is not None and self.interactions is not None:
            raise NearspaceError(
                "--test has no meaning beside --interactions, of which some are held back."
            )
        if self.test is not None:
            raise NearspaceError(
                "--test has no meaning beside --edges, as one graph holds all nodes; say by "
                "--split which of them test."
            )
        if self.directed and self.interactions is not None:
            raise NearspaceError("--directed has no meaning beside --interactions; leave it out.")
        options = self._options | {"kind": None if self.kind in LINKS else self.kind}
        own = like.attributes if isinstance(like, OfNodes) else like
        said = load(source, **options, like=own, random_state=random_state)
        return self._linked(self.edges or self.interactions, said, graph=self.edges is not None)

    def _linked(self, links: Any, said: Dataset | None, graph: bool) -> Dataset:
        """Return the nodes, or the users and items, between which a file has links."""
        from nearspace.data.graph_reading import load_graph, load_interactions

        ends = None if self.ends is None else two_names(self.ends, "--ends", "citing,cited")
        how = {"ends": ends, "weights": self.weights, "time": self.edge_time}
        if graph:
            return load_graph(links, said, **how, directed=self.directed)  # type: ignore[arg-type]
        return load_interactions(links, said, **how)  # type: ignore[arg-type]

    @property
    def _options(self) -> dict[str, Any]:
        """What `load` takes."""
        own = dataclasses.asdict(self) | {"types": _types(self.types or [])}
        others = {*OF_EDGES, "edges", "interactions"}
        return {name: value for name, value in own.items() if name not in others}

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
