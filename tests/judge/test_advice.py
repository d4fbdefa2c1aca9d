"""The recommendation: one rule for star, chart and words, and sentences that hold on any board."""

import dataclasses
import json
import re

import numpy as np
import pytest

from nearspace.errors import NearspaceError
from nearspace.judge.choice import choose, contenders, frontier, ranked, with_recommendation
from nearspace.judge.cost import Cost
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable
from nearspace.report.figures import cost_figure
from nearspace.report.page import render

QUICK, SLOW = (0.002, 2e-4), (30.0, 8e-3)  # seconds to fit, and an item


def hits(rate, n=460, at=0):
    """Units that are right at a rate, those of each row elsewhere, as far as it is imperfect."""
    wrong = (np.arange(round((1 - rate) * n)) * 2 + at) % n
    values = np.ones(n)
    values[wrong] = 0
    return values


def made(rows, rank_by="knn", groups=None, chance=None, better_by=None, interrupted=False):
    """A board of rows, each a name, its values by (seed and) unit, what it costs and its bytes."""
    score = SCORES[rank_by]
    values = [np.atleast_2d(values) for _, values, *_ in rows]
    most = max(map(len, values))
    stacked = np.stack([np.broadcast_to(own, (most, own.shape[1])) for own in values])
    table = ScoreTable(stacked, groups, 0, score.bounded, score.sign)
    results = [
        Result(
            name, "items", 2, {rank_by: estimate},
            Cost(fit, 100, item, size, item, item),
        )
        for (name, _, (fit, item), size), estimate in zip(rows, table.estimates(), strict=True)
    ]  # fmt: skip
    told, resolution = with_recommendation(results, table, score, chance)
    protocol = {"name": "made", "k": 5, "rank_by": rank_by, "test": stacked.shape[2]}
    settings = {"resolution": resolution, "interrupted": interrupted}
    return Leaderboard(tuple(told), protocol, better_by=better_by or {}, **settings)


def numbers(mean, seed, n=200):
    return mean + np.random.default_rng(seed).normal(0, 1, n)


EMOJI = [
    ("cnn", hits(0.672), SLOW, 1024),
    ("colour_histogram", hits(0.624, at=97), QUICK, 256),
]
CLEAR = [("cnn", hits(0.95), SLOW, 256), ("hog", hits(0.7, at=1), QUICK, 256)]
ALL_TIED = [(name, hits(0.9, at=7 * at), QUICK, 64) for at, name in enumerate("abcdef")]
WORD = "5-NN accuracy"
# What boards say: all must be there.
SAYS = {
    "a slow best guess and a quick one that cannot be told from it": (
        made(EMOJI),
        [
            f"Best guess: cnn, 67.2 % {WORD} [",
            "; cheaper, and cannot be told from it: colour_histogram ★, 62.4 % [",
            "For 4.8 points [−",
            "] less, colour_histogram takes 200 µs an item instead of 8 ms, 256 B a vector instead "
            "of 1.0 kB and 2 ms to fit instead of 30 s.",
            "With 460 test items a gap below about ",
            " points may go unseen; about ",
            " would settle cnn against colour_histogram.",
        ],
    ),
    "one row": (
        made(CLEAR[:1]),
        [f"Use cnn: 95.0 % {WORD} [", "It is the only one that could be ranked."],
    ),
    "a clear winner": (
        made(CLEAR),
        ["Use cnn: ", "better than all others, by 25.0 points [20.1, 29.9] over the next, hog."],
    ),
    "all tied at the same score": (
        made(ALL_TIED),
        [
            "Use a: 90.0 %",
            "It has the highest score, and none of the 5 that cannot be told from it (b, c, d and "
            "2 more) is cheaper.",
        ],
    ),
    "two at the same score": (
        made(ALL_TIED[:2]),
        ["Use a: 90.0 %", "and b, which cannot be told from it, is no cheaper."],
    ),
    "raw is among the tied": (
        made([*EMOJI, ("raw", hits(0.65, at=40), SLOW, 4096)]),
        ["cheapest of the 3 that cannot be told apart: colour_histogram ★", "; raw is tied too."],
    ),
    "raw is the one to use": (
        made([("cnn", hits(0.968), SLOW, 256), ("raw", hits(0.964, at=1), QUICK, 256)]),
        ["Best guess: cnn", "told from it: raw ★, 96.3 % ["],
    ),
    "an error, where lower is better": (
        made(
            [("deep", abs(numbers(3, 0)), SLOW, 64), ("flat", abs(numbers(3.1, 1)), QUICK, 64)],
            "knn_mae",
        ),
        ["Best guess: deep, 3.02 5-NN MAE [", "] more 5-NN MAE, flat takes 200 µs", "★, 3.03"],
    ),
    "R², which has no unit": (
        made([("deep", numbers(0.5, 0), SLOW, 64), ("flat", numbers(0.5, 1), QUICK, 64)], "knn_r2"),
        ["5-NN R² [", "] less 5-NN R², flat takes", "a gap below about 0."],
    ),
    "groups": (
        made(EMOJI, groups=np.arange(460) // 46),
        ["With 460 test items in 10 groups a gap below", " in such groups would settle cnn "],
    ),
    "an interruption": (
        made(CLEAR, interrupted=True),
        ["Of what was judged before the interruption, it is better than all others, by"],
    ),
    "an interruption before a choice": (
        made(EMOJI, interrupted=True), ["Best guess of what was judged: cnn"]
    ),
    "another score says otherwise": (
        dataclasses.replace(
            made(EMOJI),
            rows=tuple(
                dataclasses.replace(row, scores=row.scores | {"probe": Estimate(value)})
                for row, value in zip(made(EMOJI).rows, (0.7, 0.5), strict=True)
            ),
            better_by={"probe": "cnn"},
        ),
        ["; by linear probe colour_histogram is worse than cnn (50.0 % against 70.0 %)."],
    ),
    "several seeds": (
        made([("cnn", np.stack([hits(0.67), hits(0.69), hits(0.65)]), SLOW, 64), EMOJI[1]]),
        ["Best guess: cnn, 67.0 %", "; no number of items alone would settle cnn against"],
    ),
    "one unit": (
        made([("a", hits(1.0, 1), SLOW, 64), ("b", hits(1.0, 1), QUICK, 64)]),
        ["Use b: 100.0 %", "and a, which cannot be told from it, is no cheaper."],
    ),
    "nothing can be told from chance": (
        made([("cnn", hits(0.52, 50), SLOW, 64)], chance=hits(0.5, 50, 1)[None]),
        [
            f"Nothing is recommended, since nothing can be told from chance: the best guess, cnn, "
            f"has 52.0 % {WORD} [",
            "2.0 points better than guessing. 50 test items are too few to choose by",
        ],
    ),
    "nothing was ranked": (
        Leaderboard((), {}), ["Nothing is recommended: nothing could be ranked."]
    ),
}  # fmt: skip


@pytest.mark.parametrize(("board", "said"), SAYS.values(), ids=SAYS)
def test_the_sentences_that_must_come(board, said):
    text = str(board.advice)
    assert [part for part in said if part not in text] == [], text
    assert len(re.findall(r"[.](?= [A-Z]|$)", text)) <= 3
    assert not re.search(r"nan|inf\b|None|  | [,.;]|-\d", text)
    assert text.endswith(".")
    picks = [pick.spec for pick in board.advice.picks]
    assert len(picks) == len(set(picks)) <= 2


def random_board(seed):
    """Rows of any quality and price, some of them the same, in some order."""
    rng = np.random.default_rng(seed)
    rates = rng.choice([0.5, 0.8, 0.86, 0.9, 0.92], rng.integers(1, 9))
    rows = [
        (
            f"e{at}",
            (rng.random(300) < rate) * 1.0,
            (float(rng.choice([0.01, 2, 40])), float(rng.choice([2e-5, 8e-4, 3e-3, 2e-2]))),
            float(rng.choice([32, 64, 256, 4096])),
        )
        for at, rate in enumerate(rates)
    ]
    rows += [(f"{name}_again", *rest) for name, *rest in rows[:2]]
    chance = (rng.random((1, 300)) < 0.5) * 1.0
    if rng.random() < 0.3:
        rows = [(name, 1 - values, *rest) for name, values, *rest in rows]
        return made(rows, "knn_mae", chance=1 - chance)
    return made(rows, chance=chance)


@pytest.mark.parametrize("seed", range(8))
def test_all_places_name_the_same_rows(seed):
    board = random_board(seed)
    score, chosen, best = board.score, board.recommended, board.leader
    rows = board.results
    assert rows == ranked(rows, score)
    assert rows[0] is best, "the best guess stands first, the cheapest of those with its score"
    parsed = json.loads(board.to_json())
    picks = [pick["spec"] for pick in parsed["advice"]["picks"]]
    starred = [row["spec"] for row in parsed["rows"] if row["recommended"]]
    if chosen is None:
        assert picks == starred == []
        with pytest.raises(NearspaceError, match="recommends nothing"):
            board.best()
        return
    assert board.best() is chosen
    assert picks == list(dict.fromkeys([best.spec, chosen.spec]))
    assert starred == [chosen.spec]
    frame = board.to_frame()
    assert frame["spec"][frame["recommended"]].tolist() == starred
    assert chosen is choose(contenders(rows, score), score)
    worse = [score.sign * row.scores[score.name].value for row in rows if row.verdict == "worse"]
    assert all(score.sign * board.ranking(chosen).value > value for value in worse)
    line = frontier(rows, score)
    assert any(row is chosen for row in line)
    assert len(picks) == 1 or set(board.resolution.between) == set(picks)
    starred = [row for row in re.findall(r"<tr.*?</tr>", board._repr_html_(), re.S) if "★" in row]
    assert len(starred) == 1
    assert chosen.spec in re.split(r"<[^>]+>", starred[0])
    figure = cost_figure(board)
    if figure is not None:
        drawn, points = figure.data
        at = list(points.marker.symbol).index("star")
        assert points.hovertext[at].startswith(f"{chosen.spec}<br>")
        assert (points.x[at], points.y[at]) in set(zip(drawn.x, drawn.y, strict=True))
    page = render(board)
    assert page.count("★ recommended") == 1
    assert f"<code>{chosen.spec}</code>" in page


def test_contenders_are_tied_and_told_from_chance():
    words = ["best", "tied with best", "worse", "tied with best"]
    gains = [Estimate(0.2, 0.1), Estimate(0.1, -0.1), Estimate(0.3, 0.2), None]
    rows = [
        Result(str(i), "", 1, {"knn": Estimate(0.9 - i % 3 / 10)}, None, words[i], over_chance=gain)
        for i, gain in enumerate(gains)
    ]
    assert contenders(rows, SCORES["knn"]) == [rows[0], rows[3]]
    rows = [dataclasses.replace(row, over_chance=None) for row in rows]
    assert contenders(rows, SCORES["knn"]) == [rows[0], rows[1], rows[3]]


def test_a_row_that_varies_more_is_not_preferred_to_one_that_is_worse():
    """It is tied at a score at which another, which varies less, is not."""
    rows = [
        Result("best", "items", 2, {"knn": Estimate(0.9)}, verdict="best"),
        Result("worse", "items", 2, {"knn": Estimate(0.85)}, verdict="worse"),
        Result("tied", "items", 2, {"knn": Estimate(0.8)}, verdict="tied with best"),
    ]
    assert contenders(rows, SCORES["knn"]) == rows[:1]


def test_of_equal_scores_the_cheapest_is_the_best_guess():
    rows = [
        ("slow", hits(0.9), SLOW, 64),
        ("wide", hits(0.9), QUICK, 99),
        ("b", hits(0.9), QUICK, 64),
    ]
    board = made([*rows, ("nan", np.full(460, 0.1), QUICK, 1)])
    assert [row.spec for row in board.results] == ["b", "wide", "slow", "nan"]
    assert board.leader is board.recommended is board.results[0]


def test_what_is_fitted_at_once_is_cheaper_than_what_is_trained():
    board = made([("cnn", hits(0.91), (20.0, 2e-4), 64), ("raw", hits(0.9, at=1), QUICK, 64)])
    assert board.recommended.spec == "raw"
    assert "For 1.1 points [" in str(board.advice)
    assert "raw takes 2 ms to fit instead of 20 s." in str(board.advice)
