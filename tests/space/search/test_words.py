"""Search by words, alone and together with vectors."""

import dataclasses
import itertools

import numpy as np
import pytest

from nearspace import embed, load, make, neighbours, open_space, save
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.metrics.ranking import fused_ranks, ndcg
from nearspace.space.search.words import Words, expression, memory_index

TEXTS = [
    "a broken zip",
    "the ship sails, zip-free",
    "zip files zip well",
    "拉链坏了，请帮忙",
    "Café olé, don't stop",
    "हिन्दी में ज़िप",
    "C++ 20.04 AND sometimes NOT",
    "great 👍",
    "ジッパーが壊れた",
    "",
]


@pytest.fixture
def space(tmp_path):
    """Return the texts as a space that was read from a file."""
    return open_space(save(embed(TEXTS, "raw | pca(dim=4)"), tmp_path / "t.space"))


def found(space, text, **how):
    return neighbours(space, words=text, **how).positions[0].tolist()


@pytest.mark.parametrize(
    ("query", "places"),
    [
        ("ZIP", [2, 0, 1]),
        ("zip!", [2, 0, 1]),
        ("cafe", [4]),
        ("CAFE\u0301", [4]),  # written with a combining accent
        ("हिन्दी", [5]),
        ("坏了", [3]),  # within a run without blanks
        ("我的拉链坏了吗", [3]),
        ("坏", [3]),
        ("壊れた", [8]),
        ("C++", [6]),
        ("20.04", [6]),
        ("AND", [6]),
        ("don't", [4]),
        ("well-known", [2]),
        ('"broken', [0]),
        ("zip*", [2, 0, 1]),
        ("sai*", [1]),
        ("text:zip", [2, 0, 1]),
        ("^zip", [2, 0, 1]),
        ("NEAR(zip, 2)", [2, 0, 1]),
        ("zip OR", [2, 0, 1]),
        ("x\x00zip", [2, 0, 1]),
        ("{zip} (zip) [zip]", [2, 0, 1]),
        ("sail", []),
        ("👍", []),
        ("*", []),
        ('" AND', [6]),
        ("", []),
        ("—", []),
    ],
)
def test_no_sign_of_a_query_means_anything_but_itself(space, query, places):
    result = neighbours(space, words=query)
    assert result.positions[0].tolist() == places
    assert result.metric == "bm25"
    assert (result.scores > 0).all()
    assert bool(result.notes) == (not places)


def test_a_query_of_a_hundred_thousand_signs_or_words_is_searched():
    words = Words(TEXTS)
    query = " ".join(f"w{number}" for number in range(5_000)) + '"*(:' * 25_000 + " sails"
    assert words.search([query], 2)[0].tolist() == [[1, -1]]


def test_equal_ones_stand_in_their_order_and_more_is_better():
    words = Words(["a b", "b a", "a a", "c"])
    positions, scores = words.search(["a", "nothing", "c"], 3)
    assert positions.tolist() == [[2, 0, 1], [-1, -1, -1], [3, -1, -1]]
    assert scores[0, 1] == scores[0, 2] < scores[0, 0]


def test_the_index_in_the_file_finds_what_one_in_memory_does(space):
    there = space.words.search(["zip broken", "坏了", "x"], 10)
    made = space[:].words.search(["zip broken", "坏了", "x"], 10)
    for one, other in zip(there, made, strict=True):
        np.testing.assert_array_equal(one, other)
    part = space[[0, 2]]  # positions are those of the part
    assert neighbours(part, words="zip").positions.tolist() == [[1, 0]]


def test_ranks_are_fused_and_told(space):
    asked = ["zip well", "broken"]
    vectors = space.encoder.transform_queries(asked)
    both = neighbours(space, vectors, 5, words=asked)
    words, near = neighbours(space, words=asked), neighbours(space, vectors, len(space))
    fused = fused_ranks([words.positions, near.positions])
    assert both.positions.tolist() == fused[:, :5].tolist()
    assert both.metric == "ranks"
    for query, rank in itertools.product(range(2), range(5)):
        ranks = [both.ranks[name][query, rank] for name in ("words", "vectors")]
        for each, one in zip(ranks, (words, near), strict=True):
            at = np.flatnonzero(one.positions[query] == both.positions[query, rank])
            assert each == (at[0] + 1 if len(at) else 0)
        assert both.scores[query, rank] == pytest.approx(sum(1 / (60 + r) for r in ranks if r))


def test_what_only_words_or_only_vectors_find_is_among_the_found():
    texts = [f"plain text number {number}" for number in range(300)] + ["error E-1047"]
    space = embed(texts, "raw | pca(dim=2)")
    vectors = -space.vectors[[300]]  # by vectors it is the farthest
    both = neighbours(space, vectors, 3, words="E-1047")
    assert 300 in both.positions[0]
    rank = both.positions[0].tolist().index(300)
    assert both.ranks["words"][0, rank] == 1
    assert both.ranks["vectors"][0, rank] == 0
    assert (both.ranks["vectors"] == 1).any()


def test_the_first_do_not_depend_on_how_many_are_asked_for(space):
    texts = [f"{'zip ' * (number % 7)} text {number}" for number in range(400)]
    many = embed(texts, "raw | pca(dim=8)")
    vectors = many.encoder.transform_queries(["zip text 7"])
    first = neighbours(many, vectors, 5, words="zip text 7").positions[0].tolist()
    assert neighbours(many, vectors, 90, words="zip text 7").positions[0, :5].tolist() == first


def test_conditions_and_per_hold_for_words_too():
    texts = ["zip one", "zip two two", "zip three", "ship", "zip zip zip"]
    data = load({"text": texts, "doc": list("aabbc"), "stars": [1, 5, 1, 1, 5]}, column="text")
    space = embed(data, "raw | pca(dim=3)")
    assert found(space, "zip", where="stars<=2") == [0, 2]
    assert found(space, "zip", per="doc") == [4, 0, 2]
    vectors = space.encoder.transform_queries(["zip two"])
    both = neighbours(space, vectors, 9, words="zip two", where="stars=5", per="doc")
    assert both.positions.tolist() == [[1, 4]]
    assert sorted(neighbours(space, vectors, 9, words="zip", per="doc").ids[0].tolist()) != []
    for per in (None, "doc"):
        ours = neighbours(space, [0], 9, words="zip one", exclude_self=True, per=per)
        assert 0 not in ours.positions
        assert (1 in ours.positions) == (per is None)  # of the same document


def test_per_looks_deeper_where_one_value_fills_the_first():
    texts = [f"zip {number}" for number in range(500)] + ["zip last of all the others in here"]
    data = load({"text": texts, "doc": ["a"] * 500 + ["b"]}, column="text")
    space = embed(data, "raw | pca(dim=3)")
    vectors = space.vectors[[0]]
    assert found(space, "zip", per="doc", k=2)[1] == 500
    assert 500 in neighbours(space, vectors, 2, words="zip", per="doc").positions


def test_a_query_without_word_or_direction_finds_by_the_other(space):
    zero = np.zeros((1, space.vectors.shape[1]), np.float32)
    both = neighbours(space, zero, 3, words="broken", metric="cosine")
    assert both.ids.tolist() == [[0]]
    both = neighbours(space, space.vectors[[2]], 3, words="xyzzy", metric="cosine")
    assert both.positions[0, 0] == 2
    assert any("by vectors alone" in note for note in both.notes)
    none = neighbours(space, zero, 3, words="xyzzy", metric="cosine")
    assert none.ids.shape == (1, 0)


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"words": 3}, "expected a text in words="),
        ({"words": [b"x"]}, "expected a text in words="),
        ({"words": ["a", "b"], "queries": [0]}, "for each of 1 queries, got 2"),
        ({"words": "a", "exclude_self": True}, "a text has no id"),
        ({}, "expected queries to search by"),
        ({"words": "a", "per": "nothing"}, "no column 'nothing'"),
    ],
)
def test_what_cannot_be_searched_is_one_sentence(space, asked, message):
    with pytest.raises(DataError if "column" not in message else NearspaceError, match=message):
        neighbours(space, **asked)


def test_a_space_without_texts_says_so():
    with pytest.raises(NearspaceError, match="does not have: search by vectors"):
        neighbours(embed(load("wine"), "pca(dim=2)"), words="red")
    numbers = load({"text": [1, 2], "of": [3, 4]}, kind="table")
    with pytest.raises(NearspaceError, match="does not have: search by vectors"):
        neighbours(embed(numbers, "onehot"), words="1")


def test_captions_of_what_is_no_text_are_searched():
    data = load({"text": ["a red fox", "an owl"], "x": [1.0, 2.0]}, kind="table")
    assert found(embed(data, "onehot"), "fox") == [0]


def test_an_sqlite_without_fts5_says_so(monkeypatch):
    from nearspace.space.search import words

    monkeypatch.setitem(words.WORDS, "words", "CREATE VIRTUAL TABLE words USING fts99(text)")
    with pytest.raises(NearspaceError, match="was built without"):
        memory_index([])


def test_a_query_is_quoted_whatever_it_holds():
    assert expression("'; DROP TABLE items; --") == '"DROP" OR "TABLE" OR "items"'
    assert expression("Zip zip ZIP") == '"Zip"'


def test_full_text_search_is_as_good_as_the_row_of_bm25():
    said = [text.split() for text in load("sentences").items[:300]]
    texts = [f"{' '.join(words[1::2])}. {' '.join([*words[::2], *words[-3:]])}." for words in said]
    task = set_task(load(texts), Protocol(), "retrieval")
    ranking = task.evidence(make("bm25").fit_on(task.train)).ranking
    positions, _ = Words(task.train.items).search(task.test.items, 100)
    ours, theirs = (ndcg(each, task.relevance, 10).mean() for each in (positions, ranking))
    assert ours == pytest.approx(theirs, abs=0.06)
    assert ours > 0.2


def test_the_space_is_left_behind_when_its_rows_are_others(space):
    other = dataclasses.replace(space[[2, 0]], meta=space.meta.take([2, 0]))
    assert found(other, "broken") == [1]
