"""AdamW and Muon without torch's compiler."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nearspace import load, make
from nearspace.learning.optimizer import AdamW, Muon, orthogonal
from nearspace.learning.train import count_flops

TRAINS = """
import sys
from nearspace import load, make
digits = load("digits").items[:100]
make("vae(dim=2, epochs=1)").fit(digits).transform(digits)
sys.exit("torch._dynamo" in sys.modules)
"""


@pytest.mark.trains
def test_it_takes_the_steps_of_torch_to_the_last_bit():
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(5, 70), nn.ReLU(), nn.Linear(70, 3), nn.Linear(3, 2))
    other = copy.deepcopy(net)
    optimizer = AdamW(list(net.parameters()), weight_decay=0.02)
    peer = torch.optim.AdamW(other.parameters(), weight_decay=0.02, fused=True)
    for step in range(30):
        items, rate = torch.randn(9, 5), 0.1 / (step + 1)
        parts = 3 if step % 3 else 4  # the last layer is without a gradient now and then
        for each, taken in ((net, optimizer), (other, peer)):
            taken.zero_grad()
            each[:parts](items).square().sum().backward()
        optimizer.step(rate)
        peer.param_groups[0]["lr"] = rate
        peer.step()
    for ours, theirs in zip(net.parameters(), other.parameters(), strict=True):
        assert torch.equal(ours, theirs)


@pytest.mark.trains
def test_training_does_not_import_a_compiler():
    assert subprocess.run([sys.executable, "-c", TRAINS], check=False).returncode == 0


@pytest.mark.trains
@pytest.mark.parametrize("name", ["mlp", "cnn", "vae", "masked", "simclr"])
def test_flops_are_those_that_torch_counts(name):
    digits = load("digits").take(range(60))
    encoder = make(f"{name}(epochs=1)").fit_on(digits)
    batch = encoder.batches(digits.items)[:8]
    net = encoder.nets_[encoder.tapped]
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        net(batch)
    assert count_flops(lambda: net(batch)) == counter.get_total_flops() > 0


@pytest.mark.skipif(not hasattr(torch.optim, "Muon"), reason="torch has had Muon since 2.9")
def test_muon_takes_the_steps_of_torch():
    torch.manual_seed(0)
    shapes = [(12, 8), (12, 8), (8, 20)]
    params = [torch.randn(shape, requires_grad=True) for shape in shapes]
    others = [param.detach().clone().requires_grad_() for param in params]
    ours = Muon(params, weight_decay=0.1)
    peer = torch.optim.Muon(others, lr=0.02, weight_decay=0.1)
    for _ in range(8):
        for param, other in zip(params, others, strict=True):
            param.grad = torch.randn_like(param)
            other.grad = param.grad.clone()
        ours.step(0.02)
        peer.step()
    for param, other, shape in zip(params, others, shapes, strict=True):
        moved = (param - torch.zeros(shape)).norm()
        assert (param - other).norm() < 2e-3 * moved  # steps are rounded to bfloat16


def test_orthogonal_steps_keep_singular_vectors():
    torch.manual_seed(0)
    for shape in [(6, 6), (4, 9), (9, 4)]:
        matrix = torch.randn(2, *shape)
        values = torch.linalg.svdvals(orthogonal(matrix))
        assert values.max() < 1.4
        u, _, vh = torch.linalg.svd(matrix, full_matrices=False)
        along = (u.mT @ orthogonal(matrix) @ vh.mT).diagonal(dim1=1, dim2=2)
        torch.testing.assert_close(along.sort().values, values.sort().values, atol=0.05, rtol=0)
    assert (orthogonal(torch.zeros(1, 3, 3)) == 0).all()


@pytest.mark.trains
def test_rows_of_a_table_take_the_steps_of_a_dense_one_when_they_are_seen():
    torch.manual_seed(0)
    table = nn.Embedding(6, 3, sparse=True)
    start, dense = table.weight.detach().clone(), nn.Embedding(6, 3)
    dense.load_state_dict(table.state_dict())
    optimizer = AdamW([table.weight], weight_decay=0.02)
    peer = torch.optim.AdamW(dense.parameters(), lr=0.01, weight_decay=0.02)
    for step in range(200):
        # The first row is seen at every step, the third every seventh, the last one thrice.
        seen = [
            row for row, every in ((0, 1), (0, 3), (2, 7), (5, 90)) if step % every == 3 % every
        ]
        slopes = torch.randn(len(seen), 3)
        for each, taken in ((table, optimizer), (dense, peer)):
            taken.zero_grad()
            (each(torch.tensor(seen)) * slopes).sum().backward()
        optimizer.step(0.01)
        peer.step()
        for row in set(seen):
            moved = (dense.weight[row] - start[row]).norm()
            assert (table.weight[row] - dense.weight[row]).norm() < 0.1 * moved + 1e-3, (row, step)
    torch.testing.assert_close(table.weight[0], dense.weight[0])
    torch.testing.assert_close(table.weight[[1, 3, 4]], start[[1, 3, 4]], rtol=0, atol=0)
