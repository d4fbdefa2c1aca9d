import dataclasses

from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.statistics import Estimate
from nearspace.report.words import verdict


def test_the_verdict_names_the_cheapest_of_the_tied(board):
    spec, reason = verdict(board("digits"))
    assert spec == "hog"
    assert reason == (
        "The cheapest of the 3 encoders tied for best: 98.4 % 5-NN accuracy [97.3, 99.3], "
        "0.2 points above the raw input (itself tied for best) and 88.2 points above chance."
    )


def test_the_verdict_without_labels_does_not_measure_against_the_reference(board):
    spec, reason = verdict(board("unlabelled"))
    assert spec == "pca(dim=8)"
    assert reason == "Better than every other encoder: 85.0 % neighbours kept [83.9, 85.9]."


def test_a_single_best_is_better_than_the_rest(board):
    rows = [row for row in board("digits") if row.spec in ("cnn", "pca(dim=32)")]
    rows[0] = dataclasses.replace(rows[0], recommended=True)
    assert verdict(Leaderboard(tuple(rows), {}))[1].startswith(
        "Better than every other encoder: 98.7 %"
    )


def test_raw_that_beats_the_recommended_is_told():
    rows = (
        Result("raw", "nothing", 4, {"knn": Estimate(0.95)}, verdict="best"),
        Result(
            "pca", "items", 2, {"knn": Estimate(0.94)}, verdict="tied with best", recommended=True
        ),
    )
    spec, reason = verdict(Leaderboard(rows, {"k": 5}))
    assert spec == "pca"
    assert reason == (
        "The cheaper of the two encoders tied for best: 94.0 % 5-NN accuracy, "
        "1.0 points below the raw input (itself tied for best)."
    )


def small(spec, low, value, high, verdict, recommended=False):
    scores = {"knn": Estimate(value, low, high)}
    over = Estimate(value - 0.16, low - 0.16)
    return Result(
        spec, "nothing", 4, scores, verdict=verdict, recommended=recommended, over_chance=over
    )


def test_where_another_score_says_otherwise_it_is_told(board):
    told = dataclasses.replace(board("digits"), better_by={"probe": "cnn"})
    rows = {row.spec: row.scores["probe"].value for row in told.results}
    spec, reason = verdict(told)
    assert spec == "hog"
    assert reason.endswith(
        "By linear probe it is worse than cnn, by more than chance: "
        f"{100 * rows['hog']:.1f} % against {100 * rows['cnn']:.1f} %."
    )


def test_the_tied_that_cannot_be_told_from_chance_do_not_count():
    rows = [
        small("hog", 0.29, 0.42, 0.562, "best", recommended=True),
        small("raw", 0.13, 0.22, 0.35, "tied with best"),
        small("chance", 0.08, 0.16, 0.28, "floor"),
    ]
    assert verdict(Leaderboard(tuple(rows), {"k": 5, "test": 50})) == (
        "hog",
        "The only one of the 2 encoders tied for best that can be told from chance: 42.0 % 5-NN "
        "accuracy [29.0, 56.2], 20.0 points above the raw input (itself tied for best) and 26.0 "
        "points above chance.",
    )
    rows.insert(1, small("pca", 0.28, 0.41, 0.55, "tied with best"))
    assert verdict(Leaderboard(tuple(rows), {"k": 5, "test": 50}))[1].startswith(
        "The cheaper of the two encoders tied for best that can be told from chance: 42.0 %"
    )


def test_nothing_is_recommended_where_the_best_cannot_be_told_from_chance():
    rows = (
        small("hog", 0.13, 0.22, 0.35, "best"),
        small("raw", 0.12, 0.2, 0.33, "tied with best"),
        small("chance", 0.08, 0.16, 0.28, "floor"),
    )
    assert verdict(Leaderboard(rows, {"k": 5, "test": 50})) == (
        None,
        "Nothing is recommended, since no encoder can be told from chance: the best, hog, has "
        "22.0 % 5-NN accuracy [13.0, 35.0], 2.0 points above the raw input (itself tied for best) "
        "and 6.0 points above chance. 50 test items are too few to choose by, or there is nothing "
        "to tell.",
    )


def test_no_verdict_without_a_recommended_row(board):
    assert verdict(board("one row")) == (
        None,
        "Nothing is recommended, since no encoder could be ranked.",
    )
