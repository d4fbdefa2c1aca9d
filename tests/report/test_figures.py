import dataclasses
import itertools
import json

import numpy as np
import pytest

from nearspace.judge.axis import interval_axis
from nearspace.judge.cost import Cost
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.statistics import Estimate
from nearspace.report import figures
from nearspace.report.figures import CHARACTER, GAP, LINE, PLACES, overlap, point_labels
from nearspace.report.layers import layers_figure


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
    named = figures.map_figure(layout, [0, 0, 1], ["a", "<"]).layout.annotations
    assert [(mark.x, mark.y, mark.text) for mark in named] == [
        (0, 100, "a"),
        (1000, 1000, "&lt;"),
    ]


def test_class_names_stay_within_their_map():
    layout = np.array([[0.0, 0.0], [10.0, 10.0]])
    named = figures.map_figure(layout, [0, 1], ["Smileys & Emotion", "Flags"]).layout.annotations
    assert named[0].x > 100
    assert named[1].x < 980


def test_all_equal_places_stand_in_the_middle():
    figure = figures.map_figure(np.ones((3, 2)), [], [])
    assert set(figure.data[0].x) == set(figure.data[0].y) == {500}


def test_a_label_stands_on_no_interval():
    across, up = np.array([100.0, 120.0]), np.array([100.0, 100.0])
    bars = [(98.0, 0.0, 102.0, 300.0), (118.0, 0.0, 122.0, 300.0)]
    told = point_labels(across, up, ["raw", "pca"], 400.0, bars)
    assert told["textposition"] == ["top left", "top right"]


def test_figures_of_likeness_have_room_for_their_numbers():
    names = ["onehot | autoencoder(dim=8)", "raw", "pca"]
    assert figures.least_width(names) > 3 * 38 + 20 * CHARACTER
    assert figures.least_width(["a", "b"]) < 150


def test_an_axis_of_shares_ends_at_all():
    axis = interval_axis("knn", [Estimate(0.99, 0.9, 0.999)], 0.1)
    assert axis.high == 1.0
    assert axis.low > 0.8


def test_the_cost_chart_has_intervals_a_frontier_and_a_star(board):
    figure = figures.cost_figure(board("digits"))
    line, points = figure.data
    assert list(line.y) == pytest.approx([98.7, 98.2, 97.3, 96.2, 91.1])
    assert list(points.marker.symbol).count("star") == 1
    assert points.error_y.arrayminus[0] == pytest.approx(1.1)
    assert figure.layout.xaxis.type == "log"
    wide = figure.layout.meta["labels"]["wide"]
    assert [text for text in wide["text"] if text] == wide["text"]


def test_labels_that_find_no_room_are_left_out_and_none_overlap():
    rows = tuple(
        Result(f"a_rather_long_name_{at}", "items", 2, {"knn": Estimate(0.9)}, Cost(1, 1, 1e-3, 8))
        for at in range(30)
    )
    narrow = figures.cost_figure(Leaderboard(rows, {})).layout.meta["labels"]["narrow"]
    assert 0 < sum(map(bool, narrow["text"])) <= 8
    unmeasured = dataclasses.replace(rows[1], cost=Cost(1, 1, float("nan"), 8))
    assert figures.cost_figure(Leaderboard((rows[0], unmeasured), {})) is None


def test_no_label_of_the_cost_chart_lies_on_another():
    rng = np.random.default_rng(0)
    points, names = rng.uniform(0, 300, (12, 2)), [f"encoder {at}" for at in range(12)]
    labels = point_labels(*points.T, names, 300)
    ways = {name: (right, up) for name, right, up in PLACES}
    boxes = []
    for (x, y), text, place in zip(points, labels["text"], labels["textposition"], strict=True):
        half, (right, up) = len(text) * CHARACTER / 2, ways[place]
        a, b = x + right * (half + GAP), y + up * (LINE / 2 + GAP)
        boxes += [(a - half, b - LINE / 2, a + half, b + LINE / 2)] if text else []
    assert len(boxes) > 3
    assert not any(overlap(one, other) for one, other in itertools.combinations(boxes, 2))


def test_an_interval_does_not_widen_the_chart_beyond_what_labels_reckon_with(board):
    low, high = figures.cost_figure(board("digits")).layout.yaxis.range
    assert low < 91.1 - 1.1
    assert high > 98.7 + 0.88


def test_long_names_over_a_heat_map_have_room():
    small = figures.similarity_figure(np.eye(2), ["raw", "pca"]).layout.margin
    large = figures.similarity_figure(np.eye(2), ["raw", "vae(dim=8, epochs=2)"]).layout.margin
    assert large.r > 100 > small.r
    assert large.t > small.t


def test_heat_map_cells_hold_their_values():
    matrix = np.array([[1.0, 0.254], [0.254, np.nan]])
    cells = json.loads(figures.similarity_figure(matrix, ["raw", "pca"]).to_json())["data"][0]
    assert cells["z"] == [[1.0, 0.25], [0.25, None]]


def test_layers_run_downwards_with_their_dimensions():
    layers = (("conv1", 1024, Estimate(0.9, 0.88, 0.93)), ("fc", 64, Estimate(0.97)))
    figure = layers_figure(layers, "5-NN accuracy")
    assert figure.layout.yaxis.ticktext == ("conv1 · 1,024", "fc · 64")
    assert figure.layout.yaxis.range[0] > figure.layout.yaxis.range[1]
    assert figure.data[0].error_x.array == pytest.approx((3.0, 0.0))


def test_chance_is_on_the_axis_unless_it_squeezes_the_intervals():
    close = [Estimate(0.5, 0.45, 0.55), Estimate(0.3, 0.25, 0.35)]
    assert interval_axis("knn", close, 0.1).holds(0.1)
    far = [Estimate(0.98, 0.97, 0.99), Estimate(0.95, 0.94, 0.96)]
    axis = interval_axis("knn", far, 0.1)
    assert not axis.holds(0.1)
    assert axis.place(0.1) == 0.0
    assert axis.place(0.94) < axis.place(0.99) < 100
    assert [text for _, text in axis.ticks] == ["94", "96", "98"]
