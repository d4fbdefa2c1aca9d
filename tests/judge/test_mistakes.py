"""Which classes are taken for which, against scikit-learn's confusion matrix."""

import numpy as np
from sklearn.metrics import confusion_matrix

from nearspace import compare, load
from nearspace.data import Classes, Dataset, Vector
from nearspace.judge.mistakes import MOST_CLASSES, MOST_ITEMS, mistakes_of

RNG = np.random.default_rng(0)


def test_counts_are_those_of_the_recommended_row():
    board = compare("digits", encoders=["raw"])
    mistakes = board.mistakes
    assert mistakes.spec == board.best().spec
    assert mistakes.counts.shape == (10, 11)
    right = np.trace(mistakes.counts) / mistakes.n_items
    assert np.isclose(right, board.best().scores["knn"].value)
    assert mistakes.n_wrong == mistakes.n_items - np.trace(mistakes.counts)
    assert sum(many for *_, many in mistakes.pairs) == mistakes.n_wrong
    assert all(one != other for one, other in zip(mistakes.truth, mistakes.told, strict=True))
    assert "mistakes" not in board.to_json()
    again = compare(load("digits"), encoders=["raw"], task="unlabelled")
    assert again.mistakes is None


def test_many_classes_are_bounded_to_those_with_the_most_mistakes():
    n = 60
    truth = RNG.permutation(np.repeat(np.arange(n), 20))
    told = np.where((truth < 15) & (RNG.random(n * 20) < 0.5), (truth + 1) % n, truth)
    told[truth == 59] = 77  # a class that no test item has
    test = Dataset(np.zeros((n * 20, 2)), Vector(2), target=Classes(truth))
    mistakes = mistakes_of("raw", test, told)
    assert len(mistakes.classes) == MOST_CLASSES
    assert mistakes.counts.shape == (MOST_CLASSES, MOST_CLASSES + 1)
    names = np.unique(np.concatenate([truth, told]))
    whole = confusion_matrix(truth, told, labels=names)
    at = [names.tolist().index(int(name)) for name in mistakes.classes]
    np.testing.assert_array_equal(mistakes.counts[:, :-1], whole[np.ix_(at, at)])
    np.testing.assert_array_equal(mistakes.counts.sum(axis=1), whole[at].sum(axis=1))
    assert mistakes.pairs[0] == ("59", "77", 20)
    assert len(mistakes.ids) == MOST_ITEMS
    assert mistakes.truth[:4] == ("59",) * 4
    assert len(set(mistakes.truth)) == MOST_ITEMS / 4


def test_the_commonest_mistake_comes_first():
    truth = np.repeat(["a", "b", "c"], 10)
    told = truth.copy()
    told[:2], told[12:20] = "b", "c"
    test = Dataset(np.zeros((30, 1)), Vector(1), target=Classes(truth))
    mistakes = mistakes_of("raw", test, told)
    assert mistakes.pairs == (("b", "c", 8), ("a", "b", 2))
    assert mistakes.truth == ("b",) * 8 + ("a",) * 2
    assert mistakes.counts.tolist() == [[8, 2, 0, 0], [0, 2, 8, 0], [0, 0, 10, 0]]
    assert mistakes_of("raw", test, truth).n_wrong == 0
