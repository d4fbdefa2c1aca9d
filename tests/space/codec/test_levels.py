"""What items lose by rounding, beside what the decoder loses by itself."""

import numpy as np
import pytest

from nearspace import embed, load, pack, unpack
from nearspace.space.codec.codec import codec_of, with_codec
from nearspace.space.codec.codes import read_codes
from nearspace.space.codec.levels import distortions

pytestmark = pytest.mark.trains


@pytest.mark.parametrize(
    ("sample", "spec"),
    [
        ("wine", "pca(dim=4)"),  # one column has 99.8 % of the variance
        ("digits", "pca(dim=16)"),
        ("digits", "autoencoder(dim=8, epochs=5)"),
    ],
)
def test_rounding_adds_a_tenth_to_the_error_of_the_decoder_at_most(sample, spec):
    dataset = load(sample)
    space = with_codec(embed(dataset, spec))
    data = pack(space, dataset.items)
    level = read_codes(data)[0].level
    coarser, found = distortions(
        space.encoder, codec_of(space).levels[level - 1 : level + 1], dataset.items
    )
    assert found.coded <= 1.1 * found.alone < coarser.coded
    if len(dataset) < 1000:  # all are measured: the file holds exactly this
        error = np.mean((unpack(space, data).items - dataset.items) ** 2)
        assert found.coded == pytest.approx(error, rel=1e-3)
    alone = np.mean((space.encoder.inverse_transform(space.vectors) - dataset.items) ** 2)
    if sample == "wine":
        assert found.alone == pytest.approx(alone, rel=1e-2)
        assert found.variance == pytest.approx(dataset.items.var(axis=0).mean())
