"""Pictures that declare far more than they hold, or hold far more than they show: bounded, told."""

import io
import json
import os
import struct
import subprocess
import sys
import zlib

import numpy as np
import pytest
from PIL import Image as Pillow

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


# Name of the file, and how to make it. Small ones take a few bytes, large ones are whole.
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
    "blank.webp": lambda: saved("RGB", (13_000, 13_000), "WEBP", lossless=True, method=0),
    "header.png": lambda: png(*LARGE, 8, 2),
    "sixteen.png": lambda: png(*LARGE, 16, 0),
    "colours.png": lambda: png(*LARGE, 8, 6),
    "billions.png": lambda: png(2**31 - 1, 2**31 - 1, 8, 2),
    "text.png": lambda: png(8, 8, 8, 0, *64 * [
        chunk(b"zTXt", b"a\0\0" + zlib.compress(bytes(2**24), 9))], unpacked=72),
    "profile.png": lambda: png(
        8, 8, 8, 0, chunk(b"iCCP", b"a\0\0" + zlib.compress(bytes(2**28), 9)), unpacked=72),
    "exif.png": lambda: png(8, 8, 8, 0, chunk(b"eXIf", many_tags(5_000, 10**6)), unpacked=72),
    "header.jpg": lambda: resized_jpeg(saved("RGB", (64, 64), "JPEG"), *LARGE),
    "progressive.jpg": lambda: resized_jpeg(
        saved("RGB", (64, 64), "JPEG", progressive=True), *LARGE),
    "largest.jpg": lambda: resized_jpeg(saved("RGB", (64, 64), "JPEG"), 65_500, 65_500),
    "scans.jpg": lambda: many_scans((3_000, 3_000), 500),
    "screen.gif": lambda: gif_screen(65_535, 65_535),
    "wide screen.gif": lambda: gif_screen(*LARGE),
    "frames.gif": lambda: frames(2_000),
    "rows.bmp": lambda: bmp(*LARGE),
    "packed.bmp": lambda: bmp(*LARGE, 1),
    "billions.bmp": lambda: bmp(2**31 - 1, 2**31 - 1),
    "header.ppm": lambda: b"P6 13300 13300 255\n",
    "bits.pbm": lambda: b"P4 13300 13300\n",
    "words.ppm": lambda: b"P3 13300 13300 255\n 1 2 3",
    "comment.ppm": lambda: b"P6\n#" + bytes(10**7) + b"\n8 8 255\n" + bytes(192),
    "packed.tga": lambda: tga(*LARGE),
    "blank.jp2": lambda: saved("L", (8_000, 8_000), "JPEG2000", irreversible=False),
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
    "near.tif": lambda: photograph(70, "TIFF", compression="tiff_lzw"),
    "near progressive.jpg": lambda: photograph(100, "JPEG", progressive=True),
}

CHILD = """
import json, resource, sys, time
from pathlib import Path
import numpy as np
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.kind import Wanted
from nearspace.errors import NearspaceError
import PIL.Image, PIL.ImageOps

def peak():
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024

for path in sys.argv[1:]:
    Path("/proc/self/clear_refs").write_text("5")
    before, start = peak(), time.process_time()
    try:
        read = Image.read([Path(path)] * COPIES, Wanted(size=32))
        said = read.failed.get(0, "") or "read"
    except NearspaceError as error:
        said = str(error)
    except BaseException as error:
        said = f"BARE {type(error).__name__}: {error}"
    took = time.process_time() - start
    print(json.dumps([Path(path).name, round(took, 2), peak() - before, said]), flush=True)
"""


def outcomes(folder, files, copies=1):
    """Yield name, seconds, bytes and what was said of each file, read in a process of its own."""
    paths = []
    for name, make in files.items():
        path = folder / name
        if not path.exists():
            path.write_bytes(make())
        paths.append(str(path))
    script = CHILD.replace("COPIES", str(copies))
    done = subprocess.run(
        [sys.executable, "-c", script, *paths], capture_output=True, text=True, check=True
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


if __name__ == "__main__":
    import pathlib

    folder = pathlib.Path("/tmp/pic/bombs")
    folder.mkdir(exist_ok=True)
    Pillow.MAX_IMAGE_PIXELS = None
    for group in sys.argv[2:]:
        for name, seconds, held, said in outcomes(folder, globals()[group], int(sys.argv[1])):
            size = os.path.getsize(folder / name)
            print(f"{name:24} {size:>10,} B {seconds:6.2f} s {held / 2**20:7.0f} MB  {said[:110]}")
