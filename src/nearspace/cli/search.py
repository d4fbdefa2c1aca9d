"""``nearspace search`` and ``index``: what is nearest to an item, a text, a vector."""

from __future__ import annotations

import dataclasses
import os
import time
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from nearspace.cli import options as cli
from nearspace.cli.compose import only
from nearspace.cli.found import found_json, found_rows, print_found
from nearspace.cli.reading import Reading
from nearspace.errors import DataError, NearspaceError, did_you_mean

TABLES = (".csv", ".tsv", ".parquet")
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
    metric: cli.Metric = "cosine",
    where: Where = None,
    *,
    reading: Annotated[Reading, only("column")],
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
        cli.check_file(output, ".csv")
    if sum(map(bool, (queries, item, vectors))) != 1:
        raise NearspaceError(
            "search: say what to search by: files or texts, or --id (several times), or --vectors."
        )
    space = cli.open_file(path)
    from rich.console import Console

    from nearspace.space.neighbours import neighbours

    names, asked = _asked(space, path, queries or [], item or [], vectors, reading.column)
    if exclude_self and queries:
        asked = _as_items(space, asked, names)
    found = neighbours(space, asked, k, metric, where, exclude_self, exact)
    notes = list(found.notes)
    if found.recall < 1 and not notes:
        notes.append(f"By the index, whose recall@10 is {found.recall:.3f}; --exact searches all.")
    for note in notes:
        Console(stderr=True).print(f"note: {note}", style="dim", highlight=False, markup=False)
    rows = [found_rows(space, found, at) for at in range(len(names))]
    if output is not None:
        _write(output, names, rows)
    elif as_json:
        typer.echo(found_json(names, rows, {"metric": metric, "recall": found.recall}))
    else:
        nothing = "No item meets the conditions." if where else "There is no item to be found."
        for name, row in zip(names, rows, strict=True):
            title = f"nearest to {name}" if len(names) > 1 else ""
            print_found(title, row, cli.SCORES[metric], nothing)


def index_command(path: cli.SpaceFile, metric: cli.Metric = "cosine") -> None:
    """Build and measure an index: a space of a million vectors or more is searched faster by it.

    [bold]Examples[/]

      nearspace index photos.space

      nearspace index photos.space --metric euclidean
    """
    space = cli.open_file(path)
    from rich.console import Console

    from nearspace.report.words import bytes_text
    from nearspace.space.index import RECALL, build_index, part_name
    from nearspace.space.store import write_part

    with Console(stderr=True).status("Building the index and measuring its recall"):
        index = build_index(space, metric)
        data = index.to_bytes()
        write_part(path, part_name(metric), data)
        with_it = dataclasses.replace(space, parts={part_name(metric): data})
        fast, slow = (_queries_per_second(each, metric) for each in (with_it, space))
    typer.echo(
        f"{path}: index for {metric}, {len(index.centroids):,} cells of which {index.probes:,} are "
        f"searched, {bytes_text(len(data))}."
    )
    typer.echo(
        f"recall@10 {index.recall:.3f}; {fast:,.0f} queries a second, {slow:,.0f} by exact search "
        f"({fast / slow:.1f} ×)."
    )
    if index.recall < RECALL:
        typer.echo(f"note: the recall is below {RECALL}; --exact searches all vectors.", err=True)
    if fast < slow:
        typer.echo("note: exact search is faster here; this index is of no use.", err=True)


def _queries_per_second(space: Any, metric: str) -> float:
    from nearspace.space.neighbours import neighbours

    chosen = np.random.default_rng(0).permutation(len(space))[:TIMED]
    queries = space.vectors[chosen]
    exact = not space.parts
    neighbours(space, queries[:8], 10, metric, exact=exact)  # makes ready what is kept
    start = time.perf_counter()
    neighbours(space, queries, 10, metric, exact=exact)
    return len(queries) / (time.perf_counter() - start)


def _asked(
    space: Any,
    path: Path,
    queries: list[str],
    ids: list[str],
    vectors: str | None,
    column: str | None,
) -> tuple[list[str], Any]:
    """Return what to call each query, and ids or vectors."""
    if ids:
        return ids, space.ids[[space.position(name) for name in ids]]
    if vectors is not None:
        from nearspace.space.vectors import read_vectors

        given: Any = read_vectors(vectors)
        return [str(name) for name in given.ids.tolist()], given.vectors
    from nearspace.space.neighbours import vectors_of

    encoder = cli.encoder_of(space, path)
    names, embedded = [], []
    for query in queries:
        read, items = _items(space.kind, query, column)
        names += read
        embedded.append(vectors_of(space, items))
        _warn_of_unknown_words(encoder, read, items)
    if isinstance(embedded[0], np.ndarray):
        return names, np.concatenate(embedded)
    from scipy import sparse

    return names, sparse.vstack(embedded, format="csr")


def _warn_of_unknown_words(encoder: Any, names: list[str], items: Any) -> None:
    """Tell which texts have no word that the encoder knows: what is found then means nothing."""
    from rich.console import Console

    from nearspace.encoders.combine import Piped

    if not isinstance(items, list) or not isinstance(encoder, Piped):
        return  # of a single encoder such a vector is zero, which the search itself tells
    counts = encoder.encoders_[0].transform(items)
    for name, known in zip(names, abs(counts).sum(axis=1), strict=True):
        if not known:
            text = (
                f"note: no word of '{name}' is known to the encoder; what is found means nothing."
            )
            Console(stderr=True).print(text, style="dim", highlight=False, markup=False)


def _as_items(space: Any, vectors: Any, files: list[str]) -> Any:
    """Return vectors of files as the items of the space that are named like them."""
    known = set(space.ids.tolist())
    ids = []
    for file in files:
        parts = Path(file).parts
        ends = ["/".join(parts[start:]) for start in range(len(parts))]
        found = next((end for end in ends if end in known), None)
        if found is None:
            raise DataError(
                f"--exclude-self leaves out the item that is the query, and none is named like "
                f"'{file}': search by --id."
            )
        ids.append(space.ids[space.position(found)])
    return dataclasses.replace(
        space, vectors=vectors, ids=np.array(ids), labels=None, meta=None, thumbnails=None, parts={}
    )


def _items(kind: Any, query: str, column: str | None) -> tuple[list[str], Any]:
    """Return the items that a query stands for and their names: itself, or what a file holds."""
    from nearspace.data import load
    from nearspace.data.files import read_file, suffix_of
    from nearspace.data.kinds import kind_of_file

    # These take any text, however long.
    if kind.name == "text" and not (os.path.isfile(query) and suffix_of(Path(query))):
        return [query], [query]
    if not os.path.exists(query):
        raise DataError(f"There is no file '{query}'; the space is one of {kind}.")
    path = Path(query)
    source: Any = query
    if kind_of_file(path.name) is type(kind):
        source = [path]
    elif kind.name == "table" and suffix_of(path).startswith(TABLES):
        frame = read_file(path, None, {}).items
        for name, _ in kind.columns:
            if name not in frame:
                missing = did_you_mean(name, map(str, frame))
                raise DataError(f"{query}: the column '{name}' is missing. {missing}")
        source = frame[[name for name, _ in kind.columns]]
    elif kind.name == "text" and column is None and suffix_of(path).startswith(TABLES):
        raise DataError(f"{query}: name the column with the texts by --column.")
    dataset = load(source, like=kind, column=column)
    if len(dataset) == 1:
        return [query], dataset.items
    return [f"{query}: {name}" for name in np.asarray(dataset.ids).tolist()], dataset.items


def _write(output: Path, names: list[str], answers: list[list[dict[str, Any]]]) -> None:
    import pandas as pd

    rows = [
        {"query": name, **row}
        for name, answer in zip(names, answers, strict=True)
        for row in answer
    ]
    pd.DataFrame(rows, columns=None if rows else ["query", "rank", "score", "id"]).to_csv(
        output, index=False
    )
    typer.echo(f"{output}: {len(rows):,} rows.")
