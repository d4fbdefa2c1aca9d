"""Tables and boards: estimates, verdicts, differences, and how a board is written."""

import dataclasses
import json

import numpy as np
import pytest

from nearspace.errors import NearspaceError
from nearspace.judge.board import HIDDEN, Board, Failure
from nearspace.judge.statistics import Estimate
from nearspace.judge.table import ScoreTable, beside

RATES = np.array([0.92, 0.88, 0.6])
VALUES = (np.random.default_rng(0).random((3, 1, 400)) < RATES[:, None, None]).astype(float)


def test_verdicts_say_who_is_best_and_by_how_much_the_others_are_not():
    verdicts = ScoreTable(VALUES, None, 0).verdicts()
    assert [verdict.word for verdict in verdicts] == ["best", "tied with best", "worse"]
    means = VALUES.mean(axis=(1, 2))
    for verdict, mean in zip(verdicts, means, strict=True):
        assert verdict.difference.value == pytest.approx(mean - means.max())
    assert verdicts[2].difference.high < 0
    errors = ScoreTable(1 - VALUES, None, 0, sign=-1).verdicts()
    assert [verdict.word for verdict in errors] == ["best", "tied with best", "worse"]
    assert errors[2].difference.value == pytest.approx(-verdicts[2].difference.value)


def test_estimates_leave_out_units_that_nobody_has():
    holes = np.concatenate([VALUES, np.full((3, 1, 7), np.nan)], axis=2)
    for with_holes, without in zip(
        ScoreTable(holes, None, 0).estimates(), ScoreTable(VALUES, None, 0).estimates(), strict=True
    ):
        assert with_holes.value == pytest.approx(without.value)
        assert without.low < without.value < without.high


def test_a_guess_that_is_alike_in_all_groups_is_told_as_one():
    groups = np.repeat(np.arange(4), 10)
    alike = np.tile([[1.0] * 3 + [0.0] * 7], 4)[:, None]
    other = alike.copy()
    other[0, 0, :5] = 1.0
    tables = [ScoreTable(values, groups, 0) for values in (alike, other, np.r_[alike, other])]
    assert [table.alike_in_groups for table in tables] == [True, False, False]
    assert not ScoreTable(alike, None, 0).alike_in_groups


@pytest.mark.parametrize("order", [[0, 2], [2, 0]])
def test_a_gain_is_the_second_row_minus_the_first(order):
    gain = ScoreTable(VALUES[order], None, 0).gain()
    first, second = VALUES[order].mean(axis=(1, 2))
    assert gain.value == pytest.approx(second - first)
    assert gain.low < gain.value < gain.high
    assert beside(gain) == ("worse" if order == [0, 2] else "better")


def test_a_difference_is_paired_and_may_have_fewer_draws():
    worse = VALUES[0].copy()
    worse[:, :40] = 0
    rows = np.repeat(VALUES[:1], 3, axis=1)
    gap = ScoreTable(rows, None, 0).minus(np.repeat(worse, 2, axis=0))
    assert gap.value == pytest.approx(VALUES[0, 0, :40].mean() * 0.1)
    assert gap.low > 0
    assert beside(ScoreTable(rows, None, 0).minus(rows[0])) == "tied"
    numbers = ScoreTable(10 * rows, None, 0, bounded=False).minus(-5 * rows[0])
    assert numbers.value == pytest.approx(15 * VALUES[0].mean())  # no share, so more than 1


@dataclasses.dataclass(frozen=True)
class Row:
    """A row of some study."""

    name: str
    scores: dict
    verdict: str = ""
    recommended: bool = False
    cost: None = None
    over_chance: Estimate | None = None
    weights: np.ndarray = dataclasses.field(default_factory=lambda: np.ones(3), metadata=HIDDEN)


def board():
    rows = (
        Row("b", {"probe": Estimate(0.91), "knn": Estimate(0.9, 0.85, 0.95)}, "best", True),
        Row(
            "a",
            {"knn": Estimate(0.88, 0.7, 0.92)},
            "tied with best",
            over_chance=Estimate(0.13, -0.02),
        ),
        Row("chance", {"knn": Estimate(0.75, 0.7, 0.8)}, "floor"),
        Failure("c", "It is broken."),
    )
    return Board(rows, {"k": 3}, ("A note.",), {"fitting": np.nan})


def test_a_board_knows_what_ranks_it_and_who_is_left():
    ranked = board()
    assert (ranked.rank_by, ranked.label(), ranked.label("probe")) == (
        "knn", "3-NN accuracy", "linear probe",
    )  # fmt: skip
    assert ranked.metrics == ["knn", "probe"]
    assert [row.name for row in ranked.contenders] == ["b"]
    assert ranked.leader is ranked.best() is ranked.rows[0]
    assert [failure.spec for failure in ranked.failures] == ["c"]
    assert len(ranked) == 4
    empty = Board((Failure("c", "It is broken."),), {})
    assert empty.rank_by is empty.leader is empty.chance is None
    with pytest.raises(NearspaceError, match="recommends nothing"):
        empty.best()


def test_a_board_is_one_frame_and_one_json(tmp_path):
    frame = board().to_frame()
    assert "weights" not in frame.columns
    assert frame["knn"].tolist()[:2] == [0.9, 0.88]
    assert frame["knn_low"].tolist()[:2] == [0.85, 0.7]
    assert "probe_low" not in frame.columns
    assert frame["error"].tolist()[3] == "It is broken."
    parsed = json.loads(board().to_json(tmp_path / "b.json"))
    assert json.loads((tmp_path / "b.json").read_text()) == parsed
    assert list(parsed) == [
        "rows",
        "protocol",
        "notes",
        "seconds",
        "interrupted",
        "leaks",
        "resolution",
        "better_by",
        "advice",
    ]
    assert parsed["rows"][1]["scores"]["knn"] == {"value": 0.88, "low": 0.7, "high": 0.92}
    assert parsed["rows"][3]["verdict"] == "failed"
    assert "weights" not in parsed["rows"][0]
    assert parsed["seconds"] == {"fitting": None}
