"""``nearspace search`` and ``index``: what is nearest to an item, a text, a vector."""

from __future__ import annotations

import dataclasses
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli import terminal
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import echo, echo_lines
from nearspace.errors import NearspaceError

TIMED = 200  # queries by which the speed of a search is measured


Where = Annotated[
    list[str] | None,
    typer.Option(
        help="A condition for what is found: COLUMN, one of = != < <= > >= ~ (contains), VALUE; "
        "repeat for more.",
    ),
]
ExcludeSelf = Annotated[
    bool,
    typer.Option(
        "--exclude-self",
        help="Leave out the item that is the query: the --id, or the one named like the file.",
    ),
]
ExactSearch = Annotated[
    bool, typer.Option("--exact", help="Search all vectors, even where there is an index.")
]


def search_command(
    path: cli.SpaceFile,
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY",
            help="A text, or a file of the items to search by: an image, a .csv of rows, …",
            show_default=False,
        ),
    ] = None,
    item: cli.Item = None,
    vectors: cli.Vectors = None,
    k: Annotated[int, typer.Option("-k", min=1, help="How many to find.")] = 10,
    metric: cli.Metric = None,
    where: Where = None,
    *,
    reading: Annotated[cli.Reading, cli.only("column")],
    exclude_self: ExcludeSelf = False,
    exact: ExactSearch = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="A .csv file to write.")
    ] = None,
) -> None:
    """Find the items of a space that are nearest to a file, a text, an item or a vector.

    [bold]Examples[/]

      nearspace search photos.space holiday.jpg

      nearspace search reviews.space 'arrived broken' -k 5 --where 'stars<=2'

      nearspace search photos.space --id cat/1.jpg --exclude-self --metric euclidean

      nearspace search customers.space new_rows.csv --json

      nearspace search photos.space --vectors mine.npy -o found.csv
    """
    if output is not None:
        cli.check_file(output, ".csv", reads=[*(queries or ()), vectors])
    if sum(map(bool, (queries, item, vectors))) != 1:
        raise NearspaceError(
            "search: say what to search by: files or texts, or --id (several times), or --vectors."
        )
    space = cli.open_file(path)
    from nearspace.space.search.neighbours import neighbours
    from nearspace.space.search.queries import answer_notes, answer_rows, answers_json

    if queries:
        cli.encoder_of(space, path)
    names, asked, notes = _asked(
        space, queries or [], item or [], vectors, reading.column, exclude_self
    )
    nearest = neighbours(space, asked, k, metric, where, exclude_self, exact)
    if nearest.recall < 1 and not nearest.notes:
        notes += (f"By the index, whose recall@10 is {nearest.recall:.3f}; --exact searches all.",)
    for note in (*notes, *nearest.notes, *answer_notes(space)):
        echo(f"note: {note}", err=True, style="dim", wrap=True)
    answers = answer_rows(space, nearest)
    if output is not None:
        _write(output, names, answers)
    elif as_json:
        echo_lines(answers_json(names, answers, nearest))
    else:
        nothing = "No item meets the conditions." if where else "There is no item to be found."
        for name, rows in zip(names, answers, strict=True):
            title = f"nearest to {name}" if len(names) > 1 else ""
            terminal.print_found(title, rows, cli.SCORES[nearest.metric], nothing)


def index_command(path: cli.SpaceFile, metric: cli.Metric = None) -> None:
    """Build and measure an index: a space of a million vectors or more is searched faster by it.

    [bold]Examples[/]

      nearspace index photos.space

      nearspace index photos.space --metric euclidean
    """
    space = cli.open_file(path)
    from nearspace.judge.amounts import bytes_text
    from nearspace.space.file.store import write_part
    from nearspace.space.search.index import RECALL, build_index, part_name

    metric = metric or space.recipe.metric
    with terminal.waiting("Building the index and measuring its recall"):
        index = build_index(space.vectors, metric)
        data = index.to_bytes()
        write_part(path, part_name(metric), data)
        with_it = dataclasses.replace(space, parts={part_name(metric): data})
        fast, slow = (_queries_per_second(each, metric) for each in (with_it, space))
    echo(
        f"{path}: index for {metric}, {len(index.centroids):,} cells of which {index.probes:,} are "
        f"searched, {bytes_text(len(data))}."
    )
    echo(
        f"recall@10 {index.recall:.3f}; {fast:,.0f} queries a second, {slow:,.0f} by exact search "
        f"({fast / slow:.1f} ×)."
    )
    if index.recall < RECALL:
        echo(f"note: the recall is below {RECALL}; --exact searches all vectors.", err=True)
    if fast < slow:
        echo("note: exact search is faster here; this index is of no use.", err=True)


def _queries_per_second(space: Any, metric: str) -> float:
    from nearspace.space.search.neighbours import neighbours

    chosen = np.random.default_rng(0).permutation(len(space))[:TIMED]
    queries = space.vectors[chosen]
    exact = not space.parts
    neighbours(space, queries[:8], 10, metric, exact=exact)  # makes ready what is kept
    start = time.perf_counter()
    neighbours(space, queries, 10, metric, exact=exact)
    return len(queries) / (time.perf_counter() - start)


def _asked(
    space: Any,
    queries: list[str],
    ids: list[str],
    vectors: str | None,
    column: str | None,
    exclude_self: bool,
) -> tuple[list[str], Any, tuple[str, ...]]:
    """Return what to call each query, what to search by, and notes."""
    if ids:
        return ids, space.ids[[space.position(name) for name in ids]], ()
    if vectors is not None:
        from nearspace.space.formats import open_space

        given: Any = open_space(vectors)
        return [str(name) for name in given.ids.tolist()], given.vectors, ()
    from nearspace.space.search.queries import items_named, read_queries

    asked = read_queries(space, queries, column)
    return asked.names, items_named(space, asked) if exclude_self else asked.vectors, asked.notes


def _write(output: Path, names: list[str], answers: list[list[dict[str, Any]]]) -> None:
    import pandas as pd

    rows = [
        {"query": name, **row}
        for name, answer in zip(names, answers, strict=True)
        for row in answer
    ]
    frame = pd.DataFrame(rows, columns=None if rows else ["query", "rank", "score", "id"])
    write_csv(frame, output)
    echo(f"{output}: {len(rows):,} rows.")
