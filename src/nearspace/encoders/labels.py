"""Labels as encoders learn them."""

from __future__ import annotations

from typing import Any

from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import column_or_1d

from nearspace.data import Classes, Target, target_of
from nearspace.data.target import check_length
from nearspace.errors import DataError

__all__ = ["check_labels"]


def check_labels(y: Any, n: int, who: str, may_be_numbers: bool) -> Target:
    """Return labels as what an encoder is to learn of ``n`` items.

    Raises
    ------
    ValueError
        If they are absent, of another length, all the same, or of a sort that is not learnt.
    """
    if y is None:
        raise DataError(
            f"{who} learns from labels and requires y to be passed, but the target y is None."
        )
    target = y if isinstance(y, Target) else target_of(column_or_1d(y, warn=True))
    check_length(target, n, "labels", who)
    if isinstance(target, Classes):
        check_classification_targets(target.values)
    elif not may_be_numbers:
        raise DataError(
            f"{who} learns from classes, got continuous numbers; cut them into classes first, or "
            "use an encoder that learns numbers, such as mlp."
        )
    if not target.varies:
        raise DataError(f"{who} needs labels of at least two classes, got only one class.")
    return target
