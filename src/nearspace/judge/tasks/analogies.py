"""Analogies: what is to a word as another is to a third is to be found by their differences."""

from __future__ import annotations

import dataclasses
import hashlib
from typing import Any, Self

import numpy as np

from nearspace.data import Dataset
from nearspace.encoders.vocabulary import Vocabulary
from nearspace.errors import DataError
from nearspace.judge.evidence import Evidence
from nearspace.judge.protocol import Protocol
from nearspace.judge.score import Score
from nearspace.judge.scores import SCORES
from nearspace.judge.statistics import FEWEST_UNITS
from nearspace.judge.task import GEOMETRY_ITEMS, Task
from nearspace.judge.tasks.retrieval import check_no_split, check_rank_by
from nearspace.metrics.directions import has_direction
from nearspace.metrics.retrieval import subsample
from nearspace.recipe import versions

__all__ = ["Analogies"]

TERMS = 4  # words of a question
FEWEST_QUESTIONS = 10
MOST_CANDIDATES = 30_000  # words of a corpus that may be answers, the commonest


@dataclasses.dataclass(frozen=True, eq=False, kw_only=True)
class Analogies(Task):
    """How many questions of the form "a is to b as c is to …" are answered by b - a + c.

    The questions are lines of four words, the last of which is the answer, under lines ``: name``
    that begin a section (Mikolov et al., 2013). Answers are the words of all questions, and where
    encoders are fitted on texts of their own, the commonest words of these too.

    Attributes
    ----------
    questions : ndarray of shape (questions, 4)
        Positions of the words among the test items.
    group : ndarray of int of shape (questions,) or None
        The section of each, where there are several.
    sections : tuple of str
        Their names.
    """

    name = "analogies"
    units = "questions"
    mapped = False
    of_items = False

    questions: np.ndarray
    group: np.ndarray | None
    sections: tuple[str, ...]

    @classmethod
    def suits(cls, data: Any) -> bool:
        """Return False: lines of four words may be anything, so that the task is asked for."""
        return False

    @classmethod
    def of(cls, data: Any, protocol: Protocol) -> Self:
        """Return the task on lines of questions: of a dataset with a split, those that test.

        Encoders are then fitted on the training items, else on the words of the questions.

        Raises
        ------
        NearspaceError
            If a setting makes no sense, a line is no question, or there are too few.
        """
        protocol.check()
        rank_by = protocol.rank_by or cls.name
        check_rank_by(cls.name, rank_by)
        check_no_split(cls.name, protocol, "encoders are not fitted on the questions, all of which")
        if not isinstance(data, Dataset) or data.kind.part != "word":
            raise DataError(
                f"{data.name}: the questions of analogies are lines of a text file, of four words "
                "each, under lines such as ': capitals'."
            )
        apart = data.split is not None
        asked = data.take(np.flatnonzero(data.split == "test")) if apart else data
        words, questions, group, sections = _questions(asked)
        notes = list(data.notes)
        if apart:
            train = data.take(np.flatnonzero(data.split == "train"))
            words = _with_common_words(words, train)
        else:
            train = Dataset(words, data.kind, name=data.name)
            notes.append(
                "Encoders that learn are fitted on the words of the questions, each a text of its "
                "own; to learn from texts, give these, and the questions apart (test=)."
            )
        notes.append(
            f"Of {len(words):,} words that may be answers the right one is to be nearest to "
            "b - a + c; a question with a word of which an encoder has no vector counts as not "
            "answered."
        )
        if group is not None and len(sections) < FEWEST_UNITS:
            notes.append(
                f"Of fewer than {FEWEST_UNITS} sections, which are taken as groups, no difference "
                f"is taken for real; there are {len(sections)}."
            )
        return cls(
            dataset=train,
            train=train,
            test=Dataset(words, data.kind, name=data.name),
            sample=subsample(len(words), GEOMETRY_ITEMS, protocol.random_state),
            rank_by=rank_by,
            protocol=protocol,
            notes=tuple(notes),
            questions=questions,
            group=group,
            sections=sections,
        )

    @property
    def scores(self) -> list[Score]:
        """That of analogies."""
        return [score for score in SCORES.values() if score.needs == {self.name}]

    @property
    def groups(self) -> np.ndarray | None:
        """The sections of the questions, where there are several."""
        return self.group

    @property
    def fingerprints(self) -> tuple[str, ...]:
        """Those of what is learnt from and of the words, and of which words make a question."""
        digest = hashlib.blake2b(self.questions.tobytes(), digest_size=8)
        return (*super().fingerprints, digest.hexdigest())

    def told_of(self, evidence: Evidence) -> list[str]:
        """Return how many questions have vectors, and the share that is solved of each section."""
        solved = evidence.analogies
        notes = []
        if evidence.metric == "cosine":
            covered = has_direction(evidence.test)[self.questions].all(axis=1).mean()
            if covered < 1:
                notes.append(f"It has vectors for all words of {covered:.1%} of the questions.")
        if self.group is not None:
            shares = np.bincount(self.group, solved) / np.bincount(self.group)
            parts = [
                f"{name} {share:.0%}" for name, share in zip(self.sections, shares, strict=True)
            ]
            notes.append(f"By section: {', '.join(parts)}.")
        return notes

    def describe(self) -> dict[str, Any]:
        """Return all that is needed to repeat the comparison, as JSON values."""
        protocol = self.protocol
        return {
            "name": self.dataset.name,
            "kind": str(self.dataset.kind),
            "task": self.name,
            "questions": len(self.questions),
            "units": self.units,
            "sections": len(self.sections),
            "answers": len(self.test),
            "fitted on": f"{len(self.train):,} texts",
            "rank_by": self.rank_by,
            "metric": protocol.metric or "each encoder's own",
            "seeds": protocol.seeds,
            "random_state": protocol.random_state,
            "fingerprints of texts, words and questions": list(self.fingerprints),
            "intervals": "95 %, bootstrap over "
            + ("questions" if self.groups is None else "sections")
            + ("" if protocol.seeds == 1 else " and seeds")
            + "; differences to the best hold for all rows at once",
            "versions": versions(),
        }


def _questions(
    asked: Dataset,
) -> tuple[list[str], np.ndarray, np.ndarray | None, tuple[str, ...]]:
    """Return the words of questions, their positions in each, and its section where there are some.

    Words that differ by capitals alone are one.

    Raises
    ------
    DataError
        If a line is neither a question nor the head of a section, or there are too few.
    """
    at: dict[str, int] = {}
    words, rows, groups, sections = list[str](), list[list[int]](), list[int](), list[str]()
    for name, line in zip(np.asarray(asked.ids).tolist(), asked.items, strict=True):
        terms = line.split()
        if terms and terms[0].startswith(":"):
            sections.append(line.strip().lstrip(":").strip() or "unnamed")
            continue
        if len(terms) != TERMS:
            raise DataError(
                f"{asked.name}: item {name} is '{line:.60}'; expected four words, a question of "
                "the form 'a b c d', or ': ' and the name of a section."
            )
        for term in terms:
            if at.setdefault(term.lower(), len(words)) == len(words):
                words.append(term)
        rows.append([at[term.lower()] for term in terms])
        groups.append(len(sections))
    if len(rows) < FEWEST_QUESTIONS:
        raise DataError(
            f"{asked.name}: expected at least {FEWEST_QUESTIONS} questions, got {len(rows)}."
        )
    used, group = np.unique(groups, return_inverse=True)
    named = tuple("unnamed" if number == 0 else sections[number - 1] for number in used.tolist())
    return words, np.array(rows), group if len(used) > 1 else None, named


def _with_common_words(words: list[str], train: Dataset) -> list[str]:
    """Return words, and behind them the commonest others of training texts."""
    there = {word.lower() for word in words}
    common = Vocabulary.of(train.items, most=MOST_CANDIDATES).tokens
    return words + [word for word in common if word not in there]
