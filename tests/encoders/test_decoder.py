"""Decoders: which pipes have one, and what they refuse."""

import json

import numpy as np
import pytest
from safetensors.numpy import load, save

from nearspace.encoders.base import Encoder
from nearspace.encoders.decoder import Decoder
from nearspace.encoders.spec import make
from nearspace.encoders.state import sealed
from nearspace.errors import DataError, NearspaceError


@pytest.mark.trains
@pytest.mark.parametrize(
    ("spec", "decodes"),
    [
        ("raw", True),
        ("raw | pca(dim=30)", True),
        ("pca(dim=40) | pca(dim=30) | pca(dim=25)", True),
        ("raw | pca(dim=8) | l2", False),
        ("raw | l2 | pca(dim=8)", False),
        ("pca(dim=4) + raw", False),
        ("hog | pca(dim=8)", False),
        ('autoencoder(dim=8, epochs=1)@"net.fc1"', False),
    ],
)
def test_a_pipe_decodes_where_every_stage_does(samples, spec, decodes):
    images = samples["image"].items
    encoder = make(spec)
    assert hasattr(encoder, "inverse_transform") == decodes
    encoder.fit(images)
    assert (encoder.decoder is not None) == decodes == hasattr(encoder, "inverse_transform")
    if decodes:
        again = encoder.inverse_transform(encoder.transform(images))
        assert again.shape == images.shape
        assert np.abs(again - images / 255).mean() < 0.05


def test_texts_do_not_come_back(samples):
    for spec in ("raw", "tfidf | pca(dim=4)", "raw | pca(dim=4)"):
        encoder = make(spec).fit(samples["text"].items)
        assert encoder.decoder is None
        assert not hasattr(encoder, "inverse_transform")


@pytest.mark.trains
def test_vectors_come_back_in_their_own_units(samples):
    vectors = samples["vector"].items
    encoder = make(f"raw | pca(dim={vectors.shape[1]})").fit(vectors)
    again = encoder.inverse_transform(encoder.transform(vectors))
    np.testing.assert_allclose(again, vectors, rtol=1e-3, atol=1e-2)
    with pytest.raises(DataError, match=r"decodes vectors of \d+ numbers, got shape"):
        encoder.inverse_transform(np.zeros((2, 99)))


@pytest.mark.trains
def test_a_decoder_that_was_tampered_with_is_refused(samples):
    files = make("pca(dim=3)").fit(samples["image"].items).decoder.dump()
    head, arrays = (files[name] for name in Decoder.files)
    axes = load(arrays)
    axes["encoder.params.mean"] = axes["encoder.params.mean"] + 1
    with pytest.raises(NearspaceError, match="checksum is another"):
        Decoder.parse({**files, Decoder.files[1]: save(axes)}, "memory")
    other = sealed({**json.loads(head), "class": "pca"}, arrays)
    with pytest.raises(NearspaceError, match="do not belong together"):
        Decoder.parse({**files, Decoder.files[0]: json.dumps(other).encode()}, "memory")
    as_encoder = dict(zip(("encoder.json", "weights.safetensors"), (head, arrays), strict=True))
    with pytest.raises(NearspaceError, match="expected Encoder, got AffineDecoder"):
        Encoder.parse(as_encoder, "memory")
