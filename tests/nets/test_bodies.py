import pytest
import torch

from nearspace.errors import DataError
from nearspace.nets.bodies import autoencoder_bodies, start_at_pca
from nearspace.nets.convnet import ConvDecoder


def is_convolutional(bodies):
    decoder = bodies["decoder"]
    return isinstance(getattr(decoder, "net", decoder), ConvDecoder)


@pytest.mark.parametrize("body", ["auto", "mlp", "cnn"])
@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 9, 14), (1, 1, 1)])
@pytest.mark.parametrize("linear_path", [False, True])
def test_bodies_take_and_give_items_of_any_shape(body, shape, linear_path):
    bodies = autoencoder_bodies(shape, (16, 8), 5, 5, body, linear_path)
    z = bodies["encoder"](torch.rand(2, *shape))
    assert z.shape == (2, 5)
    assert bodies["decoder"](z).shape == (2, *shape)
    assert is_convolutional(bodies) == (body == "cnn")


def test_large_images_get_convolutions_sooner_without_a_linear_path():
    assert is_convolutional(autoencoder_bodies((3, 72, 72), (8,), 4, 4))
    assert not is_convolutional(autoencoder_bodies((3, 72, 72), (8,), 4, 4, linear_path=True))
    assert is_convolutional(autoencoder_bodies((3, 120, 120), (8,), 4, 4, linear_path=True))


def test_convolutions_take_images_only():
    with pytest.raises(
        DataError, match=r"'cnn' takes images, series and sounds, got items of shape \(7,\)"
    ):
        autoencoder_bodies((7,), (8,), 4, 4, "cnn")


def principal_reconstruction(flat, dim):
    mean = flat.mean(dim=0)
    _, _, axes = torch.linalg.svd(flat - mean, full_matrices=False)
    return (flat - mean) @ axes[:dim].T @ axes[:dim] + mean


@pytest.mark.parametrize("body", ["mlp", "cnn"])
def test_start_is_principal_component_analysis(body):
    torch.manual_seed(0)
    images = torch.rand(60, 1, 6, 6) * torch.linspace(0.1, 1, 36).reshape(1, 6, 6)
    bodies = autoencoder_bodies((1, 6, 6), (16,), 4, 4, body, linear_path=True).eval()
    start_at_pca(bodies, images)
    with torch.no_grad():
        z = bodies["encoder"](images)
        decoded = bodies["decoder"](z).sigmoid().flatten(1)
    best = principal_reconstruction(images.flatten(1), 4).clamp(0.02, 0.98)
    assert (decoded - best).square().mean() < 1e-2 * best.var()  # the solver is a random one
    assert 0.9 < z.std(dim=0).max() < 1.1  # the first dimension varies by about 1


@pytest.mark.parametrize("n", [1, 3, 40])
def test_start_with_more_dimensions_than_items_or_values_can_span(n):
    items = torch.rand(n, 5)
    bodies = autoencoder_bodies((5,), (8,), 9, 9, linear_path=True).eval()
    start_at_pca(bodies, items)
    with torch.no_grad():
        decoded = bodies["decoder"](bodies["encoder"](items))
    torch.testing.assert_close(decoded, items, atol=1e-3, rtol=0)
