import json
import random

import numpy as np
import pytest

from nearspace import Sound, compare, embed, load, neighbours, open_space, save
from nearspace.data import Audio, Dataset, train_test_split
from nearspace.data.chunks import chunked
from nearspace.data.spans import chunk_spans, step_spans
from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe


def refused(*words, source=("near means alike",), **options):
    with pytest.raises(DataError) as error:
        load(list(source), **options)
    assert all(word in str(error.value) for word in words), error.value


@pytest.mark.parametrize("size", [1, 2, 3, 7])
def test_chunks_are_the_text_itself_and_end_with_its_last_word(size):
    """By the words themselves, for texts of every length about the size, blanks of all sorts."""
    draw = random.Random(0)
    for count in range(1, 20):
        words = [draw.choice(["a", "été", "שלום", "😀", "x" * 30]) for _ in range(count)]
        text = "\t" + "".join(word + draw.choice([" ", "\n\n", "\u3000"]) for word in words)
        for overlap in range(size):
            spans = chunk_spans(text, size, overlap)
            chunks = [text[start:end] for start, end in spans]
            step, starts = size - overlap, [0]
            while starts[-1] + size < count:
                starts.append(starts[-1] + step)
            assert [chunk.split() for chunk in chunks] == [words[at : at + size] for at in starts]
            assert all(chunk == chunk.strip() for chunk in chunks)


def test_a_text_without_a_word_is_one_chunk():
    assert chunk_spans(" \n ", 5).tolist() == [[0, 3]]
    assert load(["", "a b"], chunks=1).items == ["", "a", "b"]


def test_chunks_keep_what_is_known_of_their_text():
    table = {
        "text": ["one two three", "four", "five six"],
        "stars": [1, 2, 3],
        "day": ["2024-01-01", "2024-01-02", "2024-01-03"],
        "part": ["train", "test", "train"],
        "mood": ["good", None, "bad"],
        "chunk": ["mine", "yours", "ours"],
    }
    data = load(
        table, column="text", labels="mood", time="day", split="part", chunks=2, overlap=1
    )  # fmt: skip
    assert data.items == ["one two", "two three", "four", "five six"]
    assert data.ids.tolist() == ["0#1", "0#2", "1#1", "2#1"]
    assert data.labels.tolist() == ["good", "good", None, "bad"]
    assert data.groups.tolist() == [0, 0, 1, 2]
    assert data.split.tolist() == ["train", "train", "test", "train"]
    assert data.time.astype("datetime64[D]").astype(str).tolist()[1:3] == [
        "2024-01-01", "2024-01-02"
    ]  # fmt: skip
    known = data.meta.to_pydict()
    assert known["stars"] == [1, 1, 2, 3]
    assert known["document"] == [0, 0, 1, 2]
    assert (known["chunk"], known["chunk_"]) == (["mine", "mine", "yours", "ours"], [1, 2, 1, 1])
    assert known["start"] == [0, 4, 0, 0]
    note = "The texts, 3, were cut into 4 chunks of 2 words, of which the first 1 end the one"
    assert data.notes[-1].startswith(note)


def test_documents_lie_within_the_groups_that_there_are():
    data = load(["aa bb", "cc dd", "ee"], groups=["ann", "ann", "bob"], chunks=1)
    assert data.groups.tolist() == ["ann"] * 4 + ["bob"]
    assert data.meta["document"].to_pylist() == [0, 0, 1, 1, 2]
    assert embed(data, "bow").recipe.roles == {"groups": "group"}
    alone = embed(load(["aa bb", "cc dd"], chunks=1), "bow")
    assert alone.recipe.roles == {"groups": "document"}
    assert alone.meta.column_names == ["text", "document", "chunk", "start"]


def test_documents_of_two_files_with_one_id_are_two(tmp_path):
    for name in "ab":
        (tmp_path / f"{name}.txt").write_text("near means alike\n")
    data = load(tmp_path / "a.txt", test=tmp_path / "b.txt", chunks=2)
    assert data.groups.tolist() == ["train/0", "train/0", "test/0", "test/0"]
    assert data.ids.tolist()[-1] == "test/0#2"


def test_what_cannot_be_cut_is_refused():
    refused("chunks= is a number above 0", "words of texts", "got 0", chunks=0)
    refused("chunks= is a number of words of at least 1, got 2.5", chunks=2.5)
    refused("got nan", chunks=float("nan"))
    refused("overlap= is a number of at least 0", "got -1", chunks=2, overlap=-1)
    refused("overlap= is a number of words of at least 0, got 0.5", chunks=2, overlap=0.5)
    refused("chunks of 2 cannot share 2", "a smaller overlap", chunks=2, overlap=2)
    refused("say by chunks=", overlap=1)
    vectors = [[1.0, 2.0], [2.0, 1.0]]
    refused("chunks= cuts series, sounds and texts", "vectors", source=vectors, chunks=2)
    with pytest.raises(DataError, match="A Dataset cannot be read with chunks="):
        load(load(["a b"]), chunks=2)


@pytest.mark.parametrize("size", [1, 2, 5, 8])
def test_chunks_of_steps_are_those_of_a_loop(size):
    for count in range(1, 20):
        for overlap in range(size):
            spans, start = [(0, min(size, count))], 0
            while start + size < count:
                start += size - overlap
                spans.append((start, min(start + size, count)))
            spans = [span for span in spans if 2 * (span[1] - span[0]) >= size] or spans
            assert [*map(tuple, step_spans(count, size, overlap).tolist())] == spans


def test_sounds_are_cut_by_seconds_and_series_by_steps_into_views():
    sounds = [Sound(np.arange(2100, dtype="f4"), 1000), Sound(np.ones(300, "f4"), 1000)]
    data = load(sounds, ids=["a", "b"], labels=["x", "y"], chunks=1.0, overlap=0.5)
    assert data.ids.tolist() == ["a#1", "a#2", "a#3", "a#4", "b#1"]
    assert data.groups.tolist() == ["a"] * 4 + ["b"]
    assert data.labels.tolist() == ["x"] * 4 + ["y"]
    assert data.meta["start"].to_pylist() == [0.0, 0.5, 1.0, 1.5, 0.0]
    assert [sound.samples[0] for sound in data.items] == [0, 500, 1000, 1500, 1]
    assert [len(sound) for sound in data.items] == [1000, 1000, 1000, 600, 300]
    assert np.shares_memory(data.items[0].samples, data.items[1].samples)
    assert data.notes[-1] == (
        "The sounds, 2, were cut into 5 chunks of 1 second, of which the first 0.5 end the one "
        "before; those of one stay together in a split."
    )
    assert data.chunks == {"seconds": 1, "overlap": 0.5}
    left = load(sounds, chunks=1.0).notes
    assert left[-1] == "Of the sounds 1 has an end of less than half a chunk, which is in none."
    walks = [np.arange(-10, 10.0).reshape(2, 10), np.arange(-4, 4.0).reshape(2, 4)]
    series = load(walks, chunks=4)
    assert [item.tolist() for item in series.items[:2]] == [
        walks[0][:, :4].tolist(), walks[0][:, 4:8].tolist()
    ]  # fmt: skip
    assert series.meta["start"].to_pylist() == [0, 4, 8, 0]
    with pytest.raises(DataError, match=r"number of steps of at least 1, got 2\.5"):
        load(walks, chunks=2.5)
    space = embed(data, "raw")
    assert space.recipe.unit == "chunks of 1 second that share 0.5"
    assert Recipe.from_json(space.recipe.to_json()) == space.recipe


def test_very_many_chunks_are_refused_before_they_are_made():
    sound = Sound(np.broadcast_to(np.float32(0), 2**40), 8000)
    with pytest.raises(DataError, match="chunks takes about"):
        chunked(Dataset([sound], Audio(8000)), 1e-6)


def test_chunks_are_compared_by_document():
    draw = random.Random(0)
    vocabulary = [f"w{number}" for number in range(400)]
    texts = [
        " ".join([draw.choice(["cat", "dog"] if row % 2 else ["sun", "sky"]) for _ in range(4)])
        + " " + " ".join(draw.choices(vocabulary, k=60))
        for row in range(24)
    ]  # fmt: skip
    data = load(texts, labels=["pet", "day"] * 12, chunks=16)
    assert len(data) == 24 * 4
    train, test, _ = train_test_split(data)
    assert not {*data.groups[train].tolist()} & {*data.groups[test].tolist()}
    board = compare(data, encoders=["tfidf"], folds=1, cache=None)
    assert "bootstrap over test groups" in board.protocol["intervals"]


@pytest.fixture
def space():
    texts = ["zip zip broken", "broken lamp zip", "lamp of glass", "nothing else here is"]
    return embed(load([" ".join([text] * 3) for text in texts], chunks=3, ids=[*"abcd"]), "tfidf")


def by_hand(space, vector, k, skip=None):
    """Return the ids of the best chunk of each document, by sorting all of them."""
    products = (space.vectors @ vector.T).toarray().ravel()
    best = {}
    for at in np.lexsort((np.arange(len(space)), -products)):
        best.setdefault(space.ids[at].split("#")[0], str(space.ids[at]))
    best.pop(skip, None)
    return [*best.values()][:k]


@pytest.mark.parametrize("k", [1, 2, 3, 4, 9])
def test_the_best_chunk_of_each_document_is_found(space, k):
    query = space.encoder.transform(["lamp zip broken"])
    found = neighbours(space, query, k, per="document")
    assert found.ids[0].tolist() == by_hand(space, query, k)
    found = neighbours(space, "b#2", k, per="document", exclude_self=True)
    own = space.vectors[[space.position("b#2")]]
    assert found.ids[0].tolist() == by_hand(space, own, k, skip="b")
    assert (np.diff(found.scores[0]) <= 0).all()


def test_the_best_of_each_goes_by_conditions_and_columns(space):
    query = space.encoder.transform(["lamp"])
    found = neighbours(space, query, 9, per="document", where="document!=c")
    assert {name[0] for name in found.ids[0]} == set("abd")
    assert neighbours(space, query, 9, per="chunk").ids.shape == (1, 4)
    blank = neighbours(space, space.encoder.transform(["", "zip"]), 2, per="document")
    assert blank.ids[0].tolist() == [None, None]
    assert blank.ids[1, 0][0] == "a"
    assert neighbours(space, query, 3, per="document", where="chunk>9").ids.shape == (1, 0)
    with pytest.raises(NearspaceError, match=r"no column 'documents'\. Did you mean 'document'"):
        neighbours(space, query, per="documents")


def test_the_command_line_cuts_searches_and_adds(command):
    folder = command.folder / "texts"
    folder.mkdir()
    for name, word in (("a", "zip"), ("b", "lamp")):
        (folder / f"{name}.txt").write_text(f"a broken {word} stays here " * 4)
    options = ["--chunks", "5", "--overlap", "1"]
    command("embed", "texts", *options, "--with", "tfidf", "-o", "a.space")
    answer = command("search", "a.space", "broken zip", "--per", "document", "--json").stdout
    assert answer.count('"id"') == 2
    assert '"document": "a.txt"' in answer
    (command.folder / "more.txt").write_text("one more broken thing that stays\n")
    done = command("add", "more.txt", *options, "--to", "a.space")
    assert "2 new" in done.stdout
    done = command("embed", "texts", "--overlap", "1", "--with", "tfidf", "-o", "b.space")
    assert "--overlap is of chunks; say by --chunks" in done.stderr


def test_a_space_of_chunks_remembers_how_they_were_cut(tmp_path):
    """What is added or searched by is cut the same, through the file; anything else is refused."""
    from nearspace.space.file.store import add
    from nearspace.space.search.queries import read_queries

    words = ["sea", "cat", "near", "stone", "moon", "paper", "walk"]
    texts = [" ".join(words[(row * at) % 7] for at in range(1, 12)) for row in range(1, 4)]
    chunks = embed(load(texts, chunks=4, overlap=1), "tfidf")
    path = save(chunks, tmp_path / "notes.space")
    there = open_space(path)
    assert there.recipe.chunks == {"words": 4, "overlap": 1}
    assert save(there, tmp_path / "again.parquet").exists()
    assert open_space(tmp_path / "again.parquet").recipe == there.recipe

    more = {"ids": [100], "chunks": 4, "overlap": 1}
    assert add(path, embed(load(["a walk near the sea by moon"], **more), there.encoder)).new == 2
    for other in ({}, {"chunks": 4}, {"chunks": 5, "overlap": 1}):
        with pytest.raises(NearspaceError, match=r"chunks of 4 words.*chunks=4 and overlap=1"):
            add(path, embed(load(["sea"], ids=[101], **other), there.encoder))

    whole = save(embed(load(texts), there.encoder), tmp_path / "whole.space")
    with pytest.raises(NearspaceError, match=r"whole items, got .*chunks of 3.*without chunks="):
        add(whole, embed(load(["sea"], ids=[101], chunks=3), there.encoder))

    long = tmp_path / "long.jsonl"
    long.write_text(json.dumps({"body": texts[0]}))
    asked = read_queries(there, [str(long)], "body")
    assert len(asked.names) == 4
    assert "cut into 4 chunks of 4 words" in asked.notes[0]
    long.write_text('{"body": "sea stone"}\n{"body": "moon"}\n')
    assert read_queries(there, [str(long)], "body").names == [f"{long}: 0", f"{long}: 1"]
