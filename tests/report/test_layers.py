"""The page about layers: complete, escaped, with room for more, and a verdict in words."""

import dataclasses

import numpy as np
import pytest
from markupsafe import Markup

from nearspace.encoders.spec import make
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.layers import Hybrid, LayerBoard, LayerRow
from nearspace.report.base import Section
from nearspace.report.layers import hybrid_table, layers_page, layers_verdict

TOLD = {"name": "<digits>", "kind": "grey images", "encoder": "cnn", "k": 5, "pool": "mean"}
TOLD |= {
    "metric": "euclidean",
    "items judged": 1000,
    "items searched": 3000,
    "versions": {"torch": "2.13"},
}
VERDICTS = {"conv1": "worse", "conv2": "tied with best", "fc1": "best"}


def score(value, half=0.01):
    return Estimate(value, value - half, value + half)


def row(place, name, labelled):
    scores = {}
    if labelled:
        scores = {"scores": {"knn": score(0.9 + place / 100), "probe": score(0.9)}}
        scores |= {"l2": score(0.0), "recommended": name == "conv2"}
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
        told = {"floor": floor, "hybrids": hybrids, "gain": score(gain)} if labelled else {}
        seconds = {"fitting": 3.0, "scoring": 1.0}
        return LayerBoard(
            rows, dict(TOLD), ("<note>",), seconds, cka=np.eye(3), encoder=make("cnn"), **told
        )

    return made


def test_the_page_shows_every_layer_and_pair(board, tmp_path):
    extra = Section("more", "", Markup('<section id="more"><h2>More</h2></section>'))
    page = layers_page(board(), [extra]).write(tmp_path / "new" / "layers.html").read_text("utf-8")
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
    assert extra.html in page
    assert "chance" in page
    assert page.count('class="plot"') == 4
    assert "<digits>" not in page


def test_without_labels_the_page_has_what_needs_none(board, tmp_path):
    page = layers_page(board(labelled=False)).write(tmp_path / "layers.html").read_text("utf-8")
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


def small(name, dim, value, half, verdict, recommended=False):
    scores = {"knn": score(value, half), "probe": score(value)}
    over = Estimate(value - 0.16, value - half - 0.16)
    told = (scores, score(0.0), verdict, score(0.0), recommended, over)
    return LayerRow(name, (dim,), dim, 9.5, score(0.5), 0.1, *told)


def test_a_layer_that_cannot_be_told_from_chance_is_not_recommended(board, tmp_path):
    floor = {"raw": score(0.22), "chance": score(0.16)}
    rows = (
        small("conv1", 64, 0.26, 0.05, "best"),
        small("conv2", 32, 0.24, 0.05, "tied with best", True),
        small("fc1", 10, 0.10, 0.05, "tied with best"),
    )
    told = dataclasses.replace(board(), rows=rows, floor=floor)
    spec, reason = layers_verdict(told)
    assert spec == "cnn(pool='mean')@conv2"
    assert reason.startswith(
        "The smaller of the two layers tied for best that can be told from chance: 24.0 %"
    )
    first = dataclasses.replace(rows[0], recommended=True)
    only = dataclasses.replace(told, rows=(first, rows[2]))
    assert layers_verdict(only)[1].startswith(
        "The only one of the 2 layers tied for best that can be told from chance: 26.0 %"
    )
    page = layers_page(told).write(tmp_path / "layers.html").read_text("utf-8")
    assert page.count("★ recommended") == 1


def test_no_layer_is_recommended_where_none_can_be_told_from_chance(board, tmp_path):
    floor = {"raw": score(0.22), "chance": score(0.16)}
    rows = (
        small("conv1", 64, 0.26, 0.12, "best"),
        small("fc1", 10, 0.10, 0.12, "tied with best"),
    )
    none = dataclasses.replace(board(), rows=rows, floor=floor)
    spec, reason = layers_verdict(none)
    assert spec is None
    assert reason == (
        "No layer can be told from chance (16.0 % [15.0, 17.0] 5-NN accuracy); the best, conv1, "
        "has 26.0 % [14.0, 38.0]. 1,000 test items are too few to choose by, or there is nothing "
        "to tell."
    )
    page = layers_page(none).write(tmp_path / "layers.html").read_text("utf-8")
    assert "5-NN accuracy, %</th>" in page  # the accuracies are shown all the same


def test_pairs_stand_in_one_row_by_weight(board):
    table = hybrid_table(board())
    assert [(first, second, how) for first, second, how, _ in table] == [
        ("conv1", "fc1", "side by side"),
        ("conv1", "fc1", "summed"),
    ]
    assert [cell.weight for cell in table[0][3]] == [0.25, 0.5, 0.75]


def test_numbers_have_the_sign_they_need():
    parts = SCORES["knn"].parts
    assert parts(Estimate(-0.0001, -0.02, 0.0004), signed=True) == ("0.0", "[−2.0, 0.0]")
    assert parts(Estimate(0.5)) == ("50.0", "")
    assert parts(None) == ("", "")
