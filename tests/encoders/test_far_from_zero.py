"""Columns far from zero, and numbers of every scale: what vectors differ by is kept, or told."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import sparse
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from tests.one_part import compare

from nearspace import embed, load, load_encoder, make, neighbours
from nearspace.data import Dataset, Vector
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.errors import DataError, NearspaceError
from nearspace.metrics.labels import knn_scores
from nearspace.space.codec.codec import pack, unpack, with_codec
from nearspace.space.formats import open_space, save
from nearspace.space.search.index import build_index

CLASSES = np.repeat([0, 1, 2], 60)
SECONDS, METRES = (1.7e9, 1.0), (5e6, 0.02)
DECODING = ["raw", "pca(dim=4)", "raw | pca(dim=4)"]
KEEPING = [*DECODING, "random(dim=16)", "raw + pca(dim=2)", "raw | l2"]


def items(offset=0.0, scale=1.0, n=180):
    """Three classes, four of their spreads apart along two of four columns."""
    random = np.random.default_rng(0)
    rows = 0.5 * random.standard_normal((n, 4))
    rows[:, 0] += 4 * CLASSES[:n]
    rows[:, 1] -= 4 * CLASSES[:n]
    return offset + scale * rows


def nearest_by_hand(queries, rows, k, unit):
    apart = np.sqrt((((queries[:, None] - rows) / unit) ** 2).sum(axis=2)) * unit
    order = np.argsort(apart, axis=1, kind="stable")[:, :k]
    return order, np.take_along_axis(apart, order, 1)


@pytest.mark.parametrize("spec", KEEPING)
@pytest.mark.parametrize(("offset", "scale"), [SECONDS, METRES])
def test_classes_are_told_apart_wherever_the_columns_lie(offset, scale, spec):
    rows = items(offset, scale)
    vectors = make(spec).fit(rows[::2]).transform(rows)
    assert vectors.dtype == np.float32
    right = knn_scores(vectors[::2], CLASSES[::2], vectors[1::2], CLASSES[1::2]).mean()
    assert right > (0.85 if spec == "raw | l2" else 0.99)  # the middle class has no direction


def test_compare_recommends_by_them():
    board = compare(items(*SECONDS), CLASSES, encoders=["raw", "pca(dim=4)", "random"])
    assert {row.scores["knn"].value for row in board.rows if row.spec != "chance"} == {1.0}


@pytest.mark.parametrize("spreads", [0, 10, 900, 1e5, 1e7, 1e9, 1e12])
@pytest.mark.parametrize("unit", [1e-3, 1.0, 1e15])
def test_search_through_an_encoder_is_brute_force_in_float64(spreads, unit):
    rows = items(spreads * unit, unit)
    space = embed(Dataset(rows[:150], Vector(4)), "raw")
    order, apart = nearest_by_hand(rows[150:], rows[:150], 5, unit)
    answers = neighbours(space, space.encoder.transform(rows[150:]), 5, "euclidean")
    assert (answers.positions == order).mean() > 0.98  # those as near as rounding may change places
    np.testing.assert_allclose(answers.scores / unit, apart / unit, rtol=1e-3, atol=1e-3)


def test_a_table_is_moved_column_by_column():
    rows = items(*SECONDS)
    frame = pd.DataFrame({"sold": rows[:, 0], "shipped": rows[:, 1], "price": items()[:, 2]})
    frame.loc[5, "sold"] = np.nan
    vectors = make("raw").fit_transform(frame)
    assert knn_scores(vectors[::2], CLASSES[::2], vectors[1::2], CLASSES[1::2]).mean() == 1
    np.testing.assert_array_equal(vectors[:, 2], items()[:, 2].astype(np.float32))


def test_a_table_beyond_float32_is_scaled_by_onehot_and_refused_by_raw():
    frame = pd.DataFrame(items(scale=1e200), columns=list("abcd"))
    vectors = make("onehot").fit_transform(frame)
    np.testing.assert_allclose(vectors.std(axis=0), 1, rtol=1e-5)
    with pytest.raises(DataError, match=r"Raw: row 0, column 'a' is .*scale the column"):
        make("raw").fit(frame)


@pytest.mark.parametrize("spec", DECODING)
@pytest.mark.parametrize(("offset", "scale"), [SECONDS, METRES, (1e12, 1.0), (0.0, 1e-30)])
def test_what_is_decoded_stands_where_the_items_do(offset, scale, spec, tmp_path):
    rows = items(offset, scale)
    encoder = make(spec).fit(rows)
    decoded = encoder.inverse_transform(encoder.transform(rows))
    assert decoded.dtype == (np.float64 if offset else np.float32)
    np.testing.assert_allclose(decoded - offset, rows - offset, atol=1e-4 * scale + 1e-16 * offset)
    again = load_encoder(encoder.save(tmp_path / "saved"))
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.transform(rows), encoder.transform(rows))
    np.testing.assert_array_equal(again.decoder.decode(encoder.transform(rows)), decoded)


def test_codes_bring_seconds_back_to_their_place():
    rows = items(*SECONDS)
    space = with_codec(embed(Dataset(rows, Vector(4)), "pca(dim=4)"))
    unpacked = unpack(space, pack(space, rows, bits=60))
    assert unpacked.same
    assert np.abs(unpacked.items - rows).max() < 0.1


def test_another_fit_forgets_the_offset():
    encoder = make("raw").fit(items(*SECONDS))
    assert (encoder.offset_ > 1e9).all()
    assert encoder.fit(items()).offset_ is None
    np.testing.assert_array_equal(encoder.transform(items()), items().astype(np.float32))
    assert "offset_" not in vars(encoder)


@pytest.mark.trains
@pytest.mark.parametrize(("offset", "scale"), [SECONDS, (0.0, 1e-30), (0.0, 1e30)])
@pytest.mark.parametrize("spec", ["autoencoder(dim=4, epochs=2)", "mlp(hidden=(16,), epochs=40)"])
def test_networks_learn_wherever_the_columns_lie(spec, offset, scale):
    rows = items(offset, scale)
    encoder = make(spec).fit(rows, CLASSES)
    vectors = encoder.transform(rows)
    assert knn_scores(vectors[::2], CLASSES[::2], vectors[1::2], CLASSES[1::2]).mean() > 0.98
    if spec.startswith("auto"):
        errors = np.abs(encoder.inverse_transform(vectors) - rows)
        assert errors.mean() < scale


@pytest.mark.parametrize("make_rows", [np.asarray, sparse.csr_array])
@pytest.mark.parametrize("scale", [1e-45, 1e-42, 1e-30, 1e-20, 1.0, 1e20, 1e30, 3e38])
def test_l2_keeps_directions_at_every_scale(scale, make_rows):
    direction = np.array([1.0, -1.0, 0.0])
    rows = (scale * np.stack([direction, 0 * direction])).astype(np.float32)
    vectors = make("l2").fit_transform(make_rows(rows))
    vectors = vectors if isinstance(vectors, np.ndarray) else vectors.toarray()
    np.testing.assert_allclose(vectors, [direction / np.sqrt(2), 0 * direction], rtol=1e-6)


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e-20, 1e18, 1e30, 1e37])
def test_principal_components_are_those_of_the_scale_1(scale):
    rows = items()
    usual, scaled = make("pca(dim=2)").fit(rows), make("pca(dim=2)").fit(scale * rows)
    np.testing.assert_allclose(
        np.abs(scaled.components_), np.abs(usual.components_), atol=1e-2 if scale < 1e-37 else 1e-3
    )
    share = scaled.explained_variance_ratio_
    np.testing.assert_allclose(share, usual.explained_variance_ratio_, rtol=1e-3)


def test_a_transformer_of_scikit_learn_sees_the_items_themselves():
    rows = items(*SECONDS)
    log = FromSklearn(FunctionTransformer(lambda x: 1e9 * (np.log(x) - np.log(1.7e9)))).fit(rows)
    np.testing.assert_allclose(log.transform(rows)[:, 2], (rows[:, 2] - 1.7e9) / 1.7, atol=1e-3)
    assert np.abs(FromSklearn(StandardScaler()).fit_transform(rows)).max() < 5
    with pytest.raises(DataError, match=r"FunctionTransformer gives numbers .* put a scaler"):
        FromSklearn(FunctionTransformer()).fit(rows).transform(rows)


@pytest.mark.parametrize("ending", ["npy", "npz", "parquet"])
def test_vectors_from_elsewhere_that_float32_would_merge_are_refused(ending, tmp_path):
    def written(rows):
        path = tmp_path / f"rows.{ending}"
        if ending == "npy":
            np.save(path, rows)
        elif ending == "npz":
            np.savez(path, vectors=rows)
        else:
            pd.DataFrame({"vector": list(rows)}).to_parquet(path)
        return path

    for rows in (items(*SECONDS), 1_700_000_000 + np.arange(360).reshape(180, 2)):
        with pytest.raises(NearspaceError, match=r"makes about .* move its columns to zero"):
            open_space(written(rows))
    for scale in (1e-30, 1.0, 1e30):
        np.testing.assert_array_equal(
            open_space(written(items(scale=scale))).vectors, items(scale=scale).astype(np.float32)
        )
    saved = save(embed(load(written(items(*SECONDS))), "raw"), tmp_path / "moved.space")
    assert np.abs(open_space(saved).vectors).max() < 20


def test_vectors_of_a_file_are_moved_too(tmp_path):
    np.save(tmp_path / "rows.npy", items(*SECONDS))
    encoder = make(f"vectors(path='{tmp_path / 'rows.npy'}')").fit([str(i) for i in range(180)])
    assert np.ptp(encoder.rows_, axis=0).max() > 5
    assert np.abs(encoder.rows_).max() < 20


def test_items_given_for_vectors_are_told():
    rows = items(*SECONDS)
    space = embed(Dataset(rows, Vector(4)), "raw")
    (note,) = neighbours(space, rows[:3], 2, "euclidean").notes
    assert "look like items" in note
    assert not neighbours(space, space.vectors[:3], 2, "euclidean").notes
    assert not neighbours(space, space, 2, "euclidean").notes
    plain = embed(Dataset(items(), Vector(4)), "raw")
    assert not neighbours(plain, items()[:3], 2, "euclidean").notes
    half = dataclasses.replace(space, made_by=None)
    assert not neighbours(half, rows[:3], 2, "euclidean").notes


@pytest.mark.parametrize("scale", [1e-40, 1e-30, 1e19, 1e30, 1e37])
def test_codes_lose_the_same_share_at_every_scale(scale):
    def loss(unit):
        rows = items(scale=unit)
        space = with_codec(embed(Dataset(rows, Vector(4)), "pca(dim=4)"))
        data = pack(space, rows, bits=40)
        return len(data), np.abs(unpack(space, data).items / unit - rows / unit).mean()

    (usual_bytes, usual), (size, lost) = loss(1.0), loss(scale)
    assert abs(size - usual_bytes) < 0.05 * usual_bytes
    assert 0.8 * usual < lost < 1.2 * usual < 0.1


def test_an_index_of_vanishing_squares_is_refused():
    rows = np.repeat(items(scale=1e-30).astype(np.float32), 10, axis=0)
    with pytest.raises(NearspaceError, match=r"numbers of at least 1e-18; the largest is"):
        build_index(rows, "euclidean")
