"""What is wrong with the data and encoders that somebody gave, told before anything is fitted."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from sklearn.base import BaseEstimator

from nearspace.data import Dataset
from nearspace.data.graph_reading import holds_graph, load_graph
from nearspace.data.load import dataset_of
from nearspace.data.pairs import Pairs
from nearspace.data.relevance import holds_queries, load_retrieval
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.spec import make_many
from nearspace.errors import DataError, MissingExtra, NearspaceError, SpecError, each_or_all_errors

__all__ = ["data_to_judge", "listed", "made_encoders", "ready_encoders"]


def data_to_judge(data: Any, labels: Any, encoders: Any) -> Dataset | Pairs:
    """Return the dataset or the pairs that were given to be judged on.

    Raises
    ------
    NearspaceError
        If it cannot be read; also where encoders stand in its place, or in that of the labels.

    Examples
    --------
    >>> data_to_judge(["pca"], [[0.0, 1.0]], None)
    Traceback (most recent call last):
    nearspace.errors.SpecError: compare: encoders stand where data or labels belong; write ...
    """
    if isinstance(data, Pairs) or holds_queries(data):
        if labels is not None:
            raise DataError("compare: pairs have no labels; leave labels= out.")
        return data if isinstance(data, Pairs) else load_retrieval(data)
    data = load_graph(data) if holds_graph(data) else data
    try:
        return dataset_of(data, labels)
    except DataError:
        if encoders is None and (_are_encoders(data) or _are_encoders(labels)):
            raise SpecError(
                "compare: encoders stand where data or labels belong; write "
                "compare(data, labels, encoders=['pca'])."
            ) from None
        raise


def _are_encoders(what: Any) -> bool:
    """Return whether something is an encoder, a transformer, a spec, or a list of these."""
    if isinstance(what, list | tuple):
        return bool(what) and all(map(_are_encoders, what))
    if not isinstance(what, str):
        return hasattr(what, "fit") and hasattr(what, "transform")
    try:
        return bool(make_many(what))
    except MissingExtra:
        return True
    except NearspaceError:
        return False


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


def listed(encoders: Any) -> list[str | BaseEstimator]:
    """Return the encoders asked for as a list: none, one alone, or several.

    Examples
    --------
    >>> listed("pca")
    ['pca']
    """
    if encoders is None:
        return []
    if isinstance(encoders, str | BaseEstimator):
        return [encoders]
    if not isinstance(encoders, Iterable):
        raise SpecError(
            f"compare: expected encoders, as in ['pca', 'raw'], got one {type(encoders).__name__}."
        )
    return list(encoders)


def ready_encoders(
    asked: Iterable[str | BaseEstimator],
    train: Dataset,
    as_asked: Callable[[Encoder], Encoder] = lambda encoder: encoder,
) -> list[Encoder]:
    """Return encoders, as far as is known fit for the items and labels that they shall learn from.

    Where a task asks another in place of each, that one is returned.

    Raises
    ------
    NearspaceError
        If any cannot be made, takes another kind of items, lacks labels or has no such layer; it
        tells of all of which that is so.
    """

    def ready(encoder: Encoder) -> Encoder:
        encoder = as_asked(encoder)
        try:
            encoder.try_untrained(train.items, train.target, train.kind)
        except ValueError as error:
            raise NearspaceError(f"Cannot use '{encoder.spec}': {error}") from error
        return encoder

    return each_or_all_errors(ready, made_encoders(asked))
