"""Networks that were trained before, trained on with labels."""

import subprocess
import sys

import numpy as np
import pytest
import torch
from sklearn.base import clone
from tests import text_models, vision_models
from torch import nn

from nearspace import compare, embed, load, load_encoder, make, save
from nearspace.data import Classes, take_items
from nearspace.encoders.borrowed.network import Network
from nearspace.encoders.learned.finetuned import Finetuned, LinearHead
from nearspace.encoders.trainable import blocks, chosen_blocks, train_only, trainable_nets
from nearspace.errors import DataError, NearspaceError, SpecError
from nearspace.metrics.labels import knn_scores

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return load("digits", limit=600)


@pytest.fixture(scope="module")
def sentences():
    return load("sentences")


@pytest.fixture(scope="module")
def bert(tmp_path_factory):
    return text_models.save(text_models.bert, tmp_path_factory.mktemp("models") / "bert")


def small_net():
    torch.manual_seed(0)
    return nn.Sequential(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(288, 16))


def starts(folder):
    """Return an encoder of each sort that training can go on from, and what it is fitted on."""
    return {
        "trained here": ("autoencoder(epochs=1)", "digits"),
        "from labels": ("cnn(epochs=1)", "digits"),
        "a layer": ("simclr(epochs=1)@conv2", "digits"),
        "a network": (Network(small_net(), name="small"), "digits"),
        "pretrained pictures": (
            f"pretrained('{vision_models.save(vision_models.vit, folder / 'vit')}')",
            "digits",
        ),
        "pretrained texts": (
            f"pretrained('{text_models.save(text_models.bert, folder / 'bert')}')",
            "sentences",
        ),
    }


@pytest.mark.parametrize("objective", ["labels", "contrastive"])
@pytest.mark.parametrize(
    "sort",
    ["trained here", "from labels", "a layer", "a network", "pretrained pictures",
     "pretrained texts"],
)  # fmt: skip
def test_what_is_trained_on_is_better_than_before_on_its_own_items(sort, objective, tmp_path):
    start, name = starts(tmp_path)[sort]
    dataset = load(name, limit=300)
    tuned = Finetuned(start, layers="all", objective=objective, epochs=3, learning_rate=1e-3)
    tuned.fit_on(dataset)
    before, after = (e.transform(dataset.items) for e in (tuned.encoder_, tuned))
    assert after.shape == before.shape
    assert after.dtype == np.float32
    assert tuned.history_["best_epoch"] > 0
    half = len(dataset) // 2
    truth = dataset.target.values
    scores = [
        knn_scores(v[:half], truth[:half], v[half:], truth[half:], 5, "cosine").mean()
        if hasattr(v, "shape")
        else 0
        for v in (before, after)
    ]
    assert scores[1] >= scores[0]
    alone = np.vstack([tuned.transform(take_items(dataset.items, np.array([i]))) for i in range(4)])
    np.testing.assert_allclose(alone, after[:4], rtol=1e-4, atol=1e-4 * np.abs(after).max())


def test_only_the_last_layers_move(bert, sentences):
    tuned = Finetuned(f"pretrained('{bert}')", layers=2, epochs=1).fit_on(sentences)
    assert tuned.trained_ == ["model.encoder.layer.1", "model.encoder.layer.2"]
    assert {name.rpartition("layer.")[2][0] for name in tuned.weights_} == {"1", "2"}
    whole = Finetuned(f"pretrained('{bert}')", layers="all", epochs=1).fit_on(sentences)
    assert whole.trained_[0] == "model.embeddings"
    assert not any("pooler" in name for name in whole.weights_)  # nothing leads to it


def test_it_is_the_same_in_a_new_process(bert, sentences, tmp_path):
    tuned = make(f"finetuned(pretrained('{bert}'), epochs=1)").fit_on(sentences)
    vectors = tuned.transform(sentences.items)
    again = clone(tuned).fit_on(sentences)
    np.testing.assert_array_equal(again.transform(sentences.items), vectors)
    tuned.save(tmp_path / "tuned")
    np.save(tmp_path / "vectors.npy", vectors[:20])
    told = subprocess.run(
        [sys.executable, "-c", "import sys, numpy as np; from nearspace import load, load_encoder;"
         "e = load_encoder(sys.argv[1]); v = e.transform(load('sentences').items)[:20];"
         "print(np.abs(v - np.load(sys.argv[2])).max(), e.fingerprint)",
         tmp_path / "tuned", tmp_path / "vectors.npy"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    gap, fingerprint = told.stdout.split()
    assert float(gap) == 0
    assert fingerprint == tuned.fingerprint


def test_what_does_not_help_is_left_as_it_was_and_told(digits):
    harmful = Finetuned("cnn(epochs=4)", layers="all", epochs=1, learning_rate=10.0)
    harmful.fit_on(digits)
    before, after = (e.transform(digits.items) for e in (harmful.encoder_, harmful))
    np.testing.assert_array_equal(after, before)
    assert "did not lower the loss" in harmful.notes[-1]


def test_a_row_beside_the_one_it_starts_from_says_whether_it_helped(digits):
    specs = ["autoencoder(epochs=1)", "finetuned(autoencoder(epochs=1), layers='all', epochs=2)"]
    board = compare(digits, encoders=specs, folds=1)
    told = [note for note in board.notes if "fine-tuning" in note]
    assert len(told) == 1
    assert specs[1].replace(", epochs=2", "")[:40] in told[0]
    assert "autoencoder(epochs=1) [" in told[0]
    row = next(row for row in board.rows if row.spec.startswith("finetuned"))
    assert row.learns == "labels"


def test_a_space_of_other_data_is_gone_on_from(tmp_path, digits):
    large, few = load("digits").take(np.arange(600, 1797)), digits.take(np.arange(60))
    path = tmp_path / "large.space"
    save(embed(large, "cnn(epochs=2)"), path)
    frozen = make(f"frozen('{path}')").fit_on(few)
    np.testing.assert_array_equal(
        frozen.transform(few.items), embed(large, "cnn(epochs=2)").encoder.transform(few.items)
    )
    assert "1,197 items" in frozen.notes[0]
    tuned = make(f"finetuned(frozen('{path}'), layers='all', epochs=2)").fit_on(few)
    path.unlink()  # what it needs of it, it holds
    tuned.save(tmp_path / "tuned")
    again = load_encoder(tmp_path / "tuned")
    np.testing.assert_array_equal(again.transform(few.items), tuned.transform(few.items))
    # and from there once more
    third = make(f"finetuned(frozen('{tmp_path / 'tuned'}'), epochs=1)").fit_on(few)
    assert third.transform(few.items).shape == (60, 64)


def test_numbers_are_learnt_too(sentences, bert):
    lengths = load({"text": sentences.items, "length": [len(t) / 7 for t in sentences.items]},
                   column="text", labels="length")  # fmt: skip
    tuned = Finetuned(f"pretrained('{bert}')", layers="all", epochs=3, learning_rate=1e-3)
    tuned.fit_on(lengths)
    assert min(tuned.history_["held_out_loss"]) < tuned.history_["start_loss"]
    with pytest.raises(DataError, match="objective 'contrastive' needs classes, got numbers"):
        Finetuned(f"pretrained('{bert}')", objective="contrastive").fit_on(lengths)


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("finetuned(pca)", "expected an encoder that is one network.* got 'pca'"),
        ("finetuned(tfidf | pca)", "one network.* got 'tfidf | pca'"),
        ("finetuned(simclr, layers=0)", "'layers' parameter of Finetuned"),
        ("finetuned(simclr, objective='pairs')", "'objective' parameter of Finetuned"),
        ("finetuned(simcler)", "no encoder 'simcler'. Did you mean 'simclr'"),
        ("finetuned", "needs an encoder"),
        ("finetuned(frozen('nowhere.space'))", "nowhere.space"),
        ("finetuned(frozen('nowhere'))", "nowhere holds no saved encoder"),
    ],
)
def test_what_cannot_be_trained_on_is_one_sentence(spec, told, digits):
    with pytest.raises((NearspaceError, SpecError, ValueError), match=told):
        make(spec).fit_on(digits)
    with pytest.raises(DataError, match=r"needs labels|Finetuned"):
        make("finetuned(simclr)").fit(digits.items)


def test_what_was_fitted_before_has_to_be_a_network(digits, tmp_path):
    saved = make("pca(dim=4)").fit_on(digits).save(tmp_path / "pca")
    with pytest.raises(DataError, match=r"one network.* got 'pca\(dim=4\)'"):
        make(f"finetuned(frozen('{saved}'))").fit_on(digits)


def test_blocks_of_a_transformer_are_its_layers():
    nets = nn.ModuleDict({"model": text_models.bert()})
    names = list(blocks(nets))
    assert names[0] == "model.embeddings"
    assert names[1:4] == [f"model.encoder.layer.{at}" for at in range(3)]
    assert len(chosen_blocks(nets, 99)) == len(names)
    train_only(nets, 1)
    trained = {name for name, param in nets.named_parameters() if param.requires_grad}
    assert trained
    assert all(name.startswith("model.pooler") for name in trained)


def test_the_head_starts_where_scikit_learn_ends(digits):
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import normalize

    vectors = make("pca(dim=8)").fit_transform(digits.items)
    for target in (digits.target, Classes(digits.target.values.astype(int) % 2)):
        head = LinearHead.of(vectors, target)
        with torch.no_grad():
            told = target.decode(head(torch.from_numpy(vectors)).numpy())
        unit = normalize(vectors - vectors.mean(axis=0))
        model = LogisticRegression(C=1.0, tol=1e-3, max_iter=200).fit(unit, target.values)
        assert (told == model.predict(unit)).mean() > 0.995


def test_networks_keep_their_weights_and_their_gradients():
    net = small_net().requires_grad_(False)
    before = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    digits = load("digits", limit=80)
    network = Network(net, name="small")
    Finetuned(network, layers="all", epochs=1).fit_on(digits)
    assert all(torch.equal(before[name], tensor) for name, tensor in net.state_dict().items())
    assert not any(param.requires_grad for param in net.parameters())
    assert trainable_nets(network.fit(digits.items))  # though it was frozen


def test_an_adapter_of_vectors_made_elsewhere_helps_and_leaves_those_of_a_space(tmp_path):
    digits = load("digits", limit=900)
    told = make("pca(dim=16)").fit_transform(digits.items)
    other = 2 * np.random.default_rng(0).normal(size=(900, 4))  # what is in the way
    np.save(tmp_path / "a.npy", np.hstack([told, other]))
    spec = make(f"vectors('{tmp_path / 'a.npy'}')").spec
    board = compare(digits, encoders=[spec, f"{spec} | adapter(rank=8)"], folds=1)
    frozen, adapted = (
        next(row for row in board.rows if row.spec.startswith(spec) and ("|" in row.spec) == piped)
        for piped in (False, True)
    )
    assert adapted.scores["knn"].value > frozen.scores["knn"].value + 0.05
    flat = np.hstack([told, other]).astype(np.float32)
    queries = make("adapter(rank=8, queries=True)").fit(flat[:450], digits.target.values[:450])
    np.testing.assert_array_equal(queries.transform(flat), flat)
    truth = digits.target.values
    scores = [
        knn_scores(flat[:450], truth[:450], q, truth[450:], 5, "cosine").mean()
        for q in (flat[450:], queries.transform_queries(flat[450:]))
    ]
    assert scores[1] > scores[0] + 0.05
    piped = make("raw | adapter(rank=4, queries=True, epochs=2)").fit_on(digits)
    some = digits.items[:5]
    assert not np.array_equal(piped.transform_queries(some), piped.transform(some))


def test_an_adapter_that_does_not_help_changes_nothing():
    rng = np.random.default_rng(0)
    vectors, labels = rng.normal(size=(400, 8)).astype(np.float32), rng.permutation(400) % 2
    worse = make("adapter(epochs=3, learning_rate=100.0)").fit(vectors, labels)
    assert worse.history_["best_epoch"] == 0
    np.testing.assert_array_equal(worse.transform(vectors), vectors)
