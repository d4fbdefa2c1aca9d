"""Losses over cells, against loops; and what is hidden and swapped."""

import math

import numpy as np
import pytest
import torch

from nearspace.learning.cells import cell_errors, hide_cells, swap_cells, unseen_codes
from nearspace.nets.cells import RowLayout

# Two categories, one of several a cell, a number, and a date of three numbers.
EDGES = (np.array([-1.0, 0.0, 3.0]), np.array([0.5]), np.arange(4.0), np.arange(4.0))
LAYOUT = RowLayout((4, 1005), ((5, 3),), (1, 3), EDGES)
ROWS = torch.tensor(
    [
        [0, 2, 2, 4, 0, 0.5, 0.0, 1.0, 2.0],
        [3, 1003, 0, 0, 0, math.nan, math.nan, math.nan, math.nan],
        [1, 1, 1, 3, 2, 2.0, 0.0, 0.0, 0.0],
        [2, 1001, 1, 0, 0, 1.25, 0.0, 3.0, 1.5],
    ]
)


def generator():
    return torch.Generator().manual_seed(0)


def log_softmax(logits, at):
    return logits[at] - math.log(sum(math.exp(each) for each in logits))


def of_being(logit, there):
    return math.log1p(math.exp(-logit if there else logit))


def test_errors_of_cells_are_those_of_a_loop():
    assert LAYOUT.outputs == (3, 1001, 3, 2, 2)
    raw = torch.randn(len(ROWS), sum(LAYOUT.outputs), generator=generator())
    errors, counted = cell_errors(raw, ROWS, LAYOUT)
    values = [(-0.5, 0.5), (None, None), (3.0, 0.5), (0.75, 0.5)]  # half of bins, and their ends
    for row, (told, expected) in enumerate(zip(raw.tolist(), values, strict=True)):
        first, second, third = told[:3], told[3:1004], told[1004:1007]
        code, other, *several = ROWS[row, :5].int().tolist()
        wanted = [
            None if code == 1 else -log_softmax(first, max(code - 1, 0)),
            None if other in (1, 1003) else -log_softmax(second, max(other - 1, 0)),
            sum(of_being(logit, at + 2 in several) for at, logit in enumerate(third)),
        ]
        for value, scaled, absent in zip(expected, told[1007::2], told[1008::2], strict=True):
            squared = 0.0 if value is None else 0.5 * (scaled - value) ** 2
            wanted.append(squared + of_being(absent, value is None))
        assert counted[row].tolist() == [each is not None for each in wanted]
        for at, each in enumerate(wanted):
            assert each is None or errors[row, at].item() == pytest.approx(each, rel=1e-5)


def test_hidden_cells_are_missing_and_others_as_they_were():
    cells = torch.rand(len(ROWS), LAYOUT.n_cells, generator=generator()) < 0.5
    hidden = hide_cells(ROWS, cells, LAYOUT)
    places = [[0], [1], [2, 3, 4], [5], [6, 7, 8]]
    for row in range(len(ROWS)):
        for cell, at in enumerate(places):
            given = ROWS[row, at]
            missing = torch.full_like(given, math.nan if cell >= 3 else 0.0)
            wanted = missing if cells[row, cell] else given
            torch.testing.assert_close(hidden[row, at], wanted, equal_nan=True)


def test_swapped_cells_are_whole_cells_of_other_rows():
    rows = torch.arange(9.0).repeat(500, 1) + 100 * torch.arange(500.0)[:, None]
    cells = torch.rand(500, LAYOUT.n_cells, generator=generator()) < 0.3
    swapped = swap_cells(rows, cells, LAYOUT, generator())
    of = swapped.div(100, rounding_mode="floor")  # the row from which each place comes
    assert (swapped - 100 * of == torch.arange(9.0)).all(), "a place came from another column"
    for at in ([2, 3, 4], [6, 7, 8]):
        assert (of[:, at] == of[:, at[:1]]).all(), "a cell was torn"
    stays = of == torch.arange(500.0)[:, None]
    taken = cells[:, LAYOUT.cell_of]
    assert stays[~taken].all()
    assert stays[taken].float().mean() < 0.02
    assert len(of[taken].unique()) > 200


def test_codes_are_taken_for_unseen_as_often_as_they_should():
    rows = torch.tensor([[0, 2, 3, 4, 2, 1.5, 0, 0, 0], [3, 1, 2, 0, 0, 0.5, 0, 0, 0]]).repeat(
        4000, 1
    )
    rates = [torch.tensor([0, 1, 0.5, 0.1]), torch.zeros(1005), torch.tensor([0, 1, 0.2, 1, 0])]
    drawn = unseen_codes(rows, rates, LAYOUT, generator())
    assert torch.equal(drawn[:, 5:], rows[:, 5:])
    changed = (drawn != rows).float()
    for at, wanted in ((0, [0, 0.1]), (1, [0, 0]), (2, [1, 0.2]), (3, [0, 0]), (4, [0.2, 0])):
        shares = changed[:, at].view(-1, 2).mean(dim=0)
        assert shares.tolist() == pytest.approx(wanted, abs=0.03)
    assert (drawn[changed.bool()] == 1).all()
    bare = RowLayout((), (), (1,), EDGES[:1])
    assert unseen_codes(rows[:, :1], [], bare, generator()).tolist() == rows[:, :1].tolist()
