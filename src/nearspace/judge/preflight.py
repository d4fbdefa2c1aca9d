"""What is wrong with the encoders that somebody asked for, told before anything is fitted."""

from __future__ import annotations

from collections.abc import Iterable

from sklearn.base import BaseEstimator

from nearspace.data import Dataset
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.spec import make_many
from nearspace.errors import NearspaceError, each_or_all_errors

__all__ = ["made_encoders", "ready_encoders"]


def made_encoders(asked: Iterable[str | BaseEstimator]) -> list[Encoder]:
    """Return the encoders of specs, each of which may name several, or of transformers.

    Raises
    ------
    NearspaceError
        If any cannot be made; it tells of all that cannot.

    Examples
    --------
    >>> made_encoders(["raw, pca(dim=8)", "hog"])
    [Raw(), PCA(dim=8), HOG()]
    """

    def made(what: str | BaseEstimator) -> list[Encoder]:
        return [as_encoder(one) for one in (make_many(what) if isinstance(what, str) else [what])]

    return [encoder for some in each_or_all_errors(made, asked) for encoder in some]


def ready_encoders(asked: Iterable[str | BaseEstimator], train: Dataset) -> list[Encoder]:
    """Return encoders, as far as is known fit for the items and labels that they shall learn from.

    Raises
    ------
    NearspaceError
        If any cannot be made, takes another kind of items, lacks labels or has no such layer; it
        tells of all of which that is so.
    """

    def ready(encoder: Encoder) -> Encoder:
        try:
            encoder.try_untrained(train.items, train.target, train.kind)
        except ValueError as error:
            raise NearspaceError(f"Cannot use '{encoder.spec}': {error}") from error
        return encoder

    return each_or_all_errors(ready, made_encoders(asked))
