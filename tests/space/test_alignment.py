"""Old vectors led into a new space."""

import dataclasses

import numpy as np
import pytest

from nearspace import align, embed, load, neighbours, open_space, save
from nearspace.encoders.affine import Affine
from nearspace.errors import DataError, NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file.store import add
from nearspace.space.space import Space


@pytest.fixture(scope="module")
def spaces():
    """Two embeddings of the same texts, the new one of 300 of them."""
    sentences = load("sentences")
    old = embed(sentences, "tfidf | svd(dim=32)")
    new = embed(sentences, "tfidf(analyzer='char') | svd(dim=48)")
    return old, new


def made(vectors, metric="euclidean", name="made"):
    ids = np.array([f"i{at}" for at in range(len(vectors))])
    return Space(np.asarray(vectors, np.float32), ids, None, Recipe("vectors", name, metric=metric,
                 made_by=name))  # fmt: skip


@pytest.mark.parametrize("metric", ["euclidean", "cosine", "dot"])
@pytest.mark.parametrize(("d", "e"), [(6, 6), (4, 9)])
def test_a_rotation_is_found_again(metric, d, e):
    rng = np.random.default_rng(0)
    old = rng.normal(size=(400, d))
    turn = np.linalg.qr(rng.normal(size=(e, e)))[0][:d]
    if metric == "euclidean":
        old += 5
    new = 3 * old @ turn + (0 if metric == "cosine" else 2)
    aligned, how = align(made(old, metric), made(new, metric, "new"))
    assert how.recall_10 == 1
    assert how.cosine == pytest.approx(1, abs=1e-4)
    target = new / np.linalg.norm(new, axis=1)[:, None] if metric == "cosine" else new
    np.testing.assert_allclose(aligned.vectors, target, atol=1e-4)


def test_what_has_nothing_in_common_is_told_to_be_so():
    rng = np.random.default_rng(0)
    aligned, how = align(
        made(rng.normal(size=(500, 8))), made(rng.normal(size=(500, 8)), name="new")
    )
    assert how.recall_10 < how.chance + 0.06
    assert how.held_out == 100
    assert abs(how.cosine) < 0.6
    assert aligned.recipe.aligned["recall_10"] == how.recall_10


def test_the_loss_is_that_of_items_without_part_in_it():
    # With more dimensions than items a map leads those it was made of anywhere.
    rng = np.random.default_rng(0)
    _, how = align(made(rng.normal(size=(80, 200))), made(rng.normal(size=(80, 200)), name="new"))
    assert how.recall_10 < 0.8
    assert how.held_out == 16
    assert how.chance == pytest.approx(10 / 15, abs=1e-4)


def test_an_aligned_space_embeds_by_the_old_encoder_and_the_rotation(spaces, tmp_path):
    old, new = spaces
    aligned, how = align(old, to=new[:300])
    assert how.recall_10 > 4 * how.chance
    path = save(aligned, tmp_path / "aligned.space")
    there = open_space(path)
    assert there.recipe.aligned["to"] == new.recipe.spec
    assert there.recipe.aligned["fingerprint"] == new.recipe.fingerprint
    texts = old.meta["text"].to_pylist()
    np.testing.assert_allclose(there.encoder.transform(texts[:9]), there.vectors[:9], atol=1e-5)
    more = embed(load(["a new text on the sea"], ids=[1000]), there.encoder)
    assert add(path, more).new == 1
    assert there.meta.equals(old.meta)
    assert (there.labels == old.labels).all()


def test_vectors_of_the_new_encoder_search_it_and_are_told_of(spaces):
    old, new = spaces
    aligned, _ = align(old, to=new[:300])
    found = neighbours(aligned, new[400:500], 10)
    assert (found.ids == np.arange(400, 500)[:, None]).any(axis=1).mean() > 0.9
    assert any("aligned to those of tfidf(analyzer='char')" in note for note in found.notes)
    with pytest.raises(NearspaceError, match="made by another encoder"):
        neighbours(aligned, old[:5])
    with pytest.raises(NearspaceError, match="made by another encoder"):
        neighbours(old, new[:5])


def test_new_vectors_are_not_added_to_aligned_ones(spaces, tmp_path):
    old, new = spaces
    path = save(align(old, to=new[:300])[0], tmp_path / "aligned.space")
    with pytest.raises(NearspaceError, match="holds vectors of"):
        add(path, new[:2])


def test_vectors_of_others_stay_without_an_encoder(spaces, tmp_path):
    old, new = spaces
    theirs = made(old.vectors, "cosine", "their-model-2")
    theirs = dataclasses.replace(theirs, ids=old.ids)
    aligned, _ = align(theirs, to=new[:200])
    there = open_space(save(aligned, tmp_path / "aligned.space"))
    assert there.encoder is None
    assert there.recipe.maker == f"their-model-2, aligned to {new.recipe.spec}"
    assert there.recipe.fingerprint not in (theirs.recipe.fingerprint, new.recipe.fingerprint)


def test_items_without_direction_have_no_part(spaces):
    old, new = spaces
    blank = dataclasses.replace(new[:300], vectors=new.vectors[:300].copy())
    blank.vectors[:100] = 0
    assert align(old, to=blank)[1].items == 200


def test_sparse_old_vectors_are_led_too():
    sentences = load("sentences")
    old, new = embed(sentences, "tfidf"), embed(sentences, "tfidf(analyzer='char') | svd(dim=48)")
    aligned, how = align(old, to=new)
    assert how.recall_10 > 0.5
    assert aligned.shape == (600, 48)
    with pytest.raises(DataError, match="are sparse: make them dense"):
        align(new, to=old)


def test_what_cannot_be_aligned_is_one_sentence(spaces):
    old, new = spaces
    with pytest.raises(DataError, match=r"expected 60 items .* by id, got 59"):
        align(old, to=new[:59])
    with pytest.raises(NearspaceError, match="comparable as they are"):
        align(old, to=old[:100])
    with pytest.raises(DataError, match="expected a space, got one list"):
        align([[1.0]], to=new)
    wide = embed(load("sentences").take(range(99)), "hashing")
    with pytest.raises(DataError, match="embed the items anew"):
        align(wide, to=made(np.random.default_rng(0).normal(size=(99, 400)), "cosine", "n"))
    with pytest.raises(NearspaceError, match="is not fitted on items"):
        Affine().fit(np.eye(3))
