"""The scores, a family a file, and the table of them all."""

from nearspace.judge.scores import decoding, geometry, labels, numbers
from nearspace.judge.scores.score import Score

__all__ = ["SCORES", "Score"]

SCORES: dict[str, Score] = {
    score.name: score for family in (labels, numbers, decoding, geometry) for score in family.SCORES
}
