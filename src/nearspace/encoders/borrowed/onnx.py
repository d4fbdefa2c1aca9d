"""`ONNX`: a network that others exported to an ONNX file, for any kind that is numbers."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
from sklearn.utils._param_validation import Interval, StrOptions

from nearspace.data import Audio, Image, Series, Vector
from nearspace.encoders.base import Encoder
from nearspace.encoders.borrowed.feeds import FEEDS, Feed
from nearspace.errors import DataError, NearspaceError
from nearspace.learning.threads import side_by_side
from nearspace.recipe import METRICS

__all__ = ["ONNX"]

POOLS = ("mean", "max", "mean+max", "cls", "flatten")
ROW_TOLERANCE = 0.01  # by how much a row may differ from what the item gives alone


class ONNX(Encoder):
    """A network in an ONNX file, run by ONNX Runtime on the CPU.

    What it takes is read off the file: the shape of its input, the type, how many items at once.
    Images go in as ``(n, channels, height, width)`` or ``(n, height, width, channels)``, grey ones
    repeated where three channels are wanted: values in [0, 1], or bytes where it takes them.
    Vectors go in as they are. Sounds and series go in whole where the file leaves the time open,
    and else in windows as long as it takes, whose vectors are pooled; what is shorter than a window
    is filled up with zeros on both sides, evenly.

    A saved encoder keeps the path and the SHA-256 of the file, not the network; loading it reads
    the file again and refuses another one.

    Parameters
    ----------
    path : str
        The file. Weights beside it, in ``model.onnx.data`` or ``model.onnx_data``, are read too.
    output : str, optional
        Name of the output that is the vector; the first one when absent.
    front : str, optional
        Of sounds: a file whose output the network takes, such as one that makes spectrograms.
    rate : int, optional
        Of sounds: samples a second that the network, or its front, takes. No file says it.
    full_scale : float, default=1.0
        Of sounds: the amplitude of the loudest: 1, or 32768 for those of 16 bits.
    silence : float, default=0.0
        Of sounds: seconds of silence that are put before and behind each.
    mean, std : float or sequence of float, default=0.0, 1.0
        What is taken from each channel of what the network takes, and what it is divided by.
    hop : int, optional
        Of sounds and series: steps, or frames, from one window to the next; by default as many as a
        window has. The last window ends where the item does.
    pool : {"mean", "max", "mean+max", "cls", "flatten"}, default="mean"
        What becomes of the tokens or places that are put out, and of several windows: their mean,
        their maximum, both side by side, the first token, or all in a row, of one window alone.
    metric : {"cosine", "dot", "euclidean"}, default="cosine"
        By what its vectors are meant to be compared.
    batch_size : int, default=32
        Items, or windows, that go through the network at once, unless the file fixes that.

    Attributes
    ----------
    sha256_ : list of str
        Of the file, and of its front where there is one.
    told_ : list of str
        What there was to say of it, and of the items of `fit`.

    Examples
    --------
    >>> from nearspace import make
    >>> make("onnx('resnet.onnx', mean=0.5, std=0.25, output='pool')").spec
    "onnx(path='resnet.onnx', output='pool', mean=0.5, std=0.25)"
    """

    kinds = frozenset({Image, Vector, Audio, Series})
    effort = 1000
    sha256_: list[str]
    told_: list[str]
    fit_free_params = frozenset({"batch_size"})
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "path": [str],
        "output": [str, None],
        "front": [str, None],
        "rate": [Interval(Integral, 1, None, closed="left"), None],
        "full_scale": [Interval(Real, 0, None, closed="neither")],
        "silence": [Interval(Real, 0, 60, closed="both")],
        "mean": [Real, "array-like"],
        "std": [Real, "array-like"],
        "hop": [Interval(Integral, 1, None, closed="left"), None],
        "pool": [StrOptions(set(POOLS))],
        "metric": [StrOptions(set(METRICS))],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        path: str,
        *,
        output: str | None = None,
        front: str | None = None,
        rate: int | None = None,
        full_scale: float = 1.0,
        silence: float = 0.0,
        mean: float | Sequence[float] = 0.0,
        std: float | Sequence[float] = 1.0,
        hop: int | None = None,
        pool: str = "mean",
        metric: str = "cosine",
        batch_size: int = 32,
    ):
        self.path = path
        self.output = output
        self.front = front
        self.rate = rate
        self.full_scale = full_scale
        self.silence = silence
        self.mean = mean
        self.std = std
        self.hop = hop
        self.pool = pool
        self.metric = metric
        self.batch_size = batch_size

    @property
    def is_reproducible(self) -> bool:
        """Never: the spec says which file, and not what is in it."""
        return False

    @property
    def notes(self) -> tuple[str, ...]:
        """How what is put out is read where no file tells it, and how many items are short."""
        return tuple(self.told_)

    def notes_on(self, X: Any) -> tuple[str, ...]:
        """Return how many sounds or series are shorter than the network takes."""
        return self._opened().notes_on(self._check(X, reset=False))

    def _fit(self, items: Any, y: Any) -> None:
        self.__dict__.pop("_feed", None)
        feed = self._opened()
        self.sha256_, self.told_ = feed.digests, [*feed.notes, *feed.notes_on(items)]
        few = self._transform(items[:2])
        alone = self._transform(items[len(few) - 1 : len(few)])[0]
        if np.linalg.norm(few[-1] - alone) > ROW_TOLERANCE * np.linalg.norm(alone) + 1e-6:
            raise DataError(
                f"onnx: {self.path} gives one item several vectors, by what items are beside it."
            )
        self.width_ = few.shape[1]

    def _opened(self) -> Feed:
        """Return the network, and how items of the kind go into it."""
        if not hasattr(self, "_feed"):
            self._feed: Feed = FEEDS[type(self.kind_)](self)
        return self._feed

    def _transform(self, items: Any) -> np.ndarray:
        feed = self._opened()
        if not len(items):
            return np.empty((0, self.width_), np.float32)
        parts = list(feed.parts(len(items)))
        return np.concatenate(list(side_by_side(lambda rows: feed.vectors(items[rows]), parts)))

    @classmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the encoder of a state, or raise unless its files are those that it had.

        Raises
        ------
        NearspaceError
            If they are others, or cannot be read.
        """
        encoder = super().from_state(params, fitted)
        if fitted and encoder._opened().digests != encoder.sha256_:
            raise NearspaceError(
                f"The network in {encoder.path} is not the one that the encoder was fitted with: "
                f"its SHA-256 is another; fit it again."
            )
        return encoder
