"""What all learned encoders share: devices, constant items, unfitted use."""

import numpy as np
import pytest
import torch
from sklearn.exceptions import NotFittedError

from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import NearspaceError


@pytest.mark.trains
def test_a_device_that_is_not_there_is_told(samples):
    digits = samples["image"].items[:50]
    missing = "mps" if torch.cuda.is_available() else "cuda"
    with pytest.raises(NearspaceError, match=f"no device '{missing}' on this machine; use"):
        make(f"autoencoder(epochs=1, device='{missing}')").fit(digits)
    with pytest.raises(ValueError, match="'device' parameter of VAE must be a str among"):
        make("vae(device='cudda')").fit(digits)


@pytest.mark.trains
def test_begins_at_items_that_are_all_the_same(samples):
    same = np.repeat(samples["image"].items[:1], 30, axis=0)
    autoencoder = make("autoencoder(dim=3, epochs=1)").fit(same)
    assert np.abs(autoencoder.transform(samples["image"].items)).max() < 1e3


@pytest.mark.parametrize("spec", ["vae", "adversarial"])
def test_sampling_needs_a_fit(spec):
    with pytest.raises(NotFittedError):
        make(spec).sample(3)


@pytest.mark.trains
def test_loading_leaves_the_global_generator_alone(samples, tmp_path):
    make("autoencoder(dim=3, epochs=1)").fit(samples["image"].items[:50]).save(tmp_path)
    before = torch.get_rng_state()
    load_encoder(tmp_path)
    assert torch.equal(torch.get_rng_state(), before)


@pytest.mark.trains
def test_many_items_are_restored_batch_by_batch(samples):
    digits = samples["image"].items
    for spec in ("denoising(epochs=1)", "masked(epochs=1)", "masked(epochs=1, body='vit')"):
        encoder = make(spec).fit(digits[:100])
        given, restored = encoder.restore(digits[:600], random_state=0)
        assert given.shape == restored.shape == digits[:600].shape
        assert np.isfinite(restored).all()


@pytest.mark.trains
@pytest.mark.parametrize("spec", ["vae(epochs=1)", "autoencoder(epochs=1)"])
def test_vectors_of_another_length_are_told(samples, spec):
    encoder = make(spec).fit(samples["image"].items[:50])
    with pytest.raises(NearspaceError, match=r"decodes vectors of (16|32) numbers, got shape"):
        encoder.inverse_transform(np.zeros((2, 5)))


@pytest.mark.trains
@pytest.mark.parametrize(
    ("spec", "layers"),
    [
        (
            "autoencoder(dim=3, epochs=1)",
            ["linear", "net.fc1", "net.fc2", "net.fc3", "net.latent", "code"],
        ),
        ("vae(dim=3, epochs=1)", ["fc1", "fc2", "latent"]),
        ("simclr(dim=3, epochs=1)", ["conv1", "conv2", "fc1", "embedding"]),
    ],
)
def test_every_learned_encoder_has_layers(spec, layers, samples):
    images = samples["image"].items[:40]
    encoder = make(spec).fit(images)
    assert encoder.layer_names() == layers
    whole = encoder.transform(images)
    outputs = encoder.layer_outputs(images, layers)
    for name in layers:
        encoder.set_params(layer=name)
        vectors = encoder.transform(images)
        np.testing.assert_allclose(vectors, outputs[name].flatten(1).numpy(), atol=1e-5)
        assert vectors.shape[1] == len(encoder.get_feature_names_out())
    # The last layer holds the encoder's own vectors: of a VAE beside their variances.
    np.testing.assert_allclose(vectors[:, : whole.shape[1]], whole, atol=1e-5)
    pooled = make(spec.replace(")", ", pool='max')")).set_params(layer=layers[0]).fit(images)
    assert pooled.transform(images).shape[1] == outputs[layers[0]].shape[1]
