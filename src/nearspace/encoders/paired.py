"""`Paired`: encoders of items on two sides into one space, and `Shared`, one for both sides."""

from __future__ import annotations

import copy
from abc import abstractmethod
from typing import Any, ClassVar, Self

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.utils.validation import check_is_fitted

from nearspace.data.kinds.kind import count_items
from nearspace.data.kinds.sides import Sides
from nearspace.data.sided import SIDES, Sided
from nearspace.encoders.base import Encoder
from nearspace.encoders.state import State
from nearspace.errors import DataError, SpecError, did_you_mean

__all__ = ["Paired", "Shared"]


class Paired(Encoder):
    """An encoder of items on two sides, whose vectors are of one space.

    It is fitted on pairs, and is then two fitted encoders, one a side, which are asked by `side`. A
    subclass implements `_fit_sides`.

    Attributes
    ----------
    left_, right_ : Encoder
        The fitted encoders of the two sides, with vectors of one length.

    Examples
    --------
    >>> from nearspace import load, make
    >>> from nearspace.data.pairs import Pairs
    >>> pairs = Pairs(load(["a cat", "a dog"]), load(["a kat", "a dag"]), [[0, 0], [1, 1]])
    >>> encoder = make("shared(tfidf(analyzer='char'))").fit_on(pairs)
    >>> encoder.side("right").transform(["a dag"]).shape[0]
    1
    """

    kinds = frozenset({Sides})
    learns = "pairs"
    takes_sparse = True
    draws: ClassVar[bool] = False  # whether it draws what an item of the right side may mean
    left_: Encoder
    right_: Encoder

    @abstractmethod
    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        """Return an encoder of each side, fitted on items of which some belong together."""

    def _fit(self, items: Any, y: Any) -> None:
        assert isinstance(self.kind_, Sides)
        self.left_, self.right_ = self._fit_sides(items, self.kind_)
        widths = [encoder._n_features_out for encoder in (self.left_, self.right_)]
        if widths[0] != widths[1]:
            raise DataError(
                f"{self.spec}: expected vectors of one length on both sides, got {widths[0]:,} and "
                f"{widths[1]:,}: they are of no one space; linear_pair leads them into one."
            )

    def side(self, name: str) -> Encoder:
        """Return the fitted encoder of a side, which takes items as they stand there.

        Parameters
        ----------
        name : {"left", "right"}
            The side.

        Raises
        ------
        SpecError
            If there is no such side.
        """
        check_is_fitted(self)
        if name not in SIDES:
            raise SpecError(f"There is no side '{name!s:.40}'. {did_you_mean(str(name), SIDES)}")
        return self.left_ if name == SIDES[0] else self.right_

    @property
    def _sides(self) -> tuple[Encoder, Encoder]:
        return self.left_, self.right_

    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        if count_items(items.left) and count_items(items.right):
            return _in_order(
                items, self.left_.transform(items.left), self.right_.transform(items.right)
            )
        if not len(items):
            return np.empty((0, self._n_features_out), np.float32)
        which = int(items.side[0])
        return self._sides[which].transform((items.left, items.right)[which])[items.at]

    @property
    def metric(self) -> str:  # type: ignore[override]
        """That of both sides, which is one."""
        return self.left_.metric if hasattr(self, "left_") else "cosine"

    @property
    def _n_features_out(self) -> int:
        return self.left_._n_features_out

    @property
    def parts(self) -> list[Encoder]:
        """The encoder and all that it is made of, depth first; fitted ones once it is fitted."""
        inner = self._sides if hasattr(self, "left_") else self._made_of()
        return [self, *(part for one in inner for part in one.parts)]

    def _made_of(self) -> tuple[Encoder, ...]:
        """Return the encoders among its parameters."""
        given = self.get_params(deep=False).values()
        return tuple(value for value in given if isinstance(value, Encoder))

    @property
    def effort(self) -> float:  # type: ignore[override]
        """How much work an item is, by the encoders among its parameters."""
        return 1 + sum(part.effort for part in self._made_of())

    @property
    def is_reproducible(self) -> bool:
        """Whether the specs of all that it is made of say all that the vectors depend on."""
        return all(part.is_reproducible for part in self._made_of())

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the encoders of both sides."""
        return tuple(dict.fromkeys(note for one in self._sides for note in one.notes))

    def without_decoder(self) -> Self:
        """Return the fitted encoder with no more than its vectors need."""
        bare = copy.copy(self)
        bare.left_ = self.left_.without_decoder()
        bare.right_ = bare.left_ if self.right_ is self.left_ else self.right_.without_decoder()
        return bare

    def check_whole(self) -> None:
        """Raise an error unless the encoders of both sides are whole, and of one space."""
        self._check_kind()
        assert isinstance(self.kind_, Sides)
        for own, kind in zip(self._sides, self.kind_.both, strict=True):
            own.check_whole()
            if own.kind_ != kind:
                raise ValueError(f"a side takes {own.kind_}, and its items are {kind}")
        if self.left_._n_features_out != self.right_._n_features_out:
            raise ValueError("the vectors of its sides are not of one length")

    @property
    def state(self) -> State:
        """All that the encoder is made of again; what serves both sides stands there once."""
        params, fitted = super().state
        if "left_" in fitted and fitted["right_"] is fitted["left_"]:
            fitted.pop("right_")
        return params, fitted

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state."""
        encoder = super().from_state(params, fitted)
        if "left_" in fitted and "right_" not in fitted:
            encoder.right_ = encoder.left_
        return encoder


class Shared(Paired):
    """One encoder for the items of both sides.

    It is fitted on the items of both sides together, and learns nothing from which of them belong
    together: with `tfidf` of characters it tells what cognates, names and numbers give. Where the
    sides are of two kinds, only a model will do that others have trained on both, such as CLIP.

    Parameters
    ----------
    encoder : Encoder
        Of items as they stand on both sides.

    Examples
    --------
    >>> from nearspace import load, make
    >>> from nearspace.data.pairs import Pairs
    >>> german, english = load(["ein Hund", "das Museum"]), load(["a dog", "the museum"])
    >>> pairs = Pairs(german, english, [[0, 0], [1, 1]])
    >>> shared = make("shared(tfidf(analyzer='char'))").fit_on(pairs)
    >>> left, right = (shared.side(name) for name in ("left", "right"))
    >>> alike = left.transform(["das Museum"]) @ right.transform(["a dog", "the museum"]).T
    >>> int(alike.toarray().argmax())
    1
    """

    _parameter_constraints: ClassVar[dict[str, list]] = {"encoder": [Encoder]}

    def __init__(self, encoder: Encoder):
        self.encoder = encoder

    def _fit_sides(self, items: Sided, kind: Sides) -> tuple[Encoder, Encoder]:
        if self.encoder.learns == "labels":
            raise DataError(
                f"{self.spec}: {self.encoder.spec} learns from labels, and pairs have none; choose "
                "another encoder."
            )
        if kind.left == kind.right:
            together = kind.left.join(items.left, items.right)
            own = clone(self.encoder).fit_items(together, None, kind.left)
            return own, own
        for each in kind.both:
            if type(each) not in self.encoder.kinds:
                raise DataError(f"{self.spec}: {self.encoder.spec} takes no {each.plural}.")
        left, right = (
            clone(self.encoder).fit_items(own, None, each) for each, own in kind.of(items)
        )
        if not (left.spans_kinds and right.spans_kinds):
            raise DataError(
                f"{self.spec}: the sides are {kind}, and {self.encoder.spec} puts them into no one "
                "space, as a model does that was trained on both, such as pretrained(a CLIP); "
                "linear_pair leads two encoders into one."
            )
        return left, right


def _in_order(items: Sided, left: Any, right: Any) -> Any:
    """Return the vectors of both sides in the order of all items."""
    if not (sparse.issparse(left) or sparse.issparse(right)):
        return items.spread(np.asarray(left), np.asarray(right))
    rows = items.at + np.where(items.side == 1, left.shape[0], 0)
    return sparse.csr_array(sparse.vstack([left, right], format="csr"), dtype=np.float32)[rows]
