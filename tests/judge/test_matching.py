"""The task of pairs that belong together: who is fitted on what, and what its figures mean."""

import dataclasses

import numpy as np
import pytest
from tests.numerals import numerals

from nearspace.data import load
from nearspace.data.pair_reading import load_pairs
from nearspace.data.pairs import Pairs
from nearspace.encoders.spec import make
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.compare import compare
from nearspace.judge.tasks import set_task
from nearspace.metrics.retrieval import nearest
from nearspace.report.page import render

QUICK = "linear_pair(tfidf | svd(dim=24), right=tfidf | svd(dim=24), dim=16)"


@pytest.fixture(scope="module")
def pairs():
    return numerals(np.random.default_rng(0).permutation(1000)[:400])


@pytest.fixture(scope="module")
def board(pairs):
    return compare(pairs, encoders=[QUICK, "tfidf", f"shared(tfidf) + {QUICK}"])


def test_pairs_that_belong_together_bring_it(pairs):
    assert set_task(pairs, Protocol()).name == "matching"
    searched = dataclasses.replace(pairs, searched=True)
    assert set_task(searched, Protocol()).name == "retrieval"
    assert set_task(pairs, Protocol(), "retrieval").name == "retrieval"
    with pytest.raises(DataError, match="has no pairs that belong together"):
        set_task(load("wine"), Protocol(), "matching")


def test_no_item_is_both_learnt_from_and_judged_on(pairs):
    task = set_task(pairs, Protocol())
    train, test = task.train.items, task.test.items
    assert not {*train.left} & {*test.left}
    assert not {*train.right} & {*test.right}
    assert (len(train.links), len(test.links)) == (300, 100)
    assert len(task.groups) == len(task.test) == 200
    assert len(np.unique(task.groups)) == 100


def test_scores_are_those_of_a_search_of_the_other_side(board, pairs):
    row = next(row for row in board.results if row.spec == QUICK)
    task = set_task(pairs, Protocol())
    encoder = make(QUICK).fit_on(task.train)
    left, right = (
        encoder.side(name).transform(items)
        for name, items in (("left", task.test.items.left), ("right", task.test.items.right))
    )
    links = dict(task.test.items.links.tolist())
    wanted = np.array([links[at] for at in range(100)])
    first, five = (nearest(left, right, k, "cosine")[0] for k in (1, 5))
    # Where words stand in another order they are equally near, and any may come first.
    assert row.scores["precision_1_right"].value == pytest.approx(
        (first[:, 0] == wanted).mean(), abs=0.05
    )
    back = nearest(right, left, 1, "cosine")[0][wanted, 0]
    assert row.scores["precision_1_left"].value == pytest.approx(
        (back == np.arange(100)).mean(), abs=0.05
    )
    both = [row.scores[f"precision_1_{side}"].value for side in ("left", "right")]
    assert row.scores["precision_1"].value == pytest.approx(np.mean(both))
    hit = (five == wanted[:, None]).any(axis=1).mean()
    assert row.scores["match_recall_5"].value == pytest.approx(hit, abs=0.05)
    assert row.scores["median_rank"].value >= 1


def test_a_plain_encoder_is_shared_by_both_sides_and_chance_is_a_row(board):
    scores = {row.spec: row.scores["precision_1"].value for row in board.results}
    assert {"shared(tfidf)", "shared(tfidf(analyzer='char'))", "linear_pair"} <= scores.keys()
    assert scores["chance"] == pytest.approx(0.01)
    assert scores[QUICK] > scores["shared(tfidf)"]
    assert board.protocol["candidates on the right"] == 100
    assert any("Every item looks for its own among 100 on the right" in n for n in board.notes)


def test_the_report_shows_it(board):
    page = render(board)
    assert "P@1" in page
    assert "nearspace pair LEFT RIGHT <span>--with</span>" in page
    assert "matching" in board.to_json()


def test_items_of_two_kinds_are_judged():
    digits = load("digits").take(np.arange(300))
    words = load(
        [f"{name} in ink" for name in ["zero", "one", "two", "three", "four", "five", "six"]]
    )
    chosen = np.flatnonzero(digits.target.values.astype(int) < 7)
    links = np.stack([chosen, digits.target.values.astype(int)[chosen]], axis=1)
    # All pictures of a digit hang together by its word: seven groups, which are few to judge on.
    few = Pairs(digits, words, links)
    with pytest.raises(DataError, match=r"all pairs hang together|expected at least"):
        set_task(Pairs(digits, load(["x"]), [[0, 0], [1, 0]]), Protocol())
    board = compare(few, encoders=["raw"])
    assert {row.spec for row in board.results} == {"linear_pair", "chance"}
    assert "puts them into no one space" in board.failures[0].error


def test_what_flatters_is_told(pairs):
    same = load_pairs((pairs.left.items, [*pairs.left.items[:200], *pairs.right.items[200:]]))
    assert any("have the same item on both sides" in n for n in set_task(same, Protocol()).notes)
    asked = numerals(range(900, 920))
    asked = ([*pairs.left.items[:3], *asked.left.items], [*"xyz", *asked.right.items])
    seen = load_pairs((pairs.left.items, pairs.right.items), test=asked)
    notes = set_task(seen, Protocol()).notes
    assert any("that is learnt from too" in note for note in notes)


def test_a_share_of_test_pairs_that_is_not_what_was_asked_for_is_told(pairs):
    items = load([f"item {at}" for at in range(50)])
    links = [[at, int(at >= 30)] for at in range(50)]  # two words, each of many items
    task = set_task(Pairs(items, load(["one", "other"]), links), Protocol(test_size=0.1))
    told = "20 of the 50 pairs test, 40% where 10% were asked for: many hang together"
    assert any(told in note for note in task.notes)
    assert not any("were asked for" in note for note in set_task(pairs, Protocol()).notes)


def test_settings_that_mean_nothing_are_refused(pairs):
    for protocol, message in {
        Protocol(folds=3): "folds= has no meaning for matching: what hangs together",
        Protocol(rank_by="knn"): "Cannot rank matching by 'knn'",
        Protocol(near_duplicates="together"): "near_duplicates= has no meaning",
    }.items():
        with pytest.raises(NearspaceError, match=message):
            set_task(pairs, protocol)
    with pytest.raises(DataError, match="expected at least 10 pairs to be judged on"):
        set_task(numerals(range(20)), Protocol())
