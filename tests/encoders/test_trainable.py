"""Which part of a network further training changes."""

import pytest
from torch import nn

from nearspace.data import SAMPLES
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import blocks
from nearspace.judge.studies.finetune import last_part

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return SAMPLES["digits"]()


LAST = {
    "autoencoder(dim=8)": ["net.fc3", "net.latent"],
    "autoencoder(dim=8, body='cnn')": ["net.fc1", "net.latent"],
    "denoising(dim=8)": ["net.fc3", "net.latent"],
    "masked(dim=8)": ["net.fc3", "net.latent"],
    "masked(dim=8, body='vit')": ["blocks.block3", "blocks.norm", "latent"],
    "vae(dim=8)": ["latent"],
    "adversarial(dim=8)": ["latent"],
    "simclr(dim=8)": ["fc1", "embedding"],
    "vicreg(dim=8)": ["fc1", "embedding"],
}


@pytest.mark.parametrize(("spec", "last"), LAST.items())
def test_the_last_part_is_what_runs_last(digits, spec, last):
    encoder = make(spec).set_params(epochs=1).fit(digits.items[:60])
    net, ran = encoder.nets_["encoder"], []
    for name, block in blocks(net).items():
        block.register_forward_hook(lambda *_, name=name: ran.append(name))
    encoder.transform(digits.items[:2])
    assert ran[-len(last) :] == last
    assert last_part(encoder) == [f"encoder.{name}" for name in last]


def test_blocks_look_into_lists_and_wrappers():
    layers = nn.ModuleList([nn.Linear(2, 2), nn.Linear(2, 2)])
    net = nn.ModuleDict({"net": nn.ModuleDict({"stem": nn.Linear(2, 2), "act": nn.GELU()})})
    net["net"]["layers"] = layers
    assert list(blocks(net)) == ["net.stem", "net.layers.0", "net.layers.1"]
