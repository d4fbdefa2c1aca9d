"""Mutated pictures of every format that is read: an image or one sentence, and within bounds."""

import io
from functools import partial

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.mutations import MIB, Reader, attack

from nearspace.data import load
from nearspace.data.kinds.image import ENDINGS
from nearspace.data.kinds.image_bounds import MOST_BYTES
from nearspace.data.traits import file_traits

WIDTH, HEIGHT = 24, 18
HEADERS = (
    b"%!PS-Adobe-3.0\n", b"8BPS\0\1", b"icns", b"\0\0\1\0", b"\x59\xa6\x6a\x95", b"qoif", b"DDS ",
    b"RIFF", b"WEBP", b"ftypavif", b"\xff\xd8\xff", b"GIF89a", b"BM", b"II*\0", b"MM\0*", b"P6\n",
    b"II+\0", b"\x89PNG\r\n\x1a\n", b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51",
)  # fmt: skip
SIDES = (b"\x33\xf4", b"\xf4\x33", b"\0\0\x33\xf4", b"\xf4\x33\0\0", b"\x10\0", b"\0\x10", b"13300")
WORDS = {
    "png": (b"IHDR", b"PLTE", b"tRNS", b"IDAT", b"IEND", b"iCCP", b"zTXt", b"iTXt", b"eXIf",
            b"acTL", b"fcTL", b"fdAT", b"gAMA", b"Raw profile type exif", b"\x10", b"\x06\0\0\1"),
    "jpg": (b"\xff\xc0", b"\xff\xc2", b"\xff\xc4", b"\xff\xda", b"\xff\xdb", b"\xff\xdd",
            b"\xff\xe1", b"\xff\xd9", b"\xff\xd8", b"Exif\0\0", b"MPF\0", b"\xff\xc9", b"\x22"),
    "gif": (b"!\xf9\x04", b",", b";", b"!\xfe", b"NETSCAPE2.0", b"\xff\xff", b"\x87", b"\x0c"),
    "webp": (b"VP8 ", b"VP8L", b"VP8X", b"ANIM", b"ANMF", b"ALPH", b"ICCP", b"EXIF", b"XMP "),
    "tif": (b"\0\1", b"\1\0", b"\2\1\3\0", b"\x06\1\3\0", b"\x11\1\4\0", b"\x16\1\4\0", b"\x42\1",
            b"\5\0", b"\7\0", b"\4\0", b"\x0c\0", b"\1\3", b"\x12\1\3\0", b"\x81\xa4"),
    "ppm": (b"P1", b"P2", b"P3", b"P4", b"P5", b"Pf", b"PF", b"#", b" ", b"65535", b"-1", b"0 "),
    "avif": (b"meta", b"iloc", b"ipco", b"ispe", b"grid", b"irot", b"mdat", b"auxC", b"iref"),
    "jp2": (b"jP2h", b"ihdr", b"pclr", b"cmap", b"jp2c", b"\xff\x51", b"\xff\x52", b"\xff\x90"),
}  # fmt: skip


def picture(mode):
    values = np.random.default_rng(0).integers(0, 256, (HEIGHT, WIDTH, 4), dtype=np.uint8)
    if mode in ("I;16", "F"):
        return Pillow.fromarray(values[..., 0].astype("<u2" if mode == "I;16" else "f4") * 99)
    return Pillow.fromarray(values, "RGBA").convert(mode)


def files(name, *forms):
    """Return the files of pictures, in one format, for each mode and options of saving it."""
    written = []
    for mode, options in forms:
        file = io.BytesIO()
        options = dict(options)
        if options.pop("frames", False):
            options |= {"save_all": True, "append_images": [picture(mode).rotate(180)]}
        picture(mode).save(file, name, **options)
        written.append(file.getvalue())
    return written


def turned():
    exif = Pillow.Exif()
    exif[0x0112] = 6
    exif[0x010E] = "a description of what is to be seen"
    return exif


EXIF = turned()
FORMS = {
    "png": ("PNG", ("L", {}), ("RGBA", {"exif": EXIF}), ("P", {"transparency": 2}), ("I;16", {}),
            ("1", {}), ("LA", {"icc_profile": b"\0" * 400}), ("RGB", {"frames": True})),
    "jpg": ("JPEG", ("L", {}), ("RGB", {"exif": EXIF}), ("CMYK", {}), ("RGB", {"progressive": 1})),
    "gif": ("GIF", ("P", {}), ("L", {"comment": "a" * 300}), ("P", {"frames": True})),
    "bmp": ("BMP", ("RGB", {}), ("L", {}), ("1", {}), ("P", {})),
    "dib": ("DIB", ("RGB", {}), ("P", {})),
    "webp": ("WEBP", ("RGB", {"exif": EXIF}), ("RGBA", {"lossless": True}), ("RGBA", {}),
             ("RGB", {"frames": True})),
    "tif": ("TIFF", ("RGB", {}), ("L", {"compression": "tiff_lzw"}), ("F", {}), ("I;16", {}),
            ("RGB", {"compression": "jpeg"}), ("1", {"compression": "group4"}),
            ("RGBA", {"compression": "tiff_adobe_deflate", "exif": EXIF}), ("P", {"big_tiff": 1}),
            ("L", {"compression": "packbits", "frames": True}), ("CMYK", {}), ("LAB", {}),
            ("F", {"compression": "tiff_adobe_deflate"})),
    "ppm": ("PPM", ("RGB", {}), ("L", {}), ("1", {}), ("F", {}), ("I;16", {})),
    "tga": ("TGA", ("RGB", {}), ("RGBA", {"rle": True}), ("P", {}), ("L", {"rle": True})),
    "avif": ("AVIF", ("RGB", {"exif": EXIF}), ("RGBA", {"frames": True}), ("L", {})),
    "jp2": ("JPEG2000", ("RGB", {}), ("L", {}), ("RGBA", {"irreversible": True})),
}  # fmt: skip


def read_folder(path):
    """Return the images in the folder of a picture, of which the header was looked at too."""
    file_traits([path], pictures=True)
    return load(path.parent)


READERS = [
    Reader(
        ending, f"a.{ending}", read_folder, partial(files, *forms),
        WORDS.get(ending, ()) + SIDES + HEADERS, memory=MOST_BYTES + 64 * MIB,
    )
    for ending, forms in FORMS.items()
]  # fmt: skip


def test_every_format_that_is_read_is_attacked():
    same = {".apng": "png", ".jpe": "jpg", ".jpeg": "jpg", ".jfif": "jpg", ".tiff": "tif"}
    same |= dict.fromkeys((".pbm", ".pgm", ".pnm"), "ppm")
    assert {same.get(ending, ending[1:]) for ending in ENDINGS.split()} == set(FORMS)


@pytest.mark.parametrize(
    "count", [25, pytest.param(20_000, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
@pytest.mark.parametrize("reader", READERS, ids=str)
def test_mutated_pictures_are_read_or_refused_in_a_sentence(reader, count, tmp_path):
    failures = attack(reader, count, tmp_path)
    assert not failures, f"{len(failures)} of {count}, in {tmp_path}: {failures[:20]}"
