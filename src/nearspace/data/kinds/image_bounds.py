"""What reading a picture may take: the formats that are tried, the pixels, the memory."""

from __future__ import annotations

import contextlib
import io
import math
import threading
from collections.abc import Iterator
from typing import IO, TYPE_CHECKING, Any

from nearspace.data.members import File, Member
from nearspace.errors import DataError

if TYPE_CHECKING:
    from PIL import Image as Pillow

__all__ = [
    "MOST_BYTES",
    "ORIENTATION",
    "SMALLER",
    "Room",
    "bytes_to_decode",
    "open_picture",
    "reduce",
]

# Pillow knows thirty more by what is in a file, whatever its name; one of them starts a program.
FORMATS = ["PNG", "JPEG", "GIF", "BMP", "DIB", "WEBP", "TIFF", "PPM", "AVIF", "JPEG2000"]
NAMED = {".tga": ["TGA"]}  # what nothing in the file tells
WHOLE = {b"RIFF": 0, b"ftyp": 4}  # formats whose files Pillow reads whole, and where they say so
HEADER_READS = 2**12  # one of which may be of a single byte
MOST_BYTES = 2**29  # of memory
FEW_PIXELS = 2**22  # which a file of any size may declare
PIXELS_A_BYTE = 2**14  # more than an empty page in black and white is packed to
PIXELS_SCANNED = 2**30  # by all scans of a JPEG; a photograph has about ten
DECODER_BYTES = {"WEBP": 12, "AVIF": 12, "JPEG2000": 20}  # a pixel, beside those of the picture
MOST_HALVINGS = 5  # of JPEG 2000, whose files usually hold as many
ORIENTATION, ROWS_A_STRIP, TILE_WIDTH, TILE_LENGTH = 0x0112, 278, 322, 323
SMALLER = "make it smaller"


class Room:
    """Memory that is shared by what is done at the same time.

    Parameters
    ----------
    left : int
        How many bytes there are.

    Examples
    --------
    >>> room = Room(100)
    >>> with room.taken(60):
    ...     room.left
    40
    """

    def __init__(self, left: int = MOST_BYTES):
        self.left = left
        self._given_back = threading.Condition()

    @contextlib.contextmanager
    def taken(self, size: int) -> Iterator[None]:
        """Hold some bytes, no more than there are in all, as soon as others give them back."""
        with self._given_back:
            self._given_back.wait_for(lambda: size <= self.left)
            self.left -= size
        try:
            yield
        finally:
            with self._given_back:
                self.left += size
                self._given_back.notify_all()


class _Header(io.BufferedReader):
    """A file that can be read from so many times, until somebody sets ``left``."""

    left: float = HEADER_READS

    def read(self, size: int | None = -1, /) -> bytes:
        self.left -= 1
        if self.left < 0:
            raise DataError("its header has no end")
        return super().read(size)


@contextlib.contextmanager
def open_picture(path: File) -> Iterator[Pillow.Image]:
    """Yield the picture in a file, of which no more than the header is read.

    Raises
    ------
    DataError
        If it declares what no file of its size holds.
    """
    from PIL import Image as Pillow

    # By its name Pillow would map an uncompressed TIFF to memory, and of one that lies on its side
    # put every pixel into the wrong place.
    if isinstance(path, Member) and path.size > MOST_BYTES:
        raise DataError(f"{path.size >> 20:,} MB, more than {MOST_BYTES >> 20}; {SMALLER}")
    raw: Any = io.BytesIO(path.read_bytes()) if isinstance(path, Member) else io.FileIO(path)
    with _Header(raw) as file:
        size = file.seek(0, io.SEEK_END)
        file.seek(0)
        head = file.peek(8)
        if size > MOST_BYTES and any(head[at:].startswith(mark) for mark, at in WHOLE.items()):
            raise DataError(f"{size >> 20:,} MB, more than {MOST_BYTES >> 20}; {SMALLER}")
        with Pillow.open(file, formats=FORMATS + NAMED.get(path.suffix.lower(), [])) as image:
            file.left = math.inf
            width, height = image.size
            if width * height > max(FEW_PIXELS, PIXELS_A_BYTE * size):
                raise DataError(
                    f"{width:,} × {height:,} pixels in {size:,} bytes, where the least that holds "
                    f"them is {width * height // PIXELS_A_BYTE:,}"
                )
            if image.format == "JPEG":
                _check_scans(image, file)
            yield image


def _check_scans(image: Pillow.Image, file: IO[bytes]) -> None:
    """Raise where a JPEG goes over its pixels too often; note what it keeps of them meanwhile."""
    scans, end, place = 0, b"", file.tell()
    file.seek(0)
    while part := file.read(2**20):
        scans += (end + part).count(b"\xff\xda")
        end = part[-1:]
    file.seek(place)
    if scans < 2:
        return
    width, height = image.size
    if scans * width * height > PIXELS_SCANNED:
        raise DataError(f"{scans:,} scans of {width:,} × {height:,} pixels; {SMALLER}")
    layers = [(across, down) for _, across, down, _ in image.layer]  # type: ignore[attr-defined]
    most = max(across for across, _ in layers) * max(down for _, down in layers)
    samples = width * height * sum(across * down for across, down in layers) / most
    image.info["coefficients"] = int(2 * samples)


def reduce(image: Pillow.Image, side: int, mode: str) -> None:
    """Have a picture in a file decoded smaller, no side below ``side``, where its format can.

    A JPEG always is, which is much faster; a JPEG 2000 where it has many pixels.
    """
    image.draft(mode, (side, side))
    if image.format == "JPEG2000":
        for halvings in range(1, MOST_HALVINGS + 1):
            before, step = math.prod(image.size) >> 2 * (halvings - 1), 2**halvings
            if before <= FEW_PIXELS or min(image.size) // step < side:
                break
            # Pillow expects sides to be rounded, and the decoder rounds them up.
            if all(-(-length // step) == (length + step // 2) // step for length in image.size):
                image.reduce = halvings  # type: ignore[method-assign, assignment]


def bytes_to_decode(image: Pillow.Image, turned: bool = False) -> int:
    """Return how much memory a picture takes while it is decoded, turned, and made grey or RGB.

    Raises
    ------
    DataError
        If it is more than all pictures may take that are decoded at the same time.
    """
    halved = image.reduce if image.format == "JPEG2000" else 0
    pixels = math.prod(image.size) >> 2 * (halved if isinstance(halved, int) else 0)
    own = 1 if image.mode in ("1", "L", "P") else 2 if image.mode.startswith("I;") else 4
    plain = 4
    if image.mode in ("L", "RGB") and "transparency" not in image.info:
        plain = 1 if image.mode == "L" else 0
    beside = DECODER_BYTES.get(image.format or "", 0)
    needed = pixels * (own * (1 + turned) + plain + beside) + image.info.get("coefficients", 0)
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined]
        needed += pixels * own * (tags.get(ORIENTATION, 1) != 1)
        width, height = image.size
        rows = tags.get(TILE_LENGTH, tags.get(ROWS_A_STRIP, height))
        needed += own * min(width, tags.get(TILE_WIDTH, width)) * min(height, rows)
    if needed > MOST_BYTES:
        width, height = image.size
        raise DataError(
            f"{width:,} × {height:,} pixels would take {needed / 2**20:,.0f} MB to decode, more "
            f"than {MOST_BYTES >> 20}; {SMALLER}"
        )
    return needed
