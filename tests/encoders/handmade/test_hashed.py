"""Hashed cells: those of scikit-learn's `FeatureHasher`, in memory that no category adds to."""

import numpy as np
import pandas as pd
import pytest
from sklearn.feature_extraction import FeatureHasher

from nearspace.data import Table
from nearspace.encoders.handmade.hashed import Hashed

TABLE = Table((("age", "number"), ("town", "category"), ("tags", "categories")))


def rows(n, seed=0):
    rng = np.random.default_rng(seed)
    towns = pd.Series([f"town {at}" for at in rng.integers(0, 500, n)], dtype=object)
    tags = pd.Series(rng.choice(["a", "a|b", "b|c", "ä|c|d"], n), dtype=object)
    frame = pd.DataFrame({"age": rng.normal(40, 10, n), "town": towns, "tags": tags})
    return frame.mask(rng.random(frame.shape) < 0.1, None).astype({"age": float})


@pytest.mark.parametrize("n_features", [8, 1000, 2**20])
def test_likeness_to_the_hasher_of_scikit_learn(n_features):
    train, test = rows(300), rows(100, seed=1)
    mean, scale = train["age"].mean(), train["age"].std(ddof=0)
    dicts = []
    for age, town, tags in test.itertuples(index=False):
        cells = {"age": 0.0 if pd.isna(age) else (age - mean) / scale}
        cells |= {f"town={town}": 1} if isinstance(town, str) else {"town missing": 1}
        if isinstance(tags, str):
            cells |= {f"tags={tag}": 1 for tag in tags.split("|")}
        else:
            cells["tags missing"] = 1
        dicts.append(cells | ({"age missing": 1} if pd.isna(age) else {}))
    theirs = FeatureHasher(n_features).transform(dicts)
    ours = Hashed(n_features).fit_items(train, None, TABLE).transform(test)
    assert (ours.dtype, ours.shape, ours.has_canonical_format) == (np.float32, theirs.shape, True)
    assert abs(ours - theirs).max() < 1e-5
    assert Hashed(8).fit_items(train, None, TABLE).transform(test[:0]).shape == (0, 8)


def test_a_category_of_its_own_in_every_row_adds_nothing_to_what_is_saved():
    table, sizes = Table((("key", "category"),)), set()
    for n in (2, 3000):
        frame = pd.DataFrame({"key": [f"key {at % n}" for at in range(3000)]})
        encoder = Hashed().fit_items(frame, None, table)
        sizes.add(sum(map(len, encoder.dump().values())))
    assert len(sizes) == 1
