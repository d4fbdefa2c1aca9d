"""Pairs from two sources: line by line, by the names of files, and what is told of them."""

import numpy as np
import pytest
from PIL import Image

from nearspace.data import load
from nearspace.data.pair_reading import load_pairs
from nearspace.errors import DataError


@pytest.fixture
def write(tmp_path):
    def lines(name, *texts):
        path = tmp_path / name
        path.write_text("\n".join(texts) + "\n", encoding="utf-8")
        return path

    return lines


def said(pairs):
    """Return what belongs together."""
    return [(pairs.left.items[one], pairs.right.items[other]) for one, other in pairs.links]


def test_line_n_belongs_to_line_n_and_an_empty_one_leaves_its_pair_out(write):
    german = write("de.txt", "Hund", "", "Katze", "Maus", "Hund")
    english = write("en.txt", "dog", "nothing", "cat", " ", "hound")
    pairs = load_pairs((german, english))
    assert sorted(said(pairs)) == [("Hund", "dog"), ("Hund", "hound"), ("Katze", "cat")]
    notes = " ".join(pairs.notes)
    assert "1 line without a text was left out: 1" in notes
    assert "of en.txt without a partner" in notes
    assert (pairs.left.name, pairs.right.name) == ("de.txt", "en.txt")


def test_files_of_unequal_length_are_refused_with_both_counts(write):
    with pytest.raises(DataError, match=r"de\.txt has 3 items and en\.txt 2: expected as many"):
        load_pairs((write("de.txt", "a", "b", "c"), write("en.txt", "a", "b")))


def test_files_of_any_ending_are_texts_where_that_is_said(write):
    sources = write("corpus.de", "Hund", "Katze"), write("corpus.en", "dog", "cat")
    assert len(load_pairs(sources, kind="text")) == 2
    with pytest.raises(DataError, match=r"ends in '\.de'"):
        load_pairs(sources)


def test_what_stands_twice_or_always_is_told(write):
    left = write("l.txt", "a", "a", "b")
    pairs = load_pairs((left, write("r.txt", "x", "x", "y")))
    assert len(pairs) == 2
    assert any("that stood there before" in note for note in pairs.notes)
    with pytest.raises(DataError, match="expected pairs that differ, got one, 3 times"):
        load_pairs((["a"] * 3, ["x"] * 3))
    many = load_pairs((["a"] * 120 + ["b"], [f"x{at}" for at in range(121)]))
    assert any("belongs to 120 on the other side" in note for note in many.notes)


def test_files_of_two_folders_belong_together_by_their_names(tmp_path):
    for name in ("pictures", "captions"):
        (tmp_path / name).mkdir()
    rng = np.random.default_rng(0)
    for name in ("cat", "dog", "owl"):
        pixels = rng.integers(256, size=(8, 8, 3), dtype=np.uint8)
        Image.fromarray(pixels).save(tmp_path / "pictures" / f"{name}.png")
    for name in ("owl", "cat", "fish"):
        (tmp_path / "captions" / f"{name}.txt").write_text(f"a {name}")
    pairs = load_pairs((tmp_path / "pictures", tmp_path / "captions"))
    names = np.asarray(pairs.left.ids)[pairs.links[:, 0]].tolist()
    assert sorted(zip(names, [pairs.right.items[at] for at in pairs.links[:, 1]], strict=True)) == [
        ("cat.png", "a cat"), ("owl.png", "a owl"),
    ]  # fmt: skip
    (tmp_path / "captions" / "cat.md").write_text("a cat again")
    with pytest.raises(DataError, match="captions has 2 files 'cat' that differ in their ending"):
        load_pairs((tmp_path / "pictures", tmp_path / "captions"))
    notes = " ".join(pairs.notes)
    assert "1 item of pictures without a partner was left out: dog" in notes
    assert "1 item of captions without a partner was left out: fish" in notes


def test_pairs_to_be_judged_on_may_come_from_elsewhere(write):
    train = (write("a.txt", "eins", "zwei"), write("b.txt", "one", "two"))
    test = (write("c.txt", "drei", "vier"), write("d.txt", "three", "four"))
    pairs = load_pairs(train, test=test)
    assert pairs.split.tolist() == ["train", "train", "test", "test"]
    assert said(pairs)[2:] == [("drei", "three"), ("vier", "four")]
    with pytest.raises(DataError, match="expected two sources"):
        load_pairs(train, test=test[0])


def test_arrays_are_paired_by_place():
    wine = load("wine").items
    pairs = load_pairs((wine[:, :6], wine[:, 6:]))
    assert len(pairs) == 178
    assert str(pairs.together().kind) == "vectors of 6 numbers and vectors of 7 numbers"
