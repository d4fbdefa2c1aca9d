"""The index of words in a file: right after every change, and checked."""

import sqlite3

import numpy as np
import pytest

from nearspace import embed, load, make, neighbours, open_space, save
from nearspace.errors import NearspaceError
from nearspace.space.file.checking import verify
from nearspace.space.file.database import writing
from nearspace.space.file.growing import embed_lines
from nearspace.space.file.repair import repair
from nearspace.space.file.store import add, remove
from nearspace.space.search import words

ENCODER = make("raw | pca(dim=2)").fit(["a zip", "a ship sails", "more"])
TEXTS = ["a broken zip", "the ship sails", "zip files zip well", "拉链坏了"]


def texts(items, ids):
    return embed(load(items, ids=ids), ENCODER)


@pytest.fixture
def path(tmp_path):
    return save(texts(TEXTS, list("abcd")), tmp_path / "t.space")


def ids(path, query):
    return neighbours(open_space(path), words=query).ids[0].tolist()


def changed(path, sql, *values):
    with sqlite3.connect(path) as db:
        db.execute(sql, values)


def wrongly(path, sql, *values):
    """Change the index, and write that this is how it should be."""
    with writing(path) as (db, _):
        db.execute(sql, values)


def test_the_index_follows_every_change(path):
    opened = open_space(path)
    add(path, texts(["a new zip"], ["e"]))
    assert ids(path, "zip") == ["c", "a", "e"]
    add(path, texts(["a new ship"], ["a"]), replace=True)  # the id is there: no old word is left
    assert ids(path, "broken") == []
    assert ids(path, "new") == ["a", "e"]
    remove(path, ["c", "d"])
    assert ids(path, "zip") == ["e"]
    assert ids(path, "坏了") == []
    add(path, texts(["gone again"], ["c"]))
    assert ids(path, "gone") == ["c"]
    assert verify(path) == []
    # What was opened before goes on with what it holds.
    assert neighbours(opened, words="zip").ids[0].tolist() == ["c", "a"]
    save(texts(["other things"], ["z"]), path)
    assert ids(path, "zip") == []
    assert ids(path, "things") == ["z"]
    assert verify(path) == []


def test_the_same_again_changes_nothing_however_often(path):
    for _ in range(3):
        assert add(path, texts(TEXTS, list("abcd"))).unchanged == 4
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT count(*) FROM words_docsize").fetchone() == (4,)
    assert verify(path) == []


def test_what_is_refused_leaves_the_index_as_it_was(path):
    before = path.read_bytes()
    with pytest.raises(NearspaceError, match="would replace others"):
        add(path, texts(["new words", "zip"], ["a", "x"]))
    with pytest.raises(NearspaceError, match="no item"):
        remove(path, ["a", "nobody"])
    assert path.read_bytes() == before
    assert ids(path, "broken") == ["a"]


def test_an_index_that_is_not_that_of_the_texts_is_told_and_made_again(path, tmp_path):
    sql = "INSERT INTO words (words, rowid, text) VALUES ('delete', 1, 'a broken zip')"
    wrongly(path, sql)
    assert verify(path) == ["The index of words is not that of the texts."]
    done = repair(path, tmp_path / "mended.space")
    assert done.lost == ()
    assert verify(tmp_path / "mended.space") == []
    assert ids(tmp_path / "mended.space", "broken") == ["a"]


def test_texts_that_were_changed_places_are_told(path):
    for row, was, put in ((1, TEXTS[0], TEXTS[2]), (3, TEXTS[2], TEXTS[0])):
        sql = "INSERT INTO words (words, rowid, text) VALUES ('delete', ?, ?)"
        wrongly(path, sql, row, was)
        wrongly(path, "INSERT INTO words (rowid, text) VALUES (?, ?)", row, put)
    assert verify(path) == ["The index of words is not that of the texts."]


def test_an_index_in_ruins_is_one_sentence(path):
    changed(path, "UPDATE words_data SET block = zeroblob(length(block)) WHERE id > 10")
    assert verify(path) == ["The index of words does not match its checksum."]
    for fails in (lambda: ids(path, "zip"), lambda: remove(path, ["a"])):
        with pytest.raises(NearspaceError, match="damaged: the index of words does not match"):
            fails()
    assert len(neighbours(open_space(path), "a", k=2).ids[0]) == 2  # vectors are whole


def test_a_row_that_is_not_there_is_damage(path):
    wrongly(path, "INSERT INTO words (rowid, text) VALUES (99, 'zip')")
    with pytest.raises(NearspaceError, match="rows that are not there"):
        ids(path, "zip")


def test_half_of_an_index_is_no_space(path):
    with sqlite3.connect(path) as db:
        db.execute("PRAGMA writable_schema = ON")
        db.execute("DELETE FROM sqlite_schema WHERE name = 'words_docsize'")
    with pytest.raises(NearspaceError, match="tables are not those of a space"):
        open_space(path)


def test_a_file_without_an_index_is_searched_and_gets_one_with_the_next_change(path):
    wrongly(path, "DROP TABLE words")
    assert ids(path, "zip") == ["c", "a"]
    assert verify(path) == []
    add(path, texts(["one more zip"], ["e"]))
    assert ids(path, "zip") == ["c", "a", "e"]
    assert verify(path) == []


def test_an_sqlite_without_fts5_writes_a_file_without(path, monkeypatch):
    monkeypatch.setitem(words.WORDS, "words", "CREATE VIRTUAL TABLE words USING fts99(text)")
    other = save(texts(TEXTS, list("abcd")), path.with_name("other.space"))
    monkeypatch.undo()
    with sqlite3.connect(other) as db:
        names = {name for (name,) in db.execute("SELECT name FROM sqlite_schema")}
    assert "words" not in names
    assert ids(other, "zip") == ["c", "a"]


def test_texts_that_come_with_an_add_are_indexed(tmp_path):
    wine = load("wine").take(range(4))
    space = embed(wine, "pca(dim=2)")
    path = save(space, tmp_path / "wine.space")
    import dataclasses

    import pyarrow as pa

    more = dataclasses.replace(
        space[:2], ids=np.array([7, 8]), meta=pa.table({"text": ["a red wine", None]})
    )
    add(path, more)
    assert ids(path, "red") == [7]
    assert verify(path) == []


def test_a_space_that_grows_line_by_line_is_indexed_and_goes_on(tmp_path):
    lines, path = tmp_path / "lines.txt", tmp_path / "lines.space"
    lines.write_text("\n".join(f"line {n} zip{n}" for n in range(700)))

    def stop(read, size, last):
        if last > 300:
            raise KeyboardInterrupt

    encoder = make("hashing(dim=64)") if "dim" in make("hashing").get_params() else make("hashing")
    with pytest.raises(KeyboardInterrupt):
        embed_lines(lines, encoder, path, stop)
    assert verify(path) == []
    embed_lines(lines, encoder, path, lambda *done: None)
    assert ids(path, "zip3 zip650") == [3, 650]
    assert verify(path) == []


def test_a_long_text_is_kept_and_searched_as_a_whole(tmp_path):
    long = "word " * 2_000 + "needle"
    path = save(texts([long, "other"], ["a", "b"]), tmp_path / "t.space")
    assert open_space(path).meta["text"][0].as_py() == long
    assert ids(path, "needle") == ["a"]
