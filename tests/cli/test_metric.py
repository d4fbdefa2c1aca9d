"""The metric on the command line: a space's own, or --metric; zero vectors are told everywhere."""

import json

import numpy as np
import pytest

from nearspace.space.formats import open_space

WORDLESS = {3: ":)", 40: ":-)", 77: "?!"}


@pytest.fixture
def run(command):
    """Return a function that runs a command that succeeds and gives what it said."""
    random = np.random.default_rng(0)
    words = ["sea", "ship", "wave", "salt", "bread", "oven", "flour", "yeast"]
    lines = ["id,text,topic"]
    for row in range(120):
        text = " ".join(random.choice(words[4 * (row % 2) :][:4], 3))
        lines.append(f"m{row},{WORDLESS.get(row, text)},{row % 2}")
    (command.folder / "m.csv").write_text("\n".join(lines))

    def ran(*arguments):
        done = command(*arguments)
        assert done.returncode == 0, done.stderr
        return " ".join(f"{done.stdout} {done.stderr}".split())

    read = ("--column", "text", "--labels", "topic", "--ids", "id")
    assert "note: 3 of 120 texts have no known word: their vectors are zero, and nobody's" in ran(
        "embed", "m.csv", *read, "--with", "tfidf", "-o", "m.space"
    )
    ran("embed", "m.csv", *read, "--with", "tfidf | pca(dim=4)", "-o", "p.space")
    return ran, command


def test_a_space_is_searched_by_its_own_metric_and_tells_of_zeros(run):
    ran, _ = run
    assert "metric cosine" in ran("info", "m.space")
    told = ran("search", "m.space", "salt wave", "-k", "120", "--json")
    assert '"metric": "cosine"' in told
    assert "3 of 120 items have no known word" in told
    assert not any(f'"m{row}"' in told for row in WORDLESS)
    assert "There is no item to be found." in ran("search", "m.space", "--id", "m3")
    by_length = ran("search", "m.space", "salt wave", "-k", "120", "--metric", "euclidean")
    assert "rank distance" in by_length
    assert " m3 " in by_length
    assert "3 of 120 items are zero, near to all by euclidean." in by_length
    assert '"metric": "cosine"' in ran("analogy", "m.space", "m0", "m1", "m2", "--json")
    answers = ran("search", "m.space", "--id", "m3", "--id", "m0", "-o", "f.csv")
    assert "f.csv: 10 rows." in answers
    assert "Of 2 queries 1 is the zero vector" in answers


def test_what_is_added_brought_and_taken_out_keeps_the_metric(run):
    ran, command = run
    (command.folder / "more.csv").write_text("id,text\nn1,:(\nn2,bread\n")
    added = ran("add", "more.csv", "--column", "text", "--ids", "id", "--to", "m.space")
    assert "note: 1 of 2 texts has no known word: its vector is zero" in added
    ran("export", "m.space", "-o", "m.parquet")
    told = ran("import", "m.parquet", "-o", "again.space")
    assert "Compared by cosine." in told
    assert "4 of 122 texts" in told
    ran("import", "m.parquet", "--metric", "euclidean", "-o", "length.space")
    assert open_space("length.space").recipe.metric == "euclidean"
    done = command("import", "m.parquet", "--metric", "euclidean", "--to", "again.space")
    assert done.returncode == 2
    assert "compared by cosine, got vectors to be compared by euclidean" in done.stderr


def test_maps_and_differences_go_by_the_metric_that_is_said(run):
    ran, command = run
    told = ran("map", "m.space", "-o", "m.html")
    assert "by cosine" in told
    assert "3 zero vectors, nobody's neighbours, in a corner." in told
    assert "by euclidean" in ran("map", "m.space", "-o", "m.html", "--metric", "euclidean")
    done = command("map", "m.space", "-o", "m.html", "--metric", "dot")
    assert done.returncode == 2
    assert "the inner product is none" in done.stderr
    told = ran("diff", "m.space", "p.space", "-k", "3")
    assert "(cosine; by chance" in told
    assert "Not asked about: 3 with a zero vector" in told
    assert "(euclidean; by chance" in ran("diff", "m.space", "p.space", "--metric", "euclidean")


def test_a_comparison_goes_by_one_metric_where_it_is_said(run):
    ran, command = run
    read = ("--column", "text", "--labels", "topic", "--ids", "id", "--with", "tfidf")
    told = ran("compare", "m.csv", *read)
    assert "tfidf: 3 of 120 texts have no known word" in told
    page = (command.folder / "report.html").read_text("utf-8")
    assert 'title="By what neighbours are near' in page
    assert "each encoder&#39;s own" in page
    ran("compare", "m.csv", *read, "--metric", "euclidean")
    report = json.loads((command.folder / "report.json").read_text("utf-8"))
    assert report["protocol"]["metric"] == "euclidean"
    assert {row["metric"] for row in report["rows"]} == {"euclidean", ""}
    for wrong in (("compare", "m.csv"), ("layers", "m.csv", "--with", "mlp")):
        done = command(*wrong, "--metric", "cosin")
        assert done.returncode == 2
        assert "Did you mean 'cosine'?" in done.stderr
