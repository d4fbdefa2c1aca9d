"""`entity`: what its objectives learn, how rows come back, and values that nobody has seen."""

import numpy as np
import pandas as pd
import pytest
import torch
from sklearn.base import clone
from sklearn.compose import ColumnTransformer
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline

from nearspace import make
from nearspace.data import load, train_test_split
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.learned.entity import OBJECTIVES, EntityEmbedding
from nearspace.errors import DataError
from nearspace.metrics.labels import knn_scores

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def sides():
    customers = load("customers")
    train, test, _ = train_test_split(customers, test_size=0.5)
    return customers.take(train), customers.take(test)


@pytest.fixture(scope="module")
def fitted(sides):
    train, _ = sides
    return {
        name: EntityEmbedding(objective=name, dim=12, hidden=(32,), epochs=12).fit(
            train.items, train.target
        )
        for name in OBJECTIVES
    }


@pytest.mark.parametrize("objective", OBJECTIVES)
def test_every_objective_keeps_the_contract(objective, sides, fitted):
    train, test = sides
    encoder = fitted[objective]
    vectors = encoder.transform(test.items)
    assert (vectors.shape, vectors.dtype) == ((len(test), 12), np.float32)
    alone = encoder.transform(test.items.iloc[[7]])
    np.testing.assert_allclose(alone[0], vectors[7], rtol=1e-4, atol=1e-5)
    again = clone(encoder).fit(train.items, train.target)
    np.testing.assert_array_equal(again.transform(test.items), vectors)
    read = Encoder.parse(encoder.dump(), "memory")
    assert read.fingerprint == encoder.fingerprint == encoder.without_decoder().fingerprint
    np.testing.assert_array_equal(read.transform(test.items), vectors)
    truth = test.target.values
    told = knn_scores(encoder.transform(train.items), train.target.values, vectors, truth).mean()
    commonest = np.unique(truth, return_counts=True)[1].max() / len(test)
    assert told > commonest + 3 * np.sqrt(commonest * (1 - commonest) / len(test))
    assert encoder.learns == ("labels" if objective == "target" else "items")
    assert encoder.decodes == (encoder.decoder is not None) == (objective == "denoising")


@pytest.mark.parametrize("numbers", ["piecewise", "periodic"])
def test_numbers_are_learnt_as_well(numbers, sides):
    train, test = sides
    encoder = EntityEmbedding(numbers=numbers, epochs=15, hidden=(32,), dim=8)
    encoder.fit(train.items, train.items["income"].fillna(30_000) / 1000 + 0.01)
    assert encoder.target_ == "numbers"
    sides = [encoder.transform(side.items) for side in (train, test)]
    truth = [side.items["income"].fillna(30_000) for side in (train, test)]
    assert Ridge().fit(sides[0], truth[0]).score(sides[1], truth[1]) > 0.8


def test_rows_come_back_better_than_the_commonest_cells(sides):
    train, test = sides
    quick = {"dim": 12, "hidden": (64,), "epochs": 60, "learning_rate": 1e-2}
    encoder = EntityEmbedding(objective="denoising", **quick)
    vectors = encoder.fit(train.items).transform(test.items)
    back = encoder.inverse_transform(vectors)
    assert list(back.columns) == list(test.items.columns)
    for name in test.kind.of("category"):
        commonest = train.items[name].mode()[0]
        right = (back[name] == test.items[name])[test.items[name].notna()].mean()
        assert right > (test.items[name] == commonest).mean() + 0.1, name
    for name in test.kind.of("number"):
        there = test.items[name].notna() & back[name].notna()
        assert there.mean() > 0.8, name
        error = (back[name] - test.items[name])[there].abs().mean()
        assert error < 0.1 * (test.items[name] - train.items[name].mean())[there].abs().mean(), name
    decoder = Decoder.parse(encoder.decoder.dump(), "memory")
    pd.testing.assert_frame_equal(decoder.decode(vectors), back)
    pd.testing.assert_frame_equal(decoder.decode_double(vectors), back, rtol=1e-3)


def test_cells_that_are_hidden_are_told_from_the_others():
    random = np.random.default_rng(0)
    a, side = random.normal(size=600), random.choice(["x", "y"], 600)
    frame = pd.DataFrame({"a": a, "b": 3 * a + (side == "x"), "side": side})
    frame["sign"] = np.where(a > 0, "up", "down")
    encoder = make("entity(objective='denoising', dim=6, epochs=20, hidden=(64,))").fit(frame)
    rows = encoder.decoder.decode(encoder.transform(frame.assign(b=np.nan, sign=None)))
    assert np.corrcoef(rows["b"], frame["b"])[0, 1] > 0.9
    assert (rows["sign"] == frame["sign"]).mean() > 0.95
    assert np.square(rows["a"] - a).mean() < 0.01  # what is there comes back as it is


def test_unseen_values_have_a_vector_that_was_learnt(sides, fitted):
    train, test = sides
    encoder = fitted["target"]
    new = test.items.head(20).assign(region=["atlantis"] * 10 + ["lemuria"] * 9 + ["north"])
    assert encoder.notes_on(new) == (
        "19 of 20 values of 'region' were not seen in fit, and have the vector of such.",
    )
    assert encoder.notes_on(train.items) == ()
    same = [new.assign(region="atlantis"), new.assign(region="lemuria")]
    np.testing.assert_array_equal(*(encoder.transform(each) for each in same))
    assert not np.array_equal(encoder.transform(new), encoder.transform(new.assign(region=None)))
    with torch.random.fork_rng():
        torch.manual_seed(0)
        first = encoder.build()["encoder"]  # as it was before training
    tables = encoder.nets_["encoder"].entities.tables
    for at, (_, values) in enumerate(encoder.codes.values.items()):
        moved = (tables[at].weight - first.entities.tables[at].weight).norm(dim=1)
        assert (moved[:2] > 0).all(), "missing and unseen cells were trained"
        assert len(moved) == len(values)


def test_no_labels_no_columns_and_layers_that_are_not_there_are_told(sides):
    train, _ = sides
    with pytest.raises(DataError, match=r"objective='masked' learns from rows alone"):
        make("entity").fit(train.items)
    texts = [f"a longer text of many words that say nothing new, {n}" for n in range(30)]
    with pytest.raises(DataError, match="reads categories, numbers and dates, and the"):
        make("entity(objective='masked')").fit(pd.DataFrame({"about": texts}))
    with pytest.raises(DataError, match=r"no layer 'entitis'. Did you mean 'entities'"):
        make("entity@entitis").try_untrained(train.items, train.target)
    make("entity@entities").try_untrained(train.items, train.target)


@pytest.mark.parametrize(
    ("objective", "n", "rows"),
    [
        ("target", 9, 9),
        ("target", 500, 32),
        ("target", 10**6, 7812),
        ("masked", 10**8, 8192),
        ("contrastive", 10**6, 1024),
    ],
)
def test_steps_grow_with_the_rows(objective, n, rows):
    assert EntityEmbedding(objective=objective).batch_size_for(n) == rows


def test_it_is_a_part_of_models_of_scikit_learn(sides):
    train, test = sides
    columns = ["plan", "region"]
    encoder = EntityEmbedding(layer="entities", epochs=2, hidden=(8,), dim=4)
    for side in (lambda items: items, lambda items: items.to_numpy(dtype=object)):
        own = columns if side(train.items) is train.items else [4, 5]
        model = make_pipeline(ColumnTransformer([("entity", encoder, own)]), LogisticRegression())
        search = GridSearchCV(model, {"columntransformer__entity__dim": [3, 4]}, cv=2)
        search.fit(side(train.items), train.target.values)
        assert search.predict(side(test.items)).shape == (len(test),)
        best = search.best_estimator_[0]
        width = sum(len(table[0]) for table in map(list, _tables(best)))
        assert best.transform(side(test.items)).shape == (len(test), width)
        assert len(best.get_feature_names_out()) == width


def _tables(transformer):
    nets = transformer.named_transformers_["entity"].nets_["encoder"]
    return [table.weight.detach() for table in nets.entities.tables]
