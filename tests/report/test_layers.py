"""The page about layers: complete, escaped, with room for more, and a verdict in words."""

import dataclasses

import numpy as np
import pytest
from markupsafe import Markup

from nearspace.encoders.spec import make
from nearspace.judge.choice import Resolution
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.layers import Hybrid, LayerBoard, LayerRow
from nearspace.report.base import Section
from nearspace.report.layers import hybrid_table, layers_page, together

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
        told = {"guessing": score(0.1), "hybrids": hybrids, "gain": score(gain)}
        told = told if labelled else {}
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
    assert "Nothing is recommended: without labels no layer can be called the best." in page
    assert page.count('class="plot"') == 3
    assert 'id="hybrids"' not in page


def test_the_smallest_of_the_tied_is_recommended(board):
    assert str(board().advice) == (
        "Best guess: cnn(pool='mean')@fc1, 92.0 % 5-NN accuracy [91.0, 93.0]; cheaper, and cannot "
        "be told from it: cnn(pool='mean')@conv2 ★, 91.0 % [90.0, 92.0]. For 1.0 points [0.0, 2.0] "
        "less, conv2 takes 512 B a vector instead of 768 B."
    )
    page = layers_page(board()).html()
    assert "<code>cnn<wbr>(pool=&#39;mean&#39;)@conv2</code> ★" in page
    assert "No two layers together are better beyond chance (−0.1 points" in together(board())
    assert together(board(gain=0.02)) in layers_page(board(gain=0.02)).html()
    assert "conv1 and fc1 together are better still (+2.0 points" in together(board(gain=0.02))


def small(name, dim, value, half, verdict, recommended=False):
    scores = {"knn": score(value, half), "probe": score(value)}
    over = Estimate(value - 0.16, value - half - 0.16)
    told = (scores, score(0.0), "euclidean", verdict, score(0.0), recommended, over)
    return LayerRow(name, (dim,), dim, 9.5, score(0.5), 0.1, *told)


def test_a_layer_that_cannot_be_told_from_chance_is_not_recommended(board, tmp_path):
    rows = (
        small("conv1", 64, 0.26, 0.05, "best"),
        small("conv2", 32, 0.24, 0.05, "tied with best", True),
        small("fc1", 10, 0.10, 0.05, "tied with best"),
    )
    told = dataclasses.replace(board(), rows=rows)
    assert [pick.spec for pick in told.advice.picks] == [
        "cnn(pool='mean')@conv1", "cnn(pool='mean')@conv2",
    ]  # fmt: skip
    first = dataclasses.replace(rows[0], recommended=True)
    only = dataclasses.replace(told, rows=(first, rows[2]))
    assert only.advice.reasons == (
        "It is the only one of the 2 tied for best that can be told from chance.",
    )
    page = layers_page(told).write(tmp_path / "layers.html").read_text("utf-8")
    assert page.count("★ recommended") == 1


def test_no_layer_is_recommended_where_none_can_be_told_from_chance(board, tmp_path):
    rows = (
        small("conv1", 64, 0.26, 0.12, "best"),
        small("fc1", 10, 0.10, 0.12, "tied with best"),
    )
    none = dataclasses.replace(board(), rows=rows, resolution=Resolution(1000))
    assert str(none.advice) == (
        "Nothing is recommended, since nothing can be told from chance: the best guess, conv1, has "
        "26.0 % 5-NN accuracy [14.0, 38.0], 10.0 points better than guessing. 1,000 test items are "
        "too few to choose by, or there is nothing to tell."
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
