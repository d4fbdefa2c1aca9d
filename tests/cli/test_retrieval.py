"""Search and likeness from the command line: folders, columns, files, and what goes with what."""

import json

import numpy as np
import pandas as pd
import pytest

RANDOM = np.random.default_rng(0)
WORDS = [f"{a}{b}" for a in "bdfgklmnprst" for b in ("al", "er", "in", "os", "um")]


def sentences(n):
    return [" ".join(RANDOM.choice(WORDS, 8)) for _ in range(n)]


def with_one_changed(text):
    return " ".join([*text.split()[:5], *RANDOM.choice(WORDS, 3)])


@pytest.fixture
def beir(command):
    """A folder in BEIR's form."""
    texts, folder = sentences(40), command.folder / "notes"
    (folder / "qrels").mkdir(parents=True)
    rows = {
        "corpus.jsonl": [{"_id": f"d{at}", "title": "", "text": x} for at, x in enumerate(texts)],
        "queries.jsonl": [
            {"_id": f"q{at}", "text": with_one_changed(x)} for at, x in enumerate(texts[:20])
        ],
    }
    for name, lines in rows.items():
        (folder / name).write_text("".join(f"{json.dumps(line)}\n" for line in lines))
    judged = "".join(f"q{at}\td{at}\t1\n" for at in range(18))
    (folder / "qrels" / "test.tsv").write_text(f"query-id\tcorpus-id\tscore\n{judged}q99\td1\t1\n")
    return folder


def test_a_folder_is_searched_and_shown(command, beir):
    done = command("compare", "notes", "--with", "tfidf", columns=80)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert done.stderr.startswith("notes: 40 documents, 20 queries.")
    assert "1 judgement of a query that is not there was left out: q99." in done.stderr
    assert "2 queries without a relevant document were left out." in done.stdout
    rows = [line for line in done.stdout.splitlines() if "[" in line or "chance" in line]
    told = " ".join(rows)
    assert all(spec in told for spec in ("bm25", "fusion(tfidf)", "tfidf", "raw", "chance"))
    assert "nDCG@10" in done.stdout
    assert "queries a gap below" in " ".join(done.stdout.split())
    page = (command.folder / "report.html").read_text()
    assert "What queries find" in page
    assert 'class="hit"' in page
    for absent in ('id="maps"', 'id="alike"', 'id="mistakes"', "training items", "k-NN"):
        assert absent not in page, absent
    board = json.loads((command.folder / "report.json").read_text())
    assert board["protocol"]["queries"] == 18
    assert {row["spec"] for row in board["rows"]} >= {"bm25", "fusion(tfidf)"}


def test_a_recommended_encoder_is_saved_over_the_documents(command, beir):
    done = command("compare", "notes", "--with", "bow", "--save-best", "best.space")
    if done.returncode:  # two rankings are no encoder
        assert "is two rankings put together, and no encoder" in done.stderr
    else:
        assert "40 items under" in done.stdout


def test_two_columns_are_searched_and_judged(command):
    one = sentences(60)
    table = pd.DataFrame({"question": one, "answer": [with_one_changed(text) for text in one]})
    table["alike"] = RANDOM.integers(0, 6, 60)
    table.to_csv(command.folder / "faq.csv", index=False)
    asked = ("compare", "faq.csv", "--pairs", "question,answer", "--with", "tfidf")
    done = command(*asked, "--task", "retrieval")
    assert done.returncode == 0, done.stderr
    assert "faq.csv: 60 pairs." in done.stderr
    assert "nDCG@10" in done.stdout
    done = command(*asked, "--scores", "alike", "--scale", "0,5", columns=80)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "faq.csv: 60 pairs." in done.stderr
    assert "Spearman" in done.stdout
    assert "(--test)" in done.stdout
    page = (command.folder / "report.html").read_text()
    assert "Where people say otherwise" in page
    for absent in ('id="maps"', 'id="alike"', 'id="neighbours"', "training items"):
        assert absent not in page, absent
    table.to_csv(command.folder / "more.csv", index=False)
    done = command(*asked, "--scores", "alike", "--scale", "0,3")
    assert "expected scores from 0 to 3" in done.stderr


def test_queries_and_qrels_stand_beside_texts(command):
    texts = sentences(30)
    frame = pd.DataFrame({"name": [f"n{at}" for at in range(30)], "body": texts})
    frame.to_csv(command.folder / "texts.csv", index=False)
    queries = "".join(f"{at}\t{with_one_changed(text)}\n" for at, text in enumerate(texts))
    (command.folder / "queries.tsv").write_text(queries)
    (command.folder / "qrels").write_text("".join(f"{at} 0 n{at} 1\n" for at in range(30)))
    of = ("--ids", "name", "--column", "body", "--queries", "queries.tsv", "--qrels", "qrels")
    done = command("compare", "texts.csv", *of, "--with", "tfidf")
    assert done.returncode == 0, done.stderr
    assert "30 documents, 30 queries" in done.stderr


@pytest.mark.parametrize(
    ("words", "told"),
    [
        ("t.csv --pairs a", "--pairs a: expected two names with a comma"),
        ("t.csv --scores s", "--scores goes with --pairs, which is missing."),
        ("t.csv --queries q.tsv", "--queries goes with --qrels, which is missing."),
        ("t.csv --scale 0,5", "--scale is that of --scores, which is missing."),
        ("t.csv --pairs a,b --scores s --scale 5", "--scale 5: expected the least and"),
        ("t.csv --pairs a,b --labels s", "--labels has no meaning beside --pairs"),
        ("t.csv --pairs a,b --qrels q", "--qrels has no meaning beside --pairs"),
        ("t.csv --pairs a,c", "there is no column 'c'"),
        ("notes --limit 3", "--limit has no meaning for a folder of documents and queries"),
        ("notes --task classes", "'classes' is asked of items one by one, and notes has pairs"),
        ("notes --folds 5", "--folds has no meaning for retrieval"),
        ("notes --rank-by knn", "Cannot rank retrieval by 'knn'"),
        ("t.csv --task likeness", "name two columns and that of the scores"),
        ("digits --task retrieval", "queries can be made from texts, got images"),
    ],
)
def test_what_does_not_go_together_is_told(command, beir, words, told):
    table = pd.DataFrame({"a": ["x", "y"] * 6, "b": list("uvwxyzabcdef"), "s": range(12)})
    table.to_csv(command.folder / "t.csv", index=False)
    done = command("compare", *words.split())
    assert done.returncode == 2
    error = done.stderr.strip().splitlines()[-1]
    assert told in error
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize("study", ["transfer", "layers"])
def test_other_studies_say_that_the_task_is_none_of_theirs(command, study):
    encoder = {"transfer": "raw", "layers": "mlp"}[study]
    done = command(study, "digits", "--with", encoder, "--task", "retrieval")
    assert done.returncode == 2
    assert "The task 'retrieval' is for compare alone" in done.stderr
