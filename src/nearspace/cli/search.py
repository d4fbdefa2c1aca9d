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
from nearspace.cli.answers import print_answers
from nearspace.cli.sheets import write_csv
from nearspace.cli.terminal import counted, echo, echo_lines
from nearspace.cli.wording import in_options
from nearspace.errors import NearspaceError
from nearspace.foreign import printable_json

TIMED = 200  # queries by which the speed of a search is measured


Where = Annotated[
    list[str] | None,
    typer.Option(
        metavar="CONDITION",
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
Per = Annotated[
    str | None,
    typer.Option(
        metavar="COLUMN",
        help="Of the items with one value in a column only the nearest, such as the best chunk of "
        "each document.",
    ),
]


def search_command(
    path: cli.SpaceFile,
    queries: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="QUERY",
            help="A text, or a file of the items to search by: an image, a .csv of rows, … Words "
            "are one text; several texts stand in quotes, each.",
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
    per: Per = None,
    as_json: cli.AsJson = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o",
            "--output",
            metavar="FILE",
            help="A .csv file to write.",
            rich_help_panel=cli.OUTPUT,
        ),
    ] = None,
) -> None:
    """Find the items of a space that are nearest to a file, a text, an item or a vector.

    An item is given by its id, or by the end of it or a word in it that no other has. Without
    anything to search by, --where lists the items that meet it.

    [bold]Examples[/]

      nearspace search photos.space holiday.jpg

      nearspace search reviews.space arrived broken -k 5 --where 'stars<=2'

      nearspace search reviews.space --where 'stars<=2'

      nearspace search photos.space --id cat/1.jpg --exclude-self --metric euclidean

      nearspace search customers.space new_rows.csv --json

      nearspace search photos.space --vectors mine.npy -o found.csv

      nearspace search manuals.space 'a broken zip' --per document
    """
    if output is not None:
        cli.check_file(output, ".csv", reads=[*(queries or ()), vectors])
    asked_by = sum(map(bool, (queries, item, vectors)))
    if asked_by > 1 or not (asked_by or where):
        raise NearspaceError(
            "search: say what to search by: files or texts, or --id (several times), or --vectors; "
            "or list items by --where alone."
        )
    space = cli.open_file(path)
    if where and not asked_by:
        _list(space, where, k, as_json, output)
        return
    from nearspace.space.search.neighbours import neighbours
    from nearspace.space.search.queries import answer_notes, answer_rows, answers_json

    if queries:
        cli.encoder_of(space, path)
    names, asked, notes = _asked(
        space, queries or [], item or [], vectors, reading.column, exclude_self
    )
    nearest = neighbours(space, asked, k, metric, where, exclude_self, exact, per)
    if nearest.recall < 1 and not nearest.notes:
        notes += (f"By the index, whose recall@10 is {nearest.recall:.3f}; --exact searches all.",)
    for note in (*notes, *nearest.notes, *answer_notes(space)):
        echo(f"note: {in_options(note)}", err=True, style="dim", wrap=True)
    answers = answer_rows(space, nearest)
    if output is not None:
        rows = [
            {"query": name, **row}
            for name, answer in zip(names, answers, strict=True)
            for row in answer
        ]
        _write(output, rows, ["query", "rank", "score", "id"])
    elif as_json:
        echo_lines(answers_json(names, answers, nearest))
    else:
        nothing = "No item meets the conditions." if where else "There is no item to be found."
        for name, rows in zip(names, answers, strict=True):
            title = f"nearest to {name}" if len(names) > 1 else ""
            print_answers(title, rows, cli.SCORES[nearest.metric], nothing)


def _list(space: Any, where: list[str], k: int, as_json: bool, output: Path | None) -> None:
    """Show, print or write the first items that meet some conditions."""
    from nearspace.space.search.filters import matching
    from nearspace.space.search.queries import answer_notes, item_rows

    positions = np.flatnonzero(matching(space, where))
    rows = item_rows(space, positions[:k])
    for note in answer_notes(space):
        echo(f"note: {note}", err=True, style="dim", wrap=True)
    if output is not None:
        _write(output, rows, ["id"])
    elif as_json:
        echo_lines(printable_json({"items": rows, "count": len(positions)}, indent=1, default=str))
    else:
        print_answers("", rows, "", "No item meets the conditions.")
    if len(positions) > k:
        echo(f"{k:,} of {len(positions):,} items; -k {len(positions)} gives all.", err=True)


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
    column: list[str] | None,
    exclude_self: bool,
) -> tuple[list[str], Any, tuple[str, ...]]:
    """Return what to call each query, what to search by, and notes."""
    if ids:
        meant = cli.ids_meant(space, ids)
        return list(map(str, meant)), np.array(meant), ()
    if vectors is not None:
        from nearspace.space.formats import open_space

        given: Any = open_space(vectors)
        return [str(name) for name in given.ids.tolist()], given.vectors, ()
    from nearspace.space.search.queries import items_named, read_queries

    asked = read_queries(space, queries, column)
    return asked.names, items_named(space, asked) if exclude_self else asked.vectors, asked.notes


def _write(output: Path, rows: list[dict[str, Any]], heads: list[str]) -> None:
    """Write rows as CSV, its heads alone where there are none."""
    import pandas as pd

    write_csv(pd.DataFrame(rows, columns=None if rows else heads), output)
    echo(f"{output}: {counted(len(rows), 'row')}.")
