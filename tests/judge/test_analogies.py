"""The task analogies: against a naive loop, sections as groups, what is covered, refusals."""

import numpy as np
import pytest

from nearspace import compare, load, save, word_space
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.metrics.analogies import analogies_solved

NOUNS = ["cat", "dog", "boat", "house", "river", "cloud"]
LINES = [": plurals", *(f"{a} {a}s {b} {b}s" for a in NOUNS for b in NOUNS if a != b)]
LINES += [": capitals", "Oslo Norway Rome Italy", "Oslo Norway Paris France"]


def task_of(lines, **more):
    return set_task(load(lines, kind="text", **more), Protocol(), "analogies")


@pytest.mark.parametrize("metric", ["cosine", "euclidean", "dot"])
def test_solved_are_those_of_a_naive_loop(metric):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(30, 3)).astype(np.float32)
    vectors[4] = 0
    questions = np.array([rng.permutation(30)[:4] for _ in range(200)])
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-9)
    used = unit if metric == "cosine" else vectors
    wanted = []
    for a, b, c, d in questions:
        target = used[b] - used[a] + used[c]
        scores = -np.linalg.norm(used - target, axis=1) if metric == "euclidean" else used @ target
        if metric == "cosine":
            scores[4] = -np.inf
        scores[[a, b, c]] = -np.inf
        covered = metric != "cosine" or 4 not in (a, b, c, d)
        wanted.append(float(covered and scores.argmax() == d))
    assert 0 < sum(wanted) < 200
    assert analogies_solved(vectors, questions, metric).tolist() == wanted


def test_questions_are_read_by_section_and_words_are_one_whatever_their_capitals():
    task = task_of([*LINES, "oslo norway ROME italy"])
    assert task.sections == ("plurals", "capitals")
    assert (task.units, len(task.questions), len(task.test)) == ("questions", 33, 18)
    assert task.groups.tolist() == [0] * 30 + [1] * 3
    assert task.questions[-1].tolist() == task.questions[-3].tolist()
    assert [task.test.items[at] for at in task.questions[0]] == ["cat", "cats", "dog", "dogs"]
    assert task_of(LINES[1:31]).groups is None


def test_the_board_tells_what_is_solved_by_section_and_how_much_is_covered(tmp_path):
    texts = ["cat cats dog dogs boat boats"] * 30
    path = save(word_space(texts, "skipgram(dim=4, epochs=1)"), tmp_path / "w.space")
    board = compare(load(LINES, kind="text"), task="analogies", encoders=[f"frozen('{path}')"])
    rows = {row.spec: row for row in board.results}
    assert rows["raw"].scores["analogies"].value == pytest.approx(30 / 32)
    assert rows["raw"].notes == ("By section: plurals 100%, capitals 0%.",)
    notes = rows[f"frozen(path='{path}')"].notes
    assert "It has vectors for all words of 18.8% of the questions." in notes
    assert board.protocol["task"] == "analogies"
    assert "bootstrap over sections" in board.protocol["intervals"]


def test_encoders_learn_from_texts_given_apart_whose_words_may_be_answers():
    texts = ["cat cats dog dogs boat boats zebra"] * 30
    split = np.repeat(["train", "test"], [len(texts), len(LINES)])
    data = load([*texts, *LINES], kind="text", split=split)
    task = set_task(data, Protocol(), "analogies")
    assert task.train.items == texts
    assert task.test.items[-1] == "zebra"
    assert "cat" in task.test.items
    assert len(task.test) == 19
    board = compare(data, task="analogies", encoders=["skipgram(dim=4, epochs=1)"])
    assert board.protocol["fitted on"] == "30 texts"


def test_what_are_no_questions_is_refused():
    with pytest.raises(DataError, match=r"item 3 is 'one two three'; expected four words"):
        task_of([*LINES[:3], "one two three"])
    with pytest.raises(DataError, match=r"expected at least 10 questions, got 3"):
        task_of(LINES[:4])
    with pytest.raises(DataError, match=r"are lines of a text file"):
        set_task(load("wine"), Protocol(), "analogies")
    with pytest.raises(NearspaceError, match=r"folds= has no meaning for analogies"):
        set_task(load(LINES, kind="text"), Protocol(folds=5), "analogies")
    with pytest.raises(NearspaceError, match=r"Cannot rank analogies by 'knn'"):
        set_task(load(LINES, kind="text"), Protocol(rank_by="knn"), "analogies")
