"""Encoders of words and characters, against scikit-learn's own, and never made dense."""

import tracemalloc

import numpy as np
import pytest
from scipy import sparse
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import CountVectorizer, HashingVectorizer, TfidfVectorizer

from nearspace import embed, load, make, neighbours
from nearspace.data import Vector, target_of
from nearspace.encoders.base import Encoder
from nearspace.errors import DataError
from nearspace.judge.usual import USUAL
from nearspace.metrics.labels import knn_scores, probe_scores

TEXTS = [
    "Near means alike, alike means near.", "far is FAR from here", "", "😀 🎉 🎉 ok",
    "שלום עולם שלום", "مرحبا بالعالم", "naïve café — Ünïted", "x" * 3000, "a b c d",
    "near far near",
]  # fmt: skip
PARTS = [
    ("", {}),
    ("ngram_range=(1, 2)", {"ngram_range": (1, 2)}),
    ("analyzer='char'", {"analyzer": "char", "ngram_range": (2, 4)}),
    ("analyzer='char_wb', ngram_range=(3, 5)", {"analyzer": "char_wb", "ngram_range": (3, 5)}),
]
SAME = {
    "bow": lambda n, parts: CountVectorizer(max_features=n, **parts),
    "tfidf": lambda n, parts: TfidfVectorizer(max_features=n, **parts),
    "hashing": lambda n, parts: HashingVectorizer(n_features=n, **parts),
}


@pytest.mark.parametrize("n", [7, 50_000])
@pytest.mark.parametrize(("given", "parts"), PARTS, ids=[given or "words" for given, _ in PARTS])
@pytest.mark.parametrize("name", SAME)
def test_vectors_are_those_of_scikit_learn(name, given, parts, n):
    size = f"{'n_features' if name == 'hashing' else 'max_features'}={n}"
    ours = make(f"{name}({', '.join(filter(None, (size, given)))})").fit(TEXTS)
    theirs = SAME[name](n, parts).fit(TEXTS)
    again = Encoder.parse(ours.dump(), "memory")
    for encoder in (ours, again):
        vectors = encoder.transform([*TEXTS, "a new alike text, near"])
        assert isinstance(vectors, sparse.csr_array)
        assert vectors.dtype == np.float32
        wanted = theirs.transform([*TEXTS, "a new alike text, near"])
        np.testing.assert_allclose(vectors.toarray(), wanted.toarray(), rtol=1e-5, atol=1e-7)
    if name != "hashing":
        assert ours.vocabulary_ == theirs.get_feature_names_out().tolist()


def test_latent_axes_are_those_of_scikit_learn_and_keep_angles():
    texts = load("sentences").items[:300]
    ours = make("tfidf | svd(dim=20)").fit(texts)
    rows = ours.encoders_[0].transform(texts)
    theirs = TruncatedSVD(20, random_state=0).fit(rows)
    np.testing.assert_allclose(ours.transform(texts), theirs.transform(rows), atol=1e-4)
    assert ours.metric == "cosine"
    assert ours.decoder is None  # words are not put together again
    whole = make("svd(dim=999)").fit(rows[:30])
    assert whole.notes == ("It has 30 dimensions, as many as the data allow, and not 999.",)
    back = whole.decoder.decode(whole.transform(rows[:30]))
    np.testing.assert_allclose(back, rows[:30].toarray(), atol=1e-5)
    blank = sparse.csr_array((4, 9), dtype=np.float32)
    assert not make("svd(dim=2)").fit_transform(blank).any()


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ("tfidf(ngram_range=(2, 1))", "TfIdf: expected ngram_range as the lengths of the shortest"),
        ("hashing(ngram_range=(1, 2, 3))", "Hashing: expected ngram_range .* got \\(1, 2, 3\\)"),
        ("bow(ngram_range=(0, 1))", "got \\(0, 1\\)"),
        ("bow(ngram_range=2)", "'ngram_range' parameter of BagOfWords must be .*tuple"),
        ("bow(analyzer='words')", "'analyzer' parameter of BagOfWords must be"),
        ("bow(ngram_range=(9, 9))", "No text holds a run of 9 words"),
        ("bow(analyzer='char', ngram_range=(99, 99))", "No text holds a run of 99 characters"),
    ],
)
def test_what_cannot_be_counted_is_told(spec, words):
    with pytest.raises(ValueError, match=words):
        make(spec).fit(["near means alike", "far"])
    with pytest.raises(DataError, match="No text holds a word of two or more letters, so there is"):
        make("tfidf").fit(["😀", "a"])


def test_hashing_knows_every_word_and_needs_no_text_to_begin():
    encoder = make("hashing(n_features=1024)").fit(["any"])
    first, second = (encoder.transform(texts) for texts in (["near far"], ["what", "near far"]))
    assert (first != second[[1]]).nnz == 0
    assert encoder.transform(["unheard of"]).nnz


def test_characters_find_what_words_do_not():
    space = embed(["שלום עולם", "colour schemes", "🎉 party"], "tfidf(analyzer='char')")
    for query, wanted in (("colors scheme", 1), ("שלומות", 0), ("🎉 p", 2)):
        assert neighbours(space, space.encoder.transform([query]), 1).ids.item() == wanted
    (note,) = neighbours(space, space.encoder.transform(["%"]), 1).notes
    assert note == "The query is the zero vector (no known run of characters): nothing is near."
    within = make("tfidf(analyzer='char_wb')").fit(["🎉 party"])
    assert within.transform(["🎉"]).nnz  # a blank at either end makes a run of it


def test_two_hundred_thousand_columns_are_never_made_dense():
    """Dense they would take 1,600 MB; k-NN, probe, latent axes, and search together take 120."""
    random = np.random.default_rng(0)
    n, width, per_row = 2000, 200_000, 30
    labels = np.repeat(["a", "b"], n // 2)
    own = random.integers(0, 500, (n, 3)) + np.where(labels == "a", 0, 500)[:, None]
    columns = np.concatenate([own, random.integers(1000, width, (n, per_row - 3))], axis=1)
    places = np.repeat(np.arange(n), per_row), columns.ravel()
    vectors = sparse.csr_array((np.ones(n * per_row, np.float32), places), shape=(n, width))
    half = np.arange(n) % 2 == 0
    train, test = vectors[half], vectors[~half]
    tracemalloc.start()
    try:
        for scores in (
            knn_scores(train, labels[half], test, labels[~half], metric="cosine"),
            probe_scores(train, target_of(labels[half]), test, labels[~half]),
        ):
            assert scores.mean() > 0.7
        assert make("svd(dim=8)").fit_on(load(vectors)).transform(vectors).shape == (n, 8)
        space = embed(load(vectors), "raw")
        assert neighbours(space, 5, 3).ids[0, 0] == 5
        assert tracemalloc.get_traced_memory()[1] < 120 * 2**20
    finally:
        tracemalloc.stop()
    assert sparse.issparse(space.vectors)
    assert isinstance(space.kind, Vector)


def test_words_and_characters_are_usual_rows_of_texts():
    specs = USUAL["text"].specs(labelled=True)
    assert {"tfidf", "tfidf(analyzer='char')", "tfidf | svd(dim=128)"} <= {*specs}
    assert [make(spec).spec for spec in specs] == specs
