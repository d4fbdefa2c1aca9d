"""Learning to tell what comes next in series and sounds."""

from __future__ import annotations

import dataclasses
from collections import OrderedDict
from numbers import Integral
from typing import Any, ClassVar

import torch
from sklearn.utils._param_validation import Interval
from torch import Tensor, nn

from nearspace.data import Audio, Series
from nearspace.encoders.learned.learned import MOST_LAYERS, Learned
from nearspace.nets.steps import GRUSteps, pool_steps

__all__ = ["NextStep"]


@dataclasses.dataclass(kw_only=True, eq=False, repr=False)
class NextStep(Learned):
    """A recurrent network that tells steps to come (autoregressive predictive coding [1]_).

    Gated units read series or the frames of sounds, and tell at each step one some steps on, by
    their absolute error: to tell the very next one, it would be enough to repeat the last. The
    vector is made of what the last layer has at each step; any layer ``gru1``, ``gru2``, … can be
    the space.

    Parameters
    ----------
    dim : int, default=128
        Width of the layers. Vectors are twice as long, of mean and maximum over the steps, unless
        ``pool`` says otherwise.
    depth : int, default=2
        Number of layers.
    ahead : int, default=3
        How many steps on the step is that is told; of shorter items than that nothing is learnt.
    layer, pool, epochs, batch_size, learning_rate, random_state, kind, device, …
        As of `Learned`.

    References
    ----------
    .. [1] Y.-A. Chung, W.-N. Hsu, H. Tang and J. Glass, "An unsupervised autoregressive model for
       speech representation learning", 2019.

    Examples
    --------
    >>> import numpy as np
    >>> series = [np.sin(np.arange(20 + n) / (1 + n % 3)) for n in range(30)]
    >>> encoder = NextStep(dim=8, epochs=1).fit(series)
    >>> encoder.transform(series[:3]).shape, encoder.layer_names()
    ((3, 16), ['gru1', 'gru2'])
    """

    kinds = frozenset({Series, Audio})
    learns = "items"
    effort = 30
    default_steps = 2000
    _parameter_constraints: ClassVar[dict[str, list]] = {
        **Learned._parameter_constraints,
        "depth": [Interval(Integral, 1, MOST_LAYERS, closed="both")],
        "ahead": [Interval(Integral, 1, None, closed="left")],
    }

    dim: int = 128
    depth: int = 2
    ahead: int = 3

    def build(self) -> nn.ModuleDict:
        """Return the recurrent network, and the map from its states to steps."""
        channels = self.shape_[0] - 1
        widths = [channels, *[self.dim] * self.depth]
        layers = [
            (f"gru{number}", GRUSteps(inputs, self.dim))
            for number, inputs in enumerate(widths[:-1], start=1)
        ]
        teller = nn.Conv1d(self.dim + 1, channels, 1)
        return nn.ModuleDict({"encoder": nn.Sequential(OrderedDict(layers)), "teller": teller})

    def losses(
        self, nets: nn.ModuleDict, batch: Tensor, labels: Tensor | None, generator: torch.Generator
    ) -> dict[str, Tensor]:
        """Return the mean absolute error of the steps that are told."""
        told = nets["teller"](nets["encoder"](batch))[:, :, : -self.ahead]
        wanted, mask = batch[:, :-1, self.ahead :], batch[:, -1:, self.ahead :]
        errors = (told - wanted).abs() * mask
        return {"next": errors.sum() / (mask.sum() * wanted.shape[1]).clamp(min=1)}

    def embed(self, nets: nn.ModuleDict, batch: Any) -> Tensor:
        """Return what the last layer has at the steps, pooled."""
        return pool_steps(nets["encoder"](batch), self.pool)
