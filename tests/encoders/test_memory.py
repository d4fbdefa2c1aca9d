"""How much memory encoders take beside the items and their vectors: blocks, not copies."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from nearspace.data import Image, Vector, load
from nearspace.encoders import axes, blocks
from nearspace.encoders.spec import make

# Prints for each spec how many times the items themselves, with them, `fit` and `transform` hold
# at most beside what was there before and the vectors, and seconds of the processor.
CHILD = """
import json, sys, time
import numpy as np
import pandas as pd
from nearspace import make
from tests.mutations import forget_peak, memory

def measured(function):
    forget_peak()
    before, began = memory("VmRSS"), time.process_time()
    result = function()
    return result, memory("VmHWM") - before, time.process_time() - began

form, n, *specs = sys.argv[1:]
n, random = int(n), np.random.default_rng(0)
if form == "images":
    items = random.integers(0, 256, (n, 32, 32, 3), dtype=np.uint8)
elif form == "table":
    items = pd.DataFrame(random.standard_normal((n, 384)), columns=[f"c{at}" for at in range(384)])
else:
    far = 1.7e9 if form == "far" else 0.0
    items = far + random.standard_normal((n, 384))
    items = items.astype(np.float32) if form == "float32" else items
size, labels = np.asarray(items).nbytes, np.arange(n) % 3
for spec in specs:
    encoder = make(spec).fit(items[:192], labels[:192])  # which imports what it needs
    encoder.transform(items[:192])
    fit, fit_took = 0, 0.0
    if "epochs" not in spec:
        encoder, fit, fit_took = measured(lambda: make(spec).fit(items, labels))
    vectors, held, took = measured(lambda: encoder.transform(items))
    held -= vectors.nbytes
    print(json.dumps([spec, 1 + fit / size, fit_took, 1 + held / size, took]), flush=True)
    del vectors
"""
IMAGES = ["raw", "pca", "random", "colour_histogram", "l2", "raw | l2", "pca(dim=8) + raw"]
FLAT = ["raw", "pca", "random", "l2"]
TRAINED = ["autoencoder(epochs=1)", "vae(epochs=1)", "masked(epochs=1)", "mlp(epochs=1)"]


def times_the_items(form, n, specs):
    root = Path(__file__).parents[2]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, form, str(n), *specs], cwd=root,
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets its peak of memory")
@pytest.mark.parametrize(
    ("form", "n", "specs", "most"),
    [
        ("images", 5600, ["pca"], 2.8),  # of 17 MB: a block counts for half
        pytest.param("images", 20_000, IMAGES, 2.0, marks=pytest.mark.full),
        pytest.param("images", 20_000, ["hog"], 2.0, marks=pytest.mark.full),
        pytest.param("images", 20_000, TRAINED, 3.0, marks=pytest.mark.full),  # a batch's layers
        pytest.param("vectors", 20_000, FLAT, 2.2, marks=pytest.mark.full),
        pytest.param("far", 20_000, FLAT, 2.2, marks=pytest.mark.full),
        pytest.param("float32", 40_000, FLAT, 2.2, marks=pytest.mark.full),
        pytest.param("table", 20_000, ["raw", "onehot"], 3.0, marks=pytest.mark.full),
    ],
)  # fmt: skip
def test_little_memory_is_held_beside_items_and_vectors(form, n, specs, most):
    rows = times_the_items(form, n, specs)
    assert [row[0] for row in rows] == specs
    for spec, fit, fit_took, held, took in rows:
        line = f"{form:8} {spec:24} fit {fit:5.2f} {fit_took:6.2f} s"
        print(f"{line}  transform {held:5.2f} {took:6.2f} s")
    assert max(max(row[1], row[3]) for row in rows) < most


SPECS = ["raw", "pca(dim=4)", "random(dim=4)", "hog", "l2", "colour_histogram", "raw | l2",
         "pca(dim=2) + raw"]  # fmt: skip


@pytest.mark.parametrize("spec", SPECS)
def test_vectors_made_in_blocks_are_those_made_at_once(spec, monkeypatch):
    digits = load("digits").items[:200]
    encoder = make(spec).fit(digits)
    whole = encoder.transform(digits)
    monkeypatch.setattr(blocks, "NUMBERS_AT_ONCE", 7 * 64)
    parts = encoder.transform(digits)
    assert parts.dtype == whole.dtype == np.float32
    np.testing.assert_allclose(parts, whole, atol=2e-6)


@pytest.mark.parametrize("spec", ["raw", "onehot"])
def test_tables_too_and_a_row_that_is_refused_is_named_by_its_place(spec, monkeypatch):
    customers = load("customers").items
    encoder = make(spec).fit(customers)
    whole = encoder.transform(customers)
    monkeypatch.setattr(blocks, "NUMBERS_AT_ONCE", 7 * customers.shape[1])
    np.testing.assert_array_equal(encoder.transform(customers), whole)
    number = next(name for name, kind in encoder.kind_.columns if kind == "number")
    customers = customers.astype({number: float})
    customers.loc[40, number] = 1e300
    if spec == "raw":
        with pytest.raises(ValueError, match=f"row 40, column '{number}' is 1e"):
            encoder.transform(customers)


def low_rank(n, d, offset=0.0, scale=1.0):
    """Return rows along 12 directions, each of which varies less than the one before."""
    random = np.random.default_rng(0)
    axes = np.linalg.qr(random.standard_normal((d, 12)))[0].T
    rows = random.standard_normal((n, 12)) * 0.7 ** np.arange(12) @ axes
    return (offset + scale * (rows + 1e-3 * random.standard_normal((n, d)))).astype(np.float32)


@pytest.mark.parametrize(("n", "d"), [(900, 20), (150, 400), (400, 150)])
@pytest.mark.parametrize(("offset", "scale"), [(0.0, 1.0), (500.0, 1.0), (0.0, 1e-30), (0.0, 1e30)])
def test_axes_found_in_blocks_are_the_singular_vectors(n, d, offset, scale, monkeypatch):
    monkeypatch.setattr(axes, "NARROW", 50)
    monkeypatch.setattr(blocks, "NUMBERS_AT_ONCE", 40 * d)
    rows = low_rank(n, d, offset, scale)
    found, shares = axes.principal_axes(axes.CentredFeatures(Vector(d), rows), 5, 0)
    centred = rows.astype(np.float64) - rows.mean(axis=0, dtype=np.float64)
    centred /= scale
    _, lengths, right = np.linalg.svd(centred, full_matrices=False)
    assert np.abs((found * right[:5]).sum(axis=1)).min() > 1 - 1e-4
    np.testing.assert_allclose(shares, (lengths**2 / np.sum(lengths**2))[:5], rtol=1e-3)


@pytest.mark.parametrize("shape", [(3000, 6, 6, 3), (300, 20, 20, 3)])
def test_pca_of_much_data_is_pca(shape, monkeypatch):
    from nearspace.encoders import linear

    random = np.random.default_rng(0)
    images = random.integers(0, 200, (1, *shape[1:])) + random.integers(0, 50, shape)
    images[: shape[0] // 3, :3] //= 2
    images = images.astype(np.uint8)
    whole = make("pca(dim=3)").fit(images)
    monkeypatch.setattr(linear, "LARGE", 1000)
    monkeypatch.setattr(blocks, "NUMBERS_AT_ONCE", 50_000)
    in_blocks = make("pca(dim=3)").fit(images)
    assert isinstance(in_blocks.kind_, Image)
    exact = images.mean(axis=0).ravel() / 255
    np.testing.assert_allclose(in_blocks.mean_, exact, atol=1e-7)
    np.testing.assert_allclose(whole.mean_, exact, atol=1e-5)
    first = whole.components_[0], in_blocks.components_[0]
    np.testing.assert_allclose(*first, atol=1e-4)  # the others are those of noise
    ratios = whole.explained_variance_ratio_, in_blocks.explained_variance_ratio_
    np.testing.assert_allclose(*ratios, rtol=1e-2)
    again = make("pca(dim=3)").fit(images)
    assert again.fingerprint == in_blocks.fingerprint
