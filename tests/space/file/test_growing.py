"""Spaces that grow while a text file is read: what they hold, and where they are taken up."""

import numpy as np
import pytest
from tests import text_models

from nearspace.data import load
from nearspace.data.readers.texts import line_blocks
from nearspace.encoders.spec import make
from nearspace.errors import DataError, NearspaceError
from nearspace.space.file import growing
from nearspace.space.file.checking import verify
from nearspace.space.file.growing import embed_items, embed_lines, is_unfinished
from nearspace.space.formats import open_space
from nearspace.space.space import embed


def quiet(*done):
    """Tell nobody how far it is."""


@pytest.fixture
def lines(tmp_path, monkeypatch):
    """A file of lines, more than are embedded at once, of which some are blank."""
    monkeypatch.setattr(growing, "FEWEST", 16)
    monkeypatch.setattr(growing, "MOST", 40)
    texts = [f"near {n} far" if n % 7 else " " for n in range(200)]
    path = tmp_path / "lines.txt"
    path.write_text("\ufeff" + "\n".join(texts), encoding="utf-8")
    return path


@pytest.fixture
def static(tmp_path):
    folder = tmp_path / "model"
    folder.mkdir()
    return make(f"static({text_models.save_static(folder)!r})")


def test_it_is_the_space_that_it_is_at_once(lines, static, tmp_path):
    path, told = tmp_path / "a.space", []
    grown = embed_lines(lines, static, path, lambda *done: told.append(done))
    whole, space = embed(load(lines), static), open_space(path)
    np.testing.assert_allclose(space.vectors, whole.vectors, atol=1e-6)
    np.testing.assert_array_equal(space.ids, whole.ids)
    assert space.meta.equals(whole.meta)
    assert (grown.items, grown.blank, grown.dim) == (171, 29, 8)
    assert (len(told) > 3, told[-1]) == (True, (lines.stat().st_size, lines.stat().st_size, 200))
    assert set(space.parts) == {"encoder.json", "weights.safetensors"}
    assert verify(path) == []


def test_it_goes_on_where_it_was_interrupted(lines, static, tmp_path):
    path = tmp_path / "a.space"

    def interrupt(read, size, done):
        if done > 100:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        embed_lines(lines, static, path, interrupt)
    assert is_unfinished(path)
    there = len(open_space(path))
    assert 80 < there < 171
    with pytest.raises(
        NearspaceError, match=r"was begun with static.* got raw: go on with the same"
    ):
        embed_lines(lines, make("raw"), path, quiet)
    grown = embed_lines(lines, static, path, quiet)
    assert (grown.items, grown.blank < 29, is_unfinished(path)) == (171, True, False)
    whole = embed(load(lines), static)
    np.testing.assert_allclose(open_space(path).vectors, whole.vectors, atol=1e-6)


def test_another_file_is_not_taken_for_the_one_that_was_begun(lines, static, tmp_path):
    path = tmp_path / "a.space"
    good = lines.read_bytes()
    lines.write_bytes(good + b"\nfar \xff\n")
    with pytest.raises(DataError, match="not in UTF-8: line 201 holds the byte 0xff"):
        embed_lines(lines, static, path, quiet)
    assert is_unfinished(path)  # what came before the line is kept
    lines.write_bytes(good)
    with pytest.raises(NearspaceError, match=r"was begun with lines\.txt of .*begin anew by --for"):
        embed_lines(lines, static, path, quiet)
    lines.write_text("\n \n")
    with pytest.raises(NearspaceError, match=r"lines\.txt is empty"):
        embed_lines(lines, static, tmp_path / "b.space", quiet)


def test_lines_come_as_many_as_are_wanted(tmp_path):
    path = tmp_path / "a.txt"
    path.write_bytes(b"one\r\ntwo\n\nfour")
    blocks = [(block.first, block.lines) for block in line_blocks(path, 0, lambda: 3)]
    assert blocks == [(0, ["one", "two", ""]), (3, ["four"])]
    assert [block.lines for block in line_blocks(path, 3, lambda: 3)] == [["four"]]
    assert list(line_blocks(path, 4, lambda: 3)) == []


def test_the_command_goes_on_by_itself(lines, command, monkeypatch):
    monkeypatch.setattr("nearspace.cli.embed.AT_ONCE", 0)
    add, calls = growing.add, []

    def interrupted(path, space):
        calls.append(len(space))
        if len(calls) == 3:
            raise KeyboardInterrupt
        return add(path, space)

    monkeypatch.setattr(growing, "add", interrupted)
    asked = ("embed", lines, "--with", "raw", "-o", "a.space")
    done = command(*asked)
    assert "a.space holds what is done; the same command goes on from there" in done.stderr
    done = command(*asked)
    assert done.returncode == 0
    assert "went on from where it was interrupted" in done.stderr
    assert "a.space: 171 vectors of 256 dimensions" in done.stdout
    assert "is there already" in command(*asked).stderr
    assert command(*asked, "--force").returncode == 0
    assert "near 55 far" in command("search", "a.space", "near 55 far", "-k", "1").stdout


def test_what_is_replaced_stays_until_there_is_something_in_its_place(tmp_path):
    lines, path = tmp_path / "lines.txt", tmp_path / "lines.space"
    lines.write_text("near means alike\nfar means other\n")
    embed_lines(lines, make("raw"), path, quiet)
    before = path.read_bytes()
    lines.write_bytes(b"\xff\n")
    with pytest.raises(DataError):
        embed_lines(lines, make("raw"), path, quiet, anew=True)
    assert path.read_bytes() == before
    lines.write_text("another\n")
    assert embed_lines(lines, make("raw"), path, quiet, anew=True).items == 1
    assert len(open_space(path)) == 1


def stop_after(many):
    """Return a listener that interrupts once so many items are in the space."""

    def tell(done, of):
        if done >= many:
            raise KeyboardInterrupt

    return tell


@pytest.mark.parametrize(
    ("name", "spec"),
    [("digits", "pca(dim=4)"), ("sentences", "tfidf"), ("customers", "onehot"), ("wine", "raw")],
)
def test_any_data_goes_on_where_they_were_interrupted(name, spec, tmp_path, monkeypatch):
    data, path = load(name, limit=300), tmp_path / "a.space"
    whole = embed_items(data, make(spec), tmp_path / "whole.space", quiet)
    monkeypatch.setattr(growing, "PATIENCE", 0.0)
    monkeypatch.setattr(growing, "FEWEST", 64)
    with pytest.raises(KeyboardInterrupt):
        embed_items(data, make(spec), path, stop_after(100))
    assert is_unfinished(path)
    with pytest.raises(NearspaceError, match="begin anew by --force"):
        embed_items(data.take(np.arange(len(data))[::-1]), make(spec), path, quiet)
    told = []
    space = embed_items(data, make(spec), path, lambda *done: told.append(done))
    assert 0 < told[0][0] < len(data) == told[-1][0]
    assert not is_unfinished(path)
    assert verify(path) == []
    assert space.ids.tolist() == whole.ids.tolist()
    assert space.labels.tolist() == whole.labels.tolist()
    assert (space.meta is None) == (whole.meta is None)
    assert space.meta is None or space.meta.equals(open_space(tmp_path / "whole.space").meta)
    assert space.recipe.fingerprint == whole.recipe.fingerprint
    assert (space.thumbnails is None) == (whole.thumbnails is None)
    assert abs(space.vectors - whole.vectors).max() < 1e-5


def test_a_table_of_texts_goes_on_by_the_same_command(command, tmp_path, monkeypatch):
    rows = "".join(f"near {n},{'ab'[n % 2]}\n" for n in range(400))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}")
    asked = ("embed", tmp_path / "a.csv", "--column", "text", "--labels", "label", "--with", "raw")
    monkeypatch.setattr(growing, "PATIENCE", 0.0)
    monkeypatch.setattr(growing, "grow", interrupted(growing.grow, 2))
    done = command(*asked, "-o", tmp_path / "a.space")
    assert done.returncode == 130
    assert "a.space holds what is done; the same command goes on from there" in done.stderr
    done = command(*asked, "-o", tmp_path / "a.space")
    assert "went on from where it was interrupted" in done.stderr
    assert "a.space: 400 vectors of 256 dimensions" in done.stdout
    assert open_space(tmp_path / "a.space").labels.tolist() == ["a", "b"] * 200


def interrupted(function, call):
    """Return a function that is interrupted when it is called once too often."""
    calls = []

    def instead(*args, **kwargs):
        calls.append(args)
        if len(calls) == call:
            raise KeyboardInterrupt
        return function(*args, **kwargs)

    return instead
