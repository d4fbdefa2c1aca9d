"""Queries, documents and what is relevant: BEIR's folders, TREC's qrels, ids that lead nowhere."""

import gzip
import json

import pandas as pd
import pytest

from nearspace.data import load
from nearspace.data.relevance import holds_queries, load_retrieval
from nearspace.errors import DataError

DOCUMENTS = {"d1": ("Cats", "They sleep."), "d2": ("", "Dogs bark."), "3": ("Sea", "Ships sail.")}
QUERIES = {"q1": "animals that sleep", "q2": "what barks", "q 3": "nothing", "4": "the sea"}
JUDGED = "query-id\tcorpus-id\tscore\nq1\td1\t2\nq2\td2\t1\nq2\t3\t0\n4\t3\t1\n"


def folder_of(place, judged=JUDGED, pack=False, name="test"):
    """Write a folder in BEIR's form."""
    lines = {
        "corpus.jsonl": [{"_id": i, "title": t, "text": x} for i, (t, x) in DOCUMENTS.items()],
        "queries.jsonl": [{"_id": i, "text": x, "metadata": {}} for i, x in QUERIES.items()],
    }
    (place / "qrels").mkdir(parents=True)
    for file, rows in lines.items():
        text = "".join(json.dumps(row) + "\n" for row in rows)
        if pack:
            (place / f"{file}.gz").write_bytes(gzip.compress(text.encode()))
        else:
            (place / file).write_text(text)
    (place / "qrels" / f"{name}.tsv").write_text(judged)
    return place


def links(pairs):
    """Return the ids of each link, and its grade."""
    grades = [1.0] * len(pairs) if pairs.grades is None else pairs.grades.tolist()
    ids = [(pairs.left.ids[one], pairs.right.ids[other]) for one, other in pairs.links]
    return {(*map(str, two), grade) for two, grade in zip(ids, grades, strict=True)}


WANTED = {("q1", "d1", 2.0), ("q2", "d2", 1.0), ("4", "3", 1.0)}


@pytest.mark.parametrize("pack", [False, True])
def test_a_folder_in_the_form_of_beir_is_read(tmp_path, pack):
    folder = folder_of(tmp_path / "pets", pack=pack, name="dev")
    assert holds_queries(folder)
    pairs = load_retrieval(folder)
    assert links(pairs) == WANTED
    assert pairs.right.items == ["Cats\nThey sleep.", "Dogs bark.", "Sea\nShips sail."]
    assert pairs.name == "pets"
    assert "1 of the judgements say not relevant (a grade of 0 or below)." in pairs.notes
    assert not holds_queries(tmp_path)
    assert not holds_queries(["no path"])
    assert not holds_queries("a\0b")


def test_the_test_queries_are_those_that_are_judged(tmp_path):
    folder = folder_of(tmp_path / "pets")
    (folder / "qrels" / "train.tsv").write_text("q2\td1\t1\n")
    pairs = load_retrieval(folder)
    assert links(pairs) == WANTED
    assert pairs.notes[0] == "The queries are those of qrels/test.tsv, not of train."


@pytest.mark.parametrize("form", ["trec", "csv", "frame", "files"])
def test_qrels_of_trec_stand_beside_texts(tmp_path, form):
    qrels = tmp_path / "qrels.txt"
    qrels.write_text("q1 0 d1 2\nq2 Q0 d2 1\n\nq2 0 3 -1\n4 0 3 1\n")
    queries = tmp_path / "queries.tsv"
    queries.write_text("".join(f"{i}\t{text}\n" for i, text in QUERIES.items()))
    if form == "files":
        for name, (_, text) in DOCUMENTS.items():
            (tmp_path / "texts").mkdir(exist_ok=True)
            (tmp_path / "texts" / f"{name}.txt").write_text(text)
        documents = load(tmp_path / "texts")
    else:
        table = pd.DataFrame({"id": [*DOCUMENTS], "body": [text for _, text in DOCUMENTS.values()]})
        documents = load(table, column="body", ids="id")
    if form == "csv":
        queries = tmp_path / "queries.csv"
        pd.DataFrame({"qid": [*QUERIES], "query": [*QUERIES.values()]}).to_csv(queries, index=False)
    elif form == "frame":
        queries = pd.DataFrame({"id": [*QUERIES], "text": [*QUERIES.values()]})
    pairs = load_retrieval(documents, queries, qrels)
    suffix = ".txt" * (form == "files")
    assert links(pairs) == {(query, f"{document}{suffix}", g) for query, document, g in WANTED}


def test_ids_that_lead_nowhere_are_told_by_name_and_count(tmp_path):
    more = "".join(f"q{n}\td1\t1\n" for n in range(10, 15)) + "q1\td9\t1\nq1\td9\t1\n"
    pairs = load_retrieval(folder_of(tmp_path / "pets", JUDGED + more))
    assert links(pairs) == WANTED
    assert pairs.notes[:2] == (
        "5 judgements of 5 queries that are not there were left out: q10, q11, q12 and 2 more.",
        "2 judgements of a document that is not there were left out: d9.",
    )


@pytest.mark.parametrize(
    ("judged", "told"),
    [
        (
            "q1\td1\thigh\nq2\td2\tlow\n",
            r"test.tsv: the grade in line 2 is 'low'; expected a number",
        ),
        ("q1\td1\t1\nq2\td2\tnan\n", "the grade in line 2 is 'nan'"),
        ("q1\td1\t1\nq2\td2\n", "line 2 has 2 parts; expected query, document and grade"),
        ("q7\td1\t1\n", "of 1 judgements none gives a grade above 0 .* such as 'd1' for 'q1'"),
        ("q1\td1\t0\n", "of 1 judgements none gives a grade above 0"),
        ("", "of 0 judgements none"),
    ],
)
def test_qrels_that_say_nothing_are_refused(tmp_path, judged, told):
    with pytest.raises(DataError, match=told):
        load_retrieval(folder_of(tmp_path / "pets", judged))


def test_what_is_missing_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"expected a folder with corpus.jsonl, .* or documents"):
        load_retrieval(tmp_path)
    with pytest.raises(DataError, match="qrels= is missing"):
        load_retrieval(["a text"], queries={"id": ["q"], "text": ["a"]})
    with pytest.raises(DataError, match="that says which documents are relevant"):
        load_retrieval(["a text"], {"id": ["q"], "text": ["a"]}, tmp_path / "none.txt")
    (tmp_path / "q.txt").write_text("q 0 0 1\n")
    with pytest.raises(DataError, match="queries: expected a column '_id' or 'id'"):
        load_retrieval(["a text"], {"name": ["q"], "text": ["a"]}, tmp_path / "q.txt")
    folder = folder_of(tmp_path / "pets")
    (folder / "qrels" / "test.tsv").unlink()
    with pytest.raises(DataError, match=r"expected a file such as test.tsv in qrels/, got none"):
        load_retrieval(folder)
    (folder / "corpus.jsonl").write_text(
        '{"_id": "d1", "text": "one"}\n{"_id": "d1", "text": "b"}\n'
    )
    (folder / "qrels" / "test.tsv").write_text(JUDGED)
    with pytest.raises(DataError, match="the id 'd1' stands 2 times"):
        load_retrieval(folder)
