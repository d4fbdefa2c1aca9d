import base64
import io

import numpy as np
import pytest
import torch
from PIL import Image as Pillow
from sklearn.base import clone

from nearspace import load, load_encoder, make
from nearspace.data import Image, kind_from_json
from nearspace.errors import DataError

GREY = np.random.default_rng(0).integers(0, 256, (6, 9, 7), dtype=np.uint8)
RGB = np.random.default_rng(1).integers(0, 256, (6, 9, 7, 3), dtype=np.uint8)


@pytest.mark.parametrize(
    ("items", "shape"),
    [
        (GREY, (9, 7, 1)),
        (GREY[..., None], (9, 7, 1)),
        (RGB, (9, 7, 3)),
        (RGB / 255, (9, 7, 3)),
        (GREY.astype(float), (9, 7, 1)),
        (GREY.astype(np.int64), (9, 7, 1)),
        (list(GREY), (9, 7, 1)),
        (GREY > 127, (9, 7, 1)),
    ],
)
def test_shapes_are_inferred_and_become_uint8(items, shape):
    kind = Image.infer(items)
    assert kind.shape == shape
    checked = kind.check(items)
    assert checked.dtype == np.uint8
    assert checked.shape == (6, *shape)
    if np.asarray(items).dtype != bool:
        np.testing.assert_array_equal(checked, (GREY[..., None] if shape[2] == 1 else RGB))


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (RGB.transpose(0, 3, 1, 2), ["(6, 3, 9, 7)", "transpose(0, 2, 3, 1)"]),
        (GREY[0], ["(9, 7)", "(n, height, width)"]),
        (GREY - 300.0, ["from -300", "whole numbers from 0 to 255"]),
        (GREY / 100, ["float64", "in [0, 1]"]),
        (GREY.astype(np.int32) - 1, ["int32", "0 to 255"]),
        (GREY.astype(str), ["array of numbers"]),
        ([GREY[0], GREY[1, :4]], ["several sizes"]),
        (RGB / 255 * 1.001, ["float64", "in [0, 1]"]),
        (RGB / 255 - 0.001, ["from -0.001", "in [0, 1]"]),
        (np.full((2, 4, 4), np.inf), ["row 0 holds NaN or infinity"]),
        (np.concatenate([RGB, RGB[..., :1]], axis=3), ["(6, 9, 7, 4)", "array[..., :-1]"]),
    ],
)
def test_what_is_no_image_is_refused(items, words):
    with pytest.raises(DataError) as error:
        Image.infer(items).check(items)
    assert all(word in str(error.value) for word in words)


def test_check_names_the_row_of_nan_and_the_wrong_shape():
    broken = RGB / 255
    broken[4, 2, 2, 1] = np.nan
    kind = Image((9, 7, 3))
    with pytest.raises(DataError, match=r"photos: row 4 holds NaN"):
        kind.check(broken, "photos")
    with pytest.raises(DataError, match=r"\(n, 9, 7, 3\), got \(6, 9, 7\) of uint8"):
        kind.check(GREY)


def test_grey_and_colour_are_not_taken_for_each_other():
    with pytest.raises(DataError, match=r"got \(6, 9, 7\) of uint8\. Make three channels") as error:
        Image((9, 7, 3)).check(GREY)
    assert "np.stack" in str(error.value)
    with pytest.raises(DataError, match=r"got \(6, 9, 7, 3\) of uint8\. Make them grey"):
        Image((9, 7, 1)).check(RGB)
    # What the sentences say works.
    three = np.stack([GREY.squeeze()] * 3, axis=-1)
    assert Image((9, 7, 3)).check(three).shape == (6, 9, 7, 3)
    grey = RGB.mean(axis=3).round().astype(np.uint8)
    assert Image((9, 7, 1)).check(grey).shape == (6, 9, 7, 1)


DARK = np.where(GREY > 100, 1, 0)  # an image of it alone looks like a mask, or like white on black


@pytest.mark.parametrize(
    ("items", "scale"),
    [
        (GREY / 255, None),
        (GREY, None),
        (GREY.astype(np.int64), None),
        (GREY.astype(float), (0.0, 255.0)),
        (GREY.astype(np.float32), (0.0, 255.0)),
        (GREY.astype(np.uint16) * 16, (0.0, 4095.0)),
        (GREY.astype(np.uint16) * 257, (0.0, 65535.0)),
        (GREY.astype(np.int64) + 20_000, (20_000.0, 20_255.0)),
        ((GREY > 127).astype(np.uint8), (0.0, 1.0)),
        ((GREY > 127).astype(np.int64), (0.0, 1.0)),
        (GREY > 127, None),
    ],
)
def test_one_scale_is_found_for_all_and_holds_for_one_alone(items, scale):
    kind = Image.infer(items)
    assert kind.scale == scale
    assert kind_from_json(kind.to_json()) == kind
    together = kind.check(items)
    expected = np.where(GREY > 127, 255, 0) if len(np.unique(items)) == 2 else GREY
    assert np.abs(together[..., 0].astype(int) - expected).max() <= 1
    for row in range(len(items)):
        np.testing.assert_array_equal(kind.check(items[row : row + 1])[0], together[row])
    np.testing.assert_array_equal(kind.check(together), together)  # bytes stay what they are


def test_a_dark_image_alone_is_as_dark_as_among_others():
    items = GREY.astype(float)
    items[2] = DARK[2]
    for encoder in (make("raw").fit(items), clone(make("pca(dim=3)")).fit(items)):
        together, alone = encoder.transform(items)[2], encoder.transform(items[2:3])[0]
        np.testing.assert_allclose(alone, together, rtol=1e-4, atol=1e-6)
    with pytest.raises(DataError, match=r"values from 0 to 255, as fitted, got float64.*to 256"):
        encoder.transform(items + 1)
    # Where bytes were fitted, floats lie in [0, 1]; whatever else they are cannot be told.
    encoder = make("raw").fit(GREY)
    np.testing.assert_allclose(encoder.transform(GREY / 255), encoder.transform(GREY), atol=1e-6)
    with pytest.raises(DataError, match=r"floats in \[0, 1\], or bytes.*astype\(np\.uint8\)"):
        encoder.transform(GREY.astype(float))


def test_decoded_images_come_in_the_range_that_was_fitted(tmp_path):
    for items in (GREY / 255, GREY.astype(float), GREY.astype(np.uint16) * 257):
        encoder = make("raw").fit(items)
        encoder.save(tmp_path)
        for one in (encoder, load_encoder(tmp_path)):
            vectors = one.transform(items)
            decoded = one.inverse_transform(vectors)
            np.testing.assert_allclose(decoded[..., 0], items, atol=items.max() / 255)
            np.testing.assert_allclose(one.transform(decoded), vectors, atol=1e-6)


def test_how_arrays_became_bytes_is_told():
    for items, words in (
        (GREY.astype(float), "256 grey values: 0 is black and 255 white"),
        (GREY / 255, "256 grey values: 0 is black and 1 white"),
        (GREY.astype(np.uint16) * 257, "from 0 to 65535 are kept as uint8"),
        ((GREY > 127).astype(np.uint8), "masks of 0 and 1: 0 is black and 1 white"),
        (GREY > 127, "masks of 0 and 1: 0 is black and 1 white"),
        (GREY // 16, "nearly black: no grey value is above 15 of 255"),
        (np.zeros_like(GREY), "All images are black."),
    ):
        assert any(words in note for note in load(items).notes)
    assert len(load(GREY).notes) == 1


def test_later_arrays_are_read_by_the_scale_of_the_first():
    first = load(GREY.astype(float))
    later = load(DARK.astype(float), like=first.kind)
    assert later.kind == first.kind
    assert later.items.max() == 1
    assert load(first.items, test=DARK[:2].astype(np.int64)).items[6:].max() == 1


def test_forms_agree():
    kind = Image((9, 7, 3))
    batches = kind.batches(RGB)
    batch = batches[:]
    assert batch.shape == (6, 3, 9, 7)
    assert batch.is_contiguous()
    assert np.shares_memory(batches.waiting.numpy(), RGB)  # which may be all there is room for
    assert kind.batches(kind.empty()).blank(2).shape == (2, 3, 9, 7)
    features = kind.features(RGB)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features, RGB.reshape(6, -1) / 255, atol=1e-6)
    np.testing.assert_allclose(batch.permute(0, 2, 3, 1).reshape(6, -1), features, atol=1e-6)
    assert kind_from_json(kind.to_json()) == kind


def test_batches_take_read_only_arrays():
    items = GREY[..., None].copy()
    items.flags.writeable = False
    assert Image((9, 7, 1)).batches(items)[:].shape == (6, 1, 9, 7)


def test_equal_images_have_equal_hashes():
    hashes = Image((9, 7, 3)).hashes(np.concatenate([RGB, RGB[::-1]]))
    assert hashes.dtype == "S16"
    assert len(np.unique(hashes)) == 6
    np.testing.assert_array_equal(hashes[:6], hashes[:5:-1])


@pytest.mark.parametrize("channels", [1, 3])
def test_views_vary_every_item_within_range_and_by_the_generator_alone(channels):
    kind = Image((16, 12, channels))
    yy, xx = np.mgrid[:16, :12]
    one = np.stack([(yy * 16 + xx * 3 + 10 * c) % 256 for c in range(channels)]).astype("float32")
    batch = torch.from_numpy(one / 255).expand(64, -1, -1, -1).contiguous()
    before = batch.clone()
    state = torch.random.get_rng_state()
    views = kind.views(batch, torch.Generator().manual_seed(1))
    again = kind.views(batch, torch.Generator().manual_seed(1))
    other = kind.views(batch, torch.Generator().manual_seed(2))
    assert views.shape == batch.shape
    assert views.dtype == torch.float32
    assert 0 <= views.min() < views.max() <= 1
    assert torch.equal(views, again)
    assert not torch.equal(views, other)
    assert torch.equal(batch, before)
    assert torch.equal(torch.random.get_rng_state(), state)
    # No two views of one image are equal, and none is far from what it shows.
    assert len(torch.unique(views.flatten(1), dim=0)) == 64
    assert (views.mean(dim=(1, 2, 3)) - batch[0].mean()).abs().max() < 0.5


def test_views_keep_the_place_of_things_roughly():
    # A bright left half stays on the left: nothing is mirrored, nothing turned far.
    batch = torch.zeros(256, 1, 20, 20)
    batch[..., :10] = 1
    views = Image((20, 20, 1)).views(batch, torch.Generator().manual_seed(0))
    left, right = views[..., :5].mean(dim=(1, 2, 3)), views[..., -5:].mean(dim=(1, 2, 3))
    assert (left > right - 0.05).all()
    assert (left > right + 0.3).float().mean() > 0.8


def test_half_of_the_views_are_mirrored_where_asked():
    batch = torch.zeros(512, 3, 20, 30)
    batch[..., :15] = 1
    generator = torch.Generator().manual_seed(0)
    views = Image((20, 30, 3)).views(batch, generator, mirror=True)
    left, right = views[..., :5].mean(dim=(1, 2, 3)), views[..., -5:].mean(dim=(1, 2, 3))
    seen = (left - right).abs() > 0.1
    assert seen.float().mean() > 0.8
    assert 0.4 < (left > right)[seen].float().mean() < 0.6


def _pixels(fragment):
    data = base64.b64decode(fragment.split("base64,")[1].split('"')[0])
    return np.asarray(Pillow.open(io.BytesIO(data)))


def test_draw_shows_bytes_and_floats():
    np.testing.assert_array_equal(_pixels(Image((9, 7, 3)).draw(RGB[0])), RGB[0])
    kind = Image((9, 7, 1))
    floats = GREY[0][..., None] / 255 * 1.5 - 0.1
    expected = np.rint(np.clip(floats, 0, 1) * 255)[..., 0]
    np.testing.assert_array_equal(_pixels(kind.draw(floats)), expected)
    assert 'class="pixelated"' in kind.draw(GREY[0])
    assert 'alt="image of 7 × 9 pixels"' in kind.draw(GREY[0])
    assert "pixelated" not in Image((40, 7, 1)).draw(np.zeros((40, 7, 1)))
