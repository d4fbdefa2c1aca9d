"""Columns of tables as numbers, of every type and with missing cells, against naive loops."""

import math

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import QuantileTransformer

from nearspace.data import Table
from nearspace.encoders import blocks
from nearspace.encoders.base import Encoder
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError

TYPES = {
    "age": "number", "town": "category", "band": "category", "tags": "categories",
    "joined": "date", "remark": "text", "code": "id",
}  # fmt: skip
TABLE = Table(tuple(TYPES.items()))
SPECS = ["onehot", "ordinal", "frequency", "hashed(n_features=64)"]
WAYS = ["scale", "quantile", "piecewise"]


def rows(n=200, seed=0):
    """Return a checked table of all types, a tenth of its cells missing."""
    rng = np.random.default_rng(seed)
    starts = np.datetime64("2020-02-27T00:00:00", "us") + rng.integers(0, 3000, n).astype("m8[D]")
    columns = {
        "age": rng.normal(40, 10, n),
        "town": rng.choice(["Oslo", "Rome", "Bonn", "Nice"], n, p=[0.5, 0.3, 0.15, 0.05]),
        "band": rng.choice(["5 to 9", "10 to 14", "100 to 200"], n),
        "tags": rng.choice(["a", "a|b", "b|c", "a|c|d"], n),
        "joined": starts,
        "remark": rng.choice(["near means alike", "far means other", "near or far"], n),
        "code": [f"k{at}" for at in range(n)],
    }
    frame = pd.DataFrame({name: pd.Series(cells) for name, cells in columns.items()})
    for name, of in TYPES.items():
        gone = rng.random(n) < 0.1
        if of == "date":
            frame.loc[gone, name] = pd.NaT
        elif of == "number":
            frame.loc[gone, name] = np.nan
        else:
            frame[name] = frame[name].astype(object).where(~gone, None)
    return frame


def fitted(spec, frame=None):
    return make(spec).fit_items(rows() if frame is None else frame, None, TABLE)


def dense(vectors):
    return vectors.toarray() if sparse.issparse(vectors) else vectors


def cell(frame, name, row):
    """Return a cell, None where it is missing."""
    value = frame[name].iloc[row]
    return None if pd.isna(value) else value


def test_onehot_is_a_naive_loop():
    train, test = rows(), rows(50, seed=1)
    test.loc[0, "town"] = "Paris"
    test.loc[1, "tags"] = "a|new|other new"
    encoder = fitted("onehot(max_categories=3)", train)
    mean, std = train["age"].mean(), train["age"].std(ddof=0)
    commonest = {
        "town": train["town"].value_counts().index[:3],
        "band": train["band"].value_counts().index[:3],
        "tags": train["tags"].str.split("|").explode().value_counts().index[:3],
    }
    names = encoder.get_feature_names_out().tolist()
    wanted = np.zeros((len(test), len(names)))
    for row in range(len(test)):
        age = cell(test, "age", row)
        wanted[row, names.index("age")] = 0 if age is None else (age - mean) / std
        for name, values in commonest.items():
            held = cell(test, name, row)
            for value in [] if held is None else held.split("|"):
                shown = value if value in values else "other"
                wanted[row, names.index(f"{name}={shown}")] = 1
        date = cell(test, "joined", row)
        if date is not None:
            angle = 2 * math.pi * date.weekday() / 7
            wanted[row, names.index("joined sine of week")] = math.sin(angle)
            wanted[row, names.index("joined cosine of week")] = math.cos(angle)
        for name in ("age", "town", "band", "tags", "joined"):
            wanted[row, names.index(f"{name} missing")] = cell(test, name, row) is None
    there = [at for at, name in enumerate(names) if "year" not in name]
    vectors = encoder.transform(test)
    np.testing.assert_allclose(vectors[:, there], wanted[:, there], atol=1e-6)
    in_years = vectors[:, names.index("joined in years")]
    gone = test["joined"].isna().to_numpy()
    assert in_years[gone].tolist() == [0.0] * gone.sum()
    later = np.corrcoef(in_years[~gone], test["joined"][~gone].astype("int64"))[0, 1]
    assert later > 0.9999
    assert not any(name.startswith(("code", "remark")) for name in names)
    assert encoder.notes == (
        "Columns of texts are left out: 'remark'; texts='tfidf | svd(dim=16)' takes them in.",
        "Rarer categories count as other ones in 'town', 'tags'.",
    )


def test_ordinal_is_the_place_in_order_scaled():
    train = rows()
    encoder = fitted("ordinal", train)
    names = encoder.get_feature_names_out().tolist()
    order = {"5 to 9": 0, "10 to 14": 1, "100 to 200": 2, None: -1}
    places = np.array([order[cell(train, "band", row)] for row in range(len(train))], float)
    at = names.index("band")
    scaled = (places - places.mean()) / places.std()
    np.testing.assert_allclose(encoder.transform(train)[:, at], scaled, atol=1e-5)
    new = train[:1].assign(band="young")
    assert encoder.transform(new)[0, at] == pytest.approx((3 - places.mean()) / places.std())
    assert "tags=a" in names
    numbers = pd.DataFrame({"size": pd.Series(["10", "9", "-1.5", "9"], dtype=object)})
    alone = make("ordinal").fit_items(numbers, None, Table((("size", "category"),)))
    assert np.argsort(alone.transform(numbers)[:, 0], kind="stable").tolist() == [2, 1, 3, 0]


def test_frequency_is_the_logarithm_of_the_share():
    train = rows()
    encoder = fitted("frequency", train)
    names = encoder.get_feature_names_out().tolist()
    n = len(train)

    def amount(count):
        return math.log((count + 1) / (n + 1))

    counts = {key: len(part) for key, part in train.groupby("town", dropna=False)}
    counts = {None if pd.isna(key) else key: count for key, count in counts.items()}
    amounts = np.array([amount(counts[cell(train, "town", row)]) for row in range(n)])
    middle, spread = amounts.mean(), amounts.std()
    at = names.index("town")
    vectors = encoder.transform(train)
    np.testing.assert_allclose(vectors[:, at], (amounts - middle) / spread, atol=1e-5)
    unseen = encoder.transform(train[:1].assign(town="Paris"))[0, at]
    assert unseen == pytest.approx((amount(0) - middle) / spread, rel=1e-5)
    held = train["tags"].str.split("|").explode().value_counts()
    both = encoder.transform(train[:1].assign(tags="a|b"))[0, names.index("tags")]
    each = [
        encoder.transform(train[:1].assign(tags=tag))[0, names.index("tags")] for tag in ("a", "b")
    ]
    assert both == pytest.approx(np.mean(each), abs=1e-5)
    assert (each[0] > each[1]) == (held["a"] > held["b"])


def test_numbers_by_quantiles_are_those_of_scikit_learn_and_by_bins_add_up():
    train, test = rows(), rows(50, seed=1)
    age = train["age"].to_numpy()
    encoder = fitted("onehot(numbers='quantile')", train)
    at = encoder.get_feature_names_out().tolist().index("age")
    n_quantiles = int((~np.isnan(age)).sum())
    theirs = QuantileTransformer(
        n_quantiles=n_quantiles, output_distribution="normal", subsample=None
    ).fit(age[:, None])
    filled = test["age"].fillna(train["age"].median()).to_numpy()[:, None]
    np.testing.assert_allclose(
        encoder.transform(test)[:, at], theirs.transform(filled)[:, 0], atol=1e-5
    )
    encoder = fitted("onehot(numbers='piecewise')", train)
    names = encoder.get_feature_names_out()
    own = [at for at, name in enumerate(names) if name.startswith("age ") and " to " in name]
    edges = np.quantile(age[~np.isnan(age)], np.linspace(0, 1, 9))
    assert len(own) == 8
    back = edges[0] + encoder.transform(test)[:, own] @ np.diff(edges)
    np.testing.assert_allclose(back, filled[:, 0], atol=1e-4)


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("spec", SPECS)
def test_every_type_and_way_is_saved_and_is_the_same_in_blocks_and_alone(spec, way, monkeypatch):
    train, test = rows(), rows(50, seed=1)
    test.loc[:, "remark"] = "far from near"
    inside = spec.removesuffix(")") + ("(" if "(" not in spec else ", ")
    for texts in ("", ", texts='tfidf | svd(dim=2)'", ", texts=tfidf"):
        encoder = fitted(f"{inside}numbers='{way}'{texts})", train)
        vectors = encoder.transform(test)
        assert vectors.dtype == np.float32
        assert vectors.shape == (50, len(encoder.get_feature_names_out()))
        whole = dense(vectors)
        again = Encoder.parse(encoder.dump(), "memory")
        assert again.fingerprint == encoder.fingerprint
        np.testing.assert_array_equal(dense(again.transform(test)), whole)
        with monkeypatch.context() as patch:
            patch.setattr(blocks, "NUMBERS_AT_ONCE", 7 * len(TYPES))
            np.testing.assert_allclose(dense(again.transform(test)), whole, atol=1e-6)
        for row in (0, 49):
            np.testing.assert_allclose(
                dense(encoder.transform(test.iloc[[row]]))[0], whole[row], atol=1e-6
            )
        missing = dense(encoder.transform(TABLE.blank()))
        assert np.isfinite(missing).all()
        if texts:
            assert [part.spec for part in encoder.parts[1:2]] == [texts[8:].strip("'")]
            assert encoder.notes == fitted(encoder.spec, train).notes
            assert not any("left out" in note for note in encoder.notes)
        assert make(encoder.spec).spec == encoder.spec
    assert make(f"{inside}texts=None)").spec == make(spec).spec


def test_texts_go_to_an_encoder_of_texts_that_needs_no_labels():
    with pytest.raises(SpecError, match=r"OneHot: expected texts= as .* 'pca' takes no texts"):
        fitted("onehot(texts=pca)")
    with pytest.raises(SpecError, match=r"'tfidf \| mlp' learns from labels"):
        fitted("ordinal(texts=tfidf | mlp)")
    only = Table((("remark", "text"), ("code", "id")))
    for spec in (*SPECS, "raw"):
        with pytest.raises(DataError, match=r"every column is a text or names the rows"):
            make(spec).fit_items(rows()[["remark", "code"]], None, only)
    vectors = make("onehot(texts='tfidf')").fit_items(rows()[["remark", "code"]], None, only)
    assert vectors.get_feature_names_out().tolist()[0] == "remark: alike"


@pytest.mark.parametrize("spec", SPECS[:3])
def test_columns_of_new_categories_alone_are_told(spec):
    encoder = fitted(spec)
    test = rows(50, seed=1)
    assert not encoder.notes_on(test)
    (note,) = encoder.notes_on(test.assign(town="Paris", tags="x|y"))
    assert note == "Most cells hold categories that were not seen in training: 'town', 'tags'."


def test_raw_is_one_number_a_column_and_texts_are_told():
    train = rows()
    encoder = fitted("raw", train)
    names = ["age", "town", "band", "tags", "joined"]
    assert encoder.get_feature_names_out().tolist() == names
    vectors = encoder.transform(train)
    for at, name in enumerate(names):
        gone = train[name].isna().to_numpy()
        assert len(set(vectors[gone, at].tolist())) == 1
        assert len(set(vectors[~gone, at].tolist())) >= train[name].nunique() * 0.9
    assert encoder.transform(train.assign(town="Paris"))[0, 1] == -1
    year = train["joined"].dt.year + (train["joined"].dt.day_of_year - 1) / 365.25
    there = train["joined"].notna().to_numpy()
    apart = np.diff(vectors[there, 4]) - np.diff(year[there])
    assert np.abs(apart).max() < 0.01
    assert encoder.notes == (
        "Columns of texts are left out: 'remark'; onehot(texts='tfidf | svd(dim=16)') takes them "
        "in.",
    )
    again = Encoder.parse(encoder.dump(), "memory")
    np.testing.assert_array_equal(again.transform(train), vectors)


def test_what_float32_cannot_hold_is_refused_and_constant_columns_stay_a_column():
    table = Table((("size", "number"), ("same", "number"), ("gone", "number")))
    train = pd.DataFrame({"size": [1.0, 2, 3], "same": 7.0, "gone": np.nan})
    for way in WAYS:
        encoder = make(f"onehot(numbers='{way}')").fit_items(train, None, table)
        own = [name for name in encoder.get_feature_names_out() if name.startswith("same")]
        assert own == ["same"]
        assert np.isfinite(encoder.transform(train)).all()
        if way != "quantile":
            with pytest.raises(DataError, match=r"OneHot: row 0 has in 'size.*' a number so far"):
                encoder.transform(train.assign(size=1e300))
