"""What a space recommends: nothing that a user has, and by which of their items."""

import dataclasses

import numpy as np
import pytest

from nearspace.data import SAMPLES, load
from nearspace.data.graph_reading import load_interactions
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.space.formats import open_space, save
from nearspace.space.recommending import recommend
from nearspace.space.space import embed

USERS = 240


@pytest.fixture(scope="module")
def space():
    return embed(SAMPLES["readers"](), "als(dim=16, regularization=0.1)")


def had_by(user):
    nodes = SAMPLES["readers"]().items
    return nodes.names[nodes.neighbours(user)].tolist()


def test_what_is_recommended_is_what_the_products_say_without_what_the_user_has(space):
    told = recommend(space, "017", k=12)
    assert told.had.tolist() == [USERS + int(name[-3:]) for name in had_by(17)]
    scores = space.vectors[USERS:] @ space.vectors[17]
    free = np.setdiff1d(np.arange(200), told.had - USERS)
    best = free[np.argsort(-scores[free], kind="stable")][:12]
    assert told.positions.tolist() == (USERS + best).tolist()
    np.testing.assert_allclose(told.scores, scores[best], rtol=1e-5)
    assert told.ids.tolist() == space.ids[told.positions].tolist()
    assert recommend(space, "user-017", k=12).ids.tolist() == told.ids.tolist()
    assert len(recommend(space, "017", k=500).ids) == len(free)


def test_each_is_explained_by_those_of_the_user_that_are_nearest(space):
    told = recommend(space, "017", k=5)
    items = space.vectors / np.linalg.norm(space.vectors, axis=1, keepdims=True).clip(1e-12)
    for item, because in zip(told.positions, told.because, strict=True):
        alike = items[told.had] @ items[item]
        order = told.had[np.argsort(-alike, kind="stable")][:3]
        assert because[because >= 0].tolist() == [
            at for at in order.tolist() if items[at] @ items[item] > 0
        ]


def test_somebody_new_is_recommended_what_a_user_with_the_same_items_is(space):
    names = had_by(17)
    new = recommend(space, likes=[name.removeprefix("item-") for name in names], k=8)
    assert new.ids.tolist() == recommend(space, "017", k=8).ids.tolist()
    assert not {*new.ids.tolist()} & {*names}


def test_conditions_and_files_are_those_of_a_search(space, tmp_path):
    told = recommend(space, "017", k=5, where="text~market")
    texts = [space.meta["text"][int(at)].as_py() for at in told.positions]
    assert texts
    assert all("market" in text for text in texts)
    again = open_space(save(space, tmp_path / "r.space"))
    assert recommend(again, "017").ids.tolist() == recommend(space, "017").ids.tolist()


def test_what_cannot_be_recommended_is_one_sentence(space):
    with pytest.raises(NearspaceError, match="no user '0177'"):
        recommend(space, "0177")
    with pytest.raises(NearspaceError, match="no item 'item-9999'"):
        recommend(space, likes=["item-9999"])
    with pytest.raises(NearspaceError, match="expected a user, or items that somebody likes"):
        recommend(space)
    with pytest.raises(NearspaceError, match="expected a user, or items that somebody likes"):
        recommend(space, "017", likes=["003"])
    with pytest.raises(NearspaceError, match="expected likes= as ids of items"):
        recommend(space, likes="003")
    with pytest.raises(NearspaceError, match="a space of users and items, got one of vectors"):
        recommend(embed(SAMPLES["wine"](), "raw"), "017")
    with pytest.raises(NearspaceError, match="its columns are missing"):
        recommend(dataclasses.replace(space, meta=None), "017")
    with pytest.raises(NearspaceError, match="there is no item that the user has not"):
        recommend(space, "017", where="text=nothing")
    normed = embed(SAMPLES["readers"](), "puresvd | l2")
    assert len(recommend(normed, "017").ids) == 10
    with pytest.raises(NearspaceError, match="makes no user of items that somebody likes"):
        recommend(normed, likes=["003"])
    lonely = load_interactions([(1, "a"), (1, "b"), (2, "b"), (2, "c"), (3, "d")])
    unknown = embed(lonely, "puresvd(dim=1)")
    unknown.vectors[2] = 0
    with pytest.raises(NearspaceError, match="nothing is known of '3' by which puresvd"):
        recommend(unknown, "3")


def test_liked_items_that_the_encoder_does_not_know_are_told():
    texts = load(["a cat", "a dog", "a cow", "a hen"], ids=list("abcd"))
    pairs = [(1, "a"), (1, "b"), (2, "b"), (2, "c"), (3, "a"), (3, "c")]
    encoder = make("als(dim=2, regularization=0.1)").fit_on(
        load_interactions(pairs, texts.take(np.arange(3)))
    )
    space = embed(load_interactions([*pairs, (3, "d")], texts), encoder)
    told = recommend(space, likes=["a", "d"])
    assert "1 of 2 items, as 'item-d', came after als" in told.notes[0]
    assert told.ids.tolist() == [each for each in recommend(space, likes=["a"]).ids
                                 if each != "item-d"]  # fmt: skip
    with pytest.raises(NearspaceError, match="nothing is known of somebody with these items"):
        recommend(space, likes=["d"])
