"""Taps and bodies: shapes for all sorts of images, errors for wrong layers."""

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import torch
from torch import nn

from nearspace.errors import DataError
from nearspace.nets.bodies import autoencoder_bodies
from nearspace.nets.convnet import ConvDecoder, convnet
from nearspace.nets.layers import as_vectors, layer_names, list_layers, output_of, tap


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


def test_tap_returns_the_outputs_of_layers():
    net = convnet((1, 8, 8), 8, 5, last="logits")
    batch = torch.rand(4, 1, 8, 8)
    found = tap(net, ["logits", "conv1", "fc1.1"], batch)
    assert net.training
    assert not any(output.requires_grad for output in found.values())
    torch.testing.assert_close(found["logits"], net.eval()(batch))
    assert found["conv1"].shape == (4, 16, 4, 4)
    assert found["fc1.1"].shape == (4, 8)


def test_feature_maps_and_tokens_become_vectors():
    maps, tokens = torch.rand(4, 16, 3, 5), torch.rand(4, 7, 6)
    assert as_vectors(maps, "flatten").shape == (4, 240)
    torch.testing.assert_close(as_vectors(maps, "max"), maps.amax(dim=(2, 3)))
    torch.testing.assert_close(as_vectors(maps, "mean"), maps.mean(dim=(2, 3)))
    torch.testing.assert_close(as_vectors(maps, "none")[1, 2, 4], maps[1, :, 2, 4])
    torch.testing.assert_close(as_vectors(tokens, "cls"), tokens[:, 0])
    torch.testing.assert_close(as_vectors(tokens, "mean"), tokens.mean(dim=1))
    torch.testing.assert_close(as_vectors(tokens, "last"), tokens[:, -1])
    assert as_vectors(tokens, "none") is tokens
    with pytest.raises(DataError, match=r"\(16, 3, 5\) has no class token"):
        as_vectors(maps, "cls")
    with pytest.raises(DataError, match="Did you mean 'mean'"):
        as_vectors(maps, "meen")


class Turned(nn.Module):
    def forward(self, x):
        return x.T


class Mixed(nn.Module):
    def forward(self, x):
        return x - x.mean(dim=0)


class Tuple(nn.Module):
    def forward(self, x):
        return {"hidden": x * 2, "state": None}


class Reads(nn.Module):
    def forward(self, found):
        return found["hidden"]


def test_listing_leaves_out_what_has_no_row_an_item():
    net = nn.Sequential(nn.Linear(3, 4), Tuple(), Reads(), nn.ReLU(), Mixed(), Turned())
    listed = list(list_layers(net, torch.rand(4, 3)).items())
    assert listed == [("0", (4,)), ("1", (4,)), ("2", (4,)), ("3", (4,))]


def test_a_layer_that_works_in_place_changes_nothing_that_was_tapped_before_it():
    net = nn.Sequential(nn.Linear(3, 50), nn.ReLU(inplace=True))
    batch = torch.randn(4, 3)
    torch.testing.assert_close(tap(net, ["0"], batch)["0"], net[0](batch).detach())


def test_one_number_an_item_is_a_vector():
    assert as_vectors(torch.rand(5), "flatten").shape == (5, 1)


class Flip(nn.Module):
    def forward(self, x):
        return x.flip(0)


def test_rows_in_another_order_are_told_though_they_are_alike():
    net = nn.Sequential(nn.Linear(20, 64), Flip())
    nn.init.constant_(net[0].bias, 10)
    with pytest.raises(DataError, match="rows are not the items"):
        tap(net, ["1"], torch.rand(2, 20))


def test_wrong_layers_are_named():
    net = convnet((1, 8, 8), 8, 5, last="logits")
    with pytest.raises(DataError, match=r"no layer 'conv9'\. Did you mean 'conv"):
        tap(net, ["conv9"], torch.rand(2, 1, 8, 8))
    for wrong, n in [(Turned(), 2), (Turned(), 3), (Mixed(), 3)]:
        # A square output has the right length by accident: its values tell.
        with pytest.raises(DataError, match=r"layer '0' .* its rows are not the items"):
            tap(nn.Sequential(wrong), ["0"], torch.rand(n, 3))
    net = nn.Sequential(nn.ModuleList([nn.Linear(3, 3)]), nn.Linear(3, 3))
    net.forward = net[1].forward
    with pytest.raises(DataError, match=r"layer '0\.0' puts out no tensor"):
        tap(net, ["0.0"], torch.rand(2, 3))


class Meeting(nn.Module):
    """Goes on once two threads are in it."""

    def __init__(self):
        super().__init__()
        self.barrier = threading.Barrier(2, timeout=20)

    def forward(self, batch):
        self.barrier.wait()
        return batch


@pytest.mark.parametrize(
    "one", [output_of, lambda *asked: tap(asked[0], [asked[1]], asked[2])["0"]]
)
def test_threads_that_share_a_network_get_their_own_outputs(one):
    net = nn.Sequential(nn.Linear(3, 3), Meeting()).eval()
    batches = [torch.zeros(1, 3), torch.ones(1, 3)]
    with ThreadPoolExecutor(2) as pool:
        outputs = list(pool.map(lambda batch: one(net, "0", batch), batches))
    for batch, output in zip(batches, outputs, strict=True):
        torch.testing.assert_close(output, net[0](batch))
