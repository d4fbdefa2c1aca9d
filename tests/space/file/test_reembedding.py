"""A space embedded anew by another encoder."""

import dataclasses

import numpy as np
import pytest

from nearspace import embed, load, make, neighbours, open_space, re_embed, save
from nearspace.errors import DataError, NearspaceError
from nearspace.space.file import growing
from nearspace.space.file.checking import verify
from nearspace.space.file.reembedding import items_of, re_embed_file
from nearspace.space.file.store import remove, write_part

TELL = lambda done, of: None  # noqa: E731


@pytest.fixture
def slow(monkeypatch):
    """As if it took so long that it is written part by part."""
    monkeypatch.setattr(growing, "PATIENCE", 0.0)


@pytest.fixture(scope="module")
def sentences():
    return load("sentences")


@pytest.fixture
def old(tmp_path, sentences):
    return save(embed(sentences, "raw"), tmp_path / "old.space")


def same(one, other):
    """Return whether two spaces hold the same items, whatever their vectors."""
    return one.meta.equals(other.meta) and (one.labels == other.labels).all() and (
        one.ids.tolist() == other.ids.tolist()
    )  # fmt: skip


def test_all_that_is_known_goes_along(old, sentences, slow, tmp_path):
    write_part(old, "map", b"of the old vectors")
    remove(old, [5, 599])
    before = old.read_bytes()
    space = open_space(old)
    new = re_embed_file(old, "tfidf | svd(dim=9)", tmp_path / "new.space", TELL)
    assert old.read_bytes() == before
    there = open_space(tmp_path / "new.space")
    assert same(there, space)
    assert there.recipe.spec == "tfidf | svd(dim=9)"
    assert there.recipe.data == "sentences"
    assert "map" not in there.parts
    kept = sentences.take(np.setdiff1d(np.arange(600), [5, 599]))
    expected = embed(kept, "tfidf | svd(dim=9)")
    assert there.recipe.fingerprint == expected.recipe.fingerprint == new.recipe.fingerprint
    np.testing.assert_allclose(there.vectors, expected.vectors, atol=1e-6)
    assert verify(tmp_path / "new.space") == []
    assert neighbours(there, words="pressure").ids.shape[1] > 0


def test_an_interruption_loses_nothing(old, slow, tmp_path, monkeypatch):
    path, fitted = tmp_path / "new.space", []
    encoder = make("tfidf")

    def stop(done, of):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        re_embed_file(old, encoder, path, stop)
    done = len(open_space(path))
    assert 0 < done < 600
    monkeypatch.setattr(type(encoder), "_fit", lambda *_: fitted.append(1))
    told = []
    new = re_embed_file(old, encoder, path, lambda *each: told.append(each))
    assert not fitted  # what was learnt is in the file
    assert told[-1] == (600, 600)
    assert told[0] == (done, 600)
    monkeypatch.undo()
    expected = embed(load("sentences"), "tfidf")
    assert same(new, open_space(old))
    assert abs(new.vectors - expected.vectors).max() < 1e-6
    assert verify(path) == []
    assert "unfinished" not in new.parts


def test_another_encoder_or_space_does_not_go_on(old, slow, tmp_path):
    path = tmp_path / "new.space"

    def stop(done, of):
        if done:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        re_embed_file(old, "tfidf", path, stop)
    with pytest.raises(NearspaceError, match="go on with the same encoder"):
        re_embed_file(old, "bow", path, TELL)
    with pytest.raises(NearspaceError, match="is unfinished: let the command"):
        re_embed_file(path, "bow", tmp_path / "third.space", TELL)
    remove(old, [3])
    with pytest.raises(NearspaceError, match="or changed since"):
        re_embed_file(old, "tfidf", path, TELL)
    assert len(re_embed_file(old, "bow", path, TELL, anew=True)) == 599


def test_tables_are_kept_whole():
    customers = load("customers")
    space = embed(customers, "onehot")
    again = items_of(space)
    assert (again.kind.hashes(again.items) == customers.hashes).all()
    assert again.target is not None
    assert re_embed(space, "onehot").recipe.fingerprint == space.recipe.fingerprint


def test_vectors_of_others_get_an_encoder(tmp_path, sentences):
    theirs = save(embed(sentences, "raw"), tmp_path / "theirs.parquet")
    space = dataclasses.replace(open_space(theirs), made_by=None)
    space = dataclasses.replace(space, recipe=dataclasses.replace(space.recipe, kind=None))
    new = re_embed(space, "tfidf | svd(dim=4)")
    assert new.encoder.transform(["the sea"]).shape == (1, 4)
    assert new.kind is not None


def test_items_that_are_not_kept_are_found_by_their_ids(tmp_path):
    digits = load("digits").take(range(80))
    space = embed(digits, "pca(dim=3)")[20:70]
    with pytest.raises(DataError, match="give what it was made of by items="):
        re_embed(space, "hog")
    new = re_embed(space, "hog", digits.take(np.arange(80)[::-1]))
    np.testing.assert_allclose(new.vectors, embed(digits, "hog").vectors[20:70])
    assert new.ids.tolist() == list(range(20, 70))
    assert new.labels.tolist() == space.labels.tolist()
    assert len(new.thumbnails[0]) > 0
    with pytest.raises(DataError, match=r"20 of the 50 ids of the space \(50, 51, 52, …\)"):
        re_embed(space, "hog", digits.take(range(50)))


def test_a_published_split_and_labels_are_used_as_before():
    split = ["train"] * 20 + ["test"] * 10
    table = {"text": [f"a{n % 3} b{n}" for n in range(30)], "split": split, "y": list("xyz") * 10}
    data = load(table, column="text", labels="y", split="split")
    new = re_embed(embed(data, "raw"), "tfidf")
    assert new.recipe.fingerprint == embed(data, "tfidf").recipe.fingerprint
    assert new.recipe.roles == {"split": "split"}
    assert new.labels.tolist() == list("xyz") * 10


def test_what_cannot_be_embedded_anew_is_one_sentence(tmp_path, sentences, old):
    with pytest.raises(DataError, match="hog takes images"):
        re_embed_file(old, "hog", tmp_path / "x.space", TELL)
    assert not (tmp_path / "x.space").exists()
    np.savez(tmp_path / "v.npz", vectors=np.eye(600), ids=np.arange(600))
    spec = f"vectors('{tmp_path}/v.npz')"
    with pytest.raises(NearspaceError, match="nearspace import makes a space of them"):
        re_embed_file(old, spec, tmp_path / "x.space", TELL)
    empty = save(embed(sentences, "raw")[:0], tmp_path / "empty.space")
    with pytest.raises(DataError, match="is empty; expected items"):
        re_embed_file(empty, "tfidf", tmp_path / "x.space", TELL)
