"""The kind of the items reaches the encoder: by the dataset, or by one way to recognise it."""

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.compose import ColumnTransformer

from nearspace.data import Image, Series, Text, Vector, load
from nearspace.encoders.spec import make
from nearspace.errors import DataError

TEXTS = ["red green red", "green blue", "blue red", "green"]


@pytest.mark.parametrize(
    "items",
    [
        TEXTS,
        tuple(TEXTS),
        np.array(TEXTS),
        np.array(TEXTS, dtype=object),
        pd.Series(TEXTS),
        pd.Series(TEXTS, dtype="string", index=[7, 8, 9, 3]),
    ],
)
@pytest.mark.parametrize("spec", ["tfidf", "bow", "raw", "tfidf | pca(dim=2)", "bow + tfidf"])
def test_a_text_encoder_takes_what_load_takes(items, spec):
    encoder = make(spec).fit(items)
    assert encoder.kind_ == load(items).kind == Text()
    expected = make(spec).fit_on(load(TEXTS)).transform(TEXTS)
    vectors = encoder.transform(items)
    difference = vectors - expected
    assert abs(difference).max() == 0


def test_text_encoders_work_in_a_column_transformer():
    frame = pd.DataFrame({"text": TEXTS, "price": [1.0, 2.0, 3.0, 4.0]})
    columns = ColumnTransformer(
        [("words", make("tfidf"), "text"), ("rest", make("pca(dim=1)"), ["price"])]
    )
    vectors = columns.fit_transform(frame)
    assert vectors.shape == (4, 4)
    assert columns.get_feature_names_out().tolist() == [
        "words__blue", "words__green", "words__red", "rest__pca0",
    ]  # fmt: skip
    again = columns.transform(frame.iloc[[2]])
    dense = (x.toarray() if sparse.issparse(x) else x for x in (again, vectors))
    np.testing.assert_allclose(*(x[-1:] if len(x) == 1 else x[2:3] for x in dense), atol=1e-6)


def test_a_dataset_says_of_which_kind_its_items_are():
    pixels = np.random.default_rng(0).random((40, 4, 4))
    assert make("raw").fit(pixels).kind_ == Image((4, 4, 1))
    flat = load(pixels, kind="vector")
    assert make("raw").fit_on(flat).kind_ == Vector(16)
    piped = make("raw | pca(dim=2)").fit_on(flat)
    assert [part.kind_ for part in piped.encoders_] == [Vector(16), Vector(16)]
    with pytest.raises(DataError, match="HOG takes images; got vectors"):
        make("hog").fit_on(flat)


def test_numbers_that_could_be_no_pixels_are_series():
    series = np.random.default_rng(0).normal(size=(40, 6, 100))
    assert load(series).kind == Series(6)
    with pytest.raises(DataError, match="HOG takes images; got series"):
        make("hog").fit(series)
    with pytest.raises(DataError, match="MLP takes images or vectors; got series"):
        make("mlp").fit([*series, series[0, :, :9]], np.arange(41) % 2)
    with pytest.raises(ValueError, match="dim 3"):
        make("pca").fit(series)
    assert load(series, kind="vector").kind == Vector(600)
