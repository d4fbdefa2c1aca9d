"""`Network`: any `nn.Module` as an encoder, from whichever of its layers."""

from __future__ import annotations

import copy
import dataclasses
import hashlib
import math
from collections import OrderedDict
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar, Self

import numpy as np
import torch
from sklearn.utils._param_validation import Interval, StrOptions
from torch import Tensor, nn

from nearspace.data import Image, Vector
from nearspace.data.batches import Batches
from nearspace.encoders.base import Encoder
from nearspace.encoders.layers import Layers
from nearspace.encoders.trainable import Schedule, Trainable
from nearspace.errors import DataError
from nearspace.learning.threads import threads_for
from nearspace.nets.layers import POOLS, as_vectors, list_layers, output_of, tap
from nearspace.recipe import METRICS

__all__ = ["Network"]

MOST_SHOWN = 4  # numbers of a mean or std that a table writes out

Numbers = Real | Sequence[float] | None


@dataclasses.dataclass(eq=False, repr=False)
class Network(Trainable, Layers, Encoder):
    """A network of one's own, or of any library, for comparisons; it cannot be saved.

    Nothing is learnt: the weights are used as they are, in eval mode and without gradients, on
    the device on which they lie, and the network is left as it was found.

    Parameters
    ----------
    net : nn.Module
        A network that takes one float tensor: ``(n, channels, height, width)`` of images in
        [0, 1], before ``mean`` and ``std``, or ``(n, d)`` of vectors.
    layer : str, optional
        The layer whose output is the vector, such as ``"layer3"`` or ``"features.0"``; the output
        of the network when absent.
    pool : {"mean", "flatten", "max", "cls"}, default="mean"
        What becomes of the places of a feature map or the tokens of a sequence.
    mean, std : float or sequence of float, optional
        What is taken from each channel (or each number of a vector), and what it is divided by.
    metric : {"cosine", "dot", "euclidean"}, default="euclidean"
        By what its vectors are meant to be compared.
    batch_size : int, default=256
        Items that go through the network at once, which bounds the memory.
    name : str, optional
        What a table calls the network; its class and the first digits of a digest of its weights
        when absent. Different networks in one table need different names.

    Examples
    --------
    >>> from nearspace import load
    >>> digits = load("digits").items
    >>> net = nn.Sequential(nn.Conv2d(1, 6, 3), nn.ReLU(), nn.Flatten(), nn.Linear(216, 4))
    >>> mine = Network(net, name="mine", mean=0.3, std=0.4).fit(digits)
    >>> mine.transform(digits[:3]).shape, mine.layer_names()
    ((3, 4), ['0', '1', '2', '3'])
    >>> mine.set_params(layer="1")
    Network(mine, layer='1', mean=0.3, std=0.4)
    >>> mine.transform(digits[:3]).shape
    (3, 6)
    """

    kinds = frozenset({Image, Vector})
    min_items = 2
    effort = 300
    device = "auto"
    schedule = Schedule(fewest_steps=100, passes=10, rates=(3e-4, 1e-3))
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "net": [nn.Module],
        "layer": [str, None],
        "pool": [StrOptions(set(POOLS) - {"none"})],
        "mean": [Real, "array-like", None],
        "std": [Real, "array-like", None],
        "metric": [StrOptions(set(METRICS))],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "name": [str, None],
    }

    net: nn.Module
    _: dataclasses.KW_ONLY
    layer: str | None = None
    pool: str = "mean"
    mean: Numbers = None
    std: Numbers = None
    metric: str = "euclidean"
    batch_size: int = 256
    name: str | None = None

    def __sklearn_clone__(self) -> Self:
        """Return an unfitted one of the same network, which is never changed and may be large."""
        return type(self)(**self.get_params(deep=False))

    def __repr__(self, N_CHAR_MAX: int = 700) -> str:
        digest = f" {_digest(self.net)}" if isinstance(self.net, nn.Module) else ""
        parts = [self.name or f"{type(self.net).__name__}{digest}"]
        parts += [] if self.layer is None else [f"layer={self.layer!r}"]
        parts += [] if self.pool == "mean" else [f"pool={self.pool!r}"]
        parts += [] if self.metric == "euclidean" else [f"metric={self.metric!r}"]
        scales = {"mean": self.mean, "std": self.std}
        parts += [f"{key}={_shown(given)}" for key, given in scales.items() if given is not None]
        return f"Network({', '.join(parts)})"

    def _fit(self, items: Any, y: Any) -> None:
        shape = self.kind_.batches(items[:2]).blank(2).shape
        self.mean_ = self._per_channel("mean", self.mean, 0.0, shape)
        self.std_ = self._per_channel("std", self.std, 1.0, shape)
        if not (self.std_ > 0).all():
            raise DataError(f"Network: std must be above 0, got {self.std}.")
        batch = self._batches(items[:2])[:]
        try:
            tappable = list_layers(self.net, self._as_weights(batch))
        except (RuntimeError, TypeError, ValueError) as error:
            told = str(error).splitlines()[0] if str(error) else type(error).__name__
            raise DataError(
                f"{type(self.net).__name__} cannot take a batch of shape {tuple(shape)} ({told})."
            ) from error
        self.layers_ = [name for name in tappable if "." not in name]
        self._vectors(batch)  # a layer that is not there is told now

    def _per_channel(self, name: str, given: Numbers, absent: float, shape: Any) -> np.ndarray:
        """Return one number a channel, in a shape that goes with a batch."""
        values = np.atleast_1d(np.asarray(absent if given is None else given, dtype=np.float32))
        channels = shape[1]
        if values.shape not in ((1,), (channels,)) or not np.isfinite(values).all():
            raise DataError(
                f"Network: {name} must be one number or {channels}, one for each channel, got "
                f"{given}."
            )
        ones = [1] * (len(shape) - 2)
        return np.broadcast_to(values, channels).reshape(1, channels, *ones).copy()

    def batches(self, items: Any) -> Batches:
        """Return items as they wait for the network, scaled as it takes them."""
        return self.kind_.batches(items, (self.mean_, self.std_))

    def blank(self, n: int) -> Tensor:
        """Return a batch of ``n`` items of zeros."""
        return self.batches(self.kind_.empty()).blank(n)

    @property
    def nets_(self) -> nn.ModuleDict:  # type: ignore[override]
        """The network."""
        return nn.ModuleDict({"output": self.net})

    def with_nets(self, nets: nn.ModuleDict) -> Self:
        """Return the fitted encoder around another network."""
        other = copy.copy(self)
        other.net = nets["output"]
        return other

    def vectors(self, nets: nn.ModuleDict, batch: Tensor) -> Tensor:
        """Return the vectors of a batch, or what `layer` puts out, with gradients."""
        net, batch = nets["output"], self._as_weights(batch, nets)
        if self.layer is not None:
            return as_vectors(output_of(net, self.layer, batch), self.pool).float()
        whole = nn.Sequential(OrderedDict(output=net))
        return as_vectors(output_of(whole, "output", batch), self.pool).float()

    def _batches(self, items: Any) -> Batches:
        device = next(self.net.parameters(), torch.empty(0)).device
        return self.kind_.batches(items, (self.mean_, self.std_)).to(device)

    def _vectors(self, batch: Tensor) -> Tensor:
        batch = self._as_weights(batch)
        if self.layer is not None:
            output = tap(self.net, [self.layer], batch)[self.layer]
        else:  # seen from outside, a network is a layer
            whole = nn.Sequential(OrderedDict(output=self.net))
            output = tap(whole, ["output"], batch)["output"]
        return as_vectors(output, self.pool).float().cpu()

    def _as_weights(self, batch: Tensor, nets: nn.Module | None = None) -> Tensor:
        """Return a batch of the type of the weights, where they lie."""
        weight = next((nets or self.net).parameters(), torch.empty(0))
        return batch.to(weight.device, weight.dtype)

    def _transform(self, items: Any) -> np.ndarray:
        with threads_for(math.inf):
            return self._batches(items).map(self._vectors, self.batch_size).numpy()

    def layer_outputs(self, X: Any, names: list[str]) -> dict[str, Tensor]:
        """Return what layers put out for a batch of items."""
        batch = self._batches(self._check(X, reset=False))[:]
        with threads_for(math.inf):
            return tap(self.net, names, self._as_weights(batch))

    @property
    def _n_features_out(self) -> int:
        return self._vectors(self._batches(self.kind_.empty()).blank(1)).shape[1]


def _shown(given: Any) -> str:
    """Return a few numbers as they are, of more their count and a digest."""
    numbers = np.asarray(given)
    if numbers.size <= MOST_SHOWN:
        return repr(numbers.tolist())
    digest = hashlib.blake2b(numbers.tobytes(), digest_size=3).hexdigest()
    return f"<{numbers.size} numbers {digest}>"


def _digest(net: nn.Module) -> str:
    """Return six hexadecimal digits that change with the weights."""
    digest = hashlib.blake2b(digest_size=3)
    for name, tensor in net.state_dict().items():
        digest.update(name.encode())
        digest.update(tensor.detach().cpu().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()
