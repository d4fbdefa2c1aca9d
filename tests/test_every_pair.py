"""One contract for every encoder of pairs of the catalogue."""

import json
import subprocess
import sys
from functools import cache

import numpy as np
import pytest
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from nearspace.encoders import CATALOGUE
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError, SpecError
from nearspace.metrics.retrieval import nearest
from nearspace.space.space import embed
from tests.numerals import numerals

# Of texts on both sides, quickly fitted.
QUICK = {
    "shared": "shared(tfidf(analyzer='char'))",
    "linear_pair": "linear_pair(tfidf | svd(dim=24), right=tfidf | svd(dim=24), dim=16)",
    "imagine": "imagine(tfidf | svd(dim=24), right=tfidf | svd(dim=24), steps=60)",
    "dual": "dual(tfidf | svd(dim=24), right=tfidf | svd(dim=24), dim=16, epochs=3)",
}
# Those that operators make of them.
QUICK["beside"] = f"(shared(tfidf(analyzer='char')) | l2) + ({QUICK['linear_pair']} | l2)"
UNTAUGHT = {"shared"}  # which do not look at what belongs together
NAMES = sorted({"beside", *(n for n, entry in CATALOGUE.items() if entry.kinds == ("sides",))})
TRAINED = {"dual", "imagine"}
TRAIN = np.random.default_rng(0).permutation(1000)


def each(names):
    return pytest.mark.parametrize(
        "name", [pytest.param(n, marks=pytest.mark.trains if n in TRAINED else ()) for n in names]
    )


@cache
def pairs():
    return numerals(TRAIN[:400]), numerals(TRAIN[400:500])


@cache
def fitted(name):
    return make(QUICK[name]).fit_on(pairs()[0])


def dense(vectors):
    return vectors.toarray() if sparse.issparse(vectors) else vectors


@each(NAMES)
def test_vectors_of_both_sides_are_of_one_space(name):
    encoder, both = fitted(name), pairs()[1].together()
    vectors = encoder.transform(both.items)
    assert vectors.dtype == np.float32
    assert vectors.shape == (200, encoder._n_features_out)
    for which, side in enumerate(("left", "right")):
        own = encoder.side(side).transform((both.items.left, both.items.right)[which])
        rows = both.items.side == which
        np.testing.assert_allclose(dense(vectors)[rows], dense(own), rtol=1e-4, atol=1e-6)
    mixed = np.random.default_rng(1).permutation(200)
    again = encoder.transform(both.take(mixed).items)
    np.testing.assert_allclose(dense(again), dense(vectors)[mixed], rtol=1e-4, atol=1e-6)
    one = encoder.transform(both.take(np.array([150])).items)
    np.testing.assert_allclose(dense(one), dense(vectors)[[150]], rtol=1e-4, atol=1e-6)


@each(NAMES)
def test_fits_of_one_seed_are_the_same_and_a_clone_is_unfitted(name):
    encoder = fitted(name)
    again = clone(encoder)
    with pytest.raises(NotFittedError):
        again.side("left")
    assert again.fit_on(pairs()[0]).fingerprint == encoder.fingerprint
    assert again.spec == encoder.spec == make(encoder.spec).spec


@each(NAMES)
def test_what_belongs_together_is_nearer_than_by_chance(name):
    encoder, test = fitted(name), pairs()[1]
    left, right = (
        encoder.side(side).transform(own.items)
        for side, own in (("left", test.left), ("right", test.right))
    )
    first = nearest(left, right, 1, encoder.metric)[0][:, 0]
    share = (first == np.arange(100)).mean()
    # One in a hundred by chance; three standard errors above it, and far more where pairs teach.
    assert share > (0.04 if name in UNTAUGHT else 0.3), share


@each(NAMES)
def test_it_is_the_same_when_it_is_saved_and_loaded_in_a_new_process(name, tmp_path):
    encoder, test = fitted(name), pairs()[1]
    encoder.save(tmp_path / "pair")
    code = (
        "import sys, json\n"
        "from nearspace.encoders.spec import load_encoder\n"
        "encoder = load_encoder(sys.argv[1])\n"
        "texts = json.loads(sys.argv[2])\n"
        "sums = [float(abs(encoder.side(s).transform([t])).sum()) for s, t in texts]\n"
        "print(json.dumps([encoder.fingerprint, sums]))"
    )
    texts = [("left", test.left.items[3]), ("right", test.right.items[5])]
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", code, str(tmp_path / "pair"), json.dumps(texts)],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    fingerprint, sums = json.loads(done.stdout)
    assert fingerprint == encoder.fingerprint == load_encoder(tmp_path / "pair").fingerprint
    here = [float(abs(encoder.side(side).transform([text])).sum()) for side, text in texts]
    np.testing.assert_allclose(sums, here, rtol=1e-4)


@each(NAMES)
def test_a_space_of_both_sides_says_on_which_each_item_stands(name):
    test = pairs()[1]
    space = embed(test.together(), fitted(name))
    assert space.meta["side"].to_pylist() == ["left"] * 100 + ["right"] * 100
    assert space.meta["text"].to_pylist()[100:102] == test.right.items[:2]
    assert space.recipe.kind["kind"] == "sides"
    assert space.recipe.metric == fitted(name).metric


@each(NAMES)
def test_what_it_cannot_take_is_one_sentence(name):
    with pytest.raises(DataError, match="takes pairs; got texts"):
        make(QUICK[name]).fit(["a", "b"])
    with pytest.raises(DataError, match=r"ask encoder\.side"):
        fitted(name).transform(["a"])
    with pytest.raises(SpecError, match="There is no side 'middle'"):
        fitted(name).side("middle")
