"""The page about layers: complete, escaped, with room for more, and a verdict in words."""

import numpy as np
import pytest

from nearspace.encoders.spec import make
from nearspace.judge.layerboard import Hybrid, LayerBoard, LayerRow
from nearspace.judge.metrics import Score
from nearspace.report.layers import hybrid_table, layers_verdict, percent, points, write_layers

TOLD = {"name": "<digits>", "kind": "grey images", "encoder": "cnn", "k": 5, "pool": "mean"}
TOLD |= {"items judged": 1000, "items searched": 3000, "versions": {"torch": "2.13"}}
VERDICTS = {"conv1": "worse", "conv2": "tied with best", "fc1": "best"}


def score(value, half=0.01):
    return Score(value, value - half, value + half)


def row(place, name, labelled):
    scores = {}
    if labelled:
        scores = {"knn": score(0.9 + place / 100), "probe": score(0.9), "l2": score(0.0)}
        scores |= {"verdict": VERDICTS[name], "difference": score((place - 2) / 100)}
    return LayerRow(name, (64,), 64 + 64 * place, 9.5, score(0.5), 0.1, **scores)


@pytest.fixture
def board():
    def made(gain=-0.001, labelled=True):
        rows = tuple(row(place, name, labelled) for place, name in enumerate(VERDICTS))
        hybrids = tuple(
            Hybrid("conv1", "fc1", how, weight, score(0.9 + weight / 100), "worse", score(-0.01))
            for how in ("side by side", "summed")
            for weight in (0.25, 0.5, 0.75)
        )
        floor = {"raw": score(0.8), "chance": score(0.1)}
        told = (floor, hybrids, score(gain)) if labelled else ({}, (), None)
        seconds = {"fitting": 3.0, "scoring": 1.0}
        return LayerBoard(
            rows, *told, np.eye(3), dict(TOLD), ("<note>",), seconds, make("cnn"), None
        )

    return made


def test_the_page_shows_every_layer_and_pair(board, tmp_path):
    extra = '<section id="more"><h2>More</h2></section>'
    page = write_layers(board(), tmp_path / "new" / "layers.html", [extra]).read_text("utf-8")
    for text in (
        "conv1",
        "conv2",
        "fc1",
        "conv1 + fc1",
        "summed",
        "&lt;note&gt;",
        "&lt;digits&gt;",
    ):
        assert text in page
    assert extra in page
    assert "chance" in page
    assert page.count('class="plot"') == 4
    assert "<digits>" not in page


def test_without_labels_the_page_has_what_needs_none(board, tmp_path):
    page = write_layers(board(labelled=False), tmp_path / "layers.html").read_text("utf-8")
    assert "There are no labels" in page
    assert page.count('class="plot"') == 3
    assert 'id="hybrids"' not in page


def test_the_smallest_of_the_tied_is_recommended(board):
    spec, reason = layers_verdict(board())
    assert spec == "cnn(pool='mean')@conv2"
    assert reason.startswith("The smaller of the two layers tied for best: 91.0 % [90.0, 92.0]")
    assert "fc1 has 92.0 %" in reason
    assert "The raw input has 80.0 % [79.0, 81.0]." in reason
    assert "No two layers together are better beyond chance (−0.1 points" in reason
    _, reason = layers_verdict(board(gain=0.02))
    assert "conv1 and fc1 together are better still (+2.0 points [+1.0, +3.0]" in reason


def test_pairs_stand_in_one_row_by_weight(board):
    table = hybrid_table(board())
    assert [(first, second, how) for first, second, how, _ in table] == [
        ("conv1", "fc1", "side by side"),
        ("conv1", "fc1", "summed"),
    ]
    assert [cell.weight for cell in table[0][3]] == [0.25, 0.5, 0.75]


def test_numbers_have_the_sign_they_need():
    assert points(Score(-0.0001, -0.02, 0.0004)) == ("0.0", "[−2.0, 0.0]")
    assert percent(Score(0.5)) == ("50.0", "")
    assert percent(None) == ("", "")
