"""Sounds as models of others take them: windows of them, prepared by the model's own extractor."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from nearspace.data.batches import Batches, Positions
from nearspace.data.sound import Sound

if TYPE_CHECKING:
    from nearspace.encoders.borrowed.hearing import Hearing

__all__ = ["Prepared", "SoundWindow", "Sounds"]


@dataclasses.dataclass(frozen=True)
class SoundWindow:
    """What a model hears at once: a sound, or a part of a long one, in samples as they came."""

    row: int
    start: int
    stop: int
    share: float  # of the sound


@dataclasses.dataclass(frozen=True, eq=False)
class Prepared:
    """Windows of sounds as a model takes them, filled up behind the end of short ones.

    Attributes
    ----------
    inputs : dict of str to Tensor
        What the model takes, by its own names, ``(n, …)`` each.
    lengths : Tensor of shape (n,)
        How many of the steps are of the sound.
    steps : int
        How many there are: samples, or frames of a spectrogram.
    """

    inputs: dict[str, Tensor]
    lengths: Tensor
    steps: int

    def __len__(self) -> int:
        return len(self.lengths)

    def __getitem__(self, rows: slice) -> Prepared:
        inputs = {name: tensor[rows] for name, tensor in self.inputs.items()}
        return Prepared(inputs, self.lengths[rows], self.steps)

    def to(self, device: Any) -> Prepared:
        """Return them on a device."""
        inputs = {name: tensor.to(device) for name, tensor in self.inputs.items()}
        return Prepared(inputs, self.lengths.to(device), self.steps)


class Sounds(Batches):
    """Sounds that wait for a model that is trained on them: of long ones the first window.

    Parameters
    ----------
    hearing : Hearing
        The model.
    items : list of Sound
        The sounds.
    """

    most_at_once = 16

    def __init__(self, hearing: Hearing, items: list[Sound], device: Any = "cpu"):
        self.hearing, self.items, self.device = hearing, items, torch.device(device)

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, rows: Positions) -> Prepared:
        items = self.take(rows).items
        first = {window.row: window for window in reversed(self.hearing.windows(items))}
        return self.hearing.prepared(items, [first[row] for row in range(len(items))], self.device)

    def take(self, rows: Positions) -> Sounds:
        """Return the sounds at ``rows``."""
        at = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        return Sounds(self.hearing, [self.items[row] for row in at], self.device)

    def to(self, device: Any) -> Sounds:
        """Return the sounds, whose batches come on a device."""
        return Sounds(self.hearing, self.items, device)

    def blank(self, n: int) -> Prepared:
        """Return a batch of half seconds of silence."""
        rate = self.hearing.rate
        silence = Sound(np.zeros(rate // 2, np.float32), rate)
        return Sounds(self.hearing, [silence] * n, self.device)[:]
