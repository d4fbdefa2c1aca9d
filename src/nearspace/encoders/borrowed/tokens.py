"""Texts as models of others take them: numbers of tokens, of pieces where they are long."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from nearspace.data.batches import Batches, Positions
from nearspace.encoders.borrowed.models import Request

if TYPE_CHECKING:
    from nearspace.encoders.borrowed.language import Language

__all__ = ["Piece", "Texts", "Tokens"]


@dataclasses.dataclass(frozen=True, eq=False)
class Tokens:
    """Texts as a model takes them: numbers of tokens, filled up behind the end of short ones.

    Attributes
    ----------
    ids : Tensor of shape (n, tokens)
        Numbers of tokens.
    lengths : Tensor of shape (n,)
        How many of them are of the text.
    skips : Tensor of shape (n,)
        How many at the beginning are of a prompt that is not pooled.
    counts : Tensor of shape (n, tokens) or None
        How much each counts in a mean without sinks, once that is known.
    """

    ids: Tensor
    lengths: Tensor
    skips: Tensor
    counts: Tensor | None = None

    def __len__(self) -> int:
        return len(self.ids)

    def __getitem__(self, rows: slice) -> Tokens:
        return Tokens(self.ids[rows], self.lengths[rows], self.skips[rows])

    def to(self, device: Any) -> Tokens:
        """Return them on a device."""
        return Tokens(*(part.to(device) for part in (self.ids, self.lengths, self.skips)))

    def inputs(self) -> dict[str, Tensor]:
        """Return what models of transformers take."""
        at = torch.arange(self.ids.shape[1], device=self.ids.device)
        return {"input_ids": self.ids, "attention_mask": (at < self.lengths[:, None]).long()}


@dataclasses.dataclass(frozen=True, eq=False)
class Piece:
    """What a model reads at once: a text, or a part of a long one."""

    row: int
    ids: list[int]
    skip: int
    share: float  # of the text


class Texts(Batches):
    """Texts whose tokens wait for a model that is trained on them.

    Each step takes them as they are shuffled, not those of nearly equal lengths, which may be of
    one class, as where jokes are longer than headlines.

    Parameters
    ----------
    language : Language
        The model.
    pieces : list of Piece
        One a text.
    """

    most_at_once = 64

    def __init__(self, language: Language, pieces: list[Piece], device: Any = "cpu"):
        self.language, self.pieces, self.device = language, pieces, torch.device(device)

    def __len__(self) -> int:
        return len(self.pieces)

    def __getitem__(self, rows: Positions) -> Tokens:
        return self.language.tokens_of(self.take(rows).pieces, self.device)

    def take(self, rows: Positions) -> Texts:
        """Return the texts at ``rows``."""
        at = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        return Texts(self.language, [self.pieces[row] for row in at], self.device)

    def to(self, device: Any) -> Texts:
        """Return the texts, whose batches come on a device."""
        return Texts(self.language, self.pieces, device)

    def blank(self, n: int) -> Tokens:
        """Return a batch of texts without words."""
        pieces = self.language.batches([""] * n, Request(-1, None, n, self.device)).pieces
        return self.language.tokens_of(pieces, self.device)
