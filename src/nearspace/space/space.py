"""`Space`: vectors joined to ids, labels and the recipe that made them."""

from __future__ import annotations

import dataclasses
import difflib
import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy import sparse
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils.validation import check_is_fitted

from nearspace.data import Dataset, Kind, kind_from_json
from nearspace.data.graph_reading import holds_graph, load_graph
from nearspace.data.kinds.graph import OfNodes
from nearspace.data.load import dataset_of
from nearspace.data.pairs import Pairs
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.handmade.graphs import on_nodes
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.recipe import Recipe
from nearspace.space.arrays import check_finite, free_name
from nearspace.space.search.searcher import Searcher
from nearspace.space.search.words import TEXT, Stored, Words
from nearspace.space.selection import Chosen, selected_rows

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "Space",
    "Thumbnails",
    "as_space",
    "check_space",
    "dataset_for",
    "dense_vectors",
    "embed",
    "fitted",
]

LARGEST_DENSE = 2**31  # bytes
SEARCHED_FOR_NEAR = 10_000  # ids that a mistyped one is compared with: a million takes minutes


@dataclasses.dataclass(frozen=True, eq=False)
class Space:
    """Vectors and what is known of the item behind each.

    ``len`` counts the items, and iteration gives pairs of id and vector, so that ``dict(space)``
    has the vectors by id. Brackets select items and give a space of these: ``space[:10]``,
    ``space[7]``, a mask, positions, or ids that are text; numbers are positions, also where ids are
    numbers. What was computed from all vectors, as a map is, is left behind. To NumPy and
    scikit-learn it is the array of its vectors.

    Attributes
    ----------
    vectors : ndarray or csr_array of shape (n, d), float32
        One a row.
    ids : ndarray of shape (n,)
        The identity of each item: all text, or all whole numbers.
    labels : ndarray of shape (n,) or None
        The class or the number of each item; None for an item that has none.
    recipe : Recipe
        What made the vectors: encoder, data, and which columns of `meta` have a role.
    made_by : Encoder or Decoder or callable or None
        The fitted encoder, or what reads it when it is first asked for. None for vectors brought
        from elsewhere; a decoder alone where there is nothing but to decode.
    meta : pyarrow.Table or None
        What else is known of each item, ``n`` rows: the ``text`` of a text, the columns of a
        table, groups, time, split.
    thumbnails : sequence of bytes or None
        What shows each item: a small PNG or WebP, of a sound its first seconds as MP3 or WAV; made
        or read when one is asked for.
    parts : mapping of str to bytes
        What was computed from the vectors and is kept with them, by name: the map, an index.
    stored_words : Stored or None
        The index of words in the file that the space was read from.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> space[space.labels == 3]
    Space(183 × 8, pca(dim=8), digits)
    >>> len(space), np.asarray(space[:10]).shape
    (1797, (10, 8))
    """

    vectors: np.ndarray | sparse.csr_array
    ids: np.ndarray
    labels: np.ndarray | None
    recipe: Recipe
    made_by: Encoder | Decoder | Callable[[], Encoder | Decoder] | None = None
    meta: pa.Table | None = None
    thumbnails: Sequence[bytes] | None = None
    parts: Mapping[str, bytes] = dataclasses.field(default_factory=dict)
    stored_words: Stored | None = None

    def __len__(self) -> int:
        return self.vectors.shape[0]

    @property
    def shape(self) -> tuple[int, int]:
        """How many vectors there are, and of how many dimensions."""
        return self.vectors.shape

    def __iter__(self) -> Iterator[tuple[Any, np.ndarray]]:
        for row, name in enumerate(self.ids.tolist()):
            vector: Any = self.vectors[[row]]
            yield name, vector.toarray()[0] if sparse.issparse(vector) else vector[0]

    def __contains__(self, item_id: Any) -> bool:
        try:
            return item_id in self._positions
        except TypeError:  # what has no hash is no id
            return False

    def __getitem__(self, index: Any) -> Space:
        rows = selected_rows(self, index)
        positions = np.arange(len(self))[rows]
        return dataclasses.replace(
            self,
            vectors=self.vectors[rows],
            ids=self.ids[rows],
            labels=None if self.labels is None else self.labels[rows],
            meta=None if self.meta is None else self.meta.take(positions),
            thumbnails=None if self.thumbnails is None else Chosen(self.thumbnails, positions),
            parts={},
            stored_words=None,
        )

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> np.ndarray:
        if copy is False and sparse.issparse(self.vectors):
            raise ValueError("The vectors are sparse, and an array of them is a copy.")
        return np.array(dense_vectors(self), dtype=dtype, copy=copy)

    def __repr__(self) -> str:
        """Return how many vectors of what, rather than the arrays."""
        from nearspace.space.card import space_line

        return space_line(self)

    def _repr_html_(self) -> str:
        from nearspace.space.card import space_card

        return space_card(self)

    @functools.cached_property
    def _made_by(self) -> Encoder | Decoder | None:
        return self.made_by() if callable(self.made_by) else self.made_by

    @property
    def encoder(self) -> Encoder | None:
        """The fitted encoder; None for vectors brought from elsewhere, and for a decoder alone."""
        return self._made_by if isinstance(self._made_by, Encoder) else None

    @functools.cached_property
    def decoder(self) -> Decoder | None:
        """What decodes the vectors; None where nothing does."""
        made_by = self._made_by
        return made_by.decoder if isinstance(made_by, Encoder) else made_by

    @functools.cached_property
    def searcher(self) -> Searcher:
        """What a first search makes ready for the next ones."""
        return Searcher(self.vectors, self.parts)

    @functools.cached_property
    def words(self) -> Words:
        """What searches the column ``text`` of `meta`, which has to be there, by its words."""
        assert self.meta is not None
        return Words(self.meta[TEXT].to_pylist(), self.stored_words)

    @property
    def kind(self) -> Kind | None:
        """The kind of the items; None where it is not known."""
        return None if self.recipe.kind is None else kind_from_json(self.recipe.kind)

    @functools.cached_property
    def _positions(self) -> dict[Any, int]:
        return {name: position for position, name in enumerate(self.ids.tolist())}

    def position(self, item_id: Any) -> int:
        """Return where the item with an id stands.

        Raises
        ------
        NearspaceError
            If there is none; near ids are in the message.
        """
        if item_id in self:
            return self._positions[item_id]
        numbered = isinstance(item_id, str) and self.ids.dtype.kind in "iu"
        if numbered and item_id.removeprefix("-").isdecimal():
            return self.position(int(item_id))
        some = [str(name) for name in self.ids[:SEARCHED_FOR_NEAR].tolist()]
        near = difflib.get_close_matches(str(item_id), some, 1)
        hint = f"Its ids are like {', '.join(some[:3])}." if some else "It is empty."
        hint = f"Did you mean '{near[0]}'?" if near else hint
        raise NearspaceError(f"The space has no item '{item_id}'. {hint}")

    def to_frame(self) -> pd.DataFrame:
        """Return one row an item by its id: ``label`` (if any), metadata, and ``vector``.

        The vectors stand in one column, an array each, so that a frame of thousands of dimensions
        can be read; ``pd.DataFrame(np.asarray(space), index=space.ids)`` has a column for each.

        Examples
        --------
        >>> from nearspace import embed, load
        >>> frame = embed(load("customers"), "onehot").to_frame()
        >>> frame.index.name, [*frame.columns[[0, 1, -1]]], frame["vector"].iloc[0].shape
        ('id', ['label', 'age', 'vector'], (24,))
        """
        import pandas as pd

        columns: dict[str, Any] = {} if self.labels is None else {"label": self.labels}
        if self.meta is not None:
            for given in self.meta.column_names:
                name = free_name(given, {"id", "vector", *columns})
                columns[name] = self.meta[given].to_pandas().array
        columns["vector"] = list(dense_vectors(self))
        return pd.DataFrame(columns, index=pd.Index(self.ids, name="id"))


def dense_vectors(space: Space) -> np.ndarray:
    """Return the vectors of a space in full, or raise `NearspaceError` where that is too much."""
    if not sparse.issparse(space.vectors):
        return np.asarray(space.vectors)
    vectors: Any = space.vectors
    rows, columns = vectors.shape
    if 4 * rows * columns > LARGEST_DENSE:
        raise NearspaceError(
            f"{rows} sparse vectors of {columns} dimensions are too many to write in full; "
            f"pipe them through pca: '{space.recipe.spec} | pca(dim=256)'."
        )
    return vectors.toarray()


@called_as("embed(data, 'pca', labels=labels)")
def embed(data: Any, encoder: Any, *, labels: Any = None) -> Space:
    """Return the space of data under an encoder.

    Parameters
    ----------
    data : Dataset, Pairs, or what `load` reads
        The items. Where the encoder is fitted, they are read as those that it was fitted on. Of
        pairs the space has the items of both sides, by an encoder of pairs.
    encoder : Encoder, str or transformer
        Fitted or not, a spec, or a scikit-learn transformer. One that is not fitted is fitted on
        the items, on the training part of a published split where there is one.
    labels : array-like or str, optional
        The labels of the items, or the name of a column.

    Returns
    -------
    Space
        One vector an item, in the items' order.

    Raises
    ------
    NearspaceError
        If a vector is not finite; its item's id is named.

    Examples
    --------
    >>> from nearspace import load
    >>> space = embed(load("digits"), "pca(dim=8)")
    >>> space.vectors.shape, space.recipe.spec
    ((1797, 8), 'pca(dim=8)')
    >>> embed(["near", "alike", "far"], "tfidf", labels=["a", "a", "b"]).labels.tolist()
    ['a', 'a', 'b']
    """
    encoder = as_encoder(encoder)
    data = data.together() if isinstance(data, Pairs) else data
    dataset = dataset_for(encoder, data, labels)
    encoder = fitted(encoder, dataset)
    vectors: Any = encoder.transform(dataset.items)
    ids = np.asarray(dataset.ids)
    check_finite(vectors, ids, encoder.spec)
    meta, roles = _meta_of(dataset)
    recipe = Recipe(
        encoder.spec, encoder.fingerprint, dataset.name, encoder.metric, dataset.kind.to_json(),
        roles, chunks=dataset.chunks,
    )  # fmt: skip
    return Space(
        vectors,
        ids,
        dataset.labels,
        recipe,
        None if any(part.needs_all_items for part in encoder.parts) else encoder,
        meta,
        Thumbnails(dataset.items, dataset.kind) if dataset.kind.pictured else None,
    )


def dataset_for(encoder: Encoder, data: Any, labels: Any = None) -> Dataset:
    """Return data as a dataset of the items that an encoder takes.

    Parameters
    ----------
    encoder : Encoder
        Where it is fitted, the items are read as those that it was fitted on.
    data : Dataset, or what `load` reads
        The items.
    labels : array-like or str, optional
        Their labels, or the name of a column.

    Raises
    ------
    DataError
        If they are of a kind that the encoder does not take.

    Examples
    --------
    >>> from nearspace import make
    >>> dataset_for(make("pca"), ["near", "far"])
    Traceback (most recent call last):
    nearspace.errors.DataError: pca takes images or vectors; data was read as texts: ...
    """
    data = load_graph(data) if holds_graph(data) else data
    dataset = dataset_of(data, labels, encoder.kind_ if _is_fitted(encoder) else None)
    if type(dataset.kind) not in encoder.kinds:
        takes = " or ".join(sorted(kind.plural for kind in encoder.kinds))
        do = "choose another encoder, or say by kind= or column= how to read it"
        if isinstance(dataset.kind, OfNodes):
            spec = on_nodes(encoder, dataset.kind).spec
            do = f"{spec} takes what is said of them, if that is of such a kind"
        raise DataError(
            f"{encoder.spec} takes {takes}; {dataset.name} was read as {dataset.kind.plural}: {do}."
        )
    return dataset


def as_space(data: Any, who: str) -> Space:
    """Return a space as it is, and vectors as one that is compared as they are.

    Parameters
    ----------
    data : Space, or vectors that `load` reads
        Vectors without ids go by their positions.
    who : str
        Who asks, with which the sentence of an error begins.

    Raises
    ------
    DataError
        If the data are no vectors: which encoder is to make some, nobody said.

    Examples
    --------
    >>> as_space([[0.0, 1.0], [1.0, 0.0]], "layout").ids.tolist()
    [0, 1]
    """
    if isinstance(data, Space):
        return data
    dataset = dataset_of(data)
    if len(dataset.kind.shape_of_item) != 1:
        raise DataError(
            f"{who}: expected a space, or vectors, got {dataset.kind}: make a space of them by "
            "embed(data, encoder)."
        )
    return embed(dataset, "raw")


def check_space(data: Any, who: str) -> None:
    """Raise `DataError` for what is no space, where vectors alone would not do.

    Examples
    --------
    >>> check_space([[0.0, 1.0]], "decode")
    Traceback (most recent call last):
    nearspace.errors.DataError: decode: expected a space, got one list: make one by ...
    """
    if not isinstance(data, Space):
        raise DataError(
            f"{who}: expected a space, got one {type(data).__name__}: make one by "
            "embed(data, encoder), or open its file by open_space(path)."
        )


class Thumbnails(Sequence[bytes]):
    """A small picture or a short sound of every item, made when it is asked for."""

    def __init__(self, items: Any, kind: Kind):
        self.items, self.kind, self.usual = items, kind, kind.usual(items)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, position: Any) -> Any:
        if isinstance(position, slice):
            return [self[at] for at in range(len(self))[position]]
        return self.kind.thumbnail(self.items[position], self.usual)


def _is_fitted(encoder: Encoder) -> bool:
    try:
        check_is_fitted(encoder)
    except NotFittedError:
        return False
    return True


def fitted(encoder: Encoder, dataset: Dataset) -> Encoder:
    """Return an encoder as it is if it is fitted, else fitted on the training part of a dataset."""
    if _is_fitted(encoder):
        return encoder
    if dataset.split is not None and not encoder.needs_all_items:
        train = np.flatnonzero(dataset.split == "train")
        dataset = dataset.take(train) if len(train) else dataset
    return clone(encoder).fit_on(dataset)


def _meta_of(dataset: Dataset) -> tuple[pa.Table | None, dict[str, str]]:
    """Return what is known of each item beside vector, id and label, and which column is a role.

    A column that is called like the ids or the labels, and is something else, gets another name.
    """
    ours = {"id"} if dataset.target is None else {"id", "label"}
    columns: dict[str, Any] = {}
    for given, values in dataset.kind.to_columns(dataset.items).items():
        columns[free_name(given, ours)] = values
    roles: dict[str, str] = {}
    for given in [] if dataset.meta is None else dataset.meta.column_names:
        cells = dataset.meta[given]  # type: ignore[index]
        if given in ours and _texts(cells.to_pylist()) == _texts(_own(dataset, given)):
            continue
        columns[free_name(given, {*columns, *ours})] = cells
    for role in ("groups", "time", "split"):
        values = getattr(dataset, role)
        if values is None:
            continue
        same = [name for name, cells in columns.items() if _is_column(cells, values)]
        roles[role] = same[0] if same else free_name(role.removesuffix("s"), columns)
        columns.setdefault(roles[role], values)
    if not columns:
        return None, roles
    import pyarrow as pa

    return pa.table(columns), roles


def _is_column(cells: Any, values: np.ndarray) -> bool:
    """Return whether the cells of a column say what the values do; ended by the first other one."""
    return all(str(cell) == str(value) for cell, value in zip(cells, values.tolist(), strict=True))


def _own(dataset: Dataset, name: str) -> list[Any]:
    """Return the ids or the labels of a dataset, as the column of that name has them."""
    values = dataset.ids if name == "id" else dataset.labels
    return [] if values is None else values.tolist()


def _texts(values: list[Any]) -> list[str | None]:
    return [None if value is None or value != value else str(value) for value in values]
