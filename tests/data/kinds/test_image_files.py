import os
import struct
import subprocess
import sys
import warnings
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

from nearspace.data.kinds.image import Image
from nearspace.data.kinds.image_files import resize_images
from nearspace.data.kinds.kind import Wanted
from nearspace.errors import DataError


def read(paths, **wanted):
    return Image.read(paths, Wanted(**wanted))


def write(folder, name, pixels, **options):
    path = folder / name
    Pillow.fromarray(pixels).save(path, **options)
    return path


def noise(*shape, seed=0):
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def test_pixels_come_back_in_order_at_their_own_size(tmp_path):
    images = noise(40, 12, 10, 3)
    paths = [write(tmp_path, f"{i:02}.png", image) for i, image in enumerate(images)]
    seen = []
    files = read(paths, progress=lambda done, total: seen.append((done, total)))
    np.testing.assert_array_equal(files.items, images)
    assert files.failed == {}
    assert files.notes == ("Images are 10 × 12 pixels, RGB: the own size of all.",)
    assert seen[-1] == (40, 40)


@pytest.mark.parametrize("odd", [0, 20, 39])
def test_sizes_that_differ_are_brought_to_64_wherever_the_odd_one_stands(tmp_path, odd):
    paths = [
        write(tmp_path, f"{i}.png", noise(*(40, 40) if i == odd else (30, 20))) for i in range(40)
    ]
    files = read(paths)
    assert files.items.shape == (40, 64, 64, 1)
    assert "of 2 sizes" in files.notes[0]


def test_large_images_are_brought_to_64_or_as_asked(tmp_path):
    paths = [write(tmp_path, "a.jpg", noise(97, 200, 3))]
    assert read(paths).items.shape == (1, 64, 64, 3)
    assert "larger" in read(paths).notes[0]
    assert read(paths, like=Image((20, 30, 3))).items.shape == (1, 20, 30, 3)
    assert read(paths, like=Image((8, 8, 1))).items.shape == (1, 8, 8, 1)


@pytest.mark.parametrize("coloured", [0, 25])
def test_grey_only_if_all_are_grey(tmp_path, coloured):
    grey = [noise(8, 8, seed=i) for i in range(30)]
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(grey)]
    assert read(paths).items.shape == (30, 8, 8, 1)
    colour = noise(8, 8, 3)
    paths[coloured] = write(tmp_path, "colour.png", colour)
    files = read(paths)
    np.testing.assert_array_equal(files.items[coloured], colour)
    np.testing.assert_array_equal(files.items[7], np.repeat(grey[7][..., None], 3, axis=2))


def test_the_longer_side_is_cut_about_its_centre(tmp_path):
    wide = np.zeros((10, 30), np.uint8)
    wide[:, 10:20] = 255
    files = read([write(tmp_path, "wide.png", wide)], size=10)
    assert (files.items == 255).all()


def test_broken_files_are_left_out_with_a_reason(tmp_path, monkeypatch):
    images = noise(5, 32, 32, 3)
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(images)]
    paths[1].write_bytes(paths[1].read_bytes()[:700])
    paths[2].write_text("no image at all")
    bomb = write(tmp_path, "bomb.png", np.zeros((300, 300), np.uint8))
    gone = tmp_path / "gone.png"
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", 300 * 300 // 3)
    files = read([*paths, bomb, gone])
    # What could not be read has no say in the size of the rest.
    np.testing.assert_array_equal(files.items, images[[0, 3, 4]])
    reasons = {[*paths, bomb, gone][row].name: why for row, why in files.failed.items()}
    assert list(reasons) == ["1.png", "2.png", "bomb.png", "gone.png"]
    assert "truncated" in reasons["1.png"].lower() or "broken" in reasons["1.png"].lower()
    assert reasons["2.png"] == "not an image"
    assert "bomb" in reasons["bomb.png"]
    assert reasons["gone.png"] == "No such file or directory"


def test_no_readable_file_is_an_error(tmp_path):
    (tmp_path / "a.png").write_text("no")
    with pytest.raises(DataError, match=r"None of the 1 pictures.*a\.png: not an image"):
        read([tmp_path / "a.png"])


def test_transparency_lies_on_white(tmp_path):
    pixels = np.zeros((4, 4, 4), np.uint8)
    pixels[:2] = [200, 0, 0, 255]
    pixels[3] = [0, 0, 0, 128]
    path = write(tmp_path, "alpha.png", pixels)
    palette = Pillow.fromarray(noise(4, 4) % 2).convert("P")
    palette.info["transparency"] = 0
    palette.save(tmp_path / "palette.png")
    images = read([path, tmp_path / "palette.png"]).items
    assert images[0, 0, 0].tolist() == [200, 0, 0]
    assert images[0, 2, 0].tolist() == [255, 255, 255]
    assert images[0, 3, 0].tolist() == [127, 127, 127]
    assert (images[1][noise(4, 4) % 2 == 0] == 255).all()


def test_sixteen_bits_are_scaled_to_eight(tmp_path):
    values = np.array([[0, 257, 65535], [128 * 257, 255, 1000]], np.uint16)
    path = write(tmp_path, "deep.png", values)
    image = read([path]).items[0, :, :, 0]
    np.testing.assert_array_equal(image, np.rint(values / 257))


def test_the_orientation_that_a_camera_noted_is_applied(tmp_path):
    pixels = np.zeros((16, 32), np.uint8)
    pixels[:, :16] = 255
    exif = Pillow.Exif()
    exif[0x0112] = 6
    path = write(tmp_path, "turned.jpg", pixels, exif=exif, quality=100)
    image = read([path]).items[0, :, :, 0]
    assert image.shape == (32, 16)
    assert image[:14].min() > 240
    assert image[18:].max() < 15


@pytest.mark.parametrize("ending", ["gif", "png", "webp", "tiff"])
def test_the_first_frame_stands_for_an_animation_and_is_told(tmp_path, ending):
    frames = [Pillow.new("RGB", (6, 6), colour) for colour in ("red", "blue", "green")]
    paths = [tmp_path / f"{name}.{ending}" for name in "ab"]
    lossless = {"lossless": True} if ending == "webp" else {}
    frames[0].save(paths[0], save_all=True, append_images=frames[1:], **lossless)
    frames[0].save(paths[1], **lossless)
    files = read(paths)
    assert (files.items == [255, 0, 0]).all()
    assert files.notes[1:] == (
        "1 picture has several frames or pages, of which one is read, the first.",
    )


@pytest.mark.parametrize("mode", ["1", "LA", "CMYK", "YCbCr", "P"])
def test_every_mode_is_read(tmp_path, mode):
    name = "a.tiff" if mode in ("CMYK", "YCbCr") else "a.png"
    picture = Pillow.new("RGB", (5, 5), (255, 255, 255)).convert(mode)
    picture.save(tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        images = read([tmp_path / name]).items
    assert images.shape[3] == (1 if mode in ("1", "LA") else 3)
    assert (images >= 254).all()


def test_large_collections_live_on_disk(tmp_path, monkeypatch):
    # Rows that are not written take no place on the disk, and so what is broken costs nothing.
    images = noise(3, 4, 4)
    paths = [tmp_path / f"{i:03}.bmp" for i in range(520)]
    for path in paths:
        path.write_bytes(b"BM")
    for row, image in zip((0, 4, 519), images, strict=True):
        write(tmp_path, paths[row].name, image)
    files = read(paths, size=2048)
    assert isinstance(files.items, np.memmap)
    assert list(files.failed) == [*range(1, 4), *range(5, 519)]
    expected = read([paths[0], paths[4], paths[519]], size=2048)
    assert not isinstance(expected.items, np.memmap)
    np.testing.assert_array_equal(files.items, expected.items)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": 5}))
    with pytest.raises(DataError, match=r"GiB free"):
        read(paths, size=2048)


def test_arrays_are_resized_like_files(tmp_path):
    images = noise(3, 20, 30, 3)
    paths = [write(tmp_path, f"{i}.png", image) for i, image in enumerate(images)]
    np.testing.assert_array_equal(resize_images(images, 8, 8), read(paths, size=8).items)
    assert resize_images(images[..., :1], 5, 6).shape == (3, 5, 6, 1)


def test_images_of_one_pixel_are_read(tmp_path):
    paths = [write(tmp_path, f"{i}.png", np.full((1, 1), i, np.uint8)) for i in range(3)]
    assert read(paths).items.ravel().tolist() == [0, 1, 2]
    assert read(paths, size=4).items.shape == (3, 4, 4, 1)
    paths.append(write(tmp_path, "wide.png", noise(1, 300)))
    assert read(paths).items.shape == (4, 64, 64, 1)


def test_sixteen_bits_of_colour_and_of_transparency_are_scaled(tmp_path):
    # Pillow writes no such files: eight bytes a pixel, red, green, blue and how opaque.
    path = tmp_path / "deep.png"
    rows = b"".join(b"\0" + struct.pack(">8H", *[65535, 257, 128 * 257, 65535] * 2) for _ in "ab")
    path.write_bytes(png_file(2, 2, 16, 6, zlib.compress(rows)))
    assert read([path]).items[0, 1, 1].tolist() == [255, 1, 128]


def test_an_animation_of_half_transparent_frames_is_its_first(tmp_path):
    frames = [Pillow.new("RGBA", (6, 6), (0, 0, 255, 255)), Pillow.new("RGBA", (6, 6))]
    frames[0].paste((255, 0, 0, 0), (0, 0, 3, 6))
    for name in ("a.gif", "a.png", "a.webp"):
        options = {"lossless": True} if name == "a.webp" else {}
        frames[0].save(tmp_path / name, save_all=True, append_images=frames[1:], **options)
        image = read([tmp_path / name]).items[0]
        assert (image[:, :3] == 255).all()
        assert (image[:, 3:] == [0, 0, 255]).all()


def png_file(width, height, bits, colours, data):
    def chunk(name, content):
        checksum = struct.pack(">I", zlib.crc32(name + content))
        return struct.pack(">I", len(content)) + name + content + checksum

    head = struct.pack(">IIBBBBB", width, height, bits, colours, 0, 0, 0)
    parts = chunk(b"IHDR", head) + chunk(b"IDAT", data) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + parts


def bombs(side):
    """Small files of several formats that all declare side × side pixels."""
    both = (side, side)
    tags = [(256, side), (257, side), (258, 8), (259, 1), (262, 1), (273, 200), (277, 1),
            (278, side), (279, 1000)]  # fmt: skip
    fields = b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    canvas = b"VP8X" + struct.pack("<II", 10, 0x10) + 2 * (side - 1).to_bytes(3, "little")
    pixel = bytes.fromhex("5650384c0d0000002f00000010071011118888fe0700")
    frame = struct.pack("<4HB", 0, 0, *both, 0)
    baseline = struct.pack(">HBHHB9B", 17, 8, *both, 3, 1, 17, 0, 2, 17, 0, 3, 17, 0)
    return {
        "a.png": png_file(*both, 8, 2, zlib.compress(bytes(10**6))),
        "a.bmp": b"BM" + struct.pack("<IHHI", 0, 0, 0, 54)
        + struct.pack("<IiiHHIIiiII", 40, *both, 1, 24, 0, 0, 0, 0, 0, 0) + bytes(1000),
        "a.tiff": b"II*\0" + struct.pack("<IH", 8, len(tags)) + fields + bytes(3000),
        "a.gif": b"GIF89a" + struct.pack("<HH", *both) + bytes(3)
        + b"," + frame + bytes([2, 2, 0x4C, 1, 0, 0x3B]),
        "b.gif": b"GIF89a" + struct.pack("<HH", 4, 4) + bytes(3)
        + b"," + frame + bytes([2, 2, 0x4C, 1, 0, 0x3B]),
        "a.webp": b"RIFF" + struct.pack("<I", 4 + len(canvas + pixel)) + b"WEBP" + canvas + pixel,
        "a.jpg": b"\xff\xd8\xff\xc0" + baseline + b"\xff\xda" + bytes(100),
        "a.ppm": f"P6 {side} {side} 255\n".encode() + bytes(1000),
    }  # fmt: skip


READ_AND_MEASURE = """
import resource, sys
from pathlib import Path
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.kind import Wanted
good, *paths = [Path(name) for name in sys.argv[1:]]
Image.read([good], Wanted())
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
read = Image.read([good, *paths], Wanted())
print(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
for row, reason in read.failed.items():
    print([good, *paths][row].name, reason)
"""


@pytest.mark.skipif(sys.platform != "linux", reason="the peak of memory is in KiB on Linux")
def test_declared_pixels_are_refused_before_memory_is_taken(tmp_path):
    good = write(tmp_path, "good.png", noise(9, 9))
    paths = []
    for name, content in bombs(60_000).items():
        paths.append(tmp_path / name)
        paths[-1].write_bytes(content)
    done = subprocess.run(
        [sys.executable, "-c", READ_AND_MEASURE, str(good), *map(str, paths)],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    grown, *reasons = done.stdout.splitlines()
    assert int(grown) < 20 * 1024  # one of these would take 3.6 to 14 million KiB
    assert reasons == [
        f"{path.name} too many pixels, a decompression bomb; make it smaller" for path in paths
    ]
