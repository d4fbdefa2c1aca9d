"""One contract for every encoder of users and items of the catalogue."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nearspace.data import SAMPLES, load
from nearspace.data.graph_reading import load_interactions
from nearspace.encoders import CATALOGUE
from nearspace.encoders.recommender import Recommender
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.space.formats import open_space, save
from nearspace.space.space import embed

QUICK = {
    "als": "als(dim=16)",
    "bpr": "bpr(dim=16, epochs=40)",
    "two_tower": "two_tower(dim=16)",
    "netmf": "netmf(dim=16)",
    "prone": "prone(dim=16)",
    "deepwalk": "deepwalk(dim=16, epochs=1)",
    "propagated": "propagated(bow)",
    # Those that operators make of them.
    "normed": "als(dim=8, regularization=0.1) | l2",
}
OWN = sorted(name for name, entry in CATALOGUE.items() if entry.kinds == ("interactions",))
NAMES = sorted({*QUICK, *(n for n, entry in CATALOGUE.items() if "interactions" in entry.kinds)})
TRAINED = {"bpr", "two_tower", "deepwalk"}
ONE_GRAPH = {"netmf", "prone", "deepwalk"}  # have vectors of the nodes that were there
USERS = 240


def each(names):
    return pytest.mark.parametrize(
        "name",
        [pytest.param(n, marks=pytest.mark.trains if n in TRAINED else ()) for n in sorted(names)],
    )


@cache
def readers():
    return SAMPLES["readers"]()


@cache
def task():
    return set_task(readers(), Protocol(hold_out="random"))


@cache
def fitted(name):
    return make(QUICK.get(name, name)).fit_on(readers())


def vectors_of(encoder, items):
    vectors = encoder.transform(items)
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@each(NAMES)
def test_a_vector_is_that_of_its_user_or_item_alone_or_among_others(name):
    encoder, items = fitted(name), readers().items
    vectors = vectors_of(encoder, items)
    assert vectors.dtype == np.float32
    assert vectors.shape == (440, encoder._n_features_out)
    assert np.isfinite(vectors).all()
    mixed = np.random.default_rng(1).permutation(440)
    scale = np.abs(vectors).max()
    again = vectors_of(encoder, items[mixed])
    np.testing.assert_allclose(again, vectors[mixed], rtol=1e-4, atol=1e-5 * scale)
    for row in (0, USERS, 439):
        one = vectors_of(encoder, items[[row]])
        np.testing.assert_allclose(one, vectors[[row]], rtol=1e-4, atol=1e-5 * scale)
    if name != "normed":  # scikit-learn's norm takes no rows at all
        assert encoder.transform(items[np.arange(0)]).shape == (0, encoder._n_features_out)


@each(NAMES)
def test_fits_of_one_seed_are_the_same_and_a_clone_is_unfitted(name):
    encoder = fitted(name)
    again = clone(encoder)
    with pytest.raises(NotFittedError):
        again.transform(readers().items)
    assert again.fit_on(readers()).fingerprint == encoder.fingerprint
    assert again.spec == encoder.spec == make(encoder.spec).spec


@each({*OWN} - {"popularity"})
def test_it_recommends_better_than_popularity(name):
    scores = {}
    for each_name in (name, "popularity"):
        evidence = task().evidence(make(QUICK.get(each_name, each_name)).fit_on(task().train))
        recall = next(score for score in task().scores if score.name == "user_recall_20")
        scores[each_name] = np.nanmean(recall.measure(evidence))
    assert scores[name] > scores["popularity"] + 0.02, scores


@pytest.mark.parametrize(
    "names",
    [sorted({*NAMES} - TRAINED), pytest.param(sorted(TRAINED), marks=pytest.mark.trains)],
    ids=["untrained", "trained"],
)
def test_they_are_the_same_when_they_are_saved_and_loaded_in_a_new_process(names, tmp_path):
    folders = [str(fitted(name).save(tmp_path / name)) for name in names]
    code = (
        "import sys, json\n"
        "from nearspace.data import SAMPLES\n"
        "from nearspace.encoders.spec import load_encoder\n"
        "items = SAMPLES['readers']().items[[0, 5, 300, 439]]\n"
        "encoders = [load_encoder(folder) for folder in sys.argv[1:]]\n"
        "print(json.dumps([[e.fingerprint, float(abs(e.transform(items)).sum())]"
        " for e in encoders]))"
    )
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, *folders],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    for name, (fingerprint, total) in zip(names, json.loads(done.stdout), strict=True):
        encoder = fitted(name)
        assert fingerprint == encoder.fingerprint == load_encoder(tmp_path / name).fingerprint
        here = float(abs(encoder.transform(readers().items[[0, 5, 300, 439]])).sum())
        np.testing.assert_allclose(total, here, rtol=1e-4)


def grown():
    """Return the readers, one more who has read what the first did, and one more article."""
    items = readers().items
    texts = load([*items.attributes, items.attributes[0]], ids=[*map(str, range(200)), "later"])
    pairs = [(f"u{user:03}", str(item - USERS)) for user, item in items.edges.ends.tolist()]
    return load_interactions([*pairs, *(("v", item) for user, item in pairs if user == "u000")],
                             texts)  # fmt: skip


@each(NAMES)
def test_users_and_items_that_come_later_have_vectors_or_are_refused_in_a_sentence(name):
    data = readers()
    items = data.items
    pairs = [(f"u{user:03}", str(item - USERS)) for user, item in items.edges.ends.tolist()]
    texts = load(items.attributes, ids=[*map(str, range(200))])
    encoder = make(QUICK.get(name, name)).fit_on(load_interactions(pairs, texts))
    more = grown()
    new_user, new_item = USERS, 441
    assert more.ids[[new_user, new_item]].tolist() == ["user-v", "item-later"]
    if name in ONE_GRAPH:
        with pytest.raises(DataError, match="has 2 nodes more"):
            encoder.transform(more.items)
        return
    vectors = vectors_of(encoder, more.items[[0, new_item]])
    assert np.isfinite(vectors).all()
    told_by_text = name in ("propagated", "two_tower")
    assert (np.abs(vectors[1]).sum() > 0) == told_by_text  # of others nobody knows anything
    if name == "bpr":
        with pytest.raises(DataError, match="'user-v' is none of them"):
            encoder.transform(more.items[[new_user]])
        return
    if name != "propagated":  # who reads what one reads changes nothing of the articles in `fit`
        later = vectors_of(encoder, more.items[[new_user]])
        np.testing.assert_allclose(later, vectors[[0]], rtol=1e-3, atol=1e-5)


@each(OWN)
def test_somebody_with_nothing_is_nobody_or_is_told_what_most_have(name):
    encoder = fitted(name)
    assert isinstance(encoder, Recommender)
    nothing = sparse.csr_array((1, 200), dtype=np.float32)
    if name == "bpr":
        with pytest.raises(DataError, match="makes none of what somebody has"):
            encoder.of_histories(nothing)
        return
    vector = encoder.of_histories(nothing)
    vector = vector.toarray() if sparse.issparse(vector) else vector
    assert vector.any() == (name in ("popularity", "two_tower"))


@each(NAMES)
def test_a_space_says_who_has_what_and_comes_back_as_it_went(name, tmp_path):
    space = embed(readers(), fitted(name))
    again = open_space(save(space, tmp_path / "a.space"))
    assert again.ids[[0, USERS]].tolist() == ["user-000", "item-000"]
    assert again.kind == readers().kind
    assert again.recipe.metric == fitted(name).metric
    assert again.meta.to_pydict() == space.meta.to_pydict()
    assert again.meta["sort"].to_pylist() == ["user"] * USERS + ["item"] * 200
    counts = np.diff(readers().items.edges.symmetric.indptr)
    assert again.meta["degree"].to_pylist() == counts.tolist()
    had = json.loads(again.meta["history"][0].as_py())
    assert len(had) == counts[0]
    assert again.meta["text"].to_pylist()[USERS:] == readers().items.attributes
    again = vectors_of(again.encoder, readers().items[[3, 300]])
    np.testing.assert_allclose(again, vectors_of(fitted(name), readers().items[[3, 300]]))


@each({*NAMES} - {"normed"})
def test_what_it_cannot_take_is_one_sentence(name):
    with pytest.raises(DataError, match="users and items; got texts"):
        make(QUICK.get(name, name)).fit(["a", "b"])
    with pytest.raises(DataError, match="expected users and items, as load_interactions returns"):
        fitted(name).transform(["a"])
    if name in OWN:
        with pytest.raises(DataError, match="takes users and items; got nodes of a graph"):
            make(name).fit_on(SAMPLES["articles"]())
    with pytest.raises(DataError, match=r"expected users and items, .*, got nodes of a graph"):
        fitted(name).transform(SAMPLES["articles"]().items)


@pytest.mark.parametrize(
    "spec",
    ["propagated", pytest.param("two_tower(bow, epochs=1)", marks=pytest.mark.trains)],
)
def test_of_items_of_which_nothing_is_said_it_is_told(spec):
    data = load_interactions([("a", "b"), ("b", "c")])
    with pytest.raises(DataError, match="nothing is said of these"):
        make(spec).fit_on(data)


@each(OWN)
def test_weights_count_or_it_is_told_that_they_do_not(name):
    rows = [(user, item, 1.0) for user in range(12) for item in range(8) if (user + item) % 3]
    frames = [pd.DataFrame(rows, columns=["who", "what", "much"]) for _ in range(2)]
    frames[1].loc[::2, "much"] = 4.0
    spec = {"bpr": "bpr(dim=2, epochs=2)", "two_tower": "two_tower(dim=2, epochs=2)"}.get(
        name, name
    )
    plain, weighed = (load_interactions(frame, weights="much") for frame in frames)
    one, other = (make(spec).fit_on(data) for data in (plain, weighed))
    assert not one.notes or "weigh" not in one.notes[0]
    vectors = [vectors_of(encoder, plain.items[[0, 13]]) for encoder in (one, other)]
    if name in ("bpr", "two_tower"):
        assert "What interactions weigh plays no part: each counts alike." in other.notes
        np.testing.assert_allclose(*vectors, rtol=1e-5)
    else:
        assert not np.allclose(*vectors, rtol=1e-3)
