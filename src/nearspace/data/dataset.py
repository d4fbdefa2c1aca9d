"""`Dataset`: items of one kind with their identity, target, groups, time and published split."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.data.kinds.kind import Kind, count_items
from nearspace.data.target import Target, check_length, target_of, without_missing
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa

__all__ = ["Dataset"]

COLUMNS = ("ids", "groups", "time", "split", "files")


@dataclasses.dataclass(frozen=True, eq=False, repr=False)
class Dataset:
    """Items of one kind, and what is known of each.

    Parameters
    ----------
    items : sequence
        The items in the container of their kind, length ``n``.
    kind : Kind
        The kind of the items.
    ids : ndarray of shape (n,), optional
        The identity of each item; its position when absent.
    target : Target or array of shape (n,), optional
        The class or the number of each item; `target_of` makes one of an array. An item has no
        label where an array holds None or NaN.
    labelled : ndarray of shape (n,), bool, optional
        Which items have a label, where some have none; ``target`` then holds no more than theirs,
        so that it is never taken for one of all items.
    groups : ndarray of shape (n,), optional
        Speaker, patient, user: items of one group never stand on both sides of a split.
    time : ndarray of shape (n,), optional
        When each item came about; a split then tests on the latest.
    split : ndarray of shape (n,), optional
        The published split: ``"train"``, ``"validation"`` or ``"test"``.
    meta : pyarrow.Table, optional
        Whatever else is known, ``n`` rows.
    name : str
        What to call the data in a report.
    notes : tuple of str
        What reading the data brought up: why it is of this kind, which files were left out.
    files : ndarray of shape (n,), optional
        The path of the file that each item was read from, where each has one of its own.
    left_out : dict of str to str
        What was left out for what it holds: the reason by the name of each file or row, of which
        notes name a few.
    chunks : dict of str to float
        Where items are chunks, how many ``words``, ``seconds`` or ``steps`` one has, and how many
        of them are an ``overlap`` with the one before.

    Raises
    ------
    DataError
        If a column is not as long as the items, or an id stands twice.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits")
    >>> len(digits), digits.kind
    (1797, Image(shape=(8, 8, 1)))
    """

    items: Any
    kind: Kind
    ids: np.ndarray | None = None
    target: Target | None = None
    labelled: np.ndarray | None = None
    groups: np.ndarray | None = None
    time: np.ndarray | None = None
    split: np.ndarray | None = None
    meta: pa.Table | None = None
    name: str = "data"
    notes: tuple[str, ...] = ()
    files: np.ndarray | None = None
    left_out: dict[str, str] = dataclasses.field(default_factory=dict)
    chunks: dict[str, float] = dataclasses.field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.ids is None:
            object.__setattr__(self, "ids", np.arange(len(self)))
        for column in (*COLUMNS, "meta"):
            values = getattr(self, column)
            if values is None:
                continue
            if column != "meta":
                values = np.asarray(values)
                object.__setattr__(self, column, values)
            check_length(values, len(self), column, self.name)
        self._set_target()
        unique, counts = np.unique(np.asarray(self.ids), return_counts=True)
        if len(unique) < len(self):
            raise DataError(
                f"{self.name}: the id '{unique[counts > 1][0]}' stands {counts.max()} times; every "
                "item needs an id of its own."
            )

    def _set_target(self) -> None:
        """Keep the labels that there are as a target, and which items have one."""
        target, labelled = self.target, self.labelled
        if labelled is None and target is not None and not isinstance(target, Target):
            check_length(target, len(self), "labels", self.name)
            target, labelled = without_missing(target)
        if labelled is not None:
            labelled = np.asarray(labelled, dtype=bool)
            check_length(labelled, len(self), "marks of labelled items", self.name)
            if labelled.all() or target is None:
                labelled = None
            elif not labelled.any():
                target = labelled = None
        if target is not None:
            count = len(self) if labelled is None else int(labelled.sum())
            check_length(target, count, "labels", self.name)
            target = target_of(target)
        object.__setattr__(self, "target", target)
        object.__setattr__(self, "labelled", labelled)

    def __repr__(self) -> str:
        """Return how many items of what, on one line."""
        from nearspace.data.card import dataset_line

        return dataset_line(self)

    def _repr_html_(self) -> str:
        from nearspace.data.card import dataset_card

        return dataset_card(self)

    def __len__(self) -> int:
        return count_items(self.items)

    @functools.cached_property
    def labels(self) -> np.ndarray | None:
        """The label of every item, None for an item that has none; None where no item has one."""
        if self.target is None or self.labelled is None:
            return None if self.target is None else self.target.values
        labels = np.full(len(self), None, dtype=object)
        labels[self.labelled] = self.target.values.tolist()
        return labels

    def labelled_only(self) -> Dataset:
        """Return the dataset of the items that have a label, where some have none.

        Examples
        --------
        >>> from nearspace import load
        >>> texts = load(["near", "alike", "far"], labels=["a", "", "b"])
        >>> texts.labels.tolist(), texts.labelled_only().items
        (['a', None, 'b'], ['near', 'far'])
        """
        return self if self.labelled is None else self.take(self.labelled)

    def take(self, indices: np.ndarray) -> Dataset:
        """Return the dataset of the items at ``indices`` (positions, or a mask of bool)."""
        indices = np.asarray(indices)
        if indices.dtype == bool:
            indices = np.flatnonzero(indices)
        return self.spread(indices, items=self.kind.take(self.items, indices))

    def spread(self, rows: np.ndarray, **changes: Any) -> Dataset:
        """Return a dataset of which each item is known what this one knows of the one at its row.

        Parameters
        ----------
        rows : ndarray of shape (m,), int
            A position for each item.
        **changes
            The items, and what else is another; the ids where a row stands twice.
        """
        present = {name: values for name in COLUMNS if (values := getattr(self, name)) is not None}
        columns: dict[str, Any] = {name: values[rows] for name, values in present.items()}
        of_target, labelled = rows, None
        if self.labelled is not None:
            labelled = self.labelled[rows]
            of_target = (np.cumsum(self.labelled) - 1)[rows[labelled]]
        columns["target"] = None if self.target is None else self.target.take(of_target)
        if "meta" not in changes and self.meta is not None:
            columns["meta"] = self.meta.take(rows)
        return dataclasses.replace(self, **{**columns, "labelled": labelled, **changes})

    @functools.cached_property
    def hashes(self) -> np.ndarray:
        """The content hash of every item, shape ``(n,)``: equal items have equal hashes."""
        return self.kind.hashes(self.items)

    @functools.cached_property
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits that change with any item, label, or their order."""
        digest = hashlib.blake2b(repr(self.kind).encode(), digest_size=8)
        digest.update(self.hashes.tobytes())
        digest.update(self.kind.linked(self.items))
        if self.target is not None:
            labels = "\0".join(map(str, self.target.values.tolist()))
            digest.update(labels.encode(errors="surrogatepass"))  # as names of folders may need
        if self.labelled is not None:
            digest.update(np.packbits(self.labelled).tobytes())
        return digest.hexdigest()
