"""Rows of cells of several types: how they are varied, and how far off a decoder is."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from nearspace.nets.cells import RowLayout

__all__ = ["cell_errors", "hide_cells", "swap_cells", "unseen_codes"]

UNSEEN = 1  # the code of a value that has none of its own


def cell_errors(raw: Tensor, rows: Tensor, layout: RowLayout) -> tuple[Tensor, Tensor]:
    """Return how far off a decoder is in every cell, and which cells count.

    Of a category it is the cross entropy, of several the sum of those of their being there, of a
    number half the squared error of the scaled value, and the cross entropy of its being missing.
    A category that the decoder cannot tell does not count.

    Parameters
    ----------
    raw : Tensor of shape (batch, sum of layout.outputs)
        What the decoder puts out.
    rows : Tensor of shape (batch, layout.width)
        What it should have put out.
    layout : RowLayout
        Of the rows.

    Returns
    -------
    errors : Tensor of shape (batch, cells)
        In nats; of a value half its square.
    counted : Tensor of shape (batch, cells), bool
        Which of them count.
    """
    parts = list(raw.float().split(layout.outputs, dim=1))
    numbers, n_single = parts[layout.n_cells - len(layout.features) :], len(layout.sizes)
    errors, counted = [], []
    for logits, code in zip(parts[:n_single], rows.T, strict=False):
        at = (code.long() - 1).clamp(min=0)  # a missing one is 0, the commonest 1
        there = (code != UNSEEN) & (at < logits.shape[1])
        errors.append(F.cross_entropy(logits, at * there, reduction="none"))
        counted.append(there)
    start = n_single
    for logits, (_, places) in zip(parts[n_single:], layout.runs, strict=False):
        codes = rows[:, start : start + places].long() - 2
        told = (codes >= 0) & (codes < logits.shape[1])
        wanted = torch.zeros(len(rows), logits.shape[1] + 1, device=rows.device)
        wanted.scatter_(1, torch.where(told, codes, logits.shape[1]), 1.0)
        error = F.binary_cross_entropy_with_logits(logits, wanted[:, :-1], reduction="none")
        errors.append(error.sum(dim=1))
        counted.append(torch.ones_like(told[:, 0]))
        start += places
    if numbers:
        value, logit = torch.stack(numbers, dim=1).unbind(dim=2)  # (batch, numbers) each
        truth = layout.values(rows)
        missing = truth.isnan()
        squared = 0.5 * (value - truth.nan_to_num()).square() * ~missing
        absent = F.binary_cross_entropy_with_logits(logit, missing.float(), reduction="none")
        errors += (squared + absent).unbind(dim=1)
        counted += torch.ones_like(missing).unbind(dim=1)
    return torch.stack(errors, dim=1), torch.stack(counted, dim=1)


def hide_cells(rows: Tensor, cells: Tensor, layout: RowLayout) -> Tensor:
    """Return rows in which the chosen cells, ``(batch, cells)``, are missing."""
    blank = layout.blank(1).to(rows.device)
    return torch.where(cells[:, layout.cell_of.to(rows.device)], blank, rows)


def swap_cells(
    rows: Tensor, cells: Tensor, layout: RowLayout, generator: torch.Generator
) -> Tensor:
    """Return rows in which each of the chosen cells is that of a row drawn at random [1]_.

    Parameters
    ----------
    rows : Tensor of shape (batch, layout.width)
        The rows.
    cells : Tensor of shape (batch, cells), bool
        Which cells.
    layout : RowLayout
        Of the rows.
    generator : Generator
        Of the rows' device.

    References
    ----------
    .. [1] D. Bahri, H. Jiang, Y. Tay and D. Metzler, "SCARF: self-supervised contrastive learning
       using random feature corruption", 2022.
    """
    of = layout.cell_of.to(rows.device)
    drawn = torch.randint(len(rows), cells.shape, generator=generator, device=rows.device)
    return torch.where(cells[:, of], rows.gather(0, drawn[:, of]), rows)


def unseen_codes(
    rows: Tensor, rates: Sequence[Tensor], layout: RowLayout, generator: torch.Generator
) -> Tensor:
    """Return rows in which some codes are those of a value that was not seen.

    Parameters
    ----------
    rows : Tensor of shape (batch, layout.width)
        The rows.
    rates : sequence of Tensor of shape (codes,)
        For each column of categories, how often each code is replaced.
    layout : RowLayout
        Of the rows.
    generator : Generator
        Of the rows' device.
    """
    if not layout.n_codes:
        return rows
    codes = rows[:, : layout.n_codes].long()
    places = [1] * len(layout.sizes) + [places for _, places in layout.runs]
    parts = zip(rates, codes.split(places, dim=1), strict=True)
    often = torch.cat([rate.to(rows.device)[part] for rate, part in parts], dim=1)
    drawn = torch.rand(often.shape, generator=generator, device=rows.device)
    codes = torch.where(drawn < often, UNSEEN, codes)
    return torch.cat([codes.to(rows.dtype), rows[:, layout.n_codes :]], dim=1)
