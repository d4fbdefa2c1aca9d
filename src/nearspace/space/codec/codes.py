"""The file of codes: what it says of itself, and the ids of its items.

Format 1. All numbers are little-endian.

======== ==========================================================================================
bytes    hold
======== ==========================================================================================
8        ``nearcode``
2        the format
8 + 8    fingerprints of the encoder and of the codec
1        the level
4 + 4    how many items; how many numbers each vector has
1        1 where the sender decoded the codes too, and the CRC-32 of what it saw is known
4 + 4    CRC-32 of the codes, as int32; and of the decoded items
1        what ids are: 0 none, 1 whole numbers, 2 text
4 + 4    lengths of the ids in the file, and in memory
4        length of the codes in the file
4        CRC-32 of the whole file without these four bytes
…        the ids, packed by zlib: int64 each; or the length of each as uint32, then all as UTF-8
…        the codes: words of a range coder, dimension by dimension
======== ==========================================================================================
"""

from __future__ import annotations

import dataclasses
import struct
import zlib

import numpy as np

from nearspace.errors import NearspaceError

__all__ = ["FORMAT", "MAGIC", "Head", "read_codes", "read_ids", "write_codes", "write_ids"]

MAGIC, FORMAT = b"nearcode", 1
START = struct.Struct("<8sH")
FIELDS = struct.Struct("<8s8sBIIBIIBIII")
CHECK = struct.Struct("<I")
FIRST = START.size + FIELDS.size + CHECK.size
NO_IDS, NUMBERS, TEXT = 0, 1, 2


@dataclasses.dataclass(frozen=True)
class Head:
    """What a file of codes says of itself, in the order in which it stands there."""

    encoder: str
    codec: str
    level: int
    n: int
    dim: int
    seen: int
    codes_checksum: int
    items_checksum: int
    id_kind: int
    ids_length: int
    ids_memory: int
    codes_length: int


def write_codes(head: Head, ids: bytes, codes: bytes) -> bytes:
    """Return the file."""
    encoder, codec, *numbers = dataclasses.astuple(head)
    fields = FIELDS.pack(bytes.fromhex(encoder), bytes.fromhex(codec), *numbers)
    start, rest = START.pack(MAGIC, FORMAT) + fields, ids + codes
    return start + CHECK.pack(zlib.crc32(rest, zlib.crc32(start))) + rest


def read_codes(data: bytes) -> tuple[Head, bytes, bytes]:
    """Return what a file says of itself, its ids as `read_ids` takes them, and its codes.

    Raises
    ------
    NearspaceError
        If it is no such file, is damaged, or was written in a newer format.
    """
    if not isinstance(data, bytes):
        raise NearspaceError(
            f"unpack: expected the bytes of a file of codes, got one {type(data).__name__}; of a "
            "path give Path(path).read_bytes()."
        )
    if data[: len(MAGIC)] != MAGIC or len(data) < START.size:
        raise NearspaceError("This is no file of codes: expected one that 'nearspace pack' wrote.")
    _, written_in = START.unpack_from(data)
    if written_in != FORMAT:
        raise NearspaceError(
            f"These codes are written in format {written_in}; this nearspace reads format "
            f"{FORMAT}, so use the version that wrote them."
        )
    if len(data) < FIRST:
        raise NearspaceError(f"The file of codes is cut off after {len(data)} bytes.")
    encoder, codec, *numbers = FIELDS.unpack_from(data, START.size)
    head = Head(encoder.hex(), codec.hex(), *numbers)
    (checksum,) = CHECK.unpack_from(data, FIRST - CHECK.size)
    whole = FIRST + head.ids_length + head.codes_length
    start, rest = data[: FIRST - CHECK.size], memoryview(data)[FIRST:]
    if len(data) != whole or zlib.crc32(rest, zlib.crc32(start)) != checksum:
        raise NearspaceError(
            f"The file of codes is damaged: it has {len(data)} bytes and says {whole}, or its "
            "checksum is another; send it again."
        )
    return head, bytes(rest[: head.ids_length]), bytes(rest[head.ids_length :])


def write_ids(ids: np.ndarray | None) -> tuple[int, bytes]:
    """Return what ids are, and them all as bytes that are not yet packed."""
    if ids is None:
        return NO_IDS, b""
    if ids.dtype.kind in "iu":
        return NUMBERS, ids.astype("<i8").tobytes()
    texts = [str(name).encode("utf-8", "surrogatepass") for name in ids.tolist()]
    lengths = np.array([len(text) for text in texts], dtype="<u4")
    return TEXT, lengths.tobytes() + b"".join(texts)


def read_ids(head: Head, packed: bytes) -> np.ndarray:
    """Return the ids, shape ``(n,)``: int64, or text as objects; positions where there are none.

    Raises
    ------
    NearspaceError
        If they are not what the head says.
    """
    if head.id_kind == NO_IDS:
        return np.arange(head.n)
    plain = _unzip(packed, head.ids_memory)
    if head.id_kind == NUMBERS and len(plain) == 8 * head.n:
        return np.frombuffer(plain, dtype="<i8").astype(np.int64)
    if head.id_kind == TEXT and len(plain) >= 4 * head.n:
        ends = np.cumsum(np.frombuffer(plain, dtype="<u4", count=head.n), dtype=np.int64)
        text = memoryview(plain)[4 * head.n :]
        if (ends[-1] if head.n else 0) == len(text):
            return _texts(text, ends)
    raise NearspaceError(f"The file of codes holds no ids of {head.n:,} items.")


def _texts(text: memoryview, ends: np.ndarray) -> np.ndarray:
    ids, start = np.empty(len(ends), dtype=object), 0
    try:
        for at, end in enumerate(ends.tolist()):
            ids[at] = bytes(text[start:end]).decode("utf-8", "surrogatepass")
            start = end
    except UnicodeDecodeError as error:
        raise NearspaceError(f"An id in the file of codes is no text ({error}).") from error
    return ids


def _unzip(packed: bytes, length: int) -> bytes:
    """Return exactly so many bytes, and never set more aside."""
    machine = zlib.decompressobj()
    try:
        plain = machine.decompress(packed, max(1, length))
    except zlib.error as error:
        raise NearspaceError(f"The ids in the file of codes are damaged ({error}).") from error
    if len(plain) != length or machine.unconsumed_tail:
        raise NearspaceError("The ids in the file of codes are longer or shorter than it says.")
    return plain
