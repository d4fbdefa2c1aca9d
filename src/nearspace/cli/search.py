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
from nearspace.cli.explained import effects_json, print_explained
from nearspace.cli.reading import Reading
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
Hybrid = Annotated[
    bool,
    typer.Option(
        "--hybrid",
        help="Search by words too, and put what words and vectors find in one order.",
    ),
]
ByWords = Annotated[
    bool,
    typer.Option("--words", help="Search by words alone, as search engines do, ranked by BM25."),
]
Explain = Annotated[
    bool,
    typer.Option(
        "--explain",
        help="Of texts and rows: show which words, or columns, of the query and of what is found "
        "make the two alike, by how much less alike they are without each.",
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
    reading: Annotated[Reading, cli.only("column")],
    exclude_self: ExcludeSelf = False,
    exact: ExactSearch = False,
    per: Per = None,
    hybrid: Hybrid = False,
    words: ByWords = False,
    explain: Explain = False,
    side: Annotated[
        str | None,
        typer.Option(
            metavar="SIDE",
            help="Of a space of pairs: left or right, where the items to be found stand; the query "
            "is of the other side.",
        ),
    ] = None,
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

    Of texts, --hybrid joins the search by vectors with one by words, by reciprocal rank fusion. All
    words count, and no sign means anything but * at the end of a word: zip* finds zipper.

    [bold]Examples[/]

      nearspace search photos.space holiday.jpg

      nearspace search reviews.space arrived broken -k 5 --where 'stars<=2'

      nearspace search reviews.space --where 'stars<=2'

      nearspace search photos.space --id cat/1.jpg --exclude-self --metric euclidean

      nearspace search customers.space new_rows.csv --json

      nearspace search photos.space --vectors mine.npy -o found.csv

      nearspace search manuals.space 'a broken zip' --per document

      nearspace search manuals.space 'error E-1047' --hybrid

      nearspace search translator.space 'Wo ist der Bahnhof?' --side right

      nearspace search reviews.space 'arrived broken' -k 3 --explain

      nearspace search customers.space --id 7 -k 3 --explain
    """
    if output is not None:
        cli.check_file(output, ".csv", reads=[*(queries or ()), vectors])
    asked_by = sum(map(bool, (queries, item, vectors)))
    if asked_by > 1 or not (asked_by or where):
        raise NearspaceError(
            "search: say what to search by: files or texts, or --id (several times), or --vectors; "
            "or list items by --where alone."
        )
    _check_words(hybrid, words, vectors, item, metric, exact)
    from nearspace.space.sides import across, is_sided

    space = whole = cli.open_file(path)
    if asked_by and (side is not None or is_sided(space)):
        if explain:
            raise NearspaceError("--explain has no meaning in a space of two sides; leave it out.")
        space = across(space, side)
    if explain:
        _check_explain(space, path, by_text=bool(queries or item), output=output)
    if where and not asked_by:
        _list(space, where, k, as_json, output)
        return
    from nearspace.space.search.neighbours import neighbours
    from nearspace.space.search.queries import answer_notes, answer_rows, answers_json, read_texts

    if words:
        asked = read_texts(space, queries or [], reading.column)
    else:
        asked = (
            _asked(path, space, queries or [], item or [], vectors, reading.column, exclude_self)
            if space is whole or not item
            else _of_both(whole, item, space)
        )
    if hybrid and len(asked.texts) < len(asked.names):
        raise NearspaceError(
            f"search: --hybrid searches by the words of texts, and the queries are {space.kind}, "
            "of which words find nothing: leave it out, or search captions by --words."
        )
    by_words = asked.texts if hybrid or words else None
    nearest = neighbours(space, asked.vectors, k, metric, where, exclude_self, exact, per, by_words)
    names, notes = asked.names, asked.notes
    if nearest.recall < 1 and not nearest.notes:
        notes += (f"By the index, whose recall@10 is {nearest.recall:.3f}; --exact searches all.",)
    for note in (*notes, *nearest.notes, *answer_notes(space)):
        echo(f"note: {in_options(note)}", err=True, style="dim", wrap=True)
    answers = answer_rows(space, nearest)
    pairs: list[list[Any]] = []
    if explain:
        from nearspace.space.search.explained import explain as explained

        with terminal.waiting(f"Leaving out {space.kind.part} by {space.kind.part}"):
            pairs = explained(space, asked.items, nearest, asked=not item)
    if output is not None:
        rows = [
            {"query": name, **row}
            for name, answer in zip(names, answers, strict=True)
            for row in answer
        ]
        _write(output, rows, ["query", "rank", "score", "id"])
    elif as_json:
        for rows, of in zip(answers, pairs, strict=False):
            for row, pair in zip(rows, of, strict=True):
                row["explained"] = effects_json(pair)
        echo_lines(answers_json(names, answers, nearest))
    elif explain:
        nothing = "No item meets the conditions." if where else "There is no item to be found."
        for rows, of in zip(answers, pairs, strict=True):
            print_explained(rows, of, cli.SCORES, nearest.metric, nothing)
    else:
        nothing = "No item meets the conditions." if where else "There is no item to be found."
        for name, rows in zip(names, answers, strict=True):
            title = f"nearest to {name}" if len(names) > 1 else ""
            print_answers(title, rows, cli.SCORES[nearest.metric], nothing)


def _check_words(
    hybrid: bool,
    words: bool,
    vectors: str | None,
    ids: list[str] | None,
    metric: str | None,
    exact: bool,
) -> None:
    """Raise where a search by words is asked for what only vectors, or both, can do."""
    name = "--hybrid" if hybrid else "--words"
    without = {"--words": hybrid and words, "--vectors": bool(vectors)}
    if words:
        without |= {"--id": bool(ids), "--metric": metric is not None, "--exact": exact}
    if (hybrid or words) and any(without.values()):
        other = next(option for option, given in without.items() if given)
        how = "words and vectors" if hybrid else "the words of a text, ranked by BM25"
        raise NearspaceError(f"search: {name} searches by {how}; leave {other} out.")


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
    path: Path,
    space: Any,
    queries: list[str],
    ids: list[str],
    vectors: str | None,
    column: list[str] | None,
    exclude_self: bool,
) -> Any:
    """Return what to search by; ids, or a space, where items are to be left out by them."""
    from nearspace.space.search.hybrid import has_texts
    from nearspace.space.search.queries import (
        Queries,
        items_named,
        items_with_ids,
        read_queries,
        texts_of,
    )

    if ids:
        meant = cli.ids_meant(space, ids)
        texts = texts_of(space, meant) if has_texts(space) else []
        own = items_with_ids(space, meant)
        return Queries(list(map(str, meant)), np.array(meant), (), texts, own)
    if vectors is not None:
        from nearspace.space.formats import open_space

        given: Any = open_space(vectors)
        return Queries([str(name) for name in given.ids.tolist()], given.vectors)
    if space.encoder is None and has_texts(space):
        raise NearspaceError(
            f"{path} has no encoder, so that it embeds no query: search its texts by --words."
        )
    cli.encoder_of(space, path)
    asked = read_queries(space, queries, column)
    if exclude_self:
        return dataclasses.replace(asked, vectors=items_named(space, asked))
    return asked


def _of_both(whole: Any, ids: list[str], searched: Any) -> Any:
    """Return items of a space by which one side of it is searched, the other one."""
    from nearspace.space.search.hybrid import has_texts
    from nearspace.space.search.queries import Queries, texts_of

    meant = cli.ids_meant(whole, ids)
    for name in meant:
        if name in searched:
            raise NearspaceError(
                f"The item '{name}' stands on the side that is searched; expected one of the other "
                "side, as --side says where what is found stands."
            )
    texts = texts_of(whole, meant) if has_texts(whole) else []
    rows = np.array([whole.position(name) for name in meant])
    return Queries(list(map(str, meant)), whole.vectors[rows], (), texts)


def _check_explain(space: Any, path: Path, by_text: bool, output: Path | None) -> None:
    """Raise `NearspaceError` unless there is a query and a space whose parts can be left out."""
    from nearspace.space.search.explained import check_explained

    if not by_text:
        raise NearspaceError(
            "--explain leaves words or columns out of the query and of what is found: search by a "
            "text, a file of rows, or the --id of an item."
        )
    if output is not None:
        raise NearspaceError(
            f"--explain is shown, or printed by --json; leave out -o {output}, which is a table."
        )
    check_explained(space)
    cli.encoder_of(space, path)


def _write(output: Path, rows: list[dict[str, Any]], heads: list[str]) -> None:
    """Write rows as CSV, its heads alone where there are none."""
    import pandas as pd

    write_csv(pd.DataFrame(rows, columns=None if rows else heads), output)
    echo(f"{output}: {counted(len(rows), 'row')}.")
