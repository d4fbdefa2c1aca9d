"""Encoders made of encoders: side by side, one after the other, brought to length one."""

from __future__ import annotations

import copy
import dataclasses
from abc import abstractmethod
from collections import Counter
from collections.abc import Callable, Sequence
from typing import Any, ClassVar, Self, TypeVar, cast

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Image, Kind, Target, Vector
from nearspace.encoders import name_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import PipedDecoder
from nearspace.errors import SpecError, did_you_mean
from nearspace.metrics.exact import rows_in_range

__all__ = ["L2", "LEARNS", "Composite", "Concatenated", "Piped", "piped"]

LEARNS = ("nothing", "items", "labels", "pairs")  # from less to more
_Composite = TypeVar("_Composite", bound="Composite")
FitPart = Callable[[Encoder, Any, Any, Kind], Encoder]  # part, items, y, kind of the items


class Composite(Encoder):
    """An encoder made of encoders, whose parts somebody else can fit, and so fit only once.

    A part and its parameters are parameters of the whole, under the name that the part has in a
    spec: ``pca`` and ``pca__dim``. Several of one name are numbered: ``pca-1``, ``pca-2``.

    Attributes
    ----------
    encoders_ : list of Encoder
        The fitted parts.
    """

    kinds = Kind.every.values()
    takes_sparse = True
    takes_labels = True
    _parameter_constraints: ClassVar[dict[str, list]] = {"encoders": ["array-like"]}
    encoders_: list[Encoder]

    def __init__(self, encoders: Sequence[Encoder]):
        self.encoders = encoders

    def get_params(self, deep: bool = True) -> dict[str, Any]:
        """Return the parameters by name: ``encoders``, and where ``deep`` each part and its own.

        Examples
        --------
        >>> from nearspace import make
        >>> list(make("raw | pca | l2").get_params())[:4]
        ['encoders', 'raw', 'pca', 'pca__dim']
        """
        params = super().get_params(deep=False)
        for name, part in zip(self._names(), self.encoders, strict=True) if deep else ():
            params[name] = part
            own = part.get_params() if hasattr(part, "get_params") else {}
            params |= {f"{name}__{key}": value for key, value in own.items()}
        return params

    def set_params(self, **params: Any) -> Self:
        """Set parameters by the names of `get_params`: a part itself, or one of its own.

        Raises
        ------
        SpecError
            If there is no such part or parameter; the nearest is named.

        Examples
        --------
        >>> from nearspace import make
        >>> make("tfidf | pca").set_params(pca__dim=3)
        Piped(encoders=[TfIdf(), PCA(dim=3)])
        """
        if "encoders" in params:
            self.encoders = params.pop("encoders")
        # The names are those from before a part is replaced, whose name may be another.
        names, encoders = self._names(), list(self.encoders)
        inner: dict[str, dict[str, Any]] = {}
        for key, value in params.items():
            name, nested, own = key.partition("__")
            if nested:
                inner.setdefault(name, {})[own] = value
            elif name in names:
                encoders[names.index(name)] = value
            else:
                raise self._unknown(key)
        for name, values in inner.items():
            part = encoders[names.index(name)] if name in names else None
            for key in values:
                if part is None or key.partition("__")[0] not in part.get_params():
                    raise self._unknown(f"{name}__{key}")
        if not params.keys().isdisjoint(names):
            self.encoders = encoders
        for name, values in inner.items():
            encoders[names.index(name)].set_params(**values)
        return self

    def _unknown(self, key: str) -> SpecError:
        return SpecError(
            f"'{self.spec}' has no parameter '{key}'. {did_you_mean(key, self.get_params())}"
        )

    def _names(self) -> list[str]:
        """Return a name for each part, none of them twice."""
        names = [name_of(type(part)) or type(part).__name__.lower() for part in self.encoders]
        counts, before = Counter(names), Counter[str]()
        for at, name in enumerate(names):
            before[name] += 1
            if counts[name] > 1:
                names[at] = f"{name}-{before[name]}"
        return names

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> tuple[Any, Target | None]:
        """Check that all parts are encoders, and what `Encoder.begin_fit` checks."""
        self._validate_params()
        for part in self.encoders:
            if not isinstance(part, Encoder):
                raise SpecError(
                    f"{type(self).__name__} is made of encoders, as make('pca') returns one; got "
                    f"{part!r}."
                )
        return super().begin_fit(items, y, kind)

    @property
    def learns(self) -> str:  # type: ignore[override]
        """The most that any part learns from."""
        return max((part.learns for part in self.encoders), key=LEARNS.index)

    @property
    def parts(self) -> list[Encoder]:
        """The encoder and all that it is made of, depth first; fitted ones once it is fitted."""
        inner = getattr(self, "encoders_", self.encoders)
        return [self, *(part for one in inner for part in one.parts)]

    def side(self, name: str) -> Self:
        """Return the fitted encoder of the items on one side, where it is one of pairs.

        Parameters
        ----------
        name : {"left", "right"}
            The side.

        Raises
        ------
        SpecError
            If it is no encoder of pairs, or there is no such side.
        """
        check_is_fitted(self)
        if self.learns != LEARNS[-1]:
            raise SpecError(f"'{self.spec}' is no encoder of pairs, and has no sides.")
        return _of_parts(type(self), self._of_side(name))

    @abstractmethod
    def _of_side(self, name: str) -> list[Any]:
        """Return the fitted parts for the items on one side."""

    @property
    def is_reproducible(self) -> bool:
        """Whether the specs of all parts say all that the vectors depend on."""
        return all(part.is_reproducible for part in self.encoders)

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the fitted parts."""
        return tuple(dict.fromkeys(note for part in self.encoders_ for note in part.notes))

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return what the parts that items themselves go to have to say of them."""
        firsts = self.encoders_[:1] if self.first is not self else self.encoders_
        return tuple(dict.fromkeys(note for part in firsts for note in part.notes_on(X)))

    @property
    def in_blocks(self) -> bool:  # type: ignore[override]
        """Whether all parts are."""
        return all(part.in_blocks for part in self.encoders_)

    def without_decoder(self) -> Self:
        """Return the fitted encoder with no more than its vectors need."""
        bare = copy.copy(self)
        bare.encoders_ = [part.without_decoder() for part in self.encoders_]
        return bare

    def check_whole(self) -> None:
        """Raise an error unless its fitted parts are whole, and those that it was made of."""
        check_is_fitted(self)
        sizes = self._sizes_in()
        for part, size in zip(self.encoders_, sizes, strict=True):
            part.check_whole()
            if part.kind_.size != size:
                raise ValueError(f"a part takes {part.kind_.size} numbers, and gets {size}")
        if [part.spec for part in self.encoders_] != [part.spec for part in self.encoders]:
            raise ValueError("its fitted parts are not those that it is made of")

    @abstractmethod
    def _sizes_in(self) -> list[int]:
        """Return how many numbers an item has that each fitted part gets."""

    @abstractmethod
    def fit_parts(self, fit_part: FitPart, items: Any, y: Any) -> None:
        """Set `encoders_` by ``fit_part(part, items, y, kind)``, which returns a fitted copy."""

    @abstractmethod
    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `fit` and `transform` of any part would, where it can be told beforehand."""

    def _fit(self, items: Any, y: Any) -> None:
        self.fit_parts(
            lambda part, X, labels, kind: clone(part).fit_items(X, labels, kind), items, y
        )


class Concatenated(Composite):
    """The vectors of several encoders side by side, each as it is: ``hog + cnn``.

    Parameters
    ----------
    encoders : sequence of Encoder
        The parts. An encoder with larger numbers weighs more; ``(a | l2) + (b | l2)`` balances.

    Examples
    --------
    >>> from nearspace import load, make
    >>> make("pca(dim=4) + raw").fit_transform(load("digits").items).shape
    (1797, 68)
    """

    @property
    def spec(self) -> str:
        """The specs of the parts with ``+`` between them."""
        texts = [part.spec for part in self.encoders]
        return " + ".join(f"({text})" if "|" in text else text for text in texts)

    @property
    def summary(self) -> str:
        """What the parts are, side by side."""
        return ", beside it ".join(part.summary for part in self.encoders)

    def fit_parts(self, fit_part: FitPart, items: Any, y: Any) -> None:
        """Fit every part on the same items."""
        self.encoders_ = [fit_part(part, items, y, self.kind_) for part in self.encoders]

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `fit` and `transform` of any part would, where it can be told beforehand."""
        for part in self.encoders:
            part.try_untrained(items, y, kind)

    def _of_side(self, name: str) -> list[Any]:
        return [part.side(name) for part in cast("list[Any]", self.encoders_)]

    def _sizes_in(self) -> list[int]:
        return [self.kind_.size for _ in self.encoders_]

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        return self._beside([part.transform(items) for part in self.encoders_])

    def _beside(self, blocks: list[Any]) -> np.ndarray | sparse.csr_array:
        """Return the vectors of the parts side by side."""
        if any(sparse.issparse(block) for block in blocks):
            return sparse.csr_array(sparse.hstack(blocks, format="csr"), dtype=np.float32)
        return np.hstack(blocks)

    def _transform_queries(self, items: Any) -> np.ndarray | sparse.csr_array:
        return self._beside([part.transform_queries(items) for part in self.encoders_])

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the parts where they agree, else Euclidean, by which each counts by its size."""
        check_is_fitted(self)
        metrics = {part.metric for part in self.encoders_}
        return metrics.pop() if len(metrics) == 1 else "euclidean"

    @property
    def _n_features_out(self) -> int:
        return sum(part._n_features_out for part in self.encoders_)


class Piped(Composite):
    """Encoders one after the other, each on the vectors of the one before: ``tfidf | pca``.

    Parameters
    ----------
    encoders : sequence of Encoder
        The parts in order; all but the first take vectors.

    Examples
    --------
    >>> from nearspace import load, make
    >>> make("raw | pca(dim=4) | l2").fit_transform(load("digits").items).shape
    (1797, 4)
    """

    @property
    def spec(self) -> str:
        """The specs of the parts with ``|`` between them."""
        return " | ".join(part.spec for part in self.encoders)

    @property
    def summary(self) -> str:
        """What the parts are, one after the other."""
        return ", then ".join(part.summary for part in self.encoders)

    @property
    def first(self) -> Encoder:
        """The part that the items themselves go to; fitted once the pipe is."""
        return getattr(self, "encoders_", self.encoders)[0]

    @property
    def spans_kinds(self) -> bool:  # type: ignore[override]
        """Whether the vectors of the first do, and the others learn nothing of their own."""
        first, *others = self.encoders_
        return first.spans_kinds and all(part.learns == "nothing" for part in others)

    @property
    def decodes(self) -> bool:  # type: ignore[override]
        """Whether every part has a decoder after `fit`, if the kind of its items lets it."""
        return all(part.decodes for part in self.encoders)

    def _decoder(self) -> PipedDecoder | None:
        """Return the decoders of all parts, one after the other; None where a part has none."""
        decoders = [part.decoder for part in self.encoders_]
        stages = tuple(decoder for decoder in decoders if decoder is not None)
        if len(stages) < len(self.encoders_):
            return None
        first, offset = dataclasses.replace(stages[0], offset=None), stages[0].offset
        return PipedDecoder(self.kind_, stages[-1].dim, (first, *stages[1:]), offset=offset)

    def fit_parts(self, fit_part: FitPart, items: Any, y: Any) -> None:
        """Fit each part on what the parts before it make of the items."""
        self.encoders_, kind = [], self.kind_
        for part in self.encoders:
            self.encoders_.append(fit_part(part, items, y, kind))
            if len(self.encoders_) < len(self.encoders):
                items = self.encoders_[-1].transform(items)
                kind = Vector(items.shape[1], self.encoders_[-1].metric)

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `fit` and `transform` of any part would, where it can be told beforehand.

        Of the vectors that later parts get nothing is known yet, so that blank ones stand for them.
        """
        first, *others = self.encoders
        first.try_untrained(items, y, kind)
        n_items = items.shape[0] if hasattr(items, "shape") else len(items)
        for part in others:
            part.try_untrained(np.zeros((n_items, 2), np.float32), y, Vector(2))

    def _of_side(self, name: str) -> list[Any]:
        first, *others = cast("list[Any]", self.encoders_)
        return [first.side(name), *others]

    def _sizes_in(self) -> list[int]:
        return [self.kind_.size, *(part._n_features_out for part in self.encoders_[:-1])]

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        vectors = self.encoders_[0].transform(items)
        for part in self.encoders_[1:]:
            vectors = part.transform(vectors)
        return vectors

    def _transform_queries(self, items: Any) -> np.ndarray | sparse.csr_array:
        vectors = self.encoders_[0].transform_queries(items)
        for part in self.encoders_[1:]:
            vectors = part.transform_queries(vectors)
        return vectors

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of the last part; one that keeps distances and angles has that of what it gets."""
        check_is_fitted(self)
        return self.encoders_[-1].metric

    @property
    def _n_features_out(self) -> int:
        return self.encoders_[-1]._n_features_out


def piped(encoder: Encoder, last: Encoder) -> Piped:
    """Return a fitted encoder whose vectors go through another fitted one.

    Examples
    --------
    >>> from nearspace import load, make
    >>> wine = load("wine").items
    >>> first = make("raw | scale").fit(wine)
    >>> piped(first, make("pca(dim=2)").fit(first.transform(wine))).transform(wine[:1]).shape
    (1, 2)
    """
    return _of_parts(
        Piped, [*(encoder.encoders_ if isinstance(encoder, Piped) else [encoder]), last]
    )


def _of_parts(cls: type[_Composite], parts: list[Encoder]) -> _Composite:
    """Return an encoder made of fitted parts, of which the first takes the items."""
    whole = cls([clone(part) for part in parts])  # or a file would hold what was learned twice
    whole.encoders_ = parts
    for name in ("kind_", "n_samples_fit_", "n_features_in_", "feature_names_in_"):
        if hasattr(parts[0], name):
            setattr(whole, name, getattr(parts[0], name))
    return whole


class L2(Encoder):
    """Each vector divided by its Euclidean length, so that distance becomes angle; zero stays zero.

    Columns of vectors that lie too far from zero for float32 are moved to it first, since all
    angles would be the same.

    Examples
    --------
    >>> L2().fit_transform([[3.0, 4.0], [0.0, 0.0]])
    array([[0.6, 0.8],
           [0. , 0. ]], dtype=float32)
    """

    kinds = frozenset({Image, Vector})
    takes_sparse = True
    moves = True
    in_blocks = True
    metric = "cosine"

    def _fit(self, items: Any, y: Any) -> None:
        features = items if sparse.issparse(items) else self.kind_.features(items[:1])
        self.width_ = features.shape[1]

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        from sklearn.preprocessing import normalize

        if sparse.issparse(items):
            return sparse.csr_array(normalize(rows_in_range(items)), dtype=np.float32)
        return normalize(rows_in_range(self.kind_.features(items)))
