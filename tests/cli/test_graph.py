"""Graphs at the command line: what is read, what is refused, what comes out."""

import json

import numpy as np
import pytest

from nearspace.data import SAMPLES


@pytest.fixture
def files(command):
    """Write the sample graph as a table of nodes and one of edges."""
    graph = SAMPLES["articles"]()
    items = graph.items
    rows = zip(items.names, items.attributes, graph.target.values, strict=True)
    lines = ["name,text,topic", *(f'{name},"{text}",{topic}' for name, text, topic in rows)]
    (command.folder / "articles.csv").write_text("\n".join(lines))
    pairs = items.names[items.edges.ends]
    years = np.random.default_rng(0).integers(1990, 2020, len(pairs))
    lines = [f"{one},{other},{year},1.5" for (one, other), year in zip(pairs, years, strict=True)]
    (command.folder / "links.csv").write_text("\n".join(["one,other,year,much", *lines]))
    return command


READ = ("articles.csv", "--ids", "name", "--column", "text", "--edges", "links.csv")


def test_classes_of_nodes_are_told_by_what_is_around_them(files):
    done = files("compare", *READ, "--labels", "topic", "--with", "tfidf", "-o", "board.json")
    assert done.returncode == 0, done.stderr
    assert "300 nodes and 577 edges." in done.stderr
    board = json.loads((files.folder / "board.json").read_text())
    rows = [row for row in board["rows"] if "scores" in row]
    scores = {row["spec"]: row["scores"]["knn"]["value"] for row in rows}
    assert scores["propagated"] > scores["attributes(tfidf)"] + 0.2
    assert any("see the whole graph" in note for note in board["notes"])


def test_links_are_told_without_those_that_are_held_back(files):
    edges = ("--ends", "other,one", "--edge-time", "year", "--weights", "much")
    done = files("compare", *READ, *edges, "--with", "netmf", "-o", "board.json")
    assert done.returncode == 0, done.stderr
    board = json.loads((files.folder / "board.json").read_text())
    assert board["protocol"]["task"] == "links"
    assert board["protocol"]["split"] == "the latest 25% of edges test"
    assert "AUC" in done.stdout


def test_a_list_of_edges_alone_is_a_graph(files):
    done = files("embed", "links.csv", "--kind", "graph", "--with", "netmf(dim=8)", "-o", "a.space")
    assert done.returncode == 0, done.stderr
    done = files("search", "a.space", "--id", "article 003", "-k", "2")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("article ") == 2
    done = files("embed", "articles", "--with", "propagated", "-o", "b.space")
    assert done.returncode == 0, done.stderr


def test_a_node_that_comes_later_is_added_to_a_space(files):
    done = files("embed", *READ, "--with", "propagated", "-o", "a.space")
    assert done.returncode == 0, done.stderr
    for name, line in (("articles.csv", "later,the price,new"), ("links.csv", "later,article 003")):
        more = ",2019,1.5" if name == "links.csv" else ""
        with (files.folder / name).open("a") as file:
            file.write(f"\n{line}{more}")
    done = files("add", "articles.csv", "--to", "a.space", *READ[1:])
    assert done.returncode == 2
    assert "would replace others" in done.stderr  # its neighbours have another vector now
    done = files("add", "articles.csv", "--to", "a.space", *READ[1:], "--replace")
    assert done.returncode == 0, done.stderr
    assert "1 new, 20 changed, 280 unchanged; 301 items." in done.stdout
    done = files("add", "articles.csv", "--to", "a.space", "--ids", "name", "--column", "text")
    assert done.returncode == 2
    assert "name the file that holds their edges (--edges)" in " ".join(done.stderr.split())


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("compare", "wine", "--edges", "none.csv"), "none.csv cannot be read"),
        (("compare", "wine", "--weights", "much"), "name the file that holds them (--edges)"),
        (("compare", "links.csv", "--kind", "graph", "--labels", "year"), "read without --labels"),
        (("compare", "articles.csv", "--edges", "links.csv"), "none of the 577 edges is between"),
        (("compare", *READ, "--weights", "mcuh"), "Did you mean 'much'"),
        (("compare", *READ, "--ends", "one"), "--ends one: expected two names with a comma"),
        (("compare", *READ, "--ends", "year,much"), "columns with the ends of edges (--ends)"),
        (("compare", *READ, "--task", "links", "--folds", "3"), "--folds has no meaning for links"),
        (("compare", *READ, "--test", "articles.csv"), "say by --split which of them test"),
        (("compare", "wine", "--task", "links"), "name the file that holds them"),
        (("embed", "articles", "--with", "tfidf", "-o", "c.space"), "attributes(tfidf) takes what"),
    ],
)  # fmt: skip
def test_what_is_mistyped_is_told_in_a_sentence(files, arguments, told):
    done = files(*arguments)
    assert done.returncode == 2, done.stdout
    assert told in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
