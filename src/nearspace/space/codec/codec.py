"""Items as a file of codes: `pack` at the sender, `unpack` at the receiver, `split` for both."""

from __future__ import annotations

import dataclasses
import zlib
from collections.abc import Iterator
from typing import Any

import numpy as np

from nearspace.encoders.decoder import Decoder
from nearspace.errors import DataError, NearspaceError, called_as
from nearspace.space.arrays import check_finite
from nearspace.space.codec.codes import Head, read_codes, read_ids, write_codes, write_ids
from nearspace.space.codec.levels import Codec, Level, fit_codec, loss_text, usual_level
from nearspace.space.decode import decoder
from nearspace.space.space import Space, check_space, dataset_for

__all__ = ["PART", "Unpacked", "codec_of", "pack", "packed_text", "split", "unpack", "with_codec"]

PART = "codec"
MAX_BYTES = 2**30
TOGETHER = 512  # items decoded at once
NEAR = 0.2  # how far bits may be from what was asked for without a word
AN_ID = 64  # bytes of a Python string beside its letters


@dataclasses.dataclass(frozen=True, eq=False)
class Unpacked:
    """What a file of codes held.

    Attributes
    ----------
    items : ndarray of shape (n, ...)
        Images as uint8, vectors as float32.
    ids : ndarray of shape (n,)
        Their ids at the sender; their positions where it sent none.
    same : bool or None
        Whether they are to the last bit what the sender decoded; None where it did not decode.
    """

    items: np.ndarray
    ids: np.ndarray
    same: bool | None

    @property
    def note(self) -> str:
        """A sentence for items that are not quite the sender's; "" for others."""
        if self.same is not False:
            return ""
        return "The items differ from what the sender decoded, by the rounding of this machine."


def codec_of(space: Space) -> Codec:
    """Return the codec that a space holds, or else a new one made from its vectors.

    Raises
    ------
    NearspaceError
        If its encoder does not decode, or to rows of a table, or there are no vectors to make it
        from.
    """
    if PART in space.parts:
        return Codec.from_bytes(space.parts[PART], space.vectors.shape[1])
    decoding = decoder(space)
    if not decoding.kind.shape_of_item:
        raise NearspaceError(
            f"Codes are of images and vectors, and this space is one of {decoding.kind.plural}: "
            "share the space itself."
        )
    decode = decoding.decode_double
    vectors = np.asarray(space.vectors)
    split = space.recipe.roles.get("split")
    if space.meta is not None and split in space.meta.column_names:
        training = np.array(space.meta[split].to_pylist(), dtype=object) == "train"
        vectors = vectors[training] if training.any() else vectors
    if len(vectors) < 2:
        raise NearspaceError(
            f"A codec is made from at least two vectors, and this space holds {len(vectors)}."
        )
    return fit_codec(vectors, decode)


def with_codec(space: Space) -> Space:
    """Return a space that holds its codec, as the part ``"codec"``: what both sides need."""
    if PART in space.parts:
        return space
    parts = {**space.parts, PART: codec_of(space).to_bytes()}
    return dataclasses.replace(space, parts=parts)


@called_as("pack(space, items)")
def pack(space: Space, items: Any, ids: Any = None, bits: float | None = None) -> bytes:
    """Return items as a file of codes, which `unpack` decodes with the same space.

    Parameters
    ----------
    space : Space
        With an encoder that decodes; the receiver needs the same, with the same codec.
    items : Dataset, or what `load` reads
        Of the kind and shape that the encoder takes.
    ids : array of shape (n,), optional
        Whole numbers or text, such as file names; they take bytes of their own.
    bits : float, optional
        About how many bits a vector to spend. When absent, as many as it takes for rounding to add
        at most a tenth to the decoder's own squared error; at the encoder half, where that is not
        known, as `Codec.choose` has it.

    Returns
    -------
    bytes
        The file.

    Raises
    ------
    NearspaceError
        If the items are of another kind or shape, or the encoder does not decode.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> digits = load("digits")
    >>> space = with_codec(embed(digits, "pca(dim=16)"))
    >>> codes = pack(space, digits.items, digits.ids, bits=32)
    >>> unpacked = unpack(space, codes)
    >>> unpacked.items.shape, unpacked.same, len(codes) < 1797 * 64 // 8
    ((1797, 8, 8, 1), True, True)
    """
    check_space(space, "pack")
    codec, encoder = codec_of(space), space.encoder
    if encoder is None:
        raise NearspaceError(
            "This is one half of a space, the decoder without its encoder; pack with the other "
            "half, or the whole."
        )
    # An array is of the shape that the encoder takes, or refused; files are brought to it.
    if not isinstance(items, np.ndarray) or not len(items):
        items = dataset_for(encoder, items).items
    vectors = np.asarray(encoder.transform(items))
    names = None if ids is None else np.asarray(ids)
    if names is not None and names.shape != (len(vectors),):
        raise DataError(f"pack: expected {len(vectors)} ids, one for each item, got {len(names)}.")
    if names is not None and np.array_equal(names, np.arange(len(names))):
        names = None  # what the receiver takes for ids of itself
    check_finite(vectors, np.arange(len(vectors)) if names is None else names, "The encoder")
    seen = space.decoder is not None
    at = usual_level(encoder, codec, items) if bits is None and seen else codec.choose(bits)
    level = codec.levels[at]
    codes, _ = level.quantise(vectors)
    written = level.encode(codes)
    written += bytes(max(0, 4 * -(-len(codes) // 32) - len(written)))  # a bit an item at least
    id_kind, plain = write_ids(names)
    packed = zlib.compress(plain, 9) if id_kind else b""
    head = Head(
        encoder=space.recipe.fingerprint,
        codec=codec.fingerprint,
        level=at,
        n=len(codes),
        dim=codes.shape[1],
        seen=int(seen),
        codes_checksum=zlib.crc32(codes.data),
        items_checksum=_checksum(space.decoder, level, codes) if space.decoder else 0,
        id_kind=id_kind,
        ids_length=len(packed),
        ids_memory=len(plain),
        codes_length=len(written),
    )
    return write_codes(head, packed, written)


def packed_text(space: Space, items: Any, data: bytes, asked: float | None = None) -> str:
    """Return what items take in a file of codes and what they lose, in sentences.

    Parameters
    ----------
    space : Space
        The one that packed them.
    items : sequence of n items
        What was packed.
    data : bytes
        The file.
    asked : float, optional
        About how many bits an item were asked for.

    Returns
    -------
    str
        Two lines.
    """
    head, ids, written = read_codes(data)
    levels, n = codec_of(space).levels, head.n
    bits = 8 * len(written) / n
    sent = " with their ids" if ids else ""
    words = f"{n:,} items{sent} in {len(data):,} bytes.\n"
    words += f"{bits:.1f} bits an item, {8 * len(data) / n:.1f} with {'ids and ' * bool(ids)}head."
    if asked is not None and abs(bits - asked) > NEAR * asked:
        which = {0: "coarsest", len(levels) - 1: "finest"}.get(head.level, "nearest")
        words += f" Asked were {asked:g}; the {which} step takes {bits:.1f}."
    if not head.seen:
        return f"{words}\nWhat is lost is not known to the half without the decoder."
    return f"{words}\n{loss_text(space.encoder, levels[head.level], items)}"


@called_as("unpack(space, codes)")
def unpack(space: Space, data: bytes, max_bytes: int = MAX_BYTES) -> Unpacked:
    """Return the items of a file of codes.

    Parameters
    ----------
    space : Space
        The one that packed them, or its decoder half.
    data : bytes
        The file. It is not trusted: what it says of itself is checked before it is used.
    max_bytes : int, default=2**30
        What vectors, items and ids may take in memory by the file's own account. Unpacking sets
        aside no more than four times as much.

    Returns
    -------
    Unpacked
        Items and ids.

    Raises
    ------
    NearspaceError
        If this is no such file, or one that is damaged, of a newer format, of another space, or
        too large.
    """
    check_space(space, "unpack")
    decoding, codec = decoder(space), codec_of(space)
    head, ids, written = read_codes(data)
    _check_origin(head, space, codec)
    if head.level >= len(codec.levels) or head.dim != decoding.dim:
        raise NearspaceError("The codes do not fit the space, though they name it.")
    item = decoding.decode_stored(np.zeros((1, decoding.dim)))
    _check_size(head, item.nbytes, len(written), max_bytes)
    names = read_ids(head, ids)
    level = codec.levels[head.level]
    codes = level.decode(written, head.n)
    if zlib.crc32(codes.data) != head.codes_checksum:
        raise NearspaceError(
            "The codes do not come out as they were packed; pack them again, with the version of "
            "constriction that is installed here."
        )
    items, seen, at = np.empty((head.n, *item.shape[1:]), dtype=item.dtype), 0, 0
    for batch in _decoded(decoding, level, codes):
        items[at : at + len(batch)] = batch
        seen, at = zlib.crc32(batch.data, seen), at + len(batch)
    return Unpacked(items, names, seen == head.items_checksum if head.seen else None)


def split(space: Space) -> tuple[Space, Space]:
    """Return the half of a space that packs, and the half that unpacks.

    The first keeps the vectors and all that is known of them, and the encoder without its decoder.
    The second holds the decoder alone: no vector, nothing of any item. The axes of ``pca`` are the
    same both ways: the half that packs can unpack too.

    Parameters
    ----------
    space : Space
        With an encoder that decodes.

    Returns
    -------
    tuple of two Space
        Both have the fingerprint of the whole, and its codec.

    Raises
    ------
    NearspaceError
        If nothing decodes the vectors, or the space is one half already.

    Examples
    --------
    >>> from nearspace import embed, load
    >>> wine = load("wine")
    >>> sender, receiver = split(embed(wine, "pca(dim=4)"))
    >>> unpack(receiver, pack(sender, wine.items)).items.shape
    (178, 13)
    """
    receives, whole = decoder(space), with_codec(space)
    if space.encoder is None:
        raise NearspaceError("This is one half of a space already, the decoder alone.")
    sender = dataclasses.replace(whole, made_by=space.encoder.without_decoder())
    receiver = Space(
        np.empty((0, receives.dim), dtype=np.float32),
        whole.ids[:0],
        None,
        whole.recipe,
        receives,
        parts={PART: whole.parts[PART]},
    )
    return sender, receiver


def _check_origin(head: Head, space: Space, codec: Codec) -> None:
    for name, ours in (("encoder", space.recipe.fingerprint), ("codec", codec.fingerprint)):
        theirs = getattr(head, name)
        if theirs != ours:
            raise NearspaceError(
                f"These codes are of another space: of the {name} {theirs}, and not of {ours} "
                f"({space.recipe.spec}); unpack them with the space that packed them."
            )


def _check_size(head: Head, item_bytes: int, size: int, max_bytes: int) -> None:
    """Raise if the items do not fit the memory allowed, or the file itself."""
    needed = head.n * (8 * head.dim + item_bytes + AN_ID * (head.id_kind > 0)) + 2 * head.ids_memory
    if needed > max_bytes:
        raise NearspaceError(
            f"The file says that it holds {head.n:,} items, which take {needed:,} bytes; "
            f"{max_bytes:,} are allowed."
        )
    if head.n > 8 * size:
        raise NearspaceError(f"The file is too small for the {head.n:,} items that it names.")


def _decoded(decoding: Decoder, level: Level, codes: np.ndarray) -> Iterator[np.ndarray]:
    """Return the items of codes, some at a time, the same on every machine."""
    for start in range(0, len(codes), TOGETHER):
        vectors = level.restore(codes[start : start + TOGETHER])
        yield decoding.decode_stored(vectors)


def _checksum(decoding: Decoder, level: Level, codes: np.ndarray) -> int:
    seen = 0
    for batch in _decoded(decoding, level, codes):
        seen = zlib.crc32(batch.data, seen)
    return seen
