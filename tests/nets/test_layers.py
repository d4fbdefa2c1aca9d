"""Taps and bodies: shapes for all sorts of images, errors for wrong layers."""

import pytest
import torch
from torch import nn

from nearspace.errors import DataError
from nearspace.nets.bodies import autoencoder_bodies
from nearspace.nets.convnet import ConvDecoder, convnet
from nearspace.nets.layers import as_vectors, layer_names, tap


@pytest.mark.parametrize("shape", [(1, 1, 1), (1, 8, 8), (3, 17, 33), (1, 28, 28), (3, 96, 64)])
def test_convolutional_bodies_mirror_any_shape(shape):
    net = convnet(shape, 8, 5, last="latent").eval()
    decoder = ConvDecoder(5, 8, shape).eval()
    batch = torch.rand(2, *shape)
    assert decoder(net(batch)).shape == batch.shape


def test_large_images_get_convolutions():
    bodies = autoencoder_bodies((3, 64, 64), (64,), latent=6, dim=3)
    assert "conv1" in layer_names(bodies["encoder"])
    assert "conv1" not in layer_names(autoencoder_bodies((1, 28, 28), (64,), 6, 3)["encoder"])


def test_tap_returns_a_layers_output():
    net = convnet((1, 8, 8), 8, 5, last="logits").eval()
    batch = torch.rand(4, 1, 8, 8)
    torch.testing.assert_close(tap(net, "logits", batch), net(batch))
    feature_map = tap(net, "conv1", batch)
    assert feature_map.shape == (4, 16, 4, 4)
    assert as_vectors(feature_map, "flatten").shape == (4, 256)
    torch.testing.assert_close(as_vectors(feature_map, "max"), feature_map.amax(dim=(2, 3)))
    torch.testing.assert_close(as_vectors(feature_map, "mean"), feature_map.mean(dim=(2, 3)))


def test_wrong_layers_are_named():
    net = convnet((1, 8, 8), 8, 5, last="logits").eval()
    with pytest.raises(DataError, match=r"no layer 'conv9'\. Did you mean 'conv"):
        tap(net, "conv9", torch.rand(2, 1, 8, 8))

    class Turned(nn.Module):
        def forward(self, x):
            return x.T

    with pytest.raises(DataError, match="first axis is not the batch"):
        tap(nn.Sequential(Turned()), "0", torch.rand(2, 3))
