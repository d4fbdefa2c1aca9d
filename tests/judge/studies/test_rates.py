"""Rate and distortion: the coder's bytes are counted, the fronts are fronts, the page stands."""

import dataclasses
import io
import json
import math

import numpy as np
import pytest
from PIL import Image as Pillow

from nearspace import load
from nearspace.data import Dataset, Image
from nearspace.errors import NearspaceError
from nearspace.judge.studies.curves import bits_at, front, psnr, psnr_at
from nearspace.judge.studies.rates import format_curves, measure_rates, mosaic, photograph
from nearspace.report.rates import other_text, rates_page, rates_verdict

pytestmark = pytest.mark.trains


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def rates(digits):
    return measure_rates(digits, ["autoencoder(dim=4, epochs=6)", "pca(dim=12)"])


def test_a_front_holds_what_nothing_beats():
    rng = np.random.default_rng(0)
    points = [tuple(point) for point in rng.random((200, 2))]
    kept = front(points)
    naive = [
        (b, q) for b, q in points
        if not any(x <= b and y >= q and (x, y) != (b, q) for x, y in points)
    ]  # fmt: skip
    assert kept == sorted(naive)
    low, high = kept[0], kept[-1]
    assert psnr_at(kept, low[0]) == low[1]
    assert psnr_at(kept, high[0] + 1) is None
    bits, bound = bits_at(kept, (low[1] + high[1]) / 2)
    assert low[0] <= bits <= high[0]
    assert not bound
    assert bits_at(kept, low[1] - 1) == (low[0], True)
    assert bits_at(kept, high[1] + 1) is None
    assert bits_at([(10.0, math.inf)], 30.0) == (10.0, True)


def test_formats_count_the_bytes_of_files(digits):
    images = digits.items[:30]
    curves = {curve.name: curve for curve in format_curves(images)}
    sizes, decoded = [], []
    for image in images:
        file = io.BytesIO()
        Pillow.fromarray(image[..., 0]).save(file, "JPEG", quality=50)
        sizes.append(len(file.getvalue()))
        decoded.append(np.asarray(Pillow.open(file))[..., None])
    curve = curves["JPEG, each by itself"]
    at = curve.settings.index("quality 50")
    assert curve.bits[at] == 8 * sum(sizes) / 30
    assert curve.psnr[at] == psnr(images, np.stack(decoded))
    assert curves["PNG, one mosaic"].psnr == (math.inf,)
    assert curves["WebP, one mosaic"].bits[-1] < curves["WebP, each by itself"].bits[-1]
    whole, shown = mosaic(images)
    np.testing.assert_array_equal(whole[:8, :8], shown[0])


def test_curves_are_of_the_test_images_and_rise(rates, digits):
    learned, pca = rates.curves[:2]
    assert (learned.how, pca.how, rates.curves[2].how) == ("latents", "latents", "PCA codes")
    for curve in rates.curves[:2]:
        assert list(curve.bits) == sorted(curve.bits)
        assert curve.psnr[-1] > curve.psnr[0]
    best = rates.curves[2]
    for bits, quality in pca.points:  # its dimensions are not among those tried: near is enough
        at = psnr_at(best.points, bits)
        assert at is None or at > quality - 0.3
    # The entropy of the data bounds the bits from below: 12 numbers at 64 levels are 72 bits.
    assert learned.decoder_bytes > 100_000 > pca.decoder_bytes
    assert rates.protocol["test images"] + rates.protocol["training images"] == len(digits)


def test_equal_quality_and_pay_back_follow_from_the_curves(rates):
    assert [equal.bits for equal in rates.equals][:2] == [16, 24]
    pca = rates.curves[2]
    for equal in rates.equals:
        assert (equal.pca_bits > equal.bits) == (equal.pca_psnr < equal.psnr)
        if equal.images is None:
            assert equal.pca_bits <= equal.bits
            continue
        theirs = [(cost, 0) for cost, _ in equal.formats.values()]
        theirs.append((equal.pca_bits, pca.decoder_bytes))
        for n in (0.9 * equal.images, 1.1 * equal.images):
            cheapest = min(size + bits * n / 8 for bits, size in theirs)
            own = equal.decoder_bytes + equal.bits * n / 8
            assert (own < cheapest) == (n > equal.images)
        _, bound = equal.formats["PNG, one mosaic"]
        assert bound


def test_another_domain_and_the_page_shows_it(rates):
    known, unknown = rates.rows
    assert unknown.psnr < known.psnr - 3
    assert f"{known.psnr - unknown.psnr:.1f} dB worse" in other_text(rates)
    turned = dataclasses.replace(rates, rows=(unknown, known))
    assert "dB better, which images with little in them" in other_text(turned)
    page = rates_page(rates).html()
    assert "china.jpg" in page
    assert "autoencoder(dim=4, epochs=6)" in page
    assert "decoder pays from" in page
    assert "12 of the test images: " in page


def test_the_sentence_says_when_pca_does_better(rates):
    (at,) = [equal for equal in rates.equals if equal.bits == 32]
    better = dataclasses.replace(at, pca_psnr=at.psnr + 1, pca_bits=20.0, images=None)
    told = rates_verdict(dataclasses.replace(rates, equals=(better,)))
    assert "1.0 dB below PCA codes of the same length" in told
    assert "By PCA codes as much costs no more" in told
    ahead = dataclasses.replace(at, pca_psnr=at.psnr - 1, pca_bits=50.0, images=3000.0)
    told = rates_verdict(dataclasses.replace(rates, equals=(ahead,)))
    assert "cheapest of all from 3,000 images on" in told


def test_figures_that_were_measured_are_in_the_json(rates):
    found = json.loads(rates.to_json())
    assert found["curves"][0]["decoder_bytes"] == rates.curves[0].decoder_bytes
    assert "given" not in found["rows"][0]


def test_colour_and_another_source(digits, tmp_path):
    rng = np.random.default_rng(0)
    base = rng.random((120, 1, 1, 3)) * np.linspace(0, 1, 12)[None, :, None, None]
    items = np.repeat((255 * base).astype(np.uint8), 10, axis=2)
    dataset = Dataset(items, Image((12, 10, 3)), np.arange(120))
    found = measure_rates(dataset, ["pca(dim=3)"], other="digits")
    assert found.protocol["other domain"] == "digits"
    assert found.curves[0].psnr[-1] > 25
    assert photograph(dataset.kind, 2).shape == (2, 12, 10, 3)


@pytest.mark.parametrize(
    ("source", "specs", "words"),
    [
        ("digits", ["hog"], "does not decode"),
        ("digits", ["autoencoder@fc1"], "does not decode"),
        ("wine", ["pca"], "takes images"),
        ("digits", [], "at least one encoder"),
    ],
)
def test_what_cannot_be_measured_is_refused(source, specs, words):
    with pytest.raises(NearspaceError, match=words):
        measure_rates(load(source), specs)


@pytest.mark.data
def test_latents_are_decibels_above_pca_on_mnist(public_data):
    mnist = load(public_data / "mnist")
    train, test = np.flatnonzero(mnist.split == "train"), np.flatnonzero(mnist.split == "test")
    some = mnist.take(np.concatenate([train[:10_000], test[:1000]]))
    found = measure_rates(some, ["autoencoder(dim=12, epochs=8)"])
    gains = {equal.bits: equal.psnr - equal.pca_psnr for equal in found.equals}
    assert gains[32] > 1.5
    assert all(cost > 250 for cost, _ in found.equals[0].formats.values())
