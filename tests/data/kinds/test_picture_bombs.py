"""Pictures that declare far more than they hold, or hold far more than they show: bounded, told."""

import io
import json
import os
import struct
import subprocess
import sys
import threading
import time
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.mutations import MIB

from nearspace.data.kinds import image_bounds, image_pixels
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.image_bounds import MOST_BYTES, Room
from nearspace.data.kinds.kind import Wanted
from nearspace.errors import DataError

linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux forgets its peak of memory")

SIDE = 13_300  # pixels: just below what Pillow refuses by itself
LARGE = (SIDE, SIDE)


def saved(mode, size, name, colour=None, **options):
    """Return the file of a picture of one colour."""
    file = io.BytesIO()
    Pillow.new(mode, size, *([] if colour is None else [colour])).save(file, name, **options)
    return file.getvalue()


def photograph(megapixels, name, **options):
    """Return the file of a picture that packs like a photograph, of so many million pixels."""
    tile = np.random.default_rng(0).normal(128, 40, (64, 64, 3)).clip(0, 255).astype(np.uint8)
    side = int((megapixels * 1e6) ** 0.5)
    picture = Pillow.fromarray(tile).resize((512, 512), Pillow.Resampling.BICUBIC)
    whole = Pillow.new("RGB", (side, side))
    for left in range(0, side, 512):
        for top in range(0, side, 512):
            whole.paste(picture, (left, top))
    file = io.BytesIO()
    whole.save(file, name, **options)
    return file.getvalue()


def chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def png(width, height, depth, colour, *chunks, unpacked=0):
    """Return a PNG whose pixels are zeros, of which only ``unpacked`` bytes are there."""
    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0))
    packer = zlib.compressobj(9)
    parts = [packer.compress(bytes(min(2**20, unpacked - at))) for at in range(0, unpacked, 2**20)]
    pixels = chunk(b"IDAT", b"".join(parts) + packer.flush())
    return b"\x89PNG\r\n\x1a\n" + b"".join([header, *chunks, pixels, chunk(b"IEND", b"")])


def tiff(width, height, samples, bits, compression, form=1, *more, data=b"\0" * 16):
    """Return a little-endian TIFF with one strip of ``data``."""
    tags = [
        (256, 4, 1, width), (257, 4, 1, height), (258, 3, 1, bits), (259, 3, 1, compression),
        (262, 3, 1, 2 if samples > 1 else 1), (273, 4, 1, 8), (277, 3, 1, samples),
        (278, 4, 1, height), (279, 4, 1, len(data)), (339, 3, 1, form), *more,
    ]  # fmt: skip
    table = b"".join(struct.pack("<HHII", *tag) for tag in sorted(tags))
    directory = struct.pack("<H", len(tags)) + table + b"\0\0\0\0"
    return b"II*\0" + struct.pack("<I", 8 + len(data)) + data + directory


def many_tags(count, size):
    """Return a directory of tags that all say the same bytes are theirs."""
    tags = [struct.pack("<HHII", 40_000 + at, 7, size, 8) for at in range(count)]
    head = b"II*\0" + struct.pack("<I", 8 + size) + bytes(size)
    return head + struct.pack("<H", count) + b"".join(tags) + b"\0\0\0\0"


def webp_canvas(width, height):
    """Return a WebP of a few bytes that declares a canvas."""
    pixels = saved("RGB", (2, 2), "WEBP", lossless=True)[12:]
    sides = (width - 1).to_bytes(3, "little") + (height - 1).to_bytes(3, "little")
    body = b"WEBPVP8X" + struct.pack("<I", 10) + bytes(4) + sides + pixels
    return b"RIFF" + struct.pack("<I", len(body)) + body


def many_scans(size, count):
    """Return a progressive JPEG whose last scan is there many times."""
    data = saved("L", size, "JPEG", progressive=True)
    last = data.rindex(b"\xff\xda")
    return data[:last] + data[last:-2] * count + data[-2:]


def resized_jpeg(data, width, height):
    """Return a JPEG that declares other sides than its pixels have."""
    for mark in (b"\xff\xc0", b"\xff\xc2"):
        if mark in data:
            at = data.index(mark) + 5
            return data[:at] + struct.pack(">HH", height, width) + data[at + 4 :]
    raise ValueError("no frame")


def gif_screen(width, height):
    data = bytearray(saved("P", (1, 1), "GIF"))
    data[6:10] = struct.pack("<HH", width, height)
    return bytes(data)


def bmp(width, height, compression=0):
    head = struct.pack("<IiiHHIIiiII", 40, width, height, 1, 8, compression, 0, 0, 0, 2, 0)
    return b"BM" + struct.pack("<IHHI", 100, 0, 0, 62) + head + bytes(8) + bytes(16) + b"\0\1"


def frames(count):
    """Return a GIF of many frames."""
    first, *rest = [Pillow.new("L", (8, 8), at % 250) for at in range(count)]
    file = io.BytesIO()
    first.save(file, "GIF", save_all=True, append_images=rest)
    return file.getvalue()


def tga(width, height):
    return (
        struct.pack("<BBBHHBHHHHBB", 0, 0, 10, 0, 0, 0, 0, 0, width, height, 24, 0) + b"\xff\0\0\0"
    )


# Of 13,000 × 13,000 pixels.
BLANK_WEBP = "524946461a000000574542505650384c0e0000002fc7f2b10c071011fd0f4444ff03"

# Name of the file, and how to make it: of few bytes, whole, and such as there is just room for.
SMALL = {
    "tiff.tif": lambda: tiff(*LARGE, 3, 8, 1),
    "deflate.tif": lambda: tiff(*LARGE, 3, 8, 8, data=zlib.compress(bytes(100))),
    "lzw.tif": lambda: tiff(*LARGE, 3, 8, 5),
    "packbits.tif": lambda: tiff(*LARGE, 1, 8, 32773),
    "fax.tif": lambda: tiff(*LARGE, 1, 1, 4),
    "float.tif": lambda: tiff(*LARGE, 1, 32, 1, 3),
    "sixteen.tif": lambda: tiff(*LARGE, 1, 16, 1),
    "four billion.tif": lambda: tiff(2**32 - 1, 2**32 - 1, 3, 8, 1),
    "absurd count.tif": lambda: tiff(8, 8, 1, 8, 1, 1, (700, 7, 2**32 - 1, 8), data=bytes(64)),
    "many tags.tif": lambda: many_tags(5_000, 10**6),
    "canvas.webp": lambda: webp_canvas(*LARGE),
    "huge canvas.webp": lambda: webp_canvas(2**24, 255),
    "blank.webp": lambda: bytes.fromhex(BLANK_WEBP),
    "header.png": lambda: png(*LARGE, 8, 2),
    "sixteen.png": lambda: png(*LARGE, 16, 0),
    "colours.png": lambda: png(*LARGE, 8, 6),
    "billions.png": lambda: png(2**31 - 1, 2**31 - 1, 8, 2),
    "text.png": lambda: png(8, 8, 8, 0, *64 * [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24), 9))], unpacked=72),
    "profile.png": lambda: png(
        8, 8, 8, 0, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**26), 9)), unpacked=72),
    "exif.png": lambda: png(8, 8, 8, 0, chunk(b"eXIf", many_tags(5_000, 10**6)), unpacked=72),
    "header.jpg": lambda: resized_jpeg(saved("RGB", (64, 64), "JPEG"), *LARGE),
    "progressive.jpg": lambda: resized_jpeg(
        saved("RGB", (64, 64), "JPEG", progressive=True), *LARGE),
    "largest.jpg": lambda: resized_jpeg(saved("RGB", (64, 64), "JPEG"), 65_500, 65_500),
    "scans.jpg": lambda: many_scans((2_500, 2_500), 500),
    "screen.gif": lambda: gif_screen(65_535, 65_535),
    "wide screen.gif": lambda: gif_screen(*LARGE),
    "frames.gif": lambda: frames(500),
    "rows.bmp": lambda: bmp(*LARGE),
    "packed.bmp": lambda: bmp(*LARGE, 1),
    "billions.bmp": lambda: bmp(2**31 - 1, 2**31 - 1),
    "header.ppm": lambda: b"P6 13300 13300 255\n",
    "bits.pbm": lambda: b"P4 13300 13300\n",
    "words.ppm": lambda: b"P3 13300 13300 255\n 1 2 3",
    "comment.ppm": lambda: b"P6\n#" + bytes(10**7) + b"\n8 8 255\n" + bytes(192),
    "packed.tga": lambda: tga(*LARGE),
    "blank.jp2": lambda: saved("L", (2_300, 2_300), "JPEG2000"),
}  # fmt: skip
WHOLE = {
    "whole.png": lambda: png(*LARGE, 8, 2, unpacked=SIDE * (3 * SIDE + 1)),
    "whole transparent.png": lambda: png(*LARGE, 8, 6, unpacked=SIDE * (4 * SIDE + 1)),
    "whole sixteen.png": lambda: png(*LARGE, 16, 0, unpacked=SIDE * (2 * SIDE + 1)),
    "whole palette.png": lambda: png(
        *LARGE, 8, 3, chunk(b"PLTE", bytes(6)), chunk(b"tRNS", b"\0\1"),
        unpacked=SIDE * (SIDE + 1)),
    "whole.jpg": lambda: saved("RGB", LARGE, "JPEG"),
    "whole progressive.jpg": lambda: saved("RGB", LARGE, "JPEG", progressive=True),
    "whole.tif": lambda: saved("RGB", LARGE, "TIFF", compression="tiff_lzw"),
    "whole float.tif": lambda: saved("F", LARGE, "TIFF", compression="tiff_adobe_deflate"),
    "whole.avif": lambda: saved("RGB", (9_000, 9_000), "AVIF", speed=10),
    "whole.jp2": lambda: saved("RGB", (6_000, 6_000), "JPEG2000"),
    "whole.gif": lambda: saved("P", LARGE, "GIF"),
}  # fmt: skip

NEAR = {
    "near.webp": lambda: photograph(33, "WEBP", lossless=True, method=0),
    "near lossy.webp": lambda: photograph(33, "WEBP", method=0),
    "near.avif": lambda: photograph(33, "AVIF", speed=10),
    "near.jp2": lambda: photograph(22, "JPEG2000"),
    "far.jp2": lambda: photograph(60, "JPEG2000"),
    "near.png": lambda: photograph(130, "PNG", compress_level=1),
    "near grey.png": lambda: png(*LARGE, 8, 0, unpacked=SIDE * (SIDE + 1)),
    "near.tif": lambda: photograph(70, "TIFF", compression="tiff_lzw"),
    "near float.tif": lambda: saved(
        "F", (7_000, 7_000), "TIFF", compression="tiff_adobe_deflate"),
    "near progressive.jpg": lambda: photograph(100, "JPEG", progressive=True),
}  # fmt: skip

CHILD = """
import json, sys, time
from pathlib import Path
import PIL.Image
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.kind import Wanted
from nearspace.errors import NearspaceError
from tests.mutations import forget_peak, memory

PIL.Image.init()
for path in sys.argv[2:]:
    forget_peak()
    before, began = memory("VmRSS"), time.process_time()
    try:
        read = Image.read([Path(path)] * int(sys.argv[1]), Wanted(size=32))
        said = read.failed.get(0, "read")
    except NearspaceError as error:
        said = str(error)
    except BaseException as error:
        said = f"{type(error).__name__}: {error}"
    took, held = time.process_time() - began, memory("VmHWM") - before
    print(json.dumps([Path(path).name, said, took, held]), flush=True)
"""
SENTENCE = "None of the {} pictures can be read; the first is {}: "


def outcomes(folder, files, copies=1):
    """Return of each file, read in a process of its own, what was said, seconds and bytes."""
    for name, make in files.items():
        (folder / name).write_bytes(make())
    paths = [str(folder / name) for name in files]
    done = subprocess.run(
        [sys.executable, "-c", CHILD, str(copies), *paths],
        capture_output=True, text=True, check=True, cwd=Path(__file__).parents[3],
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )  # fmt: skip
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(name, said, took, held):
    return f"{name:24} {took:6.2f} s {held / MIB:7.0f} MiB  {said}"


HARMLESS = {"absurd count.tif", "exif.png", "frames.gif"}


@linux
def test_few_bytes_take_little_time_and_memory_whatever_they_declare(tmp_path):
    for name, said, took, held in outcomes(tmp_path, SMALL):
        expected = "read" if name in HARMLESS else SENTENCE.format(1, name)
        assert said.startswith(expected), told(name, said, took, held)
        assert took < 1, told(name, said, took, held)
        assert held < 32 * MIB, told(name, said, took, held)


@linux
@pytest.mark.full
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("copies", [1, 4])
@pytest.mark.parametrize("files", [WHOLE, NEAR], ids=["whole", "near"])
def test_large_pictures_are_read_within_bounds_or_refused(files, copies, tmp_path, monkeypatch):
    monkeypatch.setattr(Pillow, "MAX_IMAGE_PIXELS", None)  # they are made here
    failures = []
    for name, said, took, held in outcomes(tmp_path, files, copies):
        print(told(name, said, took, held))
        in_words = said == "read" or said.startswith(SENTENCE.format(copies, name))
        read = said == "read" or files is WHOLE
        if not in_words or not read or took > 5 * copies or held > 1.1 * MOST_BYTES:
            failures.append(told(name, said, took, held))
    assert not failures


def test_one_bomb_is_left_out_and_the_rest_is_embedded(command):
    folder = command.folder / "pictures"
    folder.mkdir()
    for name in "abc":
        (folder / f"{name}.png").write_bytes(saved("L", (8, 8), "PNG", ord(name)))
    (folder / "bomb.webp").write_bytes(SMALL["blank.webp"]())
    done = command("embed", folder, "--with", "raw", "-o", "a.space")
    assert done.returncode == 0, done.stderr
    words = " ".join((done.stdout + done.stderr).split())
    assert "bomb.webp (13,000 × 13,000 pixels in 34 bytes" in words
    done = command("search", "a.space", folder / "bomb.webp")
    assert done.returncode == 2
    assert "bomb.webp: 13,000 × 13,000 pixels in 34 bytes" in " ".join(done.stderr.split())


OTHERS = {
    "EPS": b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n",
    "PSD": b"8BPS" + struct.pack(">H6xHIIHH", 1, 3, 8, 8, 8, 3) + bytes(300),
    "ICNS": saved("RGB", (16, 16), "ICNS"),
    "ICO": saved("RGB", (16, 16), "ICO"),
    "PCX": saved("RGB", (16, 16), "PCX"),
    "SGI": saved("RGB", (16, 16), "SGI"),
    "DDS": saved("RGB", (16, 16), "DDS"),
    "TGA": saved("RGB", (16, 16), "TGA"),
    "XBM": saved("1", (16, 16), "XBM"),
}


@pytest.mark.parametrize("name", OTHERS)
def test_formats_that_were_not_named_are_not_tried(name, tmp_path):
    assert Pillow.open(io.BytesIO(OTHERS[name])).format == name  # Pillow would
    (tmp_path / "a.png").write_bytes(OTHERS[name])
    with pytest.raises(DataError, match=r"a\.png: not an image"):
        Image.read([tmp_path / "a.png"], Wanted())


def test_a_picture_for_which_memory_is_lacking_is_named(tmp_path, monkeypatch):
    names = ["a.png", "b.png"]
    for name in names:
        (tmp_path / name).write_bytes(saved("RGB", (8, 8), "PNG"))

    def refused(image, turned=False):
        if image.fp.raw.name.name == "b.png":
            raise MemoryError
        return 0

    monkeypatch.setattr(image_pixels, "bytes_to_decode", refused)
    read = Image.read([tmp_path / name for name in names], Wanted())
    assert read.failed == {1: "the memory is not enough to decode it; make it smaller"}
    assert len(read.items) == 1


def test_room_is_given_to_one_large_thing_at_a_time():
    room, at_once, most = Room(100), 0, 0
    lock = threading.Lock()

    def work(size):
        nonlocal at_once, most
        with room.taken(size):
            with lock:
                at_once += size
                most = max(most, at_once)
            time.sleep(0.002)
            with lock:
                at_once -= size

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, [60, 10, 50, 100, 5, 40] * 5))
    assert 50 < most <= 100
    assert room.left == 100


def noisy(mode, shape):
    values = np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)
    if mode in ("F", "I;16"):
        return Pillow.fromarray(values[..., 0].astype("<u2" if mode == "I;16" else "f4") * 9)
    picture = Pillow.fromarray(values, "RGBA" if shape[2] == 4 else "RGB")
    return picture if picture.mode == mode else picture.convert(mode)


@pytest.mark.parametrize(
    ("mode", "name"), [("RGBA", "PNG"), ("LA", "PNG"), ("P", "PNG"), ("I;16", "PNG"),
                       ("F", "TIFF"), ("I;16", "TIFF")],
)  # fmt: skip
def test_what_is_made_in_bands_is_what_is_made_at_once(mode, name, tmp_path, monkeypatch):
    path = tmp_path / f"a.{name.lower()}"
    more = {"transparency": 3} if mode == "P" else {}
    noisy(mode, (40, 30, 4)).save(path, name, **more)
    whole = Image.read([path], Wanted(size=12))
    monkeypatch.setattr(image_pixels, "PIXELS_AT_ONCE", 100)  # 3 rows
    banded = Image.read([path], Wanted(size=12))
    np.testing.assert_array_equal(banded.items, whole.items)
    assert banded.notes == whole.notes


@pytest.mark.parametrize("sides", [(256, 192), (193, 201), (190, 65)])
def test_a_large_jpeg_2000_is_decoded_smaller(sides, tmp_path, monkeypatch):
    down, across = np.mgrid[: sides[1], : sides[0]]
    waves = np.stack([128 + 90 * np.sin(down / 40), 128 + 90 * np.cos(across / 50), down % 256], 2)
    path = tmp_path / "a.jp2"
    Pillow.fromarray(waves.astype(np.uint8)).save(path, "JPEG2000")
    whole = Image.read([path], Wanted(size=16)).items.astype(int)
    monkeypatch.setattr(image_bounds, "FEW_PIXELS", 2**12)
    smaller = Image.read([path], Wanted(size=16)).items.astype(int)
    assert np.abs(smaller - whole).mean() < 4
    assert sides[1] < 100 or (smaller != whole).any()
