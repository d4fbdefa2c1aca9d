import io

import numpy as np
import pytest
from PIL import Image as Pillow
from PIL import ImageOps
from sklearn.base import clone

from nearspace import embed, load, make, open_space, save
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.image_pixels import scale_of
from nearspace.data.kinds.kind import Wanted
from nearspace.errors import DataError
from nearspace.space.search.queries import read_queries

RGB = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)
GREY = RGB[..., 0]


def written(folder, pictures, ending="tiff", **options):
    paths = [folder / f"{at:03}.{ending}" for at in range(len(pictures))]
    for path, picture in zip(paths, pictures, strict=True):
        picture = picture if isinstance(picture, Pillow.Image) else Pillow.fromarray(picture)
        picture.save(path, **options)
    return paths


def read(paths, **wanted):
    return Image.read(paths, Wanted(**wanted))


def in_mode(mode, pixels):
    """Return pixels as Pillow holds them in a mode."""
    if mode == "LAB":
        return Pillow.frombytes("LAB", pixels.shape[1::-1], pixels.tobytes())
    if mode in ("I;16", "I", "F"):
        return Pillow.fromarray(pixels[..., 0].astype({"I": "i4", "F": "f4"}.get(mode, "u2")) * 200)
    picture = Pillow.fromarray(pixels)
    if mode in ("LA", "RGBA"):
        picture.putalpha(Pillow.fromarray(pixels[..., 1]))
    if mode in ("La", "RGBa"):
        return in_mode(mode.upper(), pixels).convert(mode)
    return picture.convert("P").convert("PA") if mode == "PA" else picture.convert(mode)


def transparent(pixels):
    picture = Pillow.fromarray(pixels).convert("P", palette=Pillow.Palette.ADAPTIVE, colors=16)
    picture.info["transparency"] = 3
    return picture


@pytest.mark.parametrize(
    ("mode", "ending"),
    [
        *((mode, "tiff") for mode in ("LAB", "YCbCr", "CMYK", "I", "F", "RGBX", "I;16")),
        *((mode, "png") for mode in ("P", "1", "L", "LA", "RGB", "RGBA", "I;16", "transparent")),
        *((mode, None) for mode in ("HSV", "La", "RGBa", "PA")),
    ],
)
def test_pictures_in_a_list_are_those_in_files(tmp_path, mode, ending):
    make_one = transparent if mode == "transparent" else lambda pixels: in_mode(mode, pixels)
    pictures = [make_one(pixels) for pixels in RGB]
    given = load(pictures)
    if ending is None:  # no format holds it, but one that holds the same colours
        same = [picture.convert("LA" if mode == "La" else "RGBA") for picture in pictures]
        files = read(written(tmp_path, same, "png"))
        if mode == "HSV":
            files = read(written(tmp_path, [picture.convert("RGB") for picture in pictures]))
    else:
        options = {"transparency": 3} if mode == "transparent" else {}
        files = read(written(tmp_path, pictures, ending, **options))
    assert given.kind == files.kind
    np.testing.assert_array_equal(given.items, files.items)
    assert given.notes == (given.notes[0], *files.notes)
    encoder = make("raw").fit(pictures)
    assert encoder.kind_ == given.kind
    together = encoder.transform(pictures)
    np.testing.assert_array_equal(together, make("raw").fit_on(given).transform(given.items))
    alone = [encoder.transform([picture])[0] for picture in pictures]
    np.testing.assert_array_equal(alone, together)
    np.testing.assert_array_equal(clone(encoder).fit(pictures).transform(pictures), together)


def test_pictures_in_a_list_have_names_sizes_and_failures_as_files_have(tmp_path):
    pictures = [Pillow.fromarray(pixels) for pixels in RGB]
    data = b"".join(path.read_bytes() for path in written(tmp_path, pictures[:1], "bmp"))
    broken = Pillow.open(io.BytesIO(data[:100]))
    with pytest.raises(DataError, match=r"picture 2 cannot be read, .*leave it out"):
        make("raw").fit(pictures).transform([pictures[0], pictures[0], broken])
    broken = Pillow.open(io.BytesIO(data[:100]))
    found = load([*pictures, broken], ids=list("abcdef"), labels=list("xyxyxy"))
    assert found.ids.tolist() == list("abcde")
    assert list(found.left_out) == ["f"]
    assert found.notes[-1].startswith("1 picture that could not be read was left out: f (")
    sizes = load([*pictures, Pillow.new("L", (30, 40))])
    assert sizes.items.shape == (6, 64, 64, 3)
    assert load(tuple(pictures), size=4).items.shape == (5, 4, 4, 3)
    assert load(np.array([*pictures, None], dtype=object)[:5]).items.shape == (5, 9, 7, 3)
    with pytest.raises(DataError, match="pictures are no vectors; read them as images"):
        load(pictures, kind="vector")


@pytest.mark.parametrize("orientation", [1, 2, 3, 5, 6, 8])
@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("L", {"format": "PNG"}),
        ("I;16", {"format": "PNG"}),
        ("RGB", {"format": "WEBP", "lossless": True}),
        ("L", {"format": "TIFF"}),  # which Pillow maps to memory by its name
        ("RGB", {"format": "TIFF", "compression": "tiff_lzw"}),
    ],
)
def test_turned_pictures_are_upright_however_they_come(tmp_path, orientation, mode, options):
    picture = in_mode(mode, RGB[0])
    exif = Pillow.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f"turned.{options['format'].lower()}"
    picture.save(path, exif=exif, **options)
    picture.getexif()[0x0112] = orientation
    upright = read([path]).items
    expected = Image.infer([ImageOps.exif_transpose(picture)])
    assert read([path]).kind == expected
    np.testing.assert_array_equal(upright, expected.check([ImageOps.exif_transpose(picture)]))
    np.testing.assert_array_equal(load([picture]).items, upright)
    with Pillow.open(path) as opened:
        np.testing.assert_array_equal(load([opened]).items, upright)


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        (np.arange(20_000, 20_670, 10, dtype=np.uint16), (20_000, 20_660)),
        (np.arange(273, 340, dtype=np.int32), (273, 339)),
        (np.arange(-40, 27, dtype=np.int32), (-40, 26)),
        (np.arange(67, dtype=np.float32) / 8 - 4, (-4, 4.25)),
        (np.arange(67, dtype=np.float32) / 2 + 273.5, (273.5, 306.5)),
    ],
)
def test_temperatures_keep_their_order_by_one_scale(tmp_path, values, scale):
    pictures = [np.full((3, 4), value) for value in values]
    (tmp_path / "in").mkdir()
    files = read(written(tmp_path / "in", pictures))
    assert files.kind == Image((3, 4, 1), scale)
    assert (np.diff(files.items[:, 0, 0, 0].astype(int)) > 0).all()
    assert f"67 pictures have more than 8 bits, with values from {scale[0]:g} to" in files.notes[1]
    # Those that are added, or asked for, are read by the same scale, one alone or several.
    path = save(embed(load(tmp_path / "in"), "raw"), tmp_path / "t.space")
    space = open_space(path)
    assert space.kind == files.kind
    asked = read_queries(space, [str(tmp_path / "in" / "011.tiff")])
    np.testing.assert_array_equal(asked.vectors[0], space.vectors[11])
    warmer = np.full((3, 4), values[-1] + (values[-1] - values[0]))
    paths = [tmp_path / "in" / "011.tiff", *written(tmp_path, [warmer])]
    later = read(paths, like=space.kind)
    np.testing.assert_array_equal(later.items[0], files.items[11])
    assert (later.items[1] == 255).all()
    assert "by the scale of the others" in later.notes[1]
    assert later.notes[1].endswith("1 picture has values beyond, which were cut.")
    [note] = read_queries(space, [str(paths[1])]).notes
    assert "values beyond, which were cut" in note
    # An array of the same values is read by it too, or refused.
    np.testing.assert_array_equal(space.kind.check(np.stack(pictures)), files.items)
    with pytest.raises(DataError, match=r"as fitted, got .*scale them"):
        space.kind.check(warmer[None])


def test_the_range_of_bits_that_is_used_is_known(tmp_path):
    for factor, dtype, scale in (
        (16, "u2", (0, 4095)), (64, "u2", (0, 16383)), (257, "u2", (0, 65535)),
        (1, "i4", (0, 255)), (1, "f4", (0, 255)), (1 / 255, "f4", None), (1000, "i4", (0, 255_000)),
    ):  # fmt: skip
        pixels = GREY.copy()
        pixels[0, 0, :2] = 0, 255
        files = read(written(tmp_path, (pixels.astype(float) * factor).astype(dtype)))
        assert files.kind.scale == scale
        assert np.abs(files.items[..., 0].astype(int) - pixels).max() <= 1
    assert scale_of(300, 300, True) == (0, 300)  # one value alone
    assert scale_of(0, 0, True) == (0, 1)
    assert scale_of(-5, -5, False) == (-5, 0)


def test_where_the_others_have_8_bits_deeper_pictures_are_read_by_their_type(tmp_path):
    kind = read(written(tmp_path, GREY, "png")).kind
    assert kind.scale is None
    deep = written(tmp_path, [GREY[0].astype(np.uint16) * 257, *(GREY[1:] / 255).astype("f4")])
    np.testing.assert_array_equal(read(deep, like=kind).items[..., 0], GREY)
    dark = written(tmp_path, [np.ones((3, 3), np.uint16)])
    assert (read(dark, like=kind).items == 0).all()  # alone as among others
    unknown = written(tmp_path, [np.full((3, 3), 300, np.int32), GREY[0].astype("f4"), GREY[0]])
    files = read(unknown, like=kind)
    assert list(files.failed) == [0, 1]
    assert files.failed[0] == (
        "32-bit values from 300 to 300, where the others have 8 bits and 32 bits would be read "
        "from 0 to 255"
    )
    mixed = read(written(tmp_path, [GREY[0], GREY[1].astype(np.uint16) * 257]))
    np.testing.assert_array_equal(mixed.items[..., 0], GREY[:2])
    assert mixed.notes[1].endswith("; the other 1 are of 8 bits.")


@pytest.mark.parametrize("ending", ["png", "tiff"])
def test_masks_of_0_and_1_are_black_and_white(tmp_path, ending):
    masks = (GREY > 127).astype(np.uint8)
    masks[3] = 0
    files = read(written(tmp_path, masks, ending))
    np.testing.assert_array_equal(files.items[..., 0], masks * 255)
    assert files.notes[1] == "The pictures are masks of 0 and 1: 0 is black and 1 white."
    np.testing.assert_array_equal(read(written(tmp_path, masks * 255, ending)).items, files.items)
    # Later ones may be written either way.
    for later in (masks, masks * 255):
        np.testing.assert_array_equal(
            read(written(tmp_path, later[:1], ending), like=files.kind).items, files.items[:1]
        )
        np.testing.assert_array_equal(files.kind.check(later), files.items)
    np.testing.assert_array_equal(
        load([Pillow.fromarray(mask) for mask in masks]).items, files.items
    )


def test_missing_pixels_are_white_and_no_part_of_the_scale(tmp_path):
    heights = (GREY[:2].astype(np.float32) + 300) * 4
    heights[:, 0, 0] = -9999
    files = read(written(tmp_path, heights, tiffinfo={42113: "-9999"}))
    assert files.kind.scale == (heights[heights > 0].min(), heights.max())
    assert (files.items[:, 0, 0] == 255).all()
    heights[1] = -9999
    assert read(written(tmp_path, heights, tiffinfo={42113: "-9999"})).failed == {
        1: "all of its pixels are marked as missing"
    }
    heights[1] = heights[0]
    assert files.notes[2] == "2 pictures have pixels marked as missing, which are white."
    heights[:, 0, 0] = np.nan
    broken = written(tmp_path, [*heights, GREY[0]])
    assert set(read(broken).failed.values()) == {"its pixels hold NaN or infinity"}
    files = read(written(tmp_path, heights, tiffinfo={42113: "nan"}))
    assert (files.items[:, 0, 0] == 255).all()
    deep = GREY[:1].astype(np.uint16) * 257
    turned = read(written(tmp_path, deep, tiffinfo={262: 0}))  # 0 is white, and so in 8 bits
    np.testing.assert_array_equal(turned.items, 255 - read(written(tmp_path, deep)).items)
    files = read(written(tmp_path, deep, "png", transparency=int(deep[0, 2, 3])))
    assert (files.items[:, 2, 3] == 255).all()
