"""The task likeness: what is fitted on what, intervals over pairs that share items, refusals."""

import dataclasses

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from nearspace import compare, load
from nearspace.data import Dataset, Vector
from nearspace.data.pair_reading import load_pairs
from nearspace.data.pairs import Pairs
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

RANDOM = np.random.default_rng(0)


def vectors_of(n, dim=6, noise=0.3):
    """Return pairs of vectors, judged by their cosine and noise; each vector is in one pair."""
    one = RANDOM.normal(size=(n, dim))
    other = one + RANDOM.uniform(0, 3, (n, 1)) * RANDOM.normal(size=(n, dim))
    cosine = (one * other).sum(1) / np.linalg.norm(one, axis=1) / np.linalg.norm(other, axis=1)
    sides = (Dataset(x.astype(np.float32), Vector(dim)) for x in (one, other))
    judged = np.round(5 * cosine + noise * RANDOM.normal(size=n), 1)
    return Pairs(*sides, np.stack([np.arange(n)] * 2, axis=1), judged, name="made")


PAIRS = vectors_of(200)


def row(board, spec):
    return next(row for row in board.results if row.spec == spec)


def test_the_scores_are_those_of_scipy():
    board = compare(PAIRS, encoders=["raw | l2"], metric="cosine")
    x, y = PAIRS.left.items, PAIRS.right.items
    cosine = (x * y).sum(1) / np.linalg.norm(x, axis=1) / np.linalg.norm(y, axis=1)
    scores = row(board, "raw").scores
    assert scores["spearman"].value == pytest.approx(
        stats.spearmanr(cosine, PAIRS.scores)[0], abs=1e-4
    )
    assert scores["pearson"].value == pytest.approx(
        stats.pearsonr(cosine, PAIRS.scores)[0], abs=1e-6
    )
    assert scores["spearman"].low < scores["spearman"].value < scores["spearman"].high
    assert row(board, "raw | l2").verdict in ("best", "tied with best")
    assert row(board, "chance").scores["spearman"].value == 0
    assert board.protocol["task"] == "likeness"
    assert "200 pairs" in str(board.advice)
    assert not board.spaces
    assert not len(row(board, "raw").exhibits.neighbours)


def test_by_distance_the_nearer_are_the_more_alike():
    by = compare(PAIRS, encoders=["raw"], metric="euclidean")
    distance = np.linalg.norm(PAIRS.left.items - PAIRS.right.items, axis=1)
    truth = stats.spearmanr(-distance, PAIRS.scores)[0]
    assert row(by, "raw").scores["spearman"].value == pytest.approx(truth, abs=1e-4)


def test_encoders_are_fitted_on_all_items_or_on_those_of_other_pairs():
    task = set_task(PAIRS, Protocol())
    assert len(task.train) == 400
    assert any("fitted on the items of all pairs" in note for note in task.notes)
    split = np.where(np.arange(200) < 150, "train", "test")
    apart = set_task(dataclasses.replace(PAIRS, split=split), Protocol())
    assert (len(apart.train), len(apart.test), len(apart.judged)) == (300, 100, 50)
    assert not any("all pairs" in note for note in apart.notes)
    assert apart.describe()["fitted on"] == "300 items of other pairs"
    board = compare(apart, encoders=["raw"])
    assert board.resolution.items == 50


def test_pairs_that_share_items_are_one_unit():
    texts = [f"text {at}" for at in range(100)]
    ring = [[5 * block + at, 5 * block + (at + 1) % 5] for block in range(20) for at in range(5)]
    pairs = Pairs(*[load(texts)] * 2, np.array(ring), RANDOM.normal(size=100))
    groups = set_task(pairs, Protocol()).groups
    assert len(np.unique(groups)) == 20
    assert set_task(PAIRS, Protocol()).groups is None
    # All hang together: those with one item on the left are taken as a group, and that is told.
    chain = np.stack([np.arange(99) // 3, np.arange(99) // 3 + 1 + np.arange(99) % 3], axis=1)
    task = set_task(dataclasses.replace(pairs, links=chain, scores=pairs.scores[:99]), Protocol())
    assert len(np.unique(task.groups)) == 33
    assert "99 of the 99 pairs hang together" in task.notes[0]


def test_shared_items_widen_the_intervals():
    n = 40
    one = vectors_of(n)
    many = dataclasses.replace(
        one,
        left=Dataset(np.tile(one.left.items, (6, 1)), one.left.kind),
        right=Dataset(np.tile(one.right.items, (6, 1)), one.right.kind),
        links=np.stack([np.arange(6 * n)] * 2, axis=1),
        scores=np.tile(one.scores, 6),
    )
    wide, same = (row(compare(p, encoders=["raw"]), "raw").scores["pearson"] for p in (one, many))
    assert same.value == pytest.approx(wide.value)
    assert same.high - same.low == pytest.approx(wide.high - wide.low, rel=0.1)


def test_an_encoder_to_which_all_is_alike_tells_nothing():
    same = Dataset(np.ones((30, 3), np.float32), Vector(3))
    links = np.stack([np.arange(30), np.arange(30)[::-1]], axis=1)
    board = compare(Pairs(same, same, links, np.arange(30.0)), encoders=["raw"])
    assert row(board, "raw").scores["spearman"].value == 0
    assert board.recommended is None


def test_what_makes_no_sense_is_refused():
    with pytest.raises(DataError, match="wine has no pairs of which it was judged"):
        set_task(load("wine"), Protocol(), "likeness")
    unjudged = dataclasses.replace(PAIRS, scores=None)
    with pytest.raises(DataError, match="has no pairs of which it was judged"):
        set_task(unjudged, Protocol(), "likeness")
    with pytest.raises(DataError, match="leave scores= out, or ask for task='likeness'"):
        set_task(PAIRS, Protocol(), "retrieval")
    with pytest.raises(DataError, match="at least 10 pairs with scores that differ, got 5"):
        set_task(PAIRS.take(np.arange(5)), Protocol())
    with pytest.raises(DataError, match="got 200, all with the score 3"):
        set_task(dataclasses.replace(PAIRS, scores=np.full(200, 3.0)), Protocol())
    for name, value in {"folds": 5, "test_size": 0.4, "near_duplicates": "together"}.items():
        with pytest.raises(NearspaceError, match=f"{name}= has no meaning for likeness"):
            set_task(PAIRS, Protocol(**{name: value}))
    with pytest.raises(NearspaceError, match=r"Cannot rank likeness by 'spearmann'|Cannot rank by"):
        set_task(PAIRS, Protocol(rank_by="spearmann"))
    with pytest.raises(NearspaceError, match="Cannot rank likeness by 'ndcg_10'"):
        set_task(PAIRS, Protocol(rank_by="ndcg_10"))
    with pytest.raises(DataError, match="both are to be of one kind"):
        set_task(dataclasses.replace(PAIRS, right=load(["a"] * 200, kind="text")), Protocol())


def test_captions_that_people_judged(public_data):
    path = public_data / "stsb-captions" / "stsb-en-test.csv.gz"
    frame = pd.read_csv(path, header=None, names=["one", "other", "score"])
    pairs = load_pairs(frame, "one", "other", scores="score", scale=(0, 5), same=True)
    board = compare(pairs, encoders=["tfidf"])
    assert row(board, "tfidf").scores["spearman"].value == pytest.approx(0.721, abs=0.001)
    assert row(board, "tfidf").verdict == "best"
    train = path.with_name("stsb-en-train.csv.gz")
    learnt = pd.read_csv(train, header=None, names=["one", "other", "score"])
    apart = load_pairs(learnt, "one", "other", scores="score", same=True, test=frame)
    assert 0.6 < row(compare(apart, encoders=["tfidf"]), "tfidf").scores["spearman"].value < 0.7
