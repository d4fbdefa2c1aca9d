"""`Protocol`: under which every encoder of a comparison is judged."""

from __future__ import annotations

import dataclasses
from numbers import Real

from nearspace.data.split import NEAR_DUPLICATES
from nearspace.errors import NearspaceError, count_of, did_you_mean
from nearspace.judge.folding import BY_GROUP
from nearspace.judge.scores import SCORES
from nearspace.recipe import check_metric

__all__ = ["HOLD_OUT", "Protocol"]

HOLD_OUT = ("date", "random", "user")


@dataclasses.dataclass(frozen=True)
class Protocol:
    """The settings of a comparison.

    Parameters
    ----------
    k : int
        Neighbours that vote.
    rank_by : str or None
        The score that ranks, by name in `SCORES`; the task's own when None.
    seeds : int
        Fits of each encoder, with different random states.
    test_size : float
        Share of the items that test, where no split is published.
    random_state : int
        Of the split, the subsamples and the bootstrap.
    near_duplicates : {"tell", "together"}
        Whether items that are nearly the same are counted, or kept on one side of the split.
    metric : {"cosine", "dot", "euclidean"} or None
        By which neighbours are near; each encoder's own when None.
    folds : int, "groups" or None
        Into how many folds the items go, of which each tests once; 1 for one held-out part,
        "groups" for a fold of every group, None for what suits their number.
    hold_out : {"date", "random", "user"} or None
        Which edges of a graph, or interactions of users, are held back: the latest, by one date for
        all; some at random; or some of each user, their latest where there is a time. By date where
        there is a time when None, else at random.
    """

    k: int = 5
    rank_by: str | None = None
    seeds: int = 1
    test_size: float = 0.25
    random_state: int = 0
    near_duplicates: str = "tell"
    metric: str | None = None
    folds: int | str | None = 1
    hold_out: str | None = None

    def check(self) -> None:
        """Raise `NearspaceError` where a setting makes no sense."""
        ranking = [
            name for name, score in SCORES.items() if score.per_unit and "told" not in score.needs
        ]
        if self.rank_by is not None and self.rank_by not in ranking:
            hint = did_you_mean(self.rank_by, ranking)
            raise NearspaceError(f"Cannot rank by '{self.rank_by}'. {hint}")
        count_of(self.k, "The test", "k")
        count_of(self.seeds, "The test", "seeds=")
        count_of(self.random_state, "The test", "random_state=", least=0)
        if isinstance(self.folds, str) and self.folds != BY_GROUP:
            raise NearspaceError(
                f"folds= takes a number of folds, or '{BY_GROUP}' for one of every group; got "
                f"'{self.folds}'."
            )
        if self.folds is not None and self.folds != BY_GROUP:
            count_of(self.folds, "The test", "folds=")
        if not (isinstance(self.test_size, Real) and 0 < self.test_size < 1):
            raise NearspaceError(f"test_size= must be between 0 and 1; got {self.test_size}.")
        if self.near_duplicates not in NEAR_DUPLICATES:
            hint = did_you_mean(self.near_duplicates, NEAR_DUPLICATES)
            raise NearspaceError(f"near_duplicates= cannot be '{self.near_duplicates}'. {hint}")
        if self.hold_out is not None and self.hold_out not in HOLD_OUT:
            hint = did_you_mean(self.hold_out, HOLD_OUT)
            raise NearspaceError(f"hold_out= cannot be '{self.hold_out}'. {hint}")
        if self.metric is not None:
            check_metric(self.metric)
