"""Any network as an encoder: the input it gets, how it is left, and what it is told when wrong."""

import numpy as np
import pytest
import torch
from sklearn.base import clone
from tests.one_part import compare
from torch import nn

from nearspace.data import load
from nearspace.encoders.borrowed.network import Network
from nearspace.encoders.layers import Layers
from nearspace.errors import NearspaceError, SpecError
from nearspace.judge.taps import layer_vectors

IMAGES = np.random.default_rng(0).integers(0, 256, (12, 6, 5, 3), dtype=np.uint8)


class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(nn.Conv2d(3, 4, 3, padding=1), nn.BatchNorm2d(4), nn.ReLU())
        self.drop = nn.Dropout(0.5)
        self.head = nn.Linear(4, 2)

    def forward(self, x):
        return {"logits": self.head(self.drop(self.features(x).mean((2, 3))))}


@pytest.fixture
def net():
    torch.manual_seed(0)
    return Net().train()


def test_the_input_is_scaled_by_channel_and_the_network_left_as_it_was(net):
    mean, std = (0.1, 0.2, 0.3), (0.5, 0.6, 0.7)
    encoder = Network(net, layer="features", pool="flatten", mean=mean, std=std, batch_size=5)
    weights = {name: tensor.clone() for name, tensor in net.state_dict().items()}
    vectors = encoder.fit(IMAGES).transform(IMAGES)
    assert net.training
    assert all(torch.equal(weights[name], tensor) for name, tensor in net.state_dict().items())
    x = (torch.from_numpy(IMAGES).float() / 255 - torch.tensor(mean)) / torch.tensor(std)
    wanted = net.eval().features(x.permute(0, 3, 1, 2)).flatten(1)
    np.testing.assert_allclose(vectors, wanted.detach().numpy(), rtol=1e-4, atol=1e-6)
    assert len(encoder.get_feature_names_out()) == 4 * 6 * 5


def test_the_output_is_the_vector_unless_a_layer_is_named(net):
    encoder = Network(net).fit(IMAGES)
    assert isinstance(encoder, Layers)
    assert encoder.layer_names() == ["features", "drop", "head"]
    assert encoder.transform(IMAGES).shape == (12, 2)
    np.testing.assert_array_equal(
        encoder.transform(IMAGES), clone(encoder).set_params(layer="head").fit_transform(IMAGES)
    )
    outputs = encoder.layer_outputs(IMAGES[:3], ["features", "features.0"])
    assert [tuple(output.shape) for output in outputs.values()] == [(3, 4, 6, 5)] * 2


def test_vectors_are_taken_too():
    net = nn.Sequential(nn.Linear(3, 4), nn.ReLU()).double()
    vectors = Network(net, mean=[1.0, 2.0, 3.0], std=2.0).fit_transform(np.eye(3) * 9)
    assert vectors.dtype == np.float32
    assert vectors.shape == (3, 4)


def test_clones_share_the_network_and_rows_tell_networks_apart(net):
    encoder = Network(net, layer="drop")
    assert clone(encoder).net is net
    assert encoder.spec == clone(encoder).spec
    assert encoder.spec != Network(Net(), layer="drop").spec
    assert Network(net, layer="drop", name="mine").spec == "Network(mine, layer='drop')"


@pytest.mark.trains
def test_compare_takes_it_as_a_row():
    digits = load("digits").take(np.arange(200))
    net = nn.Sequential(nn.Conv2d(1, 4, 3), nn.ReLU(), nn.Flatten())
    board = compare(digits, encoders=[Network(net, name="random")])
    row = next(row for row in board.results if row.spec == "Network(random)")
    assert row.learns == "nothing"
    assert [name for name, _, _ in row.exhibits.layers] == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"layer": "featurs"}, "no layer 'featurs'. Did you mean 'features'"),
        ({"mean": (0.5, 0.5)}, "mean must be one number or 3"),
        ({"std": 0.0}, "std must be above 0"),
        ({"pool": "cls", "layer": "features"}, "has no class token"),
    ],
)
def test_mistakes_are_told_when_it_is_fitted(net, settings, told):
    with pytest.raises(NearspaceError, match=told):
        Network(net, **settings).fit(IMAGES)


def test_images_that_do_not_fit_and_saving_are_refused(net, tmp_path):
    with pytest.raises(NearspaceError, match=r"Net cannot take a batch of shape \(2, 1, 6, 5\)"):
        Network(net).fit(IMAGES[..., 0])
    with pytest.raises(NearspaceError, match="Network is not in the catalogue and cannot be saved"):
        Network(net).fit(IMAGES).save(tmp_path / "net")


def test_rows_tell_apart_what_is_taken_from_the_input(net):
    assert Network(net, name="a", mean=0.5, std=(1, 2, 3)).spec == (
        "Network(a, mean=0.5, std=[1, 2, 3])"
    )
    wide = [(Network(net, name="a", mean=np.arange(784.0) + i)).spec for i in (0, 0, 1)]
    assert wide[0] == wide[1] != wide[2]
    assert "784 numbers" in wide[0]


def test_different_networks_of_one_name_are_refused(net):
    digits = load("digits").take(np.arange(100))
    linear = [nn.Sequential(nn.Flatten(), nn.Linear(64, 3)) for _ in range(2)]
    with pytest.raises(SpecError, match=r"'Network\(mine\)'; give each Network a name of its own"):
        compare(digits, encoders=[Network(linear[0], name="mine"), Network(linear[1], name="mine")])
    pools = [nn.Sequential(nn.AvgPool2d(side)) for side in (2, 4)]  # no weights tell them apart
    with pytest.raises(SpecError, match="give each Network a name"):
        compare(digits, encoders=map(Network, pools))
    twice = compare(
        digits, encoders=[Network(linear[0]), Network(linear[0]), Network(linear[0], mean=0.5)]
    )
    assert sum(row.spec.startswith("Network") for row in twice.results) == 2


def test_one_number_an_item_is_a_vector():
    class Score(nn.Module):
        def forward(self, x):
            return x.mean(dim=(1, 2, 3))

    encoder = Network(nn.Sequential(Score())).fit(IMAGES)
    assert encoder.transform(IMAGES).shape == (12, 1)
    assert len(encoder.get_feature_names_out()) == 1
    found = layer_vectors(encoder, IMAGES, ["0"], "flatten")
    assert found.vectors["0"].shape == (12, 1)


def test_a_network_without_layers_inside_is_a_row_too():
    digits = load("digits").take(np.arange(100))
    board = compare(digits, encoders=[Network(nn.AvgPool2d(2), name="pooled")])
    (row,) = (row for row in board.results if row.spec == "Network(pooled)")
    assert row.exhibits.layers == ()
