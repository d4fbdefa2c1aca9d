"""`Rocket`: random convolution kernels, and how often and how strongly series agree with them."""

from __future__ import annotations

from numbers import Integral
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import check_random_state
from sklearn.utils._param_validation import Interval

from nearspace.data import Audio, Series
from nearspace.encoders.base import Encoder
from nearspace.learning.threads import side_by_side

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["Rocket"]

SIZES = (7, 9, 11)  # numbers of a kernel
TAPS = 11
NUMBERS_AT_ONCE = 2**18  # that kernels answer: what is done with them stays in the caches
STEPS_AT_ONCE = 4096  # of the items of a batch, filled up to the longest
# A step at which an answer is less than half a thousandth from zero counts in part: otherwise by
# rounding a step would count in one batch and not in another.
SHARPNESS = 1000.0
LEAST_SPREAD = 0.01  # of a feature, below which it says nothing, and is not drawn out


class Rocket(Encoder):
    """Random convolution kernels (Dempster et al., 2020): a strong floor for series.

    Each kernel has 7, 9 or 11 random numbers, for some of the channels, that stand 1, 2, 4, … steps
    apart, no wider than the median training series. Slid along a series, it answers at every
    step, and the vector holds at what share of the steps it answers above its bias, and its
    strongest answer, both less their mean and over their deviation among the training items. Half
    of the kernels look over the ends of a series, as if zeros were there. Steps behind the end of
    a shorter series never count; a series too short for a kernel has it look over its ends.

    A linear model on these vectors is what the authors classify series by.

    Of sounds the steps are frames, and the channels are bands of pitch.

    Parameters
    ----------
    n_kernels : int, default=1200
        How many there are; the vector has twice as many numbers.
    random_state : int, RandomState instance or None, default=0
        Of the kernels.

    Attributes
    ----------
    weights_ : ndarray of shape (n_kernels, channels, 11)
        The numbers of each kernel in the middle, and zeros beside those of a short one.
    biases_ : ndarray of shape (n_kernels,)
        What is added to all answers.
    dilations_ : ndarray of shape (n_kernels,)
        How many steps its numbers are apart; kernels come by rising dilation, then margin.
    margins_ : ndarray of shape (n_kernels,)
        How many steps at either end it does not answer at; 0 where it looks over the ends.

    Examples
    --------
    >>> from nearspace import load
    >>> Rocket(n_kernels=100).fit_transform(load("gestures").items).shape
    (240, 200)
    """

    kinds = frozenset({Audio, Series})
    learns = "items"
    effort = 30
    weights_: NDArray[np.float32]
    biases_: NDArray[np.float32]
    dilations_: NDArray[np.int64]
    margins_: NDArray[np.int64]
    input_mean_: NDArray[np.float32]
    input_scale_: NDArray[np.float32]
    mean_: NDArray[np.float32]
    scale_: NDArray[np.float32]
    _parameter_constraints: ClassVar[dict[str, list]] = {
        "n_kernels": [Interval(Integral, 1, None, closed="left")],
        "random_state": ["random_state"],
    }

    def __init__(self, n_kernels: int = 1200, *, random_state: Any = 0):
        self.n_kernels = n_kernels
        self.random_state = random_state

    def _fit(self, items: Any, y: Any) -> None:
        scaling = self.kind_.scaling(items)
        assert scaling is not None  # of series and sounds there is one
        self.input_mean_, self.input_scale_ = scaling
        waiting: Any = self.kind_.batches(items)  # as `Padded`, like all series
        self._draw(len(self.input_mean_) - 1, int(waiting.lengths.median()))
        answers = self._answers(items)
        self.mean_ = answers.mean(axis=0)
        self.scale_ = np.maximum(answers.std(axis=0), LEAST_SPREAD)
        self.width_ = answers.shape[1]

    def _draw(self, channels: int, steps: int) -> None:
        """Draw the kernels for series of so many channels and about so many steps."""
        random = check_random_state(self.random_state)
        n = self.n_kernels
        sizes = random.choice(SIZES, n)
        most = np.log2(np.maximum(1, (steps - 1) / (sizes - 1))).astype(np.int64)
        dilations = 2 ** random.randint(0, most + 1)
        padded = random.random_sample(n) < 0.5
        margins = np.where(padded, 0, (sizes - 1) // 2 * dilations)
        weights = np.zeros((n, channels, TAPS), np.float32)
        for kernel, size in zip(weights, sizes, strict=True):
            several = int(2 ** random.uniform(0, np.log2(min(channels, size) + 1)))
            chosen = random.permutation(channels)[:several]
            drawn = random.normal(size=(len(chosen), size))
            start = (TAPS - size) // 2
            kernel[chosen, start : start + size] = drawn - drawn.mean(axis=1, keepdims=True)
        biases = random.uniform(-1, 1, n)
        order = np.lexsort((margins, dilations))
        self.weights_, self.biases_ = weights[order], biases[order].astype(np.float32)
        self.dilations_, self.margins_ = dilations[order], margins[order]

    def _transform(self, items: Any) -> np.ndarray:
        return (self._answers(items) - self.mean_) / self.scale_

    def _answers(self, items: Any) -> NDArray[np.float32]:
        """Return the shares of every kernel, and then the strongest answers."""
        import torch

        from nearspace.data.tokens import token_batches

        waiting: Any = self.kind_.batches(items, (self.input_mean_, self.input_scale_))
        answers = np.empty((len(items), 2 * len(self.weights_)), np.float32)
        parts = token_batches(waiting.lengths.numpy(), STEPS_AT_ONCE)

        def of_part(rows: np.ndarray) -> Tensor:
            with torch.inference_mode():
                return self._of_batch(waiting[torch.from_numpy(rows)])

        for rows, some in zip(parts, side_by_side(of_part, parts), strict=True):
            answers[rows] = some
        return answers

    def _of_batch(self, batch: Tensor) -> Tensor:
        """Return what kernels answer to a batch ``(b, channels + 1, time)``."""
        import torch

        inside = batch[:, -1].bool()
        lengths = inside.sum(dim=1)
        steps = torch.arange(batch.shape[2])
        # Answers are scaled so that those that count in part are between 0 and 1.
        weights = np.concatenate(
            [self.weights_.reshape(len(self.weights_), -1), self.biases_[:, None]], axis=1
        ) * np.float32(SHARPNESS)
        weights[:, -1] += 0.5
        shares, strongest = [], []
        for dilation in np.unique(self.dilations_).tolist():
            windows = _windows(batch, dilation)
            of_dilation = self.dilations_ == dilation
            for margin in np.unique(self.margins_[of_dilation]).tolist():
                own = torch.from_numpy(weights[of_dilation & (self.margins_ == margin)])
                counted = (steps >= margin) & (steps < lengths[:, None] - margin)
                counted = torch.where(counted.any(dim=1, keepdim=True), counted, inside)
                there = counted.any(dim=0).nonzero()[:, 0]
                part = slice(int(there[0]), int(there[-1]) + 1)
                left_out = ~counted[:, None, part]
                uneven = bool(left_out.any())
                count = counted.sum(dim=1, keepdim=True)
                for kernels in own.split(max(1, NUMBERS_AT_ONCE // max(1, counted.numel()))):
                    answers = (kernels @ windows)[:, :, part]
                    if uneven:
                        answers.masked_fill_(left_out, -np.inf)
                    strongest.append((answers.amax(dim=2) - 0.5) / SHARPNESS)
                    shares.append(answers.clamp_(0, 1).sum(dim=2) / count)
        return torch.cat([*shares, *strongest], dim=1)


def _windows(batch: Tensor, dilation: int) -> Tensor:
    """Return what stands around every step, so many steps apart, and a one for the bias.

    The shape is ``(b, channels * 11 + 1, time)``; beyond both ends stand zeros.
    """
    import torch

    b, _, time = batch.shape
    reach = TAPS // 2 * dilation
    padded = torch.nn.functional.pad(batch[:, :-1], (reach, reach))
    taps = [padded[:, :, tap * dilation : tap * dilation + time] for tap in range(TAPS)]
    windows = torch.stack(taps, dim=2).flatten(1, 2)
    return torch.cat([windows, torch.ones(b, 1, time)], dim=1)
