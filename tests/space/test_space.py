"""Vectors joined to ids, written for other tools, laid out, walked through."""

import json

import numpy as np
import pyarrow.parquet as pq
import pytest
from sklearn.preprocessing import StandardScaler

from nearspace.data import SAMPLES, Dataset, Vector, load
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.space.decode import interpolate
from nearspace.space.formats import save
from nearspace.space.space import embed


def test_fits_on_the_published_training_part_only():
    split = np.array(["train"] * 50 + ["test"] * 50)
    items = np.random.default_rng(0).normal(size=(100, 4)).astype(np.float32)
    items[50:] += 100
    both = embed(Dataset(items, Vector(4), split=split), make("pca(dim=2)"))
    np.testing.assert_allclose(both.encoder.mean_, items[:50].mean(axis=0), rtol=1e-4, atol=1e-5)
    assert len(both) == 100


def test_the_fingerprint_follows_weights_and_settings():
    digits = SAMPLES["digits"]()
    prints = {
        spec: embed(digits, spec).recipe.fingerprint
        for spec in ("pca(dim=2)", "pca(dim=3)", "random(dim=2)", "random(dim=2, random_state=1)")
    }
    assert len(set(prints.values())) == 4
    assert prints["pca(dim=2)"] == embed(digits, "pca(dim=2)").recipe.fingerprint


@pytest.mark.parametrize("spec", ["tfidf", "bow | pca(dim=3)"])
def test_export_round_trips(spec, tmp_path):
    sentences = SAMPLES["sentences"]()
    space = embed(sentences, spec)
    archive = np.load(save(space, tmp_path / "out.npz"))
    table = pq.read_table(save(space, tmp_path / "out.parquet"))
    np.testing.assert_array_equal(archive["ids"], sentences.ids)
    labels = sentences.target.values.tolist()
    assert archive["labels"].tolist() == table["label"].to_pylist() == labels
    np.testing.assert_array_equal(
        archive["vectors"], np.array(table["vector"].to_pylist(), dtype=np.float32)
    )
    assert json.loads(str(archive["recipe"]))["spec"] == spec
    assert json.loads(table.schema.metadata[b"nearspace.recipe"])["spec"] == spec


def test_exported_vectors_are_read_as_vectors(tmp_path):
    wine = SAMPLES["wine"]()
    space = embed(wine, "pca(dim=3)")
    for name in ("out.npz", "out.parquet"):
        again = load(str(save(space, tmp_path / name)))
        assert again.kind == Vector(3)
        np.testing.assert_array_equal(again.target.values, wine.target.values)
        np.testing.assert_array_equal(again.items, space.vectors)


def test_refuses_other_endings_and_vectors_that_are_not_finite(tmp_path):
    wine = SAMPLES["wine"]()
    with pytest.raises(NearspaceError, match=r"ends in \.space, \.parquet, \.npz; got"):
        save(embed(wine, "raw"), tmp_path / "out.csv")

    class Broken(FromSklearn):
        def _transform(self, items):
            return np.where(np.arange(len(items))[:, None] == 7, np.nan, 1.0)

    with pytest.raises(NearspaceError, match="the item '7' a vector that is not finite"):
        embed(wine, Broken(StandardScaler()))


def test_interpolate_begins_and_ends_where_it_should():
    way = interpolate(np.array([0.0, 1.0]), np.array([1.0, 0.0]), 5)
    np.testing.assert_allclose(way[[0, 2, 4]], [[0, 1], [0.5, 0.5], [1, 0]])
