"""The eight layers of AlexNet at any size, and which of their numbers can be zero."""

import pytest
import torch

from nearspace.nets.convnet import alexnet
from nearspace.nets.layers import list_layers, tap

NAMES = ["conv1", "conv2", "conv3", "conv4", "conv5", "fc6", "fc7", "fc8"]


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 17, 33), (1, 28, 28), (3, 96, 96)])
def test_images_of_any_size_fit(shape):
    net = alexnet(shape, dim=16, outputs=3).eval()
    batch = torch.rand(2, *shape)
    assert net(batch).shape == (2, 3)
    listed = list(list_layers(net, batch))
    assert [name for name in listed if "." not in name] == ["input", *NAMES]


def test_maps_shrink_as_in_the_paper_and_all_but_the_last_layer_are_rectified():
    net = alexnet((1, 28, 28), dim=16, outputs=3)
    torch.nn.init.constant_(net.get_submodule("fc8").bias, -9.0)
    found = tap(net, NAMES, torch.rand(4, 1, 28, 28))
    sides = [found[name].shape[-1] for name in NAMES[:5]]
    assert sides == [14, 7, 7, 7, 4]
    assert all(found[name].min() == 0 for name in NAMES[:-1])
    assert found["fc8"].min() < 0
