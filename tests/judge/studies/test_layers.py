"""Layers held against each other: hybrids as they are defined, verdicts, memory, no labels."""

import dataclasses
import json
from collections import OrderedDict

import numpy as np
import pytest
import torch
from torch import nn

from nearspace import compare
from nearspace.data import Classes, load
from nearspace.encoders.borrowed.network import Network
from nearspace.encoders.spec import make
from nearspace.errors import DataError, SpecError
from nearspace.judge.choice import choose
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.hybrids import WEIGHTS, hybrid_scores, pairs_of
from nearspace.judge.studies.layers import LayerRow, compare_layers
from nearspace.judge.table import TOP
from nearspace.judge.taps import Memory, Tapped, layer_vectors
from nearspace.metrics.labels import knn_scores

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return load("digits").take(np.arange(0, 1797, 3))


@pytest.fixture(scope="module")
def board(digits):
    return compare_layers(digits, "alexnet(epochs=3)")


def test_there_is_a_row_a_layer(board):
    names = [row.name for row in board.rows]
    assert names == ["raw", "conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]
    assert board.rows[0].shape == (8, 8, 1)
    assert board.rows[1].shape == (16, 4, 4)
    for row in board.rows:
        assert row.scores["knn"].low <= row.scores["knn"].value <= row.scores["knn"].high
        assert row.l2.low <= row.l2.value <= row.l2.high
        assert 1 <= row.effective_rank <= row.dim
        # The last layer alone does not end in a ReLU.
        assert (row.zeros.value > 0.1) == (row.name != "fc8")  # half of the pixels are white
        assert row.silent <= row.zeros.value
    assert board.leader.scores["knn"].value == max(row.scores["knn"].value for row in board.rows)
    np.testing.assert_allclose(board.cka, board.cka.T)
    assert board.chance.value < 0.2 < 0.9 < board.ranking(board.rows[0]).value


def test_of_equally_small_layers_the_best_is_recommended(board):
    sizes = [(32, 0.5), (64, 0.6), (32, 0.55), (32, 0.52)]
    rows = [
        LayerRow("", (dim,), dim, 1.0, Estimate(0.0), 0.0, {"knn": Estimate(value)})
        for dim, value in sizes
    ]
    assert choose(rows, SCORES["knn"]) is rows[2]
    left = board.contenders
    assert {row.verdict for row in left} <= set(TOP)
    assert board.recommended is min(left, key=lambda row: (row.dim, -row.scores["knn"].value))


def test_the_raw_input_is_a_candidate_like_any_layer(board):
    """It was said to use a layer that is worse than the input itself."""
    raw = board.rows[0]
    assert raw.verdict in (*TOP, "worse")
    picks = {pick.spec for pick in board.advice.picks}
    assert ("raw" in picks) == (raw is board.leader or raw is board.recommended)
    assert max(board.ranking(row).value for row in board.rows) == board.ranking(board.leader).value
    assert not any("raw" in (hybrid.first, hybrid.second) for hybrid in board.hybrids)
    told = dataclasses.replace(board, rows=board.rows[:2])
    row = told.rows[1]
    assert told.spec(row) == "alexnet(epochs=3, pool='mean')@conv1".replace(
        ", pool='mean'", "" if board.protocol["pool"] == make("alexnet").pool else ", pool='mean'"
    )


def test_layers_of_a_table_stand_beside_its_cells():
    customers = load("customers")
    table = compare_layers(customers, "entity(dim=4, hidden=(8,), epochs=1)")
    assert [row.name for row in table.rows] == ["raw", "entities", "numbers", "fc1", "embedding"]
    assert table.rows[0].dim == len(customers.items.columns)


def test_no_layer_may_be_called_as_the_input_is():
    items = load("digits").items[:60].reshape(60, -1)
    net = nn.Sequential(OrderedDict(raw=nn.Linear(64, 4)))
    with pytest.raises(SpecError, match="the raw input is called 'raw', so no layer may be"):
        compare_layers(load(items.astype(np.float32)), Network(net))


def test_hybrids_are_held_against_all_at_once(board):
    pairs = {(h.first, h.second) for h in board.hybrids}
    assert pairs == set(pairs_of([row.name for row in board.rows[1:]], own="fc7"))
    assert {h.how for h in board.hybrids if (h.first, h.second) == ("fc6", "fc7")} == {
        "side by side",
        "summed",
    }
    top = max(score for score in [h.score.value for h in board.hybrids])
    best = max(top, board.leader.scores["knn"].value)
    for hybrid in board.hybrids:
        assert hybrid.difference.value == pytest.approx(hybrid.score.value - best)


def test_hybrids_are_what_they_say():
    rng = np.random.default_rng(0)
    y, z = rng.integers(0, 3, 90), rng.integers(0, 3, 40)
    train = {"a": rng.random((90, 5)) + y[:, None], "b": 99 * rng.random((90, 5)) + 500}
    test = {"a": rng.random((40, 5)) + z[:, None], "b": 99 * rng.random((40, 5)) + 500}
    train, test = ({k: v.astype(np.float32) for k, v in side.items()} for side in (train, test))
    sides = (Tapped(x, {}, {}, {}, target=Classes(of)) for x, of in ((train, y), (test, z)))
    found = hybrid_scores(*sides, own="a", k=5)
    scale = {k: np.sqrt(((v - v.mean(0)) ** 2).sum(1).mean()) for k, v in train.items()}
    for weight in WEIGHTS:

        def joined(side, how, weight=weight):
            a = np.sqrt(weight) * side["a"] / scale["a"]
            b = np.sqrt(1 - weight) * side["b"] / scale["b"]
            return np.hstack([a, b]) if how == "side by side" else a + b

        for how in ("side by side", "summed"):
            wanted = knn_scores(joined(train, how), y, joined(test, how), z, k=5)
            np.testing.assert_array_equal(found["a", "b", how, weight], wanted)
    # The layer that knows the labels counts for more the more it weighs.
    means = [found["a", "b", "side by side", weight].mean() for weight in WEIGHTS]
    assert means == sorted(means)


class Half(nn.Module):
    def forward(self, x):
        return torch.relu(x * torch.tensor([1.0, -1.0, 1.0, 0.0]))


def test_zeros_are_counted_by_item_and_by_unit():
    x = np.array([[1, 1, 0, 1], [1, -1, 1, 1], [2, 3, 4, 5]], dtype=np.float32)
    encoder = Network(nn.Sequential(Half())).fit(x)
    found = layer_vectors(encoder, x, ["0"], "flatten")
    np.testing.assert_allclose(found.zeros["0"], [0.75, 0.25, 0.5])
    assert found.silent["0"] == pytest.approx(0.25)
    np.testing.assert_allclose(found.vectors["0"][:, 0], x[:, 0])


def test_pooling_and_a_choice_of_layers(digits):
    board = compare_layers(digits, "cnn(epochs=1)", layers=["conv2", "fc1"], pool="mean")
    assert [(row.name, row.dim) for row in board.rows] == [("raw", 64), ("conv2", 32), ("fc1", 64)]
    assert board.protocol["pool"] == "mean"


def test_memory_is_bounded_and_said_to_be(digits):
    board = compare_layers(digits, "mlp(epochs=1)", memory=Memory(330 * 200, 330 * 7))
    assert board.protocol["items judged"] + board.protocol["items searched"] == 200
    assert any("fit into memory" in note for note in board.notes)
    with pytest.raises(DataError, match="pool places by their mean"):
        compare_layers(digits, "mlp(epochs=1)", memory=Memory(330 * 3))


def test_without_labels_there_are_no_accuracies():
    items = load("digits").items[:300]
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
    board = compare_layers(load(items), Network(net))
    assert board.hybrids == ()
    assert board.chance is None
    assert all(not row.scores and row.zeros is not None for row in board.rows)


def test_frame_and_json_hold_the_same(board):
    frame = board.to_frame().set_index("name")
    value = json.loads(board.to_json())
    for row in value["rows"]:
        assert frame.loc[row["name"], "knn"] == pytest.approx(row["scores"]["knn"]["value"])
    assert len(value["hybrids"]) == len(board.hybrids)


def test_what_has_no_layers_or_not_these_is_refused(digits):
    with pytest.raises(SpecError, match="'pca' has no layers to compare; alexnet"):
        compare_layers(digits, "pca")
    with pytest.raises(SpecError, match="Did you mean 'mean'"):
        compare_layers(digits, "mlp", pool="meen")
    # All are told before hours of training.
    with pytest.raises(SpecError, match="'dim' parameter of CNN"):
        compare_layers(digits, "cnn(dim=0)")
    with pytest.raises(DataError, match="no layer 'fc9'"):
        compare_layers(digits, "mlp(epochs=10_000)", layers=["fc1", "fc9"])
    with pytest.raises(SpecError, match="'pool' parameter of AlexNet"):
        compare_layers(digits, "alexnet(epochs=10_000)", pool="cls")
    with pytest.raises(SpecError, match="no layer of the top level"):
        compare_layers(load(np.eye(4)[np.arange(60) % 4] + np.arange(60)[:, None]), Network(Half()))


def test_a_layer_may_be_one_word_and_counts_once(digits):
    one = compare_layers(digits, "mlp(epochs=1)", layers="fc1")
    assert [row.name for row in one.rows] == ["raw", "fc1"]
    two = compare_layers(digits, "mlp(epochs=1)", layers=["fc1", "logits", "fc1"])
    assert [row.name for row in two.rows] == ["raw", "fc1", "logits"]
    with pytest.raises(DataError, match="no layer 'fc9'"):
        compare_layers(digits, "mlp", layers="fc9")


def test_uneven_classes_rank_layers_by_balanced_accuracy_and_it_is_said():
    random = np.random.default_rng(0)
    rare = random.random(400) < 0.1
    items = random.normal(size=(400, 6)) + 1.2 * rare[:, None]
    spam = load(items, labels=np.where(rare, "spam", "ham"))
    board = compare_layers(spam, "mlp(epochs=1)", layers=["fc1", "fc2"])
    assert (board.rank_by, board.label()) == ("knn_balanced", "5-NN balanced accuracy")
    (note,) = [note for note in board.notes if "uneven" in note]
    assert "So layers are ranked by balanced accuracy" in note
    assert board.chance.value == pytest.approx(0.5)
    names = [list(row.scores) for row in board.rows]
    assert names == [["knn_balanced", "probe_balanced"]] * 3
    compared = compare(spam, encoders=["raw"], folds=1)
    for name in names[0]:
        raw = next(row for row in compared.results if row.spec == "raw").scores[name]
        assert board.rows[0].scores[name].value == pytest.approx(raw.value)
    if board.hybrids:
        best = max(board.rows, key=lambda row: row.scores["knn_balanced"].value)
        top = max(board.hybrids, key=lambda hybrid: hybrid.score.value)
        gap = top.score.value - best.scores["knn_balanced"].value
        assert board.gain.value == pytest.approx(gap)
