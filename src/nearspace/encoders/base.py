"""`Encoder`, the base of all encoders, and the capabilities that some have."""

from __future__ import annotations

import dataclasses
import inspect
from abc import abstractmethod
from collections.abc import Collection
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import (
    BaseEstimator,
    ClassNamePrefixFeaturesOutMixin,
    TransformerMixin,
    clone,
)
from sklearn.utils._param_validation import InvalidParameterError
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from nearspace.data import Dataset, Kind, Target, Text, Vector, infer_kind, target_of
from nearspace.data.kinds.kind import recognised
from nearspace.data.kinds.vector import check_range
from nearspace.data.memory import check_memory
from nearspace.data.pairs import Pairs
from nearspace.data.plain import plain_items
from nearspace.data.rounding import large_offsets
from nearspace.encoders import CATALOGUE, name_of
from nearspace.encoders.blocks import row_blocks
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.exhibits import Strip
from nearspace.encoders.labels import check_labels
from nearspace.encoders.state import Keeps, State, check_state, digest, write
from nearspace.errors import DataError, SpecError, path_of
from nearspace.learning.threads import one_thread
from nearspace.writing import write_files

if TYPE_CHECKING:
    from scipy import sparse

__all__ = [
    "Encoder",
    "fewer",
]

MOST_TRIED = 2**20  # numbers of an item
LONGEST_SENTENCE = 500  # characters, as a value of a file may be a list of any length


class ParameterError(SpecError, InvalidParameterError):
    """A parameter of an encoder is none that it can have: as scikit-learn tells it, and ours."""


def _may_decode(encoder: Any) -> bool:
    """Return whether an encoder decodes, or may when it is fitted."""
    return encoder.decoder is not None if hasattr(encoder, "kind_") else encoder.decodes


class Encoder(ClassNamePrefixFeaturesOutMixin, TransformerMixin, BaseEstimator, Keeps):
    """A scikit-learn transformer from items of some kinds to vectors.

    A subclass implements `_fit`, which sets ``width_``, and `_transform`; the items it gets are
    checked and in the container of their kind. Both run with one thread of NumPy and scikit-learn,
    so that their numbers do not depend on the cores. What a fitted encoder keeps is declared in the
    body of the class, as ``words_: list[str]``, under a name that ends in ``_``, and is built of
    arrays, numbers, strings, lists, dicts, kinds and encoders, so that `save` can write it.

    Attributes
    ----------
    kinds : collection of type
        The kinds of items it takes.
    learns : str
        What it learns from: ``"nothing"``, ``"items"``, ``"labels"`` or ``"pairs"``.
    takes_sparse : bool
        Whether vectors that come as a scipy sparse array stay one; for others they are made dense.
    moves : bool
        Whether columns of vectors that lie far from zero may be moved to it, before all are rounded
        to float32: where nothing matters but what vectors differ by. They are given as they come,
        float64 perhaps, where not.
    in_blocks : bool
        Whether `transform` is done with some items after the others, so that what it makes of them
        on the way takes little memory: a vector depends on nothing but its item.
    takes_labels : bool
        Whether `fit` looks at labels where there are any, though it does not need them.
    decodes : bool
        Whether there is a `decoder` after `fit`, if the kind of the items lets there be one.
    metric : {"cosine", "dot", "euclidean"}
        By what its vectors are meant to be compared, once it is fitted: search and judge do so
        unless they are told otherwise.
    zero_means : str
        What an item has whose vector is zero, in words: ``"no known word"``.
    needs_all_items : bool
        Whether `fit` has to be given every item that is ever embedded: it looks rows up and learns
        nothing, so that test items among them are no leak.
    learns_numbers : bool
        Whether it can learn from labels that are continuous numbers, where it learns from labels.
    min_items : int
        How many items `fit` needs.
    spans_kinds : bool
        Whether items of other kinds have their vectors in the same space, once it is fitted.
    starts_from : str
        The spec of the encoder from which training goes on; empty where it does not.
    effort : float
        How much work an item is when it is fitted and embedded, beside being copied: by it
        comparisons run what is cheap first.
    fit_free_params : frozenset of str
        Parameters that change what `transform` returns but not what `fit` learns.
    n_samples_fit_ : int
        How many items it was fitted on.
    offset_ : ndarray of shape (d,) or None
        What was taken off the columns of vectors; None for nothing.
    """

    files = ("encoder.json", "weights.safetensors")
    kinds: ClassVar[Collection[type[Kind]]]
    learns: ClassVar[str] = "nothing"
    takes_sparse: ClassVar[bool] = False
    moves: ClassVar[bool] = False
    in_blocks: bool = False
    takes_labels: ClassVar[bool] = False
    decodes: bool = False
    metric: str = "euclidean"
    zero_means: ClassVar[str] = "nothing to compare"
    needs_all_items: ClassVar[bool] = False
    learns_numbers: ClassVar[bool] = True
    min_items: ClassVar[int] = 1
    spans_kinds: bool = False
    starts_from: str = ""
    effort: ClassVar[float] = 1
    fit_free_params: ClassVar[frozenset[str]] = frozenset()
    _parameter_constraints: ClassVar[dict[str, list]] = {}
    kind_: Kind
    width_: int
    n_samples_fit_: int
    offset_: NDArray[np.float64] | None = None
    n_features_in_: int
    feature_names_in_: NDArray[np.object_]

    def _html_repr(self) -> str:
        """Return the card that notebooks show, where scikit-learn would draw a diagram."""
        from nearspace.encoders.card import encoder_card

        return encoder_card(self)

    @abstractmethod
    def _fit(self, items: Any, y: Any) -> None:
        """Learn from checked items, setting attributes that end in ``_``."""

    @abstractmethod
    def _transform(self, items: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors of checked items."""

    def _validate_params(self) -> None:
        """Raise `ParameterError`, which the command line tells in a sentence, on a wrong one."""
        try:
            super()._validate_params()
        except InvalidParameterError as error:
            raise ParameterError(f"{error!s:.{LONGEST_SENTENCE}}") from error

    @property
    def _n_features_out(self) -> int:
        """Length of the vectors of the fitted encoder; ``width_`` unless a subclass knows it."""
        return self.width_

    @property
    def notes(self) -> tuple[str, ...]:
        """What there is to say of the fitted encoder, such as that it has fewer numbers than asked.

        Examples
        --------
        >>> from nearspace import load, make
        >>> make("pca(dim=99)").fit(load("wine").items).notes
        ('It has 13 dimensions, as many as the data allow, and not 99.',)
        """
        return ()

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return what there is to say of items before they are embedded: nothing, as a rule."""
        return ()

    def fit(self, X: Any, y: Any = None) -> Self:
        """Learn from items.

        Parameters
        ----------
        X : sequence of n items
            An array ``(n, d)``, images ``(n, height, width[, channels])`` or a list of Pillow's,
            a list of ``str``, or a DataFrame, as the encoder's `kinds` allow.
        y : array of shape (n,) or Target, optional
            Classes, or numbers where one is not whole; needed where `learns` is ``"labels"``,
            otherwise not looked at.

        Returns
        -------
        Self
            The fitted encoder.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the items are not of a kind the encoder takes.
        """
        return self.fit_items(plain_items(X), y)

    def fit_on(self, dataset: Dataset | Pairs) -> Self:
        """Learn from the items and labels of a dataset, as the kind as which it was read.

        Parameters
        ----------
        dataset : Dataset or Pairs
            The items, and their labels where it has any. Where some have none, an encoder that
            learns from labels is fitted on those that have one, and others on all of them.

        Returns
        -------
        Self
            The fitted encoder.

        Raises
        ------
        ValueError
            If a parameter is out of range, or the items are not of a kind the encoder takes.

        Examples
        --------
        >>> from nearspace import load, make
        >>> make("pca(dim=2)").fit_on(load("wine")).transform(load("wine").items).shape
        (178, 2)
        """
        if isinstance(dataset, Pairs):
            dataset = dataset.together()
        if self.learns == "labels":
            dataset = dataset.labelled_only()
        target = dataset.target if dataset.labelled is None else None
        return self.fit_items(dataset.items, target, dataset.kind)

    def fit_items(self, items: Any, y: Any = None, kind: Kind | None = None) -> Self:
        """Learn from items of a kind; of the one that they look like where it is None."""
        with one_thread():
            checked, y = self.begin_fit(items, y, kind)
            self._fit(checked, y)
        # As a file gives them back: products with columns that lie together, as LAPACK leaves
        # them, are summed in another order, and differ in their last bit.
        for name, value in vars(self).items():
            if name.endswith("_") and isinstance(value, np.ndarray):
                setattr(self, name, np.asarray(value, order="C"))
        return self

    def begin_fit(self, items: Any, y: Any, kind: Kind | None = None) -> tuple[Any, Target | None]:
        """Check parameters, items and labels, and note the kind: what comes before learning."""
        self._validate_params()
        self.kind_ = kind or self._recognised(items)
        if type(self.kind_) not in self.kinds:
            taken = " or ".join(sorted(kind.plural for kind in self.kinds))
            raise DataError(f"{type(self).__name__} takes {taken}; got {self.kind_.plural}.")
        items = self._check(items, reset=True)
        n_items = items.shape[0] if hasattr(items, "shape") else len(items)
        if n_items < self.min_items:
            raise DataError(
                f"{type(self).__name__} needs at least {self.min_items} items to fit, got "
                f"n_samples={n_items}."
            )
        self.n_samples_fit_ = int(n_items)
        if self.learns == "labels":
            return items, check_labels(y, n_items, type(self).__name__, self.learns_numbers)
        return items, target_of(y) if self.takes_labels and y is not None else None

    def transform(self, X: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors of items.

        Parameters
        ----------
        X : sequence of n items
            Of the kind the encoder was fitted on.

        Returns
        -------
        ndarray or csr_array of shape (n, d), float32
            One vector an item; the same whether the item comes alone or among others.
        """
        check_is_fitted(self)
        with one_thread():
            items = self._check(plain_items(X), reset=False)
            parts = list(row_blocks(items)) if self.in_blocks else []
            if len(parts) < 2:
                return self._transform(items)
            vectors = np.empty((len(items), self._n_features_out), np.float32)
            for rows in parts:
                some = items.iloc[rows] if hasattr(items, "iloc") else items[rows]
                vectors[rows] = self._transform(some)
            return vectors

    def transform_queries(self, X: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors by which a space of `transform` is searched for what is near to items.

        They are those of `transform`, unless the encoder tells what is asked from what is answered,
        as a model with a prompt for queries does.

        Parameters
        ----------
        X : sequence of n items
            Of the kind the encoder was fitted on.

        Returns
        -------
        ndarray or csr_array of shape (n, d), float32
            One vector an item.
        """
        check_is_fitted(self)
        with one_thread():
            return self._transform_queries(self._check(plain_items(X), reset=False))

    def _transform_queries(self, items: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors by which to search for checked items."""
        return self._transform(items)

    def _recognised(self, items: Any) -> Kind:
        """Return the kind given as a parameter, else that of ours which items look like."""
        given = getattr(self, "kind", None)
        if given is not None:
            return given
        seen = recognised(items, sorted(self.kinds, key=lambda kind: kind.name))
        if seen is not None and seen[0] is not Vector:
            return seen[0].infer(items)
        other = recognised(items, Kind.registry.values()) if isinstance(items, list) else None
        if other is not None and other[0] not in self.kinds:
            return other[0].infer(items)
        if Vector in self.kinds:  # the check that follows, scikit-learn's, says what is wrong
            return Vector(0)
        return infer_kind(items)[0]

    def _check(self, X: Any, reset: bool) -> Any:
        if not isinstance(self.kind_, Vector):  # of vectors scikit-learn has rules of its own
            return self.kind_.check(X, who=f"Items for {type(self).__name__}")
        array = validate_data(
            self, X, dtype=(np.float64, np.float32), accept_sparse="csr", reset=reset
        )
        if reset:
            self.kind_ = dataclasses.replace(self.kind_, dim=array.shape[1])
            self.__dict__.pop("offset_", None)  # of an earlier fit
        if hasattr(array, "tocsr") and self.takes_sparse:
            return array.astype(np.float32, copy=False)
        if hasattr(array, "tocsr"):
            nbytes = array.shape[0] * array.shape[1] * array.dtype.itemsize
            check_memory(nbytes, f"What is sparse, made dense for {type(self).__name__},")
            array = array.toarray()
        check_range(array, f"Items for {type(self).__name__}")
        if not self.moves:
            return array
        offset = large_offsets(array) if reset else self.offset_
        if offset is not None:
            self.offset_, moved = offset, np.empty(array.shape, np.float32)
            for rows in row_blocks(array):
                moved[rows] = array[rows] - offset
            return moved
        return array.astype(np.float32, copy=False)

    def try_untrained(self, items: Any, y: Any, kind: Kind | None = None) -> None:
        """Raise what `fit` and `transform` would raise, where that can be told beforehand."""
        clone(self).begin_fit(items, y, kind)

    @classmethod
    def parameters(cls) -> dict[str, inspect.Parameter]:
        """Return the parameters by name: those of the class, then those that its family shares."""
        named = inspect.signature(cls).parameters
        bases = cls.__mro__[1:]
        shared = {name for base in bases for name in getattr(base, "__dataclass_fields__", ())}
        return {name: named[name] for name in sorted(named, key=lambda name: name in shared)}

    def exhibits(self, X: Any, random_state: int | None = None) -> tuple[Strip, ...]:
        """Return what a fitted encoder has to show of a few items: nothing, unless it says so."""
        return ()

    @property
    def spec(self) -> str:
        """The spec, `make` of which gives an equal encoder; ``repr`` outside the catalogue.

        Examples
        --------
        >>> from nearspace import make
        >>> make("cnn(dim=32)@conv2 + hog | l2").spec
        'cnn(dim=32)@conv2 + hog | l2'
        """
        text = name_of(type(self))
        if text is None:
            return " ".join(repr(self).split())  # without its line breaks
        given = {
            name: getattr(self, name)
            for name, parameter in self.parameters().items()
            if name != "kind" and getattr(self, name) != parameter.default
        }
        layer = given.pop("layer", None) if isinstance(given.get("layer"), str) else None
        if given:
            first = next(iter(self.parameters()))
            values = [
                f"{name}={value!r}"
                if not isinstance(value, Encoder)
                else value.spec
                if name == first
                else f"{name}={value.spec}"
                for name, value in given.items()
            ]
            text += f"({', '.join(values)})"
        if layer is not None:
            text += "@" + (layer if layer.isidentifier() else f'"{layer}"')
        return text

    @property
    def summary(self) -> str:
        """What it is, in a few words.

        Examples
        --------
        >>> from nearspace import make
        >>> make("raw | scale").summary
        'the input itself as a vector, then each column to mean 0 and variance 1'
        """
        name = name_of(type(self))
        if name in CATALOGUE:
            return CATALOGUE[name].summary
        return (type(self).__doc__ or "").strip().partition("\n")[0]

    @property
    def parts(self) -> list[Encoder]:
        """The encoder and all that it is made of, depth first; fitted ones once it is fitted."""
        return [self]

    @property
    def first(self) -> Encoder:
        """What the items themselves go to: the encoder, or the first of those in a pipe."""
        return self

    @property
    def is_reproducible(self) -> bool:
        """Whether the spec says all that the vectors depend on, beside what it is fitted on."""
        return name_of(type(self)) is not None

    @property
    def decoder(self) -> Decoder | None:
        """What turns vectors of the fitted encoder back into items; None where nothing does."""
        check_is_fitted(self)
        decoder = self._decoder()
        if decoder is None or self.offset_ is None:
            return decoder
        return dataclasses.replace(decoder, offset=self.offset_)

    def _decoder(self) -> Decoder | None:
        """Return the decoder of the fitted encoder."""
        return None

    @available_if(_may_decode)
    def inverse_transform(self, Z: Any) -> np.ndarray:
        """Return the items at vectors, where the encoder has a decoder.

        Parameters
        ----------
        Z : array of shape (n, d)
            Vectors.

        Returns
        -------
        ndarray of shape (n, …), float32
            Images ``(n, height, width, channels)`` in the range that `fit` saw, or in [0, 1] where
            it saw bytes; vectors in the units of the items, float64 where they are too far from
            zero for float32.
        """
        decoder = self.decoder
        assert decoder is not None  # or there would be no such method
        return decoder.kind.as_given(decoder.decode(Z))

    def without_decoder(self) -> Self:
        """Return the fitted encoder with no more than its vectors need."""
        return self

    @property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that the vectors of the fitted encoder depend on.

        They are of its parameters, the kind of its items and everything that it learned for
        them, the same after it was saved and loaded, and with or without its decoder.
        """
        check_is_fitted(self)
        return digest(self.without_decoder())

    @property
    def state(self) -> State:
        """All that the encoder is made of again."""
        fitted = {
            name: value
            for name, value in vars(self).items()
            if name.endswith("_") and not name.startswith("_")
        }
        return self.get_params(deep=False), fitted

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state."""
        check_state(cls, params, fitted)
        encoder = cls(**params)
        encoder._validate_params()
        encoder.__dict__.update(fitted)
        return encoder

    def check_whole(self) -> None:
        """Raise an error unless the encoder is fitted, and embeds an item that shows nothing."""
        self._check_kind()
        d = self.kind_.size
        blank = self.kind_.blank() if d <= MOST_TRIED else None
        if blank is None:
            return
        vectors = self._vectors_of(blank)
        if vectors.dtype != np.float32 or vectors.shape != (1, self._n_features_out):
            raise ValueError(f"it makes {vectors.dtype} of shape {vectors.shape} of one item")
        if not np.isfinite(vectors.data if issparse(vectors) else vectors).all():
            raise ValueError("it makes vectors that are not finite")

    def _check_kind(self) -> None:
        """Raise an error unless the encoder is fitted, and to items that it takes."""
        check_is_fitted(self, "kind_")
        if type(self.kind_) not in self.kinds:
            raise TypeError(f"{type(self).__name__} takes no {self.kind_.plural}")
        d = self.kind_.size
        if isinstance(self.kind_, Vector) and getattr(self, "n_features_in_", d) != d:
            raise ValueError(
                f"it was fitted on {self.n_features_in_} columns, and its kind has {d}"
            )
        if self.offset_ is not None and self.offset_.shape != (d,):
            raise ValueError(f"what is taken off the columns has shape {self.offset_.shape}")

    def _vectors_of(self, items: Any) -> np.ndarray | sparse.csr_array:
        """Return the vectors of items as `transform` does, but on no other device than the CPU."""
        with one_thread():
            return self._transform(items)

    def dump(self) -> dict[str, bytes]:
        """Return the files that hold the fitted encoder, by name."""
        check_is_fitted(self)
        self._validate_params()
        return write(self)

    def save(self, path: str | Path) -> Path:
        """Write the fitted encoder into a folder: ``encoder.json`` and ``weights.safetensors``.

        Parameters
        ----------
        path : str or Path
            The folder, made where it is missing.

        Returns
        -------
        Path
            The folder. `load_encoder` reads it.

        Raises
        ------
        NearspaceError
            If it keeps what cannot be written without pickle, or the folder cannot be written to;
            what it held is then as it was.
        """
        folder = path_of(path, "Encoder.save")
        write_files({folder / name: data for name, data in self.dump().items()})
        return folder

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.target_tags.required = self.learns == "labels"
        tags.transformer_tags.preserves_dtype = []  # vectors are float32 whatever comes in
        tags.input_tags.two_d_array = Vector in self.kinds
        tags.input_tags.sparse = Vector in self.kinds
        tags.input_tags.string = Text in self.kinds
        tags.non_deterministic = False
        return tags


def fewer(count: int, asked: int, noun: str) -> tuple[str, ...]:
    """Return the note that an encoder has fewer of something than its parameters ask for, if so.

    Examples
    --------
    >>> fewer(102, 100_000, "words")
    ('It has 102 words, as many as the data allow, and not 100,000.',)
    """
    if count >= asked:
        return ()
    return (f"It has {count:,} {noun}, as many as the data allow, and not {asked:,}.",)
