"""``nearspace map``: the items of a space on a plane, as a page to move over."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nearspace.cli import options as cli
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import (
    beginning,
    console,
    counted,
    echo,
    echo_lines,
    ending,
    show_page,
    waiting,
)
from nearspace.errors import NearspaceError
from nearspace.foreign import printable, printable_json

if TYPE_CHECKING:
    from nearspace.space.map.landmarks import Alike, Landmarks
    from nearspace.space.map.maps import Map
    from nearspace.space.space import Space

LISTED = 8
MEMBERS = 4  # of near-duplicates that are named
INDENT = 10  # columns before what is listed
NEXT_LINE = "\n       =  "
LONG = 200_000  # items
FEW = 10  # times as many placed as laid out, from which on a map says little


def map_command(
    path: cli.SpaceFile,
    output: cli.Pages = Path(),
    open_page: cli.Open = False,
    again: Annotated[
        bool, typer.Option("--again", help="Lay all items out anew, whatever map is kept.")
    ] = False,
    metric: cli.Metric = None,
    as_json: cli.AsJson = False,
) -> None:
    """Lay the items of a space out on a plane, and write a page to move over, zoom into and search.

    Beside it stands a .csv file of each item's place and cluster. Clusters of texts are named by
    the words that tell them from the others. The map is kept in the space: items that are added
    later are placed among the others, which stay where they are.

    [bold]Examples[/]

      nearspace map photos.space --open

      nearspace map photos.space -o photos.html --again

      nearspace map reviews.space -o clusters.csv --json
    """
    paths = cli.places(output, "map.html", "map.csv", open_page=open_page)
    space = cli.open_file(path)
    if not len(space):
        raise NearspaceError(f"{path} has no items to map; add some first.")
    with waiting("Getting ready") as tell:
        from nearspace.report.map import map_frame, map_page
        from nearspace.space.map.landmarks import landmarks

        layout = _map(space, path, again, metric, tell)
        tell("Looking for clusters, outliers and near-duplicates")
        marks = landmarks(space, layout.places, metric=layout.made_by["metric"])
        tell(f"Writing {paths[0]}")
        for written in paths:
            if written.suffix == ".csv":
                write_csv(map_frame(space, layout, marks), written)
            else:
                map_page(space, layout, marks).write(written)
    if as_json:
        echo_lines(printable_json(_told(space, layout, marks), indent=1, default=str))
        return
    _print(space, layout, marks)
    echo()
    for written in paths:
        echo(f"Written: {written} ({written.stat().st_size / 1e6:.1f} MB)")
    if open_page:
        show_page(paths[0])


def _map(
    space: Space, path: Path, again: bool, metric: str | None, tell: Callable[[str], None]
) -> Map:
    """Return the map of a space, and keep it in its file unless it is the one that is kept."""
    from nearspace.space.file.store import write_part
    from nearspace.space.map.maps import layout, parse_map

    if not again and "map" in space.parts:
        try:
            parse_map(space.parts["map"])
        except NearspaceError as error:
            echo(f"note: {error} It is made anew.", err=True)
            again = True
    doing = f"Laying out {counted(len(space), 'item')}"
    if len(space) > LONG and (again or "map" not in space.parts):
        echo(f"note: {doing.lower()} takes about {_minutes(len(space))} minutes.", err=True)
    tell(doing)
    new_map = layout(
        space, again, progress=lambda share: tell(f"{doing}: {share:.0%}"), metric=metric
    )
    placed = len(new_map) - int(new_map.laid_out.sum())
    if placed > FEW * (len(new_map) - placed):
        echo(
            f"note: {placed:,} items were placed among the {len(new_map) - placed:,} that were "
            "laid out, which says little; --again lays all out anew.",
            err=True,
        )
    data = new_map.to_bytes()
    if again or space.parts.get("map") != data:
        write_part(path, "map", data)
    return new_map


def _told(space: Space, layout: Map, marks: Landmarks) -> dict[str, Any]:
    """Return how far the map can be trusted, and what stands out on it, as JSON values."""
    ids = space.ids.tolist()
    trust = {"trustworthiness": layout.trustworthiness, "preservation": layout.preservation}
    return {
        "items": len(layout),
        "metric": layout.made_by["metric"],
        **{name: None if math.isnan(value) else value for name, value in trust.items()},
        "clusters": [
            {
                "cluster": at,
                "size": of.size,
                "words": list(of.words),
                "labels": [{"label": label, "share": share} for label, share in of.labels],
            }
            for at, of in enumerate(marks.clusters, start=1)
        ],
        "outliers": [{"id": ids[of.position], "times": of.times} for of in marks.outliers],
        "near_duplicates": [
            {"ids": [ids[at] for at in of.positions], "distance": of.distance} for of in marks.alike
        ],
    }


def _minutes(n: int) -> int:
    """Return how long a map takes on two cores: steps on each item, and the search in all pairs."""
    return round(n / 30_000 + (n / 150_000) ** 2)


def _print(space: Space, layout: Map, marks: Landmarks) -> None:
    """Print how far the map can be trusted, and what stands out on it."""
    from rich.text import Text

    from nearspace.report.map import cluster_name, map_facts
    from nearspace.space.map.maps import K

    for fact in map_facts(space, layout)[2:]:
        echo(fact[0].upper() + fact[1:] + ".")
    if math.isnan(layout.trustworthiness):
        echo(f"Too few items for a judgement by {K} neighbours.", style="dim")
    wide = console().width
    lists: list[tuple[str, list[str]]] = [
        (
            "cluster",
            [
                beginning(printable(f"{of.size:>8,}  {cluster_name(at, of)}"), wide)
                for at, of in enumerate(marks.clusters)
            ],
        ),
        (
            "outlier",
            [
                f"{of.times:>7.1f}×  {ending(printable(space.ids[of.position]), wide - INDENT)}"
                for of in marks.outliers
            ],
        ),
        ("near-duplicate", [_group(space.ids, of, wide) for of in marks.alike]),
    ]
    for name, lines in lists:
        echo()
        echo(counted(len(lines), name), style="bold")
        for line in lines[:LISTED]:
            echo(Text(line))
        if len(lines) > LISTED:
            echo(f"          and {len(lines) - LISTED:,} more on the page", style="dim")
    if marks.nearly:
        echo("Just not near-duplicates:", style="dim")
        for of in marks.nearly:
            echo(Text(_group(space.ids, of, wide), "dim"))


def _group(ids: Any, of: Alike, wide: int) -> str:
    """Return how far items are from each other, and their ids: on one line where it holds them."""
    from rich.cells import cell_len

    near = "equal" if of.distance == 0 else f"{of.distance:.3g}"
    names = [printable(ids[at]) for at in of.positions[:MEMBERS]]
    more = f" and {len(of.positions) - MEMBERS:,} more" * (len(of.positions) > MEMBERS)
    line = f"{near:>8}  {' = '.join(names)}{more}"
    if cell_len(line) <= wide:
        return line
    cut = [ending(name, wide - INDENT) for name in names]
    return f"{near:>8}  {NEXT_LINE.join(cut)}{more and f'{NEXT_LINE}{more.strip()}'}"
