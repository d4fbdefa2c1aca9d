"""`load_retrieval`: documents, queries, and which documents are relevant to which query."""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Collection, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.frames import as_frame
from nearspace.data.kinds.kind import is_frame
from nearspace.data.load import load
from nearspace.data.pairs import Pairs
from nearspace.data.readers.failures import told_of_file
from nearspace.data.readers.files import read_frame
from nearspace.data.readers.texts import opened, plain_name
from nearspace.data.sources import check_names, left_out
from nearspace.errors import DataError

__all__ = ["holds_queries", "load_retrieval"]

CORPUS, QUERIES, QRELS = "corpus.jsonl", "queries.jsonl", "qrels"
IDS, TEXTS, TITLE = ("_id", "id", "query-id", "query_id", "qid"), ("text", "query"), "title"
NAMED = 3  # of ids that nobody knows, in a sentence


def holds_queries(source: Any) -> bool:
    """Return whether a source is a folder in BEIR's form, of documents, queries and qrels."""
    if not isinstance(source, str | os.PathLike):
        return False
    folder = Path(source).expanduser()
    try:
        names = {plain_name(path.name) for path in folder.iterdir()} if folder.is_dir() else set()
    except OSError:
        return False
    return {CORPUS, QUERIES, QRELS} <= names


def load_retrieval(
    source: Any,
    queries: Any = None,
    qrels: Any = None,
    *,
    column: str | Sequence[str] | None = None,
) -> Pairs:
    """Read documents, queries, and which documents are relevant to which query.

    Queries without a relevant document are left out, and so is what is judged of ids that neither
    documents nor queries have; notes say how many of each, and name some.

    Parameters
    ----------
    source : str, path, or Dataset
        A folder in BEIR's form (``corpus.jsonl``, ``queries.jsonl``, ``qrels/test.tsv``, each of
        which may be packed), or, with the other two, the documents: what `load` reads as texts,
        with an id each.
    queries : str, path or DataFrame, optional
        A table with an id and a text a query; without a header, the first column and the second.
    qrels : str or path, optional
        Which documents are relevant: TREC's four columns, query, any, document, grade, with blanks
        between them, or BEIR's three, query, document, grade, with tabs. Documents with a grade
        of 0 or below are not relevant.
    column : str or list of str, optional
        The column of a table with the texts of the documents, or several, which are joined.

    Returns
    -------
    Pairs
        Queries on the left, documents on the right, and a link for each that is relevant.

    Raises
    ------
    DataError
        If a file is missing or cannot be read, or no query has a relevant document.

    Examples
    --------
    >>> import tempfile
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     qrels = Path(folder, "qrels.txt")
    ...     _ = qrels.write_text("q1 0 0 1" + chr(10) + "q2 0 1 2" + chr(10))
    ...     queries = {"id": ["q1", "q2"], "text": ["animals that purr", "a ship"]}
    ...     pairs = load_retrieval(load(["Cats purr.", "Ships sail."]), queries, qrels)
    >>> pairs.links.tolist(), pairs.grades.tolist()
    ([[0, 0], [1, 1]], [1.0, 2.0])
    """
    if queries is None and qrels is None:
        return _of_folder(source, column)
    if queries is None or qrels is None:
        missing = "queries=" if queries is None else "qrels="
        raise DataError(f"load_retrieval: queries= and qrels= go together; {missing} is missing.")
    if not isinstance(qrels, str | os.PathLike):
        raise DataError(
            f"load_retrieval: expected qrels= as the path of a file, got {type(qrels).__name__}."
        )
    documents = source if isinstance(source, Dataset) else load(source, column=column)
    asked, notes = _read_queries(queries)
    return _linked(asked, documents, _read_qrels(Path(qrels)), documents.name, notes)


def _of_folder(source: Any, column: str | Sequence[str] | None) -> Pairs:
    """Return what a folder in BEIR's form holds; what is judged of its test queries, if of some."""
    if not holds_queries(source):
        raise DataError(
            f"load_retrieval: expected a folder with {CORPUS}, {QUERIES} and {QRELS}/, or "
            f"documents with queries= and qrels=; got {_called(source)}."
        )
    folder = Path(source).expanduser()
    paths = {plain_name(path.name): path for path in folder.iterdir()}
    judged = {
        plain_name(path.name).removesuffix(".tsv"): path
        for path in sorted(paths[QRELS].iterdir())
        if plain_name(path.name).endswith(".tsv")
    }
    part = next((name for name in ("test", "dev", *judged) if name in judged), None)
    if part is None:
        raise DataError(f"{folder.name}: expected a file such as test.tsv in {QRELS}/, got none.")
    documents, corpus_notes = _read_corpus(paths[CORPUS], column)
    queries, notes = _read_queries(paths[QUERIES])
    notes = [*corpus_notes, *notes]
    if others := sorted(set(judged) - {part}):
        notes.append(f"The queries are those of {QRELS}/{part}.tsv, not of {', '.join(others)}.")
    return _linked(queries, documents, _read_qrels(judged[part]), folder.name, notes)


def _read_corpus(path: Path, column: str | Sequence[str] | None) -> tuple[Dataset, list[str]]:
    """Return the documents of a table, whose titles are the beginning of their texts."""
    frame, notes = read_frame(path)
    name = _column(frame, IDS, path.name)
    titles = [TITLE] if TITLE in frame.columns else []
    columns = [column] if isinstance(column, str) else list(column or ())
    columns = columns or [*titles, _column(frame, TEXTS, path.name)]
    check_names(path.name, "column", columns, frame.columns)
    parts = [frame[each].fillna("").astype(str) for each in columns]
    texts = ["\n".join(filter(None, cells)) for cells in zip(*parts, strict=True)]
    return _texts(texts, frame[name], path.name, "document"), notes


def _read_queries(source: Any) -> tuple[Dataset, list[str]]:
    """Return queries with their ids."""
    import pandas as pd

    if isinstance(source, str | os.PathLike):
        path = Path(source).expanduser()
        (frame, notes), called = read_frame(path), path.name
        if len(frame.columns) == 2 and not {*frame.columns} & {*IDS, *TEXTS}:
            # No names of columns, but the first query, which is text as names are.
            first = pd.DataFrame([[*frame.columns]], columns=frame.columns)
            frame = pd.concat([first, frame], ignore_index=True)
            frame.columns = ["column 0", "column 1"]
    else:
        table = as_frame(source)
        if isinstance(source, dict) and all(isinstance(each, list) for each in source.values()):
            table = pd.DataFrame({name: pd.Series(each) for name, each in source.items()})
        if not is_frame(table):
            raise DataError(
                "load_retrieval: expected queries= as a file or a table with an id and a text a "
                f"query, got {type(source).__name__}."
            )
        frame, notes, called = table, [], "queries"
    if list(map(str, frame.columns[:2])) == ["column 0", "column 1"]:
        name, column = frame.columns[:2]
    else:
        name, column = (_column(frame, names, called) for names in (IDS, TEXTS))
    texts = frame[column].fillna("").astype(str).tolist()
    return _texts(texts, frame[name], called, "query"), notes


def _called(source: Any) -> str:
    """Return a path as it is, of anything else what it is."""
    return str(source) if isinstance(source, str | os.PathLike) else type(source).__name__


def _column(frame: Any, names: Collection[str], called: str) -> str:
    """Return the first of some columns that a table has."""
    there = next((name for name in names if name in frame.columns), None)
    if there is None:
        raise DataError(
            f"{called}: expected a column {' or '.join(map(repr, names))}, got "
            f"{', '.join(map(repr, frame.columns[:5]))}."
        )
    return there


def _texts(texts: list[str], ids: Any, called: str, what: str) -> Dataset:
    """Return texts as a dataset, whose ids are theirs as they are written."""
    if ids.isna().any():
        row = int(np.flatnonzero(ids.isna())[0])
        raise DataError(f"{called}: the {what} in row {row} has no id.")
    names = np.array([_name(each) for each in ids])
    dataset = load(texts, kind="text")
    return dataclasses.replace(dataset, ids=names, name=called)


def _name(value: Any) -> str:
    """Return an id as it is written in another file: a whole number without a point."""
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _read_qrels(path: Path) -> list[tuple[str, str, float]]:
    """Return query, document and grade of each line."""
    path = path.expanduser()
    if not path.is_file():
        raise DataError(f"There is no file '{path}' that says which documents are relevant.")
    with told_of_file(path.name):
        return list(_judged(path))


def _judged(path: Path) -> Iterator[tuple[str, str, float]]:
    with opened(path) as file:
        lines = file.read().decode("utf-8-sig").splitlines()
    # The ids of BEIR's form may hold blanks, those of TREC's may not.
    separator = "\t" if sum("\t" in line for line in lines) > len(lines) / 2 else None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        parts = [part.strip() for part in line.split(separator)]
        if len(parts) not in (3, 4):
            raise DataError(
                f"{path.name}: line {number} has {len(parts)} parts; expected query, document and "
                "grade, or query, 0, document and grade."
            )
        try:
            grade = float(parts[-1])
        except ValueError:
            if number == 1:
                continue  # the names of the columns
            grade = float("nan")
        if not np.isfinite(grade):
            raise DataError(
                f"{path.name}: the grade in line {number} is '{parts[-1]:.40}'; expected a number, "
                "above 0 for a document that is relevant."
            )
        yield parts[0], parts[-2], grade


def _linked(
    queries: Dataset,
    documents: Dataset,
    judged: list[tuple[str, str, float]],
    name: str,
    notes: list[str],
) -> Pairs:
    """Return queries and documents linked by their ids, and what of the qrels leads nowhere."""
    asked, there = _places(queries.ids), _places(documents.ids)
    if not any(document in there for _, document, _ in judged):  # files, named without endings
        there = _places([os.path.splitext(str(each))[0] for each in np.asarray(documents.ids)])
    notes = list(notes)
    for side, what, plural in ((0, "query", "queries"), (1, "document", "documents")):
        places = (asked, there)[side]
        lost = [str(line[side]) for line in judged if line[side] not in places]
        unknown = list(dict.fromkeys(lost))
        if unknown:
            of = f"a {what}" if len(unknown) == 1 else f"{len(unknown):,} {plural}"
            rest = f"of {of} that {'is' if len(unknown) == 1 else 'are'} not there"
            notes.append(left_out(len(lost), "judgement", rest, _some(unknown)))
    grades = {
        (asked[query], there[document]): grade
        for query, document, grade in judged
        if query in asked and document in there
    }
    irrelevant = sum(grade <= 0 for grade in grades.values())
    if irrelevant:
        notes.append(f"{irrelevant:,} of the judgements say not relevant (a grade of 0 or below).")
    links = {link: grade for link, grade in sorted(grades.items()) if grade > 0}
    if not links:
        ids = [np.asarray(side.ids)[0] for side in (queries, documents)]
        raise DataError(
            f"{name}: expected a query with a relevant document; of {len(judged):,} judgements "
            "none gives a grade above 0 to a document for a query by their ids, such as "
            f"'{ids[1]}' for '{ids[0]}'."
        )
    values = np.array([*links.values()])
    return Pairs(
        queries, documents, np.array([*links]), name=name, notes=tuple(notes),
        grades=None if (values == 1).all() else values, searched=True,
    )  # fmt: skip


def _places(ids: Any) -> dict[str, int]:
    return {str(name): place for place, name in enumerate(np.asarray(ids).tolist())}


def _some(names: Sequence[str]) -> str:
    """Return some names, and how many more there are."""
    shown = names[:NAMED]
    more = f" and {len(names) - NAMED:,} more" * (len(names) > NAMED)
    return f"{', '.join(shown)}{more}"
