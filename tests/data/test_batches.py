"""How items wait for a network: rows, order, parts, blanks; the same whatever waits."""

import numpy as np
import pytest
import torch

from nearspace.data import Vector
from nearspace.data.batches import Batches, Stacked


class Ragged(Batches):
    """Rows of several lengths, padded with zeros, in an order in which alike ones share a step."""

    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows)

    def __getitem__(self, rows):
        chosen = self.take(rows).rows
        return torch.nn.utils.rnn.pad_sequence(chosen, batch_first=True)

    def take(self, rows):
        places = range(len(self))[rows] if isinstance(rows, slice) else rows.tolist()
        return Ragged([self.rows[place] for place in places])

    def blank(self, n):
        return torch.zeros(n, 1)

    def order(self, rows, size, generator):
        lengths = torch.tensor([len(self.rows[row]) for row in rows.tolist()])
        parts = rows[lengths.argsort(stable=True)].split(size)
        return [parts[at] for at in torch.randperm(len(parts), generator=generator).tolist()]


def test_an_epoch_shuffles_and_leaves_the_rest_out():
    batches = Stacked(torch.arange(10.0)[:, None])
    rows = torch.tensor([1, 3, 5, 7, 9])
    parts = batches.order(rows, 2, torch.Generator().manual_seed(0))
    assert [len(part) for part in parts] == [2, 2]
    assert len(set(torch.cat(parts).tolist())) == 4
    assert set(torch.cat(parts).tolist()) < set(rows.tolist())
    again = batches.order(rows, 2, torch.Generator().manual_seed(0))
    assert all(a.equal(b) for a, b in zip(parts, again, strict=True))
    assert [len(part) for part in batches.order(rows[:1], 2, torch.Generator())] == [1]


@pytest.mark.parametrize("size", [1, 3, 100])
def test_parts_are_the_items_in_their_order(size):
    items = np.random.default_rng(0).random((7, 3)).astype(np.float32)
    mean, scale = items.mean(axis=0), items.std(axis=0)
    batches = Vector(3).batches(items, (mean, scale))
    np.testing.assert_allclose(batches[:], (items - mean) / scale, rtol=1e-6)
    assert torch.cat(list(batches.parts(size))).equal(batches[:])
    assert batches.map(lambda batch: 2 * batch, size).equal(2 * batches[:])
    repeated = batches.take(torch.tensor([2, 2, 0]))
    assert len(repeated) == 3
    assert repeated[1:].equal(batches[torch.tensor([2, 0])])


def test_what_waits_may_have_several_lengths():
    rows = [torch.arange(1.0, 1.0 + length) for length in (3, 1, 2, 5, 1)]
    batches = Ragged(rows)
    assert batches[torch.tensor([1, 2])].tolist() == [[1, 0], [1, 2]]
    sums = batches.map(lambda batch: batch.sum(dim=1), size=2)
    assert sums.tolist() == [row.sum().item() for row in rows]


@pytest.mark.trains
def test_a_network_learns_from_rows_of_several_lengths():
    from nearspace.learning.train import train

    generator = torch.Generator().manual_seed(0)
    rows = [torch.rand(1 + at % 5, generator=generator) for at in range(200)]
    sums = torch.stack([row.sum() for row in rows])
    with torch.random.fork_rng():
        torch.manual_seed(0)  # of the first weights
        nets = torch.nn.ModuleDict({"net": torch.nn.Linear(1, 1)})

    def losses(nets, batch, labels, generator):
        said = nets["net"](batch[..., None]).sum(dim=(1, 2))
        return {"squares": (said - labels).square().mean()}

    history = train(
        nets, losses, Ragged(rows), sums, epochs=30, batch_size=20, learning_rate=0.1, seed=0
    )
    assert history.held_out_loss[history.best_epoch - 1] < 0.02 * sums.var()
