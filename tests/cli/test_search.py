"""``nearspace search`` and ``index`` as a user meets them."""

import dataclasses
import json
import os
import re
import subprocess
import sys

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from typer.testing import CliRunner

from nearspace import embed, load
from nearspace.cli.app import app
from nearspace.errors import NearspaceError
from nearspace.space.formats import save


@pytest.fixture
def search(tmp_path, monkeypatch):
    """Run commands in an empty folder; what the command line says of an error comes last."""
    monkeypatch.chdir(tmp_path)

    def run(*arguments):
        done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "120"})
        if isinstance(done.exception, NearspaceError):
            return str(done.exception)
        assert done.exit_code == 0, done.output
        return done.stdout

    run.folder = tmp_path
    return run


def found(text):
    return [[row["id"] for row in answer["neighbours"]] for answer in json.loads(text)]


def test_texts_and_ids(search):
    sentences = load("sentences")
    save(embed(sentences, "tfidf"), "s.space")
    table = search("search", "s.space", sentences.items[7], "-k", "3").splitlines()
    assert table[0].split() == ["rank", "cosine", "id", "label", "text"]
    assert table[1].split()[:3] == ["1", "1.0000", "7"]
    assert len(table) == 4
    answer = search("search", "s.space", "--id", "7", "--id", "9", "--exclude-self", "--json")
    assert [len(ids) for ids in found(answer)] == [10, 10]
    assert 7 not in found(answer)[0]
    asked = ["search", "s.space", "--id", "7", "--where", "label=travel", "--where", "text~sea"]
    rows = json.loads(search(*asked, "--json"))[0]["neighbours"]
    assert all(row["label"] == "travel" and "sea" in row["text"] for row in rows)
    assert "No item meets" in search("search", "s.space", "--id", "7", "--where", "id>9999")
    (search.folder / "two.txt").write_text("\n".join(sentences.items[3:5]))
    assert [ids[0] for ids in found(search("search", "s.space", "two.txt", "--json"))] == [3, 4]
    pd.DataFrame({"said": sentences.items[5:7], "as": sentences.items[:2]}).to_csv("two.csv")
    answer = search("search", "s.space", "two.csv", "--column", "said", "--json")
    assert [ids[0] for ids in found(answer)] == [5, 6]
    assert "by --column" in search("search", "s.space", "two.csv")


def test_words_are_one_text_and_a_condition_alone_lists(search):
    sentences = load("sentences")
    save(embed(sentences, "tfidf"), "s.space")
    words = sentences.items[7].split()
    assert found(search("search", "s.space", *words, "--json"))[0][0] == 7
    assert len(found(search("search", "s.space", "the sea", "the grill", "--json"))) == 2
    assert "There is no file 'sea.csv'" in search("search", "s.space", "sea.csv")
    travel = [n for n, label in enumerate(sentences.target.values) if label == "travel"]
    asked = ["search", "s.space", "--where", "label=travel", "-k", "3"]
    listed = json.loads(search(*asked, "--json"))
    assert [row["id"] for row in listed["items"]] == travel[:3]
    assert listed["count"] == len(travel)
    table = search(*asked).splitlines()
    assert table[0].split() == ["id", "label", "text"]
    assert len(table) == 4
    assert search(*asked, "-o", "t.csv") == "t.csv: 3 rows.\n"
    assert pd.read_csv("t.csv").columns.tolist() == ["id", "label", "text"]
    assert "No item meets" in search("search", "s.space", "--where", "label=none")


def test_an_item_is_named_by_the_end_of_its_id_or_a_word_in_it(search):
    wine = embed(load("wine", limit=4), "pca(dim=2)")
    ids = np.array(["cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "U+1F680 red rocket.png"])
    save(dataclasses.replace(wine, ids=ids), "w.space")
    names = {"2.jpg": 1, "2": 1, "DOG": 2, "rocket": 3, "cat/1.jpg": 0, "cat/1": 0, "red rocket": 3}
    for name, position in names.items():
        answer = search("search", "w.space", "--id", name, "-k", "1", "--json")
        assert found(answer) == [[ids[position]]], name
    told = search("search", "w.space", "--id", "1.jpg")
    assert told == "'1.jpg' could be cat/1.jpg or dog/1.jpg; write more of the id."
    assert "could be cat/1.jpg or cat/2.jpg" in search("search", "w.space", "--id", "cat")
    assert "no item 'ocket'" in search("search", "w.space", "--id", "ocket")
    assert "no item '1.jpg'" in search("remove", "w.space", "1.jpg")  # nothing is removed by a part
    search("decode", "w.space", "--id", "rocket", "-o", "d.npz")
    assert np.load("d.npz")["ids"].tolist() == [ids[3]]


def test_words_that_the_encoder_does_not_know_are_told(search):
    save(embed(load("sentences"), "tfidf | pca(dim=4)"), "s.space")
    asked = ["search", "s.space", "qwertyuiop [zzz]", "the sea"]
    done = CliRunner().invoke(app, asked, env={"COLUMNS": "120"})
    assert "No word of 'qwertyuiop [zzz]' is known" in done.stderr
    assert done.stderr.count("is known") == 1


def test_images_rows_and_vectors(search):
    random = np.random.default_rng(0)
    (search.folder / "photos").mkdir()
    for index in range(12):
        pixels = random.integers(0, 255, (9, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(search.folder / "photos" / f"p, {index}.png")
    space = embed(load("photos"), "raw | pca(dim=4)")
    save(space, "p.space")
    answer = search("search", "p.space", "photos/p, 3.png", "photos/p, 5.png", "-k", 1, "--json")
    assert found(answer) == [["p, 3.png"], ["p, 5.png"]]
    asked = ["search", "p.space", "photos/p, 3.png", "--exclude-self"]
    assert "p, 3.png" not in found(search(*asked, "-k", 12, "--json"))[0]
    renamed = np.where(space.ids == "p, 3.png", "another", space.ids)
    save(dataclasses.replace(space, ids=renamed), "other.space")
    assert "none is named like 'photos/p, 3.png'" in search(asked[0], "other.space", *asked[2:])
    np.save("v.npy", space.vectors[4:6])
    said = search("search", "p.space", "--vectors", "v.npy", "--metric", "euclidean", "-o", "f.csv")
    assert said == "f.csv: 20 rows.\n"
    frame = pd.read_csv("f.csv")
    assert frame.columns.tolist() == ["query", "rank", "score", "id"]
    assert frame["id"][[0, 10]].tolist() == space.ids[4:6].tolist()
    assert frame["score"][[0, 10]].tolist() == [0, 0]
    customers = load("customers")
    save(embed(customers, "onehot"), "c.space")
    rows = customers.items.iloc[[8, 2]].assign(label="?")  # a column that the encoder never saw
    rows.to_csv("rows.csv", index=False)
    assert [ids[0] for ids in found(search("search", "c.space", "rows.csv", "--json"))] == [8, 2]
    rows.drop(columns="age").to_csv("rows.csv")
    assert "rows.csv: the column 'age' is missing" in search("search", "c.space", "rows.csv")


def test_index_is_built_kept_and_used(search):
    random = np.random.default_rng(0)
    np.savez("v.npz", vectors=np.repeat(random.normal(size=(30, 8)), 50, axis=0)
             + 0.1 * random.normal(size=(1500, 8)))  # fmt: skip
    save(embed(load("v.npz"), "raw"), "v.space")
    said = search("index", "v.space")
    assert "v.space: index for euclidean, 37 cells" in said
    assert "recall@10 " in said
    answer = json.loads(search("search", "v.space", "--id", "5", "--json"))[0]
    assert answer["recall"] < 1
    assert answer["neighbours"][0]["id"] == 5
    assert (
        json.loads(search("search", "v.space", "--id", "5", "--exact", "--json"))[0]["recall"] == 1
    )


def test_a_space_of_one_item_has_no_other(search):
    save(embed(load("wine", limit=1), "raw"), "one.space")
    told = search("search", "one.space", "--id", load("wine", limit=1).ids[0], "--exclude-self")
    assert told == "There is no item to be found.\n"


WRONG = {
    (): "say what to search by",
    ("rain", "--id", "3"): "say what to search by",
    ("--id", "99999"): "no item '99999'",
    ("--id", "3", "--metric", "cosin"): "Did you mean 'cosine'",
    ("--id", "3", "--where", "labl=x"): "Did you mean 'label'",
    ("--id", "3", "--where", "label"): "cannot be read",
    ("rain", "--exclude-self"): "none is named like 'rain': search by its id",
    ("--vectors", "right.npy", "--exclude-self"): "search by ids",
    ("--vectors", "none.npy"): "none.npy",
    ("--vectors", "short.npy"): "expected vectors of 102 numbers",
    ("--id", "3", "-o", "x.txt"): "ending .csv",
}


@pytest.mark.parametrize("arguments", WRONG, ids=str)
def test_mistakes_are_told_in_a_sentence(search, arguments):
    save(embed(load("sentences"), "tfidf"), "s.space")
    np.save("short.npy", np.zeros((1, 3)))
    np.save("right.npy", np.zeros((1, 102)))
    assert WRONG[arguments] in search("search", "s.space", *arguments)


def test_a_space_without_encoder_says_what_can_be_searched_by(search):
    space = embed(load("wine"), "pca(dim=4)")
    save(space, "w.npz")
    search("import", "w.npz", "-o", "w.space")
    assert "has no encoder" in search("search", "w.space", "wine.csv")
    assert found(search("search", "w.space", "--id", "3", "-k", "1", "--json")) == [[3]]


def test_a_search_by_id_does_not_wait_for_torch(tmp_path):
    save(embed(load("wine"), "pca(dim=4)"), tmp_path / "w.space")
    code = (
        "import sys; from nearspace.cli import main\n"
        f"sys.argv = ['nearspace', 'search', {str(tmp_path / 'w.space')!r}, '--id', '3']\n"
        "try: main()\nexcept SystemExit: print('torch' in sys.modules)"
    )
    environment = {**os.environ, "COLUMNS": "120"}
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=False
    )
    assert done.stdout.splitlines()[-1] == "False", done.stderr


@pytest.fixture
def notes(search):
    (search.folder / "notes.csv").write_text(
        "id,text,stars\n"
        'a,"The zip was broken, on arrival",1\n'
        "b,A fastener that fell apart,2\n"
        'c,"C++ is a language, not a zip",5\n'
        "d,拉链坏了，退货,1\n"
        "e,error E-1047 in the zipper,3\n"
    )
    told = search("embed", "notes.csv", "--column", "text", "--ids", "id", "--with",
                  "tfidf(analyzer='char') | svd(dim=3)", "-o", "notes.space")  # fmt: skip
    assert "5 vectors" in told
    return search


def test_words_and_vectors_search_together(notes):
    (answer,) = json.loads(notes("search", "notes.space", "broken", "zip", "--hybrid", "--json"))
    first, *others = answer["neighbours"]
    assert answer["metric"] == "ranks"
    assert (first["id"], first["rank_by_words"]) == ("a", 1)
    assert {row["id"]: row["rank_by_words"] for row in others}["b"] is None
    assert all(row["rank_by_vectors"] for row in others)
    shown = notes("search", "notes.space", "broken zip", "--hybrid")
    assert shown.split()[:7] == ["rank", "fused", "by", "words", "by", "vectors", "id"]
    few = notes("search", "notes.space", "zip", "--hybrid", "--where", "stars>=3", "--json")
    assert sorted(found(few)[0]) == ["c", "e"]
    notes("search", "notes.space", "zip", "--hybrid", "-o", "near.csv")
    assert {"rank_by_words", "rank_by_vectors"} <= {*pd.read_csv("near.csv").columns}
    own = notes("search", "notes.space", "--id", "a", "--hybrid", "--exclude-self", "--json")
    assert found(own)[0][0] != "a"


def test_words_alone_need_no_encoder(notes):
    assert found(notes("search", "notes.space", "坏了", "--words", "--json")) == [["d"]]
    assert "BM25" in notes("search", "notes.space", "E-1047", "--words")
    notes("export", "notes.space", "-o", "notes.parquet")
    notes("import", "notes.parquet", "--made-by", "somebody", "-o", "theirs.space")
    assert found(notes("search", "theirs.space", "broken", "zip", "--words", "--json")) == [
        ["a", "c"]
    ]
    for hybrid in ((), ("--hybrid",)):
        told = notes("search", "theirs.space", "broken zip", *hybrid)
        assert told.endswith("search its texts by --words.")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (("x", "--hybrid", "--words"), "leave --words out"),
        (("x", "--words", "--metric", "cosine"), "leave --metric out"),
        (("x", "--words", "--exact"), "leave --exact out"),
        (("--id", "a", "--words"), "leave --id out"),
        (("--vectors", "notes.parquet", "--hybrid"), "leave --vectors out"),
        (("--hybrid",), "say what to search by"),
    ],
)
def test_words_are_asked_for_in_one_way(notes, options, told):
    assert told in notes("search", "notes.space", *options)


def test_pictures_have_no_words(search):
    folder = search.folder / "pictures"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 8), 40 * number, np.uint8)).save(folder / f"{number}.png")
    search("embed", "pictures", "--with", "raw", "-o", "p.space")
    assert "of which words find nothing" in search(
        "search", "p.space", folder / "1.png", "--hybrid"
    )
    assert "search by vectors alone" in search("search", "p.space", "red", "--words")


def test_the_words_that_make_texts_alike_are_shown(search):
    texts = [
        "The zip of my bag is broken.",
        "\x1b[2Ja boat\nat sea",
        "broken glass",
        "my bag is red",
    ]
    save(embed(load(texts, labels=["a", "b", "a", "b"]), "tfidf"), "t.space")
    shown = search("search", "t.space", "broken", "zip", "-k", "2", "--explain")
    assert "1  cosine 0." in shown
    assert "  0  a" in shown
    assert "query broken (+0." in shown
    assert "The (-0." in shown
    assert "zip (+0." in shown
    told = json.loads(search("search", "t.space", "broken zip", "-k", "1", "--explain", "--json"))
    first = told[0]["neighbours"][0]["explained"]
    assert [of["part"] for of in first["query"]] == ["broken", "zip"]
    assert [of["part"] for of in first["text"]] == [
        "The",
        "zip",
        "of",
        "my",
        "bag",
        "is",
        "broken",
        ".",
    ]
    assert first["query"][1]["effect"] > 0 > first["text"][0]["effect"]
    shown = search("search", "t.space", "--id", "1", "-k", "1", "--explain")
    assert "\\x1b[2J" in shown
    assert "\x1b" not in shown
    assert "at (+0." in shown
    words = search("search", "t.space", "broken", "--words", "-k", "1", "--explain")
    assert "BM25" in words
    assert "cosine" in words
    assert "There is no item" in search("search", "t.space", "qwertz", "--explain")


def test_words_are_coloured_where_there_are_colours(search, monkeypatch):
    save(embed(load(["the zip is broken", "a boat at sea"]), "tfidf"), "t.space")
    options = {"env": {"COLUMNS": "120", "FORCE_COLOR": "1", "TERM": "xterm-256color"}}
    asked = ["search", "t.space", "my zip", "-k", "1", "--explain"]
    shown = CliRunner().invoke(app, asked, color=True, **options).stdout
    assert "Blue: without the word" in shown
    assert "zip (+" not in shown
    assert len({*re.findall("\x1b\\[[0-9;]*48;[0-9;]*m", shown)}) == 2  # blue and orange
    options["env"]["NO_COLOR"] = "1"
    shown = CliRunner().invoke(app, asked, color=True, **options).stdout
    assert "zip (+" in shown
    assert "48;" not in shown


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--where", "label=a"], "search by a text"),
        (["--vectors", "v.npy"], "search by a text"),
        (["zip", "-o", "x.csv"], "leave out -o x.csv"),
    ],
)
def test_what_cannot_be_explained_is_told(search, arguments, told):
    save(embed(load(["zip", "boat"], labels=["a", "b"]), "tfidf"), "t.space")
    assert told in search("search", "t.space", *arguments, "--explain")
    save(embed("wine", "raw"), "w.space")
    told = search("search", "w.space", "--id", "1", "--explain")
    assert "expected a space of texts" in told


def test_of_rows_columns_are_explained(search):
    save(embed("customers", "onehot"), "c.space")
    shown = search("search", "c.space", "--id", "7", "-k", "2", "--explain")
    assert "without the column" in shown
    assert "query age: 24" in " ".join(shown.split())
    told = json.loads(search("search", "c.space", "--id", "7", "-k", "1", "--explain", "--json"))
    explained = told[0]["neighbours"][0]["explained"]
    assert explained.keys() == {"query", "row"}
    assert explained["query"][0]["part"] == "age: 24"
