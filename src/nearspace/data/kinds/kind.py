"""What kinds of data there are: a kind knows how its items are checked, batched, varied, drawn."""

from __future__ import annotations

import dataclasses
import hashlib
import math
import sys
from abc import ABC, abstractmethod
from collections import ChainMap
from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np

from nearspace.data.arrays import empty_array
from nearspace.data.members import File
from nearspace.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from torch import Generator, Tensor

    from nearspace.data.batches import Batches
    from nearspace.data.parts import ItemParts
    from nearspace.data.spans import Cut
    from nearspace.data.traits import Trait

__all__ = [
    "ItemsRead",
    "Kind",
    "Progress",
    "Scaling",
    "Wanted",
    "are_pictures",
    "array_words",
    "content_hash",
    "count_items",
    "infer_kind",
    "is_frame",
    "is_picture",
    "is_sparse",
    "kind_of_file",
    "number_array",
    "recognised",
    "take_items",
]

Progress = Callable[[int, int], None]
# A mean and a scale, which broadcast to a batch.
Scaling = tuple[np.ndarray, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Wanted:
    """How items are to be read.

    Attributes
    ----------
    size : int, optional
        Height and width of images.
    like : Kind, optional
        The kind that the items are to be of.
    progress : callable, optional
        Called with the number of files read and the number of all.
    rate : float, optional
        Samples a second of sounds, steps a second of series.
    """

    size: int | None = None
    like: Kind | None = None
    progress: Progress | None = None
    rate: float | None = None


@dataclasses.dataclass(frozen=True, eq=False)
class ItemsRead:
    """What was made of files, or of items as they came.

    Attributes
    ----------
    items : sequence
        The items, in their order.
    kind : Kind
        Of what they are.
    notes : tuple of str
        What there is to say of them.
    failed : dict of int to str
        For each file that could not be read its position and the reason.
    """

    items: Any
    kind: Kind
    notes: tuple[str, ...] = ()
    failed: dict[int, str] = dataclasses.field(default_factory=dict)


@dataclasses.dataclass(frozen=True)
class Kind(ABC):
    """A kind of data, as a value: ``Image((28, 28, 1))``, ``Text()``, ``Vector(32)``.

    A subclass is one file in ``nearspace.data.kinds``. Items are a plain sequence of the kind's own
    container (an array, a list of ``str``, a DataFrame); the methods take such a sequence.

    Attributes
    ----------
    name, plural : str
        What the kind is called, and what its items are.
    form : str
        What its items look like, in the words of an error.
    endings : tuple of str
        Endings of files that hold one item each, such as ``".png"``.
    unit : str
        What chunks of an item are counted in, one of it: ``"word"``, ``"second"``; empty where
        items are not cut, see `cut`.
    alone : bool
        Whether one such file is data, as a recording that is cut into chunks.
    pictured : bool
        Whether `picture` gives a picture of an item.
    pixels : bool
        Whether items are pixels, so that decoded ones are pictures themselves.
    composed : bool
        Whether it is made of other kinds: no items are recognised as it, and what takes items of
        every kind does not take it.
    transductive : bool
        Whether an item brings all others along, as a node brings its graph: what is fitted on some
        sees all of them.
    heard : bool
        Whether `draw` gives what plays an item.
    part : str
        What is called that which can be left out of an item, ``"word"`` or ``"column"``, see
        `parts`; empty where nothing can.
    metric : str
        By what `features` of items are to be compared: ``"cosine"`` where they are counts, else
        ``"euclidean"``.
    compares_pairs : bool
        Whether the time that `near` takes grows with the pairs of items rather than the items.
    bounds : (float, float) or None
        The lowest and the highest number of an item as networks take it, where there are any.
    """

    name: ClassVar[str]
    plural: ClassVar[str]
    form: ClassVar[str]
    endings: ClassVar[tuple[str, ...]] = ()
    alone: ClassVar[bool] = False
    unit: ClassVar[str] = ""
    pictured: ClassVar[bool] = False
    pixels: ClassVar[bool] = False
    heard: ClassVar[bool] = False
    transductive: ClassVar[bool] = False
    composed: ClassVar[bool] = False
    part: ClassVar[str] = ""
    metric = "euclidean"
    compares_pairs: ClassVar[bool] = True
    bounds: ClassVar[tuple[float, float] | None] = None
    registry: ClassVar[dict[str, type[Kind]]] = {}
    every: ClassVar[ChainMap[str, type[Kind]]] = ChainMap(registry, {})  # composed ones too

    def __init_subclass__(cls) -> None:
        if "name" in vars(cls):
            cls.plural = vars(cls).get("plural", f"{cls.name}s")
            Kind.every.maps[cls.composed][cls.name] = cls

    # From what comes in to the kind's own container

    @classmethod
    @abstractmethod
    def recognise(cls, items: Any) -> str | None:
        """Return why items look like this kind, in words; None where they do not."""

    @classmethod
    @abstractmethod
    def infer(cls, items: Any) -> Self:
        """Return the kind that describes ``items``, or raise `DataError`."""

    @classmethod
    def coerce(cls, items: Any, rate: float | None = None) -> Any:
        """Return items in the form that `infer` takes, when somebody says that they are of it.

        Of sounds the rate is said too, in samples a second.
        """
        return items

    @classmethod
    def read(cls, paths: Sequence[File], wanted: Wanted) -> ItemsRead:
        """Return the items in files with one of the `endings`, an item a file."""
        raise DataError(f"{cls.name} items are not read from a file each.")

    @abstractmethod
    def check(self, items: Any, who: str = "Items") -> Any:
        """Return ``items`` in the kind's own container; raise `DataError` where they do not fit."""

    def convert(self, items: Any, who: str, wanted: Wanted) -> ItemsRead:
        """Return items checked, and brought to what is wanted where they can be."""
        if wanted.size is not None:
            raise DataError(f"{who}: size= is for images, and these items are {self.plural}.")
        return ItemsRead(self.check(items, who), self)

    def select(self, items: Any) -> tuple[Any, list[str]]:
        """Return items without what is beside this kind in them, and what was left out."""
        return items, []

    def query(self, text: str) -> Any:
        """Return the items that a text stands for; None where it can only be the name of a file."""
        return None

    # What is asked of items in that container

    def empty(self) -> Any:
        """Return no items, in the kind's own container."""
        if not self.shape_of_item:
            raise DataError(f"{self.name} items cannot be none.")
        return self.stored(np.empty((0, *self.shape_of_item)))

    def blank(self) -> Any:
        """Return one item that shows nothing, in the container; None where there is no such."""
        return self.stored(np.zeros((1, *self.shape_of_item))) if self.shape_of_item else None

    def take(self, items: Any, rows: np.ndarray) -> Any:
        """Return the items at the positions ``rows``."""
        return take_items(items, rows)

    def join(self, first: Any, second: Any) -> Any:
        """Return items of the kind followed by others."""
        shape = (len(first) + len(second), *first.shape[1:])
        both = empty_array(shape, np.result_type(first, second))
        both[: len(first)], both[len(first) :] = first, second
        return both

    def hashes(self, items: Any) -> np.ndarray:
        """Return the content hash of every item, shape ``(n,)``, dtype ``S16``."""
        return content_hash(np.ascontiguousarray(items) if isinstance(items, np.ndarray) else items)

    def linked(self, items: Any) -> bytes:
        """Return what of items no item tells alone: which of two sides belong together."""
        return b""

    def same(self, items: Any) -> np.ndarray:
        """Return a number for every item, shape ``(n,)``: copies, as encoders see them, have one.

        What differs by less than encoders can tell, such as by rounding, counts as equal.
        """
        return np.unique(self.hashes(items), return_inverse=True)[1]

    def near(self, items: Any, asked: np.ndarray) -> np.ndarray:
        """Return pairs of items that are nearly the same, one at a position ``asked`` about.

        Pairs are rows of two positions, the one asked about first. A kind that does not know
        what nearly the same means has none.
        """
        return np.empty((0, 2), dtype=np.int64)

    def item(self, items: Any, index: int) -> Any:
        """Return the item at a position, in the form that `draw` takes."""
        return items[index]

    def cut(self, items: Any, size: float, overlap: float, who: str) -> Cut:
        """Return items in chunks of a number of `unit`, of which some end the one before."""
        raise DataError(f"{who}: {self.name} items are not cut into chunks.")

    @abstractmethod
    def draw(self, item: Any) -> str:
        """Return a small piece of HTML that shows one item."""

    def usual(self, items: Any) -> Any:
        """Return what is usual among items, which `draw` takes as well; None where it does not."""
        return None

    def parts(self, items: Any, index: int, most: int) -> ItemParts:
        """Return the parts of the item at a position, of more than ``most`` several together."""
        raise DataError(f"{self.name} items have no parts that can be left out.")

    def picture(self, item: Any, side: int = 64, usual: Any = None) -> bytes | None:
        """Return a picture of one item, no larger than ``side``; None where there is none.

        ``usual`` is what `usual` returns of it and others, where it is to be held against them.
        """
        return None

    def thumbnail(self, item: Any, usual: Any = None) -> bytes | None:
        """Return what shows an item in a space: its picture, or a sound that is to be heard."""
        return self.picture(item, usual=usual)

    def to_columns(self, items: Any) -> dict[str, Any]:
        """Return what of the items can be read, as columns: nothing of images and vectors."""
        return {}

    def from_columns(self, columns: pa.Table) -> Any:
        """Return the items of which these are the columns, in full; None where they are not."""
        return None

    def traits(self, items: Any, rows: np.ndarray) -> list[Trait]:
        """Return what encoders see of the items at ``rows`` as one value each: columns, lengths.

        A label may hide in it. Of images and sounds there is none but what their files tell.
        """
        return []

    def features(self, items: Any) -> np.ndarray:
        """Return the raw input as a matrix, shape ``(n, d)``, float32."""
        raise DataError(f"{self.name} items have no raw form that is a matrix of numbers.")

    def to_sklearn(self, items: Any) -> Any:
        """Return the items as a scikit-learn transformer takes them: numbers flat."""
        return self.features(items) if self.shape_of_item else items

    @property
    def shape_of_item(self) -> tuple[int, ...]:
        """Shape of an item, where it is an array that `features` only flattens; else ``()``."""
        return ()

    @property
    def size(self) -> int:
        """How many numbers an item has, where all have as many; else 1."""
        return math.prod(self.shape_of_item)

    def numbers(self, items: Any) -> int:
        """Return how many numbers items have in all; of texts and rows how many items there are."""
        return count_items(items) * self.size

    # What networks see of items, and what items become of what networks put out

    def seen(self, items: Any, side: int) -> Any:
        """Return items as networks see them, images with no side of more than so many pixels."""
        return items

    def batches(self, items: Any, scaling: Scaling | None = None) -> Batches:
        """Return the items as they wait in memory for a network, which sees them scaled."""
        raise DataError(f"{self.name} items cannot be put into a batch for a network.")

    def scaling(self, items: Any) -> Scaling | None:
        """Return mean and deviation of each number, by which networks see it; None for no scaling.

        A number that hardly varies keeps its scale.
        """
        return None

    def values(self, raw: Tensor) -> Tensor:
        """Return what the raw output of a decoder means, in the units of a float batch."""
        return raw

    def restore(self, values: np.ndarray) -> Any:
        """Return a float batch as items: ``(n, …)`` in the order of axes that items have."""
        return values

    def as_given(self, decoded: np.ndarray) -> np.ndarray:
        """Return decoded items in the units in which arrays of items came."""
        return decoded

    def stored(self, decoded: Any) -> Any:
        """Return decoded items as the kind keeps them: rounded, of its own dtype."""
        return np.ascontiguousarray(decoded, dtype=np.float32)

    @property
    def has_views(self) -> bool:
        """Whether items can be varied, as contrastive learning needs it."""
        return type(self).views is not Kind.views

    def views(self, batch: Tensor, generator: Generator, mirror: bool = False) -> Tensor:
        """Return one random variation of every item of a float batch, on the batch's device.

        Parameters
        ----------
        batch : Tensor of shape (b, …)
            Items as networks take them.
        generator : Generator
            Where the random numbers come from.
        mirror : bool, default=False
            Whether a mirrored item shows the same, so that half of the views are mirrored.
        """
        raise DataError(f"{self.name} items have no views, which contrastive learning needs.")

    @property
    def column_kinds(self) -> dict[str, str]:
        """What each column is, ``"number"`` or ``"category"``, where items have columns."""
        return {}

    @property
    def described(self) -> str:
        """What items are that a source says are of this kind, in words."""
        return str(self)

    def __str__(self) -> str:
        """Return the kind as a reader would say it."""
        return self.plural

    def to_json(self) -> dict[str, Any]:
        """Return the kind as a JSON object that `nearspace.data.kind_from_json` reads."""
        fields = dataclasses.asdict(self)
        return {"kind": self.name, **{name: of for name, of in fields.items() if of is not None}}


def recognised(items: Any, among: Iterable[type[Kind]]) -> tuple[type[Kind], str] | None:
    """Return which of some kinds items look like, and the reason in words; None for none."""
    for kind in among:
        reason = kind.recognise(items)
        if reason is not None:
            return kind, reason
    return None


def infer_kind(items: Any) -> tuple[Kind, str]:
    """Return the kind that items look like, and the reason in words.

    Raises
    ------
    DataError
        If they look like none.

    Examples
    --------
    >>> import numpy as np
    >>> infer_kind(np.zeros((10, 28, 28), dtype=np.uint8))
    (Image(shape=(28, 28, 1)), 'uint8 array of shape (n, 28, 28)')
    """
    seen = recognised(items, Kind.registry.values())
    if seen is None:
        array = number_array(items)
        if array is not None and array.ndim == 1:
            raise DataError(
                f"Items: expected several numbers an item, got {described(items)}, one each; give "
                "a column as values.reshape(-1, 1), or as a table (frame[['name']])."
            )
        *forms, last = (kind.form for kind in Kind.registry.values())
        raise DataError(
            f"Items: expected {', '.join(forms)}, or {last}, got {described(items)}; bring them "
            "into such a form, or read them as another kind (kind='vector' flattens arrays)."
        )
    kind, reason = seen
    return kind.infer(items), reason


def kind_of_file(name: str) -> type[Kind] | None:
    """Return the kind of which a file of this name holds an item, by its ending."""
    lowered = name.lower()
    for kind in Kind.registry.values():
        if lowered.endswith(kind.endings) and lowered not in kind.endings:
            return kind
    return None


def number_array(items: Any) -> np.ndarray | None:
    """Return an array, or rows of numbers of one length, as an array; None for anything else."""
    if is_frame(items) or (isinstance(items, list | tuple) and items and isinstance(items[0], str)):
        return None
    if are_pictures(items):  # whose arrays may hold the numbers of a palette
        return None
    try:
        array = np.asarray(items)
    except ValueError:  # rows of several lengths
        return None
    return array if array.dtype.kind in "fiub" else None


def is_frame(items: Any) -> bool:
    """Return whether items are a DataFrame."""
    return hasattr(items, "iloc") and hasattr(items, "columns")


def is_picture(item: Any) -> bool:
    """Return whether an item is a picture that Pillow opened or made."""
    pillow = sys.modules.get("PIL.Image")  # nobody has its pictures who has not imported it
    return pillow is not None and isinstance(item, pillow.Image)


def are_pictures(items: Any) -> bool:
    """Return whether items are pictures that Pillow opened or made, in a list or the like."""
    if isinstance(items, np.ndarray):
        items = items.tolist() if items.dtype == object else None
    return isinstance(items, list | tuple) and any(map(is_picture, items))


def array_words(array: np.ndarray) -> str:
    """Return type and shape of an array of items in words."""
    return f"{array.dtype} array of shape ({', '.join(['n', *map(str, array.shape[1:])])})"


def described(items: Any) -> str:
    """Return what came in place of items, in words."""
    try:
        array = np.asarray(items)
    except ValueError:
        return "rows of several shapes"
    if array.ndim == 0:
        return f"a {type(items).__name__}"
    spread = ""
    if array.dtype.kind == "f" and array.size:
        spread = f" from {array.min():g} to {array.max():g}"
    return f"an array of {array.dtype} of shape {array.shape}{spread}"


def content_hash(rows: Sequence[Any] | np.ndarray) -> np.ndarray:
    """Return a 16-byte BLAKE2 hash of every row of an array, or of every ``str`` or ``bytes``."""
    digests = np.empty(len(rows), dtype="S16")
    for index, row in enumerate(rows):
        data = row.encode(errors="surrogatepass") if isinstance(row, str) else row
        # A trailing zero byte would be stripped by NumPy's S type: make the last byte odd.
        digest = bytearray(hashlib.blake2b(data, digest_size=16).digest())
        digest[-1] |= 1
        digests[index] = bytes(digest)
    return digests


def is_sparse(items: Any) -> bool:
    """Return whether items are a sparse matrix of SciPy, which is not imported for this."""
    return hasattr(items, "tocsr")


def count_items(items: Any) -> int:
    """Return how many items there are: a sparse matrix has a shape, and no length."""
    return items.shape[0] if is_sparse(items) else len(items)


def take_items(items: Any, indices: np.ndarray) -> Any:
    """Return the items at ``indices`` in the container in which they came."""
    if hasattr(items, "iloc"):
        return items.iloc[indices].reset_index(drop=True)
    if isinstance(items, list | tuple):
        return [items[index] for index in indices]
    return items[indices]
