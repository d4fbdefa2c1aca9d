"""The predictors that stand beside the encoders of a kind, by the names that `USUAL` gives them."""

from __future__ import annotations

from nearspace.judge.predictor import Predictor
from nearspace.judge.task import Task
from nearspace.judge.trees import boosted_trees
from nearspace.judge.usual import USUAL
from nearspace.judge.warping import nearest_warped

__all__ = ["predictor_beside"]

PREDICTORS = {each.name: each for each in (boosted_trees, nearest_warped)}


def predictor_beside(task: Task) -> Predictor | None:
    """Return the model that is a reference on a task, where one thing is to be told of items.

    Examples
    --------
    >>> from nearspace import load
    >>> from nearspace.judge.protocol import Protocol
    >>> from nearspace.judge.tasks import set_task
    >>> predictor_beside(set_task(load("customers"), Protocol())).name
    'boosted trees'
    """
    if not (task.labelled and task.of_items):
        return None
    return PREDICTORS.get(USUAL[task.train.kind.name].predictor)
