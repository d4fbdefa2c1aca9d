"""What words and columns do to the likeness of two items: a naive loop, and exact products."""

import numpy as np
import pandas as pd
import pytest

from nearspace import load, make
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import LONGEST
from nearspace.encoders.leave_out import leave_out
from nearspace.errors import DataError

TEXTS = load("sentences").items


def likeness(encoder, one, other, metric, asked=False):
    left = (encoder.transform_queries if asked else encoder.transform)([one])
    right = encoder.transform([other])
    a, b = (np.asarray(x.todense() if hasattr(x, "todense") else x)[0] for x in (left, right))
    a, b = a.astype(float), b.astype(float)
    if metric == "euclidean":
        return -np.linalg.norm(a - b)
    lengths = np.linalg.norm(a) * np.linalg.norm(b) if metric == "cosine" else 1.0
    return a @ b / lengths if lengths else 0.0


@pytest.mark.parametrize(
    ("spec", "metric"),
    [
        ("tfidf", "cosine"),
        ("tfidf(analyzer='char') | svd(dim=16)", "euclidean"),
        ("bm25", "dot"),
        ("hashing(n_features=512)", "cosine"),
        ("raw", "cosine"),
    ],
)
def test_effects_are_those_of_a_naive_loop(spec, metric):
    encoder = make(spec).fit(TEXTS)
    left, right = [TEXTS[0], TEXTS[3], "one"], [TEXTS[1], TEXTS[3], ""]
    asked = spec == "bm25"
    pairs = leave_out(encoder, left, right, metric, asked=asked)
    for pair, one, other in zip(pairs, left, right, strict=True):
        whole = likeness(encoder, one, other, metric, asked)
        assert pair.alike == pytest.approx(abs(whole) if metric == "euclidean" else whole, abs=1e-6)
        words, others = one.split(), other.split()
        assert pair.left.parts == [*" ".join(words).replace(".", " .").split()]
        for at, word in enumerate(pair.left.parts[:-1]):
            assert word in words[at] or word == "."
            less = " ".join(words[:at] + words[at + 1 :])
            expected = whole - likeness(encoder, less, other, metric, asked)
            assert pair.left.effects[at] == pytest.approx(expected, abs=1e-5)
        for at in range(len(others) - 1):
            less = " ".join(others[:at] + others[at + 1 :])
            expected = whole - likeness(encoder, one, less, metric, asked)
            assert pair.right.effects[at] == pytest.approx(expected, abs=1e-5)


def test_of_tfidf_the_effects_are_the_products_of_the_weights_but_for_the_length():
    one, other = "the rain falls on the sea", "rain and wind over the sea"
    encoder = make("tfidf").fit([*TEXTS, one, other])
    (pair,) = leave_out(encoder, [one], [other])
    weights = encoder.transform([one, other]).toarray().astype(float)
    names = encoder.get_feature_names_out().tolist()
    products = weights[0] * weights[1]
    assert products.sum() == pytest.approx(pair.alike, abs=1e-6)
    for word in ("rain", "sea"):
        at = pair.left.parts.index(word)
        without = pair.alike - pair.left.effects[at]
        length = np.sqrt(1 - weights[0, names.index(word)] ** 2)
        assert pair.alike - without * length == pytest.approx(products[names.index(word)], abs=1e-6)
    # What the other has not only makes the text longer: without it the two are more alike.
    assert pair.left.effects[pair.left.parts.index("falls")] < 0


def test_the_metric_dot_gives_the_products_themselves():
    encoder = make("bow").fit(["near means alike", "far means other"])
    (pair,) = leave_out(encoder, ["means means near"], ["means"], "dot")
    assert pair.left.effects.tolist() == [1, 1, 0]
    assert pair.right.effects.tolist() == [2]
    assert pair.largest == 2


def test_long_texts_are_left_out_by_runs_of_words_and_looked_at_in_part():
    encoder = make("bow").fit(["zip far", "near far"])
    text = "zip " * 450 + "far"
    calls = []
    transform = encoder.transform
    encoder.transform = lambda items: calls.append(len(items)) or transform(items)
    (pair,) = leave_out(encoder, [text], ["zip"], "dot", most=100)
    assert len(pair.left.parts) == 91
    assert pair.left.parts[0] == "zip zip zip zip zip"
    assert pair.left.effects[0] == 5
    assert calls == [92, 2]
    (pair,) = leave_out(encoder, ["zip " * 300_000], ["zip"], "dot")
    assert len(pair.left.parts) <= 200
    assert pair.left.spans[-1][1] <= LONGEST
    assert pair.alike == LONGEST / 4


def test_equal_texts_are_encoded_once_and_texts_without_a_word_have_no_parts():
    encoder = make("tfidf").fit(TEXTS)
    calls = []
    transform = encoder.transform
    encoder.transform = lambda items: calls.append(len(items)) or transform(items)
    pairs = leave_out(encoder, ["sea sun"] * 3, ["sea", " \n", "שלום 🌊"])
    assert calls == [3, 2 + 1 + 3]
    assert [len(pair.right.spans) for pair in pairs] == [1, 0, 2]
    assert all(np.isfinite(pair.left.effects).all() for pair in pairs)
    assert pairs[1].alike == 0
    assert leave_out(encoder, [], []) == []


def test_pieces_are_the_text():
    encoder = make("tfidf").fit(TEXTS)
    text = "\n Rain,  rain & 海 <b>🌊\u200d</b>…\t"
    (pair,) = leave_out(encoder, [text], ["rain"])
    pieces = list(pair.left.pieces())
    assert "".join(piece for piece, _ in pieces) == text
    assert [piece for piece, effect in pieces if effect is not None] == pair.left.parts
    for most in range(len(text)):
        shown = "".join(piece for piece, _ in pair.left.pieces(most))
        assert shown == text[:most] + "…"


def test_mistakes_are_told_in_a_sentence():
    encoder = make("tfidf").fit(TEXTS)
    with pytest.raises(DataError, match="got 1 on the left and 2 on the right"):
        leave_out(encoder, ["a"], ["b", "c"])
    with pytest.raises(DataError, match="expected a list of str"):
        leave_out(encoder, "a", ["b"])


@pytest.mark.parametrize("spec", ["onehot", "raw", "onehot | pca(dim=4)"])
def test_of_rows_each_column_is_left_out_by_a_naive_loop(spec):
    data = load("customers")
    encoder = make(spec).fit_on(data)
    left, right = data.items.iloc[[0, 5, 0]], data.items.iloc[[3, 3, 9]]
    pairs = leave_out(encoder, left, right)
    names = [name for name, _ in data.kind.columns]
    for at, pair in enumerate(pairs):
        one, other = (side.iloc[[at]].reset_index(drop=True) for side in (left, right))
        whole = likeness_of_rows(encoder, one, other)
        assert pair.alike == pytest.approx(whole, rel=1e-6, abs=1e-6)
        assert pair.part == "column"
        assert [part.split(":")[0] for part in pair.left.parts] == names
        for place, name in enumerate(names):
            less = one.copy()
            less[name] = None if less[name].dtype == object else np.nan
            further = likeness_of_rows(encoder, less, other)
            assert pair.left.effects[place] == pytest.approx(further - whole, abs=1e-6 * whole)


def likeness_of_rows(encoder, one, other):
    return np.linalg.norm(
        np.subtract(*(encoder.transform(x)[0].astype(float) for x in (one, other)))
    )


def test_names_of_rows_are_no_parts_and_many_columns_are_left_out_together():
    rng = np.random.default_rng(0)
    rows = pd.DataFrame(rng.random((40, 7)), columns=list("abcdefg"))
    rows["name"] = [f"row {at}" for at in range(40)]
    kind = Table.infer(rows)
    parts = kind.parts(kind.check(rows), 1, most=3)
    assert [parts.text[a:b].count(":") for a, b in parts.spans] == [3, 3, 1]
    assert "row 1" not in parts.text
    assert len(parts.variants) == 4
    assert parts.variants.isna().sum(axis=1).tolist() == [0, 3, 3, 1]


def test_items_without_parts_are_refused():
    encoder = make("raw").fit(np.ones((3, 2), dtype=np.float32))
    with pytest.raises(DataError, match="parts can be left out"):
        leave_out(encoder, np.ones((1, 2)), np.ones((1, 2)))
