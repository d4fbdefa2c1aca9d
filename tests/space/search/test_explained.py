"""What makes a query and what was found alike, of spaces with texts and without."""

import dataclasses

import pytest

from nearspace import embed, explain, load, neighbours
from nearspace.encoders.leave_out import leave_out
from nearspace.errors import NearspaceError

TEXTS = ["the zip is broken", "a boat at sea", "the sea is rough", "zip, zip!"]


@pytest.fixture(scope="module")
def space():
    return embed(load(TEXTS, ids=["a", "b", "c", "d"]), "tfidf")


def test_each_neighbour_has_the_effects_of_its_words(space):
    queries = ["a broken zip", "qwertz", "sea"]
    nearest = neighbours(space, space.encoder.transform_queries(queries), k=2)
    answers = explain(space, queries, nearest)
    assert [len(pairs) for pairs in answers] == [2, 0, 2]  # by the cosine a zero vector finds none
    for query, pairs, found, scores in zip(
        queries, answers, nearest.ids, nearest.scores, strict=True
    ):
        for pair, of, score in zip(pairs, found, scores, strict=False):
            text = TEXTS["abcd".index(of)]
            (expected,) = leave_out(space.encoder, [query], [text], asked=True)
            assert (pair.left.text, pair.right.text) == (query, text)
            assert pair.right.effects.tolist() == expected.right.effects.tolist()
            assert pair.alike == pytest.approx(score, abs=1e-6)


def test_what_words_find_is_explained_by_the_vectors(space):
    nearest = neighbours(space, None, k=1, words=["broken"])
    ((pair,),) = explain(space, "broken", nearest)
    assert pair.metric == "cosine"
    assert pair.right.parts[pair.right.effects.argmax()] == "broken"


def test_what_cannot_be_explained_is_told(space):
    nearest = neighbours(space, ["a", "b"], k=1)
    with pytest.raises(NearspaceError, match="a text for each of the 2 queries"):
        explain(space, "one", nearest)
    for other, told in (
        (embed(load("wine"), "raw"), "expected a space of texts, whose words"),
        (dataclasses.replace(space, meta=None), "keeps no texts"),
        (dataclasses.replace(space, made_by=None), "has no encoder"),
    ):
        with pytest.raises(NearspaceError, match=told):
            explain(other, ["one", "two"], nearest)


def test_neighbours_of_rows_have_the_effects_of_their_columns():
    data = load("customers")
    space = embed(data, "onehot")
    rows = data.items.iloc[[4, 7]]
    nearest = neighbours(space, space.encoder.transform(rows), k=3)
    answers = explain(space, rows, nearest)
    assert [len(pairs) for pairs in answers] == [3, 3]
    found = int(nearest.positions[1, 2])
    (expected,) = leave_out(space.encoder, rows.iloc[[1]], data.items.iloc[[found]])
    assert answers[1][2].right.effects.tolist() == expected.right.effects.tolist()
    assert answers[1][2].alike == pytest.approx(nearest.scores[1, 2], abs=1e-5)
    with pytest.raises(NearspaceError, match="a table for each of the 2 queries"):
        explain(space, rows.iloc[:1], nearest)
