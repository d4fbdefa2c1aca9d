import numpy as np
import pytest
from sklearn.feature_extraction.text import CountVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import LeaveOneGroupOut, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier

from nearspace import make
from nearspace.data import SAMPLES, load, train_test_split
from nearspace.data.kinds.kind import Kind


@pytest.mark.parametrize(
    ("name", "kind", "size", "classes"),
    [
        ("digits", "image", 1797, 10),
        ("wine", "vector", 178, 3),
        ("sentences", "text", 600, 5),
        ("customers", "table", 500, 3),
        ("gestures", "series", 240, 5),
        ("vowels", "audio", 240, 5),
        ("articles", "graph", 300, 5),
        ("readers", "interactions", 440, 0),
    ],
)
def test_samples_are_the_same_at_every_call(name, kind, size, classes):
    first, again = SAMPLES[name](), load(name)
    assert first.kind.name == kind
    assert len(first) == size
    assert (0 if first.target is None else len(np.unique(first.target.values))) == classes
    assert first.fingerprint == again.fingerprint
    assert first.name == again.name == name
    assert first.kind.draw(first.kind.item(first.items, 0)).startswith("<")


def test_readers_have_two_topics_and_articles_are_read_once_they_are_out():
    data = SAMPLES["readers"]()
    nodes = data.items
    topics = SAMPLES["sentences"]().target.values[:200]
    of_item = np.unique(topics, return_inverse=True)[1]
    readings = nodes.interactions @ np.eye(5)[of_item]
    both = np.sort(readings, axis=1)[:, -2:].sum() / readings.sum()
    assert 0.85 < both < 0.98
    counts = np.sort(np.bincount(nodes.interactions.indices, minlength=200))
    assert counts[-20:].sum() > 4 * counts[:100].sum() / 5  # a tenth is read about as much as half
    first = np.full(200, 300)
    np.minimum.at(first, nodes.edges.ends[:, 1] - nodes.users, nodes.edges.time)
    assert (first > 30).sum() > 60  # many come out while others are read


def test_every_kind_has_a_sample():
    kinds = {*Kind.registry, "graph", "interactions"}
    assert {make().kind.name for make in SAMPLES.values()} == kinds
    assert len(SAMPLES) == len(kinds)


def test_digits_use_all_of_the_grey_scale():
    items = SAMPLES["digits"]().items
    assert items.dtype == np.uint8
    assert (items.min(), items.max()) == (0, 255)
    assert len(np.unique(items)) == 17


def test_sentences_are_learned_from_several_words_and_not_from_one():
    data = load("sentences")
    train, test, _ = train_test_split(data)
    counts = CountVectorizer().fit_transform(data.items)
    probe = LogisticRegression().fit(counts[train], data.target.values[train])
    assert 0.8 < probe.score(counts[test], data.target.values[test]) < 1
    purest = [
        np.unique(data.target.values[(column > 0).toarray().ravel()], return_counts=True)[1].max()
        / column.getnnz()
        for column in counts.tocsc().T
        if column.getnnz() >= 10
    ]
    assert max(purest) < 0.9
    raw = data.kind.features(data.items)
    floor = KNeighborsClassifier(5).fit(raw[train], data.target.values[train])
    assert floor.score(raw[test], data.target.values[test]) < 0.6


def test_customers_have_gaps_and_scales_that_matter():
    data = load("customers")
    missing = data.items.isna().to_numpy().mean()
    assert 0.03 < missing < 0.07
    numbers = data.items[[name for name, kind in data.kind.columns if kind == "number"]]
    assert numbers.std().max() / numbers.std().min() > 1000
    train, test, _ = train_test_split(data)

    def accuracy(matrix):
        knn = KNeighborsClassifier(5).fit(matrix[train], data.target.values[train])
        return knn.score(matrix[test], data.target.values[test])

    filled = numbers.fillna(numbers.mean()).to_numpy()
    scaled = (filled - filled.mean(axis=0)) / filled.std(axis=0)
    assert accuracy(filled) < 0.7 < accuracy(scaled) < 0.95


def test_vowels_are_easier_by_speakers_who_were_heard():
    data = load("vowels")
    features = make("mfcc").fit_transform(data.items)
    random = StratifiedKFold(5, shuffle=True, random_state=0).split(features, data.labels)
    left_out = LeaveOneGroupOut().split(features, groups=data.groups)
    vote = KNeighborsClassifier(5)
    shares = [
        cross_val_score(vote, features, data.labels, cv=[*folds]).mean()
        for folds in (random, left_out)
    ]
    assert shares[0] > 0.85
    assert shares[1] < shares[0] - 0.08
    assert shares[1] > 0.6
