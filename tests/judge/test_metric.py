"""A comparison ranks by each encoder's own metric, or one for all; zeros and hubs are told."""

import dataclasses
import json

import numpy as np
import pytest
from tests.one_part import compare

from nearspace import embed, load
from nearspace.data import Classes, Dataset
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.layers import compare_layers
from nearspace.judge.tasks import set_task
from nearspace.space.dataset import as_dataset

WORDLESS = (":)", ":-)", ":(", ";)", "...", "?!")


@pytest.fixture(scope="module")
def messages():
    """Messages of two topics whose words are anagrams, which bytes cannot tell; six without."""
    random = np.random.default_rng(0)
    letters = [random.choice(list("abcdefghij"), 6, replace=False) for _ in range(300)]
    words = ["".join(word) for word in letters], ["".join(word[::-1]) for word in letters]
    topics = np.arange(600) % 2
    texts = [" ".join(random.choice(words[topic], 5)) for topic in topics]
    texts[:6], topics[:6] = WORDLESS, 1
    ids = np.array([f"m{i}" for i in range(600)])
    test = np.full(600, "train")
    test[random.permutation(np.arange(5, 600))[:150]] = "test"
    test[5] = "test"  # the last one of those without a word
    return Dataset(texts, load("sentences").kind, ids, Classes(topics), split=test, name="messages")


def knn(board):
    return {row.spec: row.scores["knn"].value for row in board.results}


def test_wordless_messages_do_not_decide_which_is_best(messages):
    board = compare(messages, encoders=["bow"])
    found = knn(board)
    assert found["tfidf"] > 0.9 > 0.7 > found["raw"]
    assert board.best().spec in ("tfidf", "bow")
    assert {row.spec: row.metric for row in board.results} == {
        "tfidf": "cosine", "bow": "cosine", "raw": "cosine", "chance": "",
    }  # fmt: skip
    assert (
        "tfidf, bow: 6 of 600 texts have no known word: their vectors are zero, and nobody's "
        "neighbour. Of the test items 1 is told by guessing."
    ) in board.notes
    assert not any("nearest of" in note for note in board.notes)
    assert board.protocol["metric"] == "each encoder's own"
    assert "metric" in board.to_frame()
    assert {row["metric"] for row in json.loads(board.to_json())["rows"]} == {"cosine", ""}


def test_one_metric_overrules_for_all_rows_and_hubs_are_told(messages, tmp_path):
    own = compare(messages, encoders=[], cache=tmp_path)
    board = compare(messages, encoders=[], metric="euclidean", cache=tmp_path)
    assert {row.metric for row in board.results} == {"euclidean", ""}
    assert board.protocol["metric"] == "euclidean"
    assert knn(board)["tfidf"] < 0.65 < knn(own)["tfidf"]
    hub = "tfidf: The item 'm0' is among the 5 nearest of 100% of the test items, and 4 more are "
    assert any(note.startswith(hub) for note in board.notes)
    assert not any("known word" in note for note in board.notes)
    for metric, fresh in ((None, own), ("euclidean", board)):  # each from the cache as it was
        again = compare(messages, encoders=[], metric=metric, cache=tmp_path)
        assert knn(again) == knn(fresh)
        assert again.notes == fresh.notes
        assert again.seconds.pop("timing one item") > 0  # which is never cached
        assert sum(again.seconds.values()) < 0.01  # to see that there is nothing to do
    with pytest.raises(NearspaceError, match="no metric 'cosin'"):
        compare(messages, metric="cosin")


def test_a_row_without_neighbours_is_told_by_guessing_and_shown_with_none(messages):
    task = set_task(messages, Protocol())
    encoder = make("tfidf").fit_on(task.train)
    evidence = task.evidence(encoder)
    at = task.test.ids.tolist().index("m5")
    assert (evidence.nearby[at] == -1).all()
    assert evidence.votes[at] == task.train.target.guess()
    board = compare(dataclasses.replace(messages, target=None), encoders=[])
    assert all(len(row.exhibits.layout) for row in board.results)
    assert all((row.exhibits.neighbours >= -1).all() for row in board.results)


def test_by_the_inner_product_there_is_no_map_and_that_is_told(messages):
    board = compare(messages, encoders=[], metric="dot")
    row = next(row for row in board.results if row.spec == "tfidf")
    assert not len(row.exhibits.layout)
    assert "intrinsic_dimension" not in row.scores
    assert (
        "tfidf, raw: The inner product is no distance: no map, no intrinsic dimension."
        in board.notes
    )


def test_chance_makes_no_hubs_of_few_items():
    for name, spec in {"wine": "raw | l2", "sentences": "tfidf", "customers": "raw"}.items():
        task = set_task(load(name, limit=120), Protocol())
        assert not task.evidence(make(spec).fit_on(task.train)).notes, name


def test_neighbours_are_kept_of_the_reference_by_its_own_metric(messages):
    task = set_task(dataclasses.replace(messages, target=None), Protocol())
    encoder = make("tfidf").fit_on(task.train)
    train, test = (encoder.transform(side.items) for side in (task.train, task.test))
    reference = test[task.sample] * 3, "cosine"
    kept = next(s for s in task.scores if s.name == "preservation").measure(
        Evidence(task, encoder, train, test, reference)
    )
    assert np.isnan(kept).sum() == 1
    assert np.nanmin(kept) == 1


def test_a_space_that_is_judged_brings_its_metric(messages):
    vectors = as_dataset(embed(messages.take(range(200)), "tfidf"))
    assert vectors.kind.metric == "cosine"
    assert make("raw").fit_on(vectors).metric == make("random").fit_on(vectors).metric == "cosine"
    assert make("raw").fit_on(load("wine")).metric == "euclidean"


@pytest.mark.parametrize(
    ("spec", "data", "metric"),
    [
        ("tfidf | pca(dim=4)", "sentences", "cosine"),
        ("tfidf | pca(dim=4) | random(dim=2)", "sentences", "cosine"),
        ("raw | pca(dim=4)", "sentences", "cosine"),
        ("raw | pca(dim=4)", "digits", "euclidean"),
        ("raw | l2 | random(dim=2)", "wine", "cosine"),
        ("onehot | pca(dim=4)", "customers", "euclidean"),
        ("tfidf + bow", "sentences", "cosine"),
        ("colour_histogram + raw", "digits", "euclidean"),
        ("hog + pca(dim=4)", "digits", "euclidean"),
    ],
)
def test_what_is_made_of_encoders_has_the_metric_of_its_parts(spec, data, metric):
    sample = load(data).take(range(60))
    encoder = make(spec).fit_on(sample)
    assert encoder.metric == metric
    assert embed(sample, encoder).recipe.metric == metric


def test_of_what_comes_from_elsewhere_somebody_says_the_metric():
    from sklearn.decomposition import NMF

    wine = load("wine")
    for metric in ("euclidean", "cosine"):
        nmf = FromSklearn(NMF(2, max_iter=4000), metric=metric)
        assert embed(wine, nmf).recipe.metric == metric
    board = compare(wine, encoders=[FromSklearn(NMF(2, max_iter=4000)), nmf])
    assert sorted(row.metric for row in board.results) == [""] + ["cosine"] + 3 * ["euclidean"]
    with pytest.raises(ValueError, match="'metric' parameter of FromSklearn"):
        FromSklearn(NMF(2), metric="l2").fit(wine.items)


@pytest.mark.trains
def test_layers_are_ranked_by_the_metric_of_their_network():
    digits, spec = load("digits").take(range(200)), "mlp(hidden=(16, 8), epochs=1)"
    board, turned = (compare_layers(digits, spec, metric=metric) for metric in (None, "cosine"))
    assert (board.protocol["metric"], turned.protocol["metric"]) == ("euclidean", "cosine")
    for plain, unit in zip(board.rows, turned.rows, strict=True):
        gain = unit.scores["knn"].value - plain.scores["knn"].value
        assert gain == pytest.approx(plain.l2.value)
        assert unit.l2 == plain.l2
    with pytest.raises(NearspaceError, match="the inner product is none"):
        compare_layers(digits, "mlp", metric="dot")
