"""Clusters and their names, outliers and near-duplicates, on data where they are known."""

import dataclasses

import numpy as np
import pyarrow as pa
import pytest

from nearspace.recipe import Recipe
from nearspace.space.map.landmarks import landmarks
from nearspace.space.space import Space

WORDS = ("apple", "river", "engine")


@pytest.fixture(scope="module")
def crowds():
    """Three crowds of 60, 40 and 30 on a plane, with labels and texts, and five strays."""
    random = np.random.default_rng(0)
    sizes = (40, 60, 30)
    centres = np.repeat([[0, 0], [9, 0], [0, 9]], sizes, axis=0)
    strays = np.array([[50, 50], [70, 0], [-60, 4], [5, -80], [45, -40.0]])
    places = np.concatenate([centres + 0.5 * random.normal(size=centres.shape), strays])
    which = np.repeat([0, 1, 2], sizes)
    texts = [f"the {WORDS[i]} of the {random.choice(['day', 'year'])}" for i in which]
    labels = np.array([f"kind {i}" for i in which] + ["stray"] * 5)
    labels[:6] = "kind 1"
    ids = np.arange(len(places))
    meta = pa.table({"text": [*texts, *["the day"] * 5]})
    vectors = places.astype(np.float32)
    return Space(vectors, ids, labels, Recipe("made up", "0", metric="euclidean"), meta=meta)


def space_of(vectors):
    recipe = Recipe("made up", "0", metric="euclidean")
    return Space(vectors, np.arange(len(vectors)), None, recipe)


def odd_ones(vectors):
    """The outliers and near-duplicates among vectors that lie on a map at one point."""
    marks = landmarks(space_of(vectors), np.zeros((len(vectors), 2)))
    return marks.outliers, marks.alike


def test_clusters_are_found_and_named(crowds):
    marks = landmarks(crowds, crowds.vectors)
    codes, found = marks.codes, marks.clusters
    assert [of.size for of in found] == [60, 40, 30]
    assert (codes[40:100] == 0).all()
    assert (codes[-5:] == -1).all()
    assert [of.words[0] for of in found] == ["river", "apple", "engine"]
    assert found[1].labels == (("kind 0", 0.85),)
    assert found[1].name.endswith("kind 0 (85 %)")
    named = landmarks(dataclasses.replace(crowds, meta=None), crowds.vectors).clusters
    assert [of.title for of in named] == ["kind 1", "kind 0", "kind 2"]
    bare = dataclasses.replace(crowds, meta=None, labels=None)
    assert [of.name for of in landmarks(bare, crowds.vectors).clusters] == ["", "", ""]


def test_missing_labels_and_texts_name_nothing_and_file_names_do(crowds):
    labels, texts = crowds.labels.astype(object), crowds.meta["text"].to_pylist()
    labels[:30] = labels[40:100] = None
    texts[50:100] = [None] * 50
    some = dataclasses.replace(crowds, labels=labels, meta=None)
    found = landmarks(some, crowds.vectors).clusters
    assert [of.labels for of in found] == [(), (("kind 0", 0.25),), (("kind 2", 1.0),)]
    some = dataclasses.replace(crowds, labels=None, meta=pa.table({"text": texts}))
    assert landmarks(some, crowds.vectors).clusters[0].words[0] == "river"
    files = [
        f"photos/IMG_{WORDS[k]}_{i:04}.jpg" for i, k in enumerate([0] * 40 + [1] * 60 + [2] * 35)
    ]
    some = dataclasses.replace(crowds, labels=None, meta=None, ids=np.array(files))
    assert [of.words for of in landmarks(some, crowds.vectors).clusters] == [
        ("river",), ("apple",), ("engine",)
    ]  # fmt: skip


def test_many_items_are_clustered_by_a_sample(crowds):
    marks = landmarks(crowds, crowds.vectors, most=100)
    codes = marks.codes
    assert len(marks.clusters) == 3
    assert np.bincount(codes[codes >= 0])[0] >= 58


@pytest.mark.parametrize("n", [0, 1, 5, 40])
def test_few_or_equal_items_have_no_clusters(n):
    vectors = np.ones((n, 2), dtype=np.float32)
    marks = landmarks(space_of(vectors), vectors)
    assert marks.codes.tolist() == [-1] * n
    assert not marks.clusters
    assert not marks.outliers
    assert [len(of.positions) for of in marks.alike] == ([n] if n > 2 else [])


@pytest.mark.parametrize("scale", [1, 1e-25, 1e20])
def test_outliers_and_duplicates_are_found_in_the_original_dimensions(scale):
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 12))
    vectors[7] += 30
    vectors[[20, 30, 40]] = vectors[10]
    vectors[60] = vectors[50] + 1e-3
    outliers, alike = odd_ones((vectors * scale).astype(np.float32))
    assert outliers[0].position == 7
    assert 10 < outliers[0].times < 100
    assert len(outliers) < 10
    assert [of.positions for of in alike] == [(10, 20, 30, 40), (50, 60)]
    assert alike[0].distance == 0 < alike[1].distance < 0.01 * scale


def test_one_item_far_beyond_all_and_many_duplicates_hide_nothing():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(500, 12)).astype(np.float32)
    vectors[3] = 1e20
    vectors[60] = vectors[50] + 1e-3
    outliers, alike = odd_ones(vectors)
    assert outliers[0].position == 3
    assert all(of.times < 5 for of in outliers[1:])
    assert [of.positions for of in alike] == [(50, 60)]
    vectors[100:] = vectors[100]
    _, alike = odd_ones(vectors)
    assert [len(of.positions) for of in alike] == [400, 2]
