import dataclasses
import json

import numpy as np
import pytest

from nearspace.judge.leaderboard import Cost, Leaderboard, Result
from nearspace.judge.metrics import Score
from nearspace.report import figures
from nearspace.report.axis import interval_axis


def test_a_map_keeps_the_shape_of_its_layout_in_whole_numbers():
    layout = np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0]])
    points = json.loads(figures.map_figure(layout, [], []).to_json())["data"][0]
    assert points["x"] == [0, 1000, 1000]
    assert points["y"] == [375, 375, 625]


def test_classes_past_ten_differ_by_shape():
    marks = figures.marks([str(code) for code in range(80)])
    assert len(set(marks)) == 80
    assert len({shape for _, shape in marks[:10]}) == 1


def test_class_names_stand_at_the_middle_of_their_items():
    layout = np.array([[0.0, 0.0], [0.0, 2.0], [10.0, 10.0]])
    named = figures.map_figure(layout, [0, 0, 1], ["a", "<b>"]).layout.annotations
    assert [(mark.x, mark.y, mark.text) for mark in named] == [
        (0, 100, "a"),
        (1000, 1000, "&lt;b&gt;"),
    ]


def test_all_equal_places_stand_in_the_middle():
    figure = figures.map_figure(np.ones((3, 2)), [], [])
    assert set(figure.data[0].x) == set(figure.data[0].y) == {500}


def test_the_cost_chart_has_intervals_a_frontier_and_a_star(board):
    figure = figures.cost_figure(board("digits"))
    line, points = figure.data
    assert list(line.y) == pytest.approx([91.1, 97.3, 98.4, 98.7])
    assert list(points.marker.symbol).count("star") == 1
    assert points.error_y.arrayminus[0] == pytest.approx(1.1)
    assert figure.layout.xaxis.type == "log"
    wide = figure.layout.meta["labels"]["wide"]
    assert [text for text in wide["text"] if text] == wide["text"]


def test_labels_that_find_no_room_are_left_out_and_none_overlap():
    rows = tuple(
        Result(f"a_rather_long_name_{at}", "items", 2, {"knn": Score(0.9)}, Cost(1, 1, 1e-3, 8))
        for at in range(30)
    )
    narrow = figures.cost_figure(Leaderboard(rows, {})).layout.meta["labels"]["narrow"]
    assert 0 < sum(map(bool, narrow["text"])) <= 8
    unmeasured = dataclasses.replace(rows[1], cost=Cost(1, 1, float("nan"), 8))
    assert figures.cost_figure(Leaderboard((rows[0], unmeasured), {})) is None


def test_heat_map_cells_hold_their_values():
    matrix = np.array([[1.0, 0.254], [0.254, np.nan]])
    cells = json.loads(figures.similarity_figure(matrix, ["raw", "pca"]).to_json())["data"][0]
    assert cells["z"] == [[1.0, 0.25], [0.25, None]]


def test_layers_run_downwards_with_their_dimensions():
    layers = (("conv1", 1024, Score(0.9, 0.88, 0.93)), ("fc", 64, Score(0.97)))
    figure = figures.layers_figure(layers, "5-NN accuracy")
    assert figure.layout.yaxis.ticktext == ("conv1 · 1,024", "fc · 64")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.data[0].error_x.array == pytest.approx((3.0, 0.0))


def test_chance_is_on_the_axis_unless_it_squeezes_the_intervals():
    close = [Score(0.5, 0.45, 0.55), Score(0.3, 0.25, 0.35)]
    assert interval_axis("knn", close, 0.1).holds(0.1)
    far = [Score(0.98, 0.97, 0.99), Score(0.95, 0.94, 0.96)]
    axis = interval_axis("knn", far, 0.1)
    assert not axis.holds(0.1)
    assert axis.place(0.1) == 0.0
    assert axis.place(0.94) < axis.place(0.99) < 100
    assert [text for _, text in axis.ticks] == ["94", "96", "98"]
