"""Labels that are numbers, end to end: compare, transfer, layers, and their reports."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes
from sklearn.metrics import r2_score
from tests.one_part import compare

from nearspace.data import load, train_test_split
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import Schedule
from nearspace.errors import NearspaceError
from nearspace.judge.studies.layers import compare_layers
from nearspace.judge.studies.transfer import transfer
from nearspace.report.layers import layers_page
from nearspace.report.page import render

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def diabetes():
    items, y = load_diabetes(return_X_y=True)
    return load(items, labels=y + 0.5)


@pytest.fixture(scope="module")
def board(diabetes):
    return compare(diabetes, encoders=["pca(dim=4)", "mlp(epochs=30)"])


def test_encoders_are_ranked_by_r2_above_guessing_the_mean(board):
    frame = board.to_frame().set_index("spec")
    assert board.protocol["rank_by"] == "knn_r2"
    assert board.protocol["labels"].startswith("numbers from ")
    assert board.metrics[:3] == ["knn_r2", "ridge_r2", "knn_mae"]
    ranked = [row.scores["knn_r2"].value for row in board.results if row.verdict != "floor"]
    assert ranked == sorted(ranked, reverse=True)
    assert frame.loc["chance", "knn_r2"] == pytest.approx(0, abs=1e-12)
    assert frame.loc["chance", "knn_mae"] > frame.loc["raw", "knn_mae"] > 30
    for row in board.results:
        for name in ("knn_r2", "ridge_r2", "knn_mae"):
            estimate = row.scores[name]
            assert estimate.low < estimate.value < estimate.high
    assert {row.verdict for row in board.results} <= {"best", "tied with best", "worse", "floor"}
    assert board.best().scores["knn_r2"].low > 0, "what cannot be told from chance is not advised"


def test_the_verdict_is_in_units_not_percent(board):
    reason = str(board.advice)
    assert board.advice.picks[-1].spec == board.best().spec
    assert "5-NN R² [" in reason
    assert "%" not in reason
    assert "points" not in reason
    page = render(board)
    assert '<p class="scale">' in page
    assert "linear-gradient" in page
    assert "A solid green frame" not in page
    assert "5-NN MAE" in page


def test_ranked_by_the_error_the_lowest_is_best_and_below_chance(diabetes):
    board = compare(diabetes, encoders=["pca(dim=4)"], rank_by="knn_mae")
    best = next(row for row in board.results if row.verdict == "best")
    chance = next(row for row in board.results if row.verdict == "floor")
    errors = [row.scores["knn_mae"].value for row in board.results]
    assert best.scores["knn_mae"].value == min(errors)
    assert chance.scores["knn_mae"].value == max(errors)
    recommended = [row for row in board.results if row.recommended]
    assert all(row.scores["knn_mae"].high < chance.scores["knn_mae"].value for row in recommended)
    with pytest.raises(NearspaceError, match="Ranking by knn needs labels that are classes"):
        compare(diabetes, encoders=["raw"], rank_by="knn")


def test_few_labels_of_numbers_are_learnt_from(diabetes):
    schedule = Schedule(fewest_steps=20, passes=0, rates=(1e-3,))
    spec = "autoencoder(dim=8, epochs=3)"
    found = transfer(diabetes, spec, labelled=[60], seeds=2, schedule=schedule)
    rows = {row.way: row for row in found.rows}
    assert list(rows) == [
        "from scratch", "linear head on raw", "linear head",
        "last part fine-tuned", "all fine-tuned",
    ]  # fmt: skip
    for row in found.rows:
        assert row.score.low < row.score.value < row.score.high
    assert rows["linear head"].score.low > 0.1
    truth = diabetes.target.values[train_test_split(diabetes)[1]]
    told = [r2_score(truth, drawn) for drawn in rows["linear head"].predictions]
    assert np.mean(told) == pytest.approx(rows["linear head"].score.value, abs=0.01)
    assert found.label() == "R²"
    assert not any("points" in sentence for sentence in found.verdicts)
    with pytest.raises(NearspaceError, match="10 ranges of numbers"):
        transfer(diabetes, "pca", labelled=[5])


def test_layers_are_judged_by_r2(diabetes):
    board = compare_layers(diabetes, "mlp(epochs=30)")
    assert [row.name for row in board.rows] == ["raw", "fc1", "fc2", "logits"]
    assert [row.dim for row in board.rows] == [10, 256, 64, 1]
    assert board.rows[1].scores["knn_r2"].value > 0.1
    assert board.chance.value == pytest.approx(0, abs=0.05)
    assert "5-NN R²" in str(board.advice)
    assert "5-NN R²" in layers_page(board).html()


def test_networks_need_labels_that_they_can_learn(diabetes):
    rng = np.random.default_rng(0)
    images = rng.integers(0, 255, (40, 8, 8, 1)).astype(np.uint8)
    with pytest.raises(NearspaceError, match="learns from classes, got continuous numbers"):
        make("supcon(epochs=1)").fit(images, rng.normal(size=40))
    bright = images.mean(axis=(1, 2, 3)) / 7
    cnn = make("cnn(epochs=2)").fit(images, bright)
    assert cnn.set_params(layer="logits").transform(images).shape == (40, 1)
