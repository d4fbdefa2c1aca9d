import pytest
import torch

from nearspace.nets.transformer import (
    MaskToken,
    PatchDecoder,
    PatchEncoder,
    default_patch,
    from_patches,
    hidden_pixels,
    n_patches,
    sine_positions,
    to_patches,
    visible_patches,
)

SHAPES = [(1, 8, 8), (1, 28, 28), (3, 13, 31), (1, 1, 1), (3, 2, 9)]


@pytest.mark.parametrize("shape", SHAPES)
def test_patches_are_cut_row_by_row_and_put_back(shape):
    patch = default_patch(*shape[1:])
    images = torch.rand(2, *shape)
    patches = to_patches(images, patch)
    assert patches.shape == (2, n_patches(shape, patch), shape[0] * patch**2)
    corner = images[:, :, :patch, :patch]
    if corner.shape[2:] == (patch, patch):
        assert torch.equal(patches[:, 0], corner.flatten(1))
    assert torch.equal(from_patches(patches, shape, patch), images)


def test_visible_patches_are_different_ones_and_as_many_as_asked_for():
    visible = visible_patches(50, 16, 0.75, torch.Generator().manual_seed(0))
    assert visible.shape == (50, 4)
    assert (visible.diff(dim=1) > 0).all()
    assert len(visible.unique()) == 16
    assert visible_patches(3, 4, 0.99, torch.Generator()).shape == (3, 1)


def test_hidden_pixels_are_those_of_the_other_patches():
    hidden = hidden_pixels(torch.tensor([[0, 3]]), (3, 3, 4), patch=2)
    assert hidden.shape == (1, 1, 3, 4)
    assert hidden[0, 0].int().tolist() == [[0, 0, 1, 1], [0, 0, 1, 1], [1, 1, 0, 0]]
    token = MaskToken((3, 3, 4))
    given = token(torch.ones(1, 3, 3, 4), hidden)
    assert torch.equal(given[0, 0], 1.0 - hidden[0, 0].float())


def test_positions_differ():
    places = sine_positions(5, 7, 64)
    assert places.shape == (35, 64)
    assert torch.pdist(places).min() > 0.1


def test_encoder_does_not_look_at_hidden_patches():
    shape, patch = (1, 8, 12), 4
    encoder = PatchEncoder(shape, patch, width=32, depth=2, outputs=5).eval()
    images, visible = torch.rand(3, *shape), torch.tensor([[0, 2], [1, 5], [3, 4]])
    hidden = hidden_pixels(visible, shape, patch)
    with torch.no_grad():
        seen = encoder(images, visible)
        assert torch.equal(encoder(images.masked_fill(hidden, 0.7), visible), seen)
        assert not torch.allclose(encoder(images.masked_fill(~hidden, 0.7), visible), seen)
        torch.testing.assert_close(encoder(images), encoder(images, torch.arange(6).repeat(3, 1)))


@pytest.mark.parametrize("shape", SHAPES)
def test_decoder_gives_images_of_the_shape(shape):
    patch = default_patch(*shape[1:])
    decoder = PatchDecoder(4, shape, patch, width=32, depth=1)
    assert decoder(torch.rand(2, 4)).shape == (2, *shape)
