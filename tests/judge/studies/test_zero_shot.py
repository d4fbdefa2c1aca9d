"""Classes told by their names: against a count of our own, and what is refused."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from tests import text_models

from nearspace.data import load
from nearspace.data.pairs import Pairs
from nearspace.data.split import train_test_split
from nearspace.encoders.spec import make
from nearspace.errors import DataError
from nearspace.judge.studies.zero_shot import item_side, zero_shot

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]


@pytest.fixture(scope="module")
def digits():
    """Return digits whose classes are words, and an encoder that others with names have taught."""
    whole = load("digits")
    taught = whole.take(np.arange(600))
    links = np.stack([np.arange(600), taught.labels.astype(int)], axis=1)
    texts = load([f"the digit {name}" for name in NAMES])
    encoder = make("linear_pair(raw, right=tfidf(analyzer='char') | svd(dim=10))")
    others = whole.take(np.arange(600, 1400))
    words = np.array(NAMES)[others.labels.astype(int)]
    return load(others.items, labels=words), encoder.fit_on(Pairs(taught, texts, links))


def test_accuracies_are_those_of_a_count(digits):
    data, encoder = digits
    study = zero_shot(data, encoder, prompts=("the digit {}", "a picture of {}"))
    train, test, _ = train_test_split(data)
    classes = sorted(NAMES)
    left, right = encoder.side("left"), encoder.side("right")

    def unit(rows):
        return rows / np.linalg.norm(rows, axis=1, keepdims=True)

    means = [unit(right.transform([f"the digit {name}" for name in classes])),
             unit(right.transform([f"a picture of {name}" for name in classes]))]  # fmt: skip
    vectors = left.transform(data.items)
    near = np.argmax(unit(vectors[test]) @ unit(sum(means)).T, axis=1)
    names = np.array([classes[at] for at in near])
    truth = data.labels[test]
    assert study.rows[0].accuracy == pytest.approx((names == truth).mean())
    assert study.rows[0].accuracy > 0.7
    model = LogisticRegression(max_iter=2000).fit(vectors[train], data.labels[train])
    assert study.rows[1].accuracy == pytest.approx(model.score(vectors[test], truth), abs=0.06)
    assert study.rows[0].low < study.rows[0].accuracy < study.rows[0].high
    gap = study.rows[0].accuracy - study.rows[1].accuracy
    assert study.difference.accuracy == pytest.approx(gap)
    assert study.difference.low < gap < study.difference.high
    for name, (own, _, count) in study.by_class.items():
        assert own == pytest.approx((names == truth)[truth == name].mean())
        assert count == (truth == name).sum()
    assert (study.n_labelled, study.n_test) == (len(train), len(test))


def test_items_without_a_class_are_left_out_and_told(digits):
    data, encoder = digits
    labels = data.labels.astype(object)
    labels[:30] = None
    study = zero_shot(load(data.items, labels=labels), encoder)
    assert study.n_labelled + study.n_test == len(data) - 30
    assert "30 items without a label were left out." in study.notes


def test_names_that_say_nothing_tell_no_more_than_chance(digits):
    data, encoder = digits
    other = np.roll(NAMES, 1)[[NAMES.index(name) for name in data.labels]]
    wrong = zero_shot(load(data.items, labels=other), encoder, prompts="the digit {}")
    assert wrong.rows[0].accuracy < 0.2
    assert wrong.rows[1].accuracy > 0.7  # to labels it is all the same how classes are called


def test_a_model_of_texts_tells_texts_by_the_names_of_their_classes(tmp_path):
    words = ["cat", "dog"]
    texts = [f"{word} {n}" for n in range(20) for word in words]
    (tmp_path / "static").mkdir()
    model = text_models.save_static(tmp_path / "static", smaller=True)
    study = zero_shot(load(texts, labels=words * 20), f"static({str(model)!r})")
    assert study.n_test > 5


def test_what_has_no_side_of_texts_or_no_classes_is_refused(digits):
    data, encoder = digits
    with pytest.raises(DataError, match="expected prompts with"):
        zero_shot(data, encoder, prompts="a digit")
    with pytest.raises(DataError, match="expected items with classes, got none"):
        zero_shot(data.items, encoder)
    with pytest.raises(DataError, match="puts items and texts into no one space"):
        zero_shot(data, "pca(dim=4)")
    with pytest.raises(DataError, match="expected an encoder of texts and texts, got one of image"):
        zero_shot(load([f"text {n}" for n in range(40)], labels=["x", "y"] * 20), encoder)
    points = load(np.eye(20))
    of_points = make("linear_pair(raw, right=raw)").fit_on(
        Pairs(points, points, np.arange(20)[:, None].repeat(2, axis=1))
    )
    with pytest.raises(DataError, match="texts on one side, got one of vectors and vectors"):
        item_side(of_points)
