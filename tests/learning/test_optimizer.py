"""AdamW without torch's compiler."""

import copy
import subprocess
import sys

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from nearspace import load, make
from nearspace.learning.optimizer import AdamW
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
