"""Codes: a round trip to the last bit, halves, and files that lie."""

import dataclasses
import struct
import time
import tracemalloc
import zlib

import numpy as np
import pytest

from nearspace import load, make
from nearspace.encoders.decoder import AffineDecoder
from nearspace.errors import MissingExtra, NearspaceError
from nearspace.space.codec import codec, codes, levels
from nearspace.space.codec.codec import pack, split, unpack, with_codec
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, embed

pytestmark = pytest.mark.trains

DECODING = {
    "pca(dim=8)": "digits",
    "raw | pca(dim=8)": "digits",
    "autoencoder(dim=6, epochs=2)": "digits",
    "denoising(dim=6, epochs=2)": "digits",
    "masked(dim=6, epochs=1, body='vit')": "digits",
    "vae(dim=6, epochs=2)": "digits",
    "adversarial(dim=4, epochs=2)": "wine",
}
IDS = np.array(["a/b.png", "../c", "line\nbreak", "🙂" * 2000, ""], dtype=object)


@pytest.fixture(scope="module")
def digits():
    return load("digits")


@pytest.fixture(scope="module")
def space(digits):
    return with_codec(embed(digits, "pca(dim=8)"))


@pytest.mark.parametrize(("spec", "sample"), DECODING.items())
def test_the_receiver_gets_the_codes_and_the_items_of_the_sender(spec, sample, tmp_path):
    dataset = load(sample)
    whole = with_codec(embed(dataset, spec))
    items = dataset.items[:150]
    names = ("e.space", "r.space")
    halves = [save(half, tmp_path / name) for half, name in zip(split(whole), names, strict=True)]
    sender, receiver = map(open_space, halves)
    assert sender.recipe.fingerprint == receiver.recipe.fingerprint
    for bits in (4, 60):
        data = pack(whole, items, dataset.ids[:150], bits=bits)
        got = unpack(whole, data)
        assert got.same is True
        assert not got.note
        assert got.ids.tolist() == dataset.ids[:150].tolist()
        other = unpack(receiver, pack(sender, items, dataset.ids[:150], bits=bits))
        # A sender without a network to decode by could not know what would come out.
        assert other.same is (True if "pca" in spec else None)
        np.testing.assert_array_equal(other.items, got.items)
    vectors = whole.encoder.transform(items)
    level = codec.codec_of(whole).levels[-1]
    codes_, clipped = level.quantise(vectors)
    assert clipped == 0
    np.testing.assert_array_equal(level.decode(level.encode(codes_), len(codes_)), codes_)
    finest = whole.encoder.inverse_transform(level.restore(codes_))
    spread = whole.encoder.inverse_transform(vectors).std()
    assert np.abs(finest - whole.encoder.inverse_transform(vectors)).mean() < 0.02 * spread


@pytest.mark.parametrize(
    "spec", ["autoencoder(dim=6, epochs=2)", "raw | autoencoder(dim=6, epochs=2)"]
)
def test_each_half_says_what_it_cannot_do(spec, digits, tmp_path):
    sender, receiver = split(embed(digits, spec))
    data = pack(sender, digits.items[:20])
    assert (sender.decoder, receiver.encoder) == (None, None)
    with pytest.raises(NearspaceError, match="without its decoder"):
        unpack(sender, data)
    with pytest.raises(NearspaceError, match="without its encoder"):
        pack(receiver, digits.items[:20])
    for half in (sender, receiver):
        with pytest.raises(NearspaceError, match="one half"):
            split(half)
    assert len(receiver) == 0
    whole = len(save(embed(digits, spec), tmp_path / "w.space").read_bytes())
    assert len(save(receiver, tmp_path / "r.space").read_bytes()) < 0.8 * whole


def test_the_axes_of_pca_serve_both_halves(digits):
    sender, receiver = split(embed(digits, "pca(dim=8)"))
    data = pack(sender, digits.items[:20])
    np.testing.assert_array_equal(unpack(sender, data).items, unpack(receiver, data).items)
    with pytest.raises(NearspaceError, match="without its encoder"):
        pack(receiver, digits.items[:20])


def test_more_bits_cost_bytes_and_bring_nearer(space, digits):
    sizes, errors = [], []
    for bits in (5, 15, 30, 60):
        data = pack(space, digits.items, bits=bits)
        sizes.append(len(data))
        got = unpack(space, data).items.astype(float)
        errors.append(
            ((got - unpack(space, pack(space, digits.items, bits=100)).items) ** 2).mean()
        )
        assert 0.5 * bits < 8 * len(data) / len(digits) < 1.6 * bits + 2
    assert sizes == sorted(sizes)
    assert errors == sorted(errors, reverse=True)


def test_values_beyond_the_tables_are_clipped(space, digits):
    white = np.full((1, 8, 8, 1), 255, dtype=np.uint8)
    got = unpack(space, pack(space, white, bits=60))
    assert got.same is True
    assert got.items.mean() > digits.items.mean()


def test_any_id_survives(space, digits):
    got = unpack(space, pack(space, digits.items[:5], IDS))
    assert got.ids.tolist() == IDS.tolist()
    assert unpack(space, pack(space, digits.items[:5])).ids.tolist() == [0, 1, 2, 3, 4]


def test_a_receiver_that_rounds_otherwise_is_told(space, digits, monkeypatch):
    data = pack(space, digits.items[:50])

    decode = AffineDecoder._decode
    monkeypatch.setattr(AffineDecoder, "_decode", lambda self, Z: decode(self, Z) + 1e-3)
    got = unpack(space, data)
    assert got.same is False
    assert "rounding" in got.note


def test_rounding_of_another_machine_changes_no_pixel(digits):
    encoder = make("autoencoder(dim=6, epochs=2)").fit(digits.items)
    vectors = encoder.transform(digits.items)
    decode, stored = encoder.decoder.decode_double, encoder.kind_.stored
    alone = np.concatenate([decode(row[None]) for row in vectors[:200]])
    np.testing.assert_array_equal(stored(alone), stored(decode(vectors)[:200]))


def test_what_does_not_belong_is_refused(space, digits):
    data = pack(space, digits.items[:10], digits.ids[:10])
    other = with_codec(embed(digits, "pca(dim=8, random_state=1)"))
    refusals = {
        "of another space: of the encoder": lambda: unpack(other, data),
        "expected images of shape": lambda: pack(space, np.zeros((2, 9, 9), dtype=np.uint8)),
        "expected 10 ids": lambda: pack(space, digits.items[:10], [1, 2]),
        "format 2; this nearspace reads format 1": lambda: unpack(
            space, data[:8] + struct.pack("<H", 2) + data[10:]
        ),
        "no file of codes": lambda: unpack(space, b"text"),
        "cut off": lambda: unpack(space, data[:20]),
        "does not decode": lambda: pack(embed(digits, "hog"), digits.items),
        "cannot be read": lambda: unpack(dataclasses.replace(space, parts={"codec": b"{}"}), data),
        "at least two vectors": lambda: codec.codec_of(
            Space(space.vectors[:1], space.ids[:1], None, space.recipe, space.encoder)
        ),
    }
    for sentence, call in refusals.items():
        with pytest.raises(NearspaceError, match=sentence):
            call()
    fewer = dataclasses.replace(space, vectors=space.vectors[:900], ids=space.ids[:900], parts={})
    with pytest.raises(NearspaceError, match="of the codec"):
        unpack(with_codec(fewer), data)


def test_without_the_library_the_extra_is_named(space, digits, monkeypatch):
    monkeypatch.setattr(levels.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"nearspace\[codec\]"):
        pack(space, digits.items[:3])


def signed(data):
    """Return a file whose checksum is right, whatever it says."""
    start, rest = data[: codes.FIRST - 4], data[codes.FIRST :]
    return start + struct.pack("<I", zlib.crc32(rest, zlib.crc32(start))) + rest


def lies(data, rng):
    """Return a file with random bytes, and perhaps random lengths, under a right checksum."""
    body = bytearray(data)
    for _ in range(rng.integers(1, 6)):
        place = rng.integers(26, codes.FIRST) if rng.random() < 0.7 else rng.integers(len(body))
        body[place] = rng.integers(256)
    if rng.random() < 0.3:
        body = body[: rng.integers(codes.FIRST, len(body) + 1)]
    if rng.random() < 0.5:  # a count of any size
        struct.pack_into("<I", body, 27, int(2 ** rng.uniform(0, 32)) - 1)
    if rng.random() < 0.7 and len(body) >= codes.FIRST:  # lengths that agree with the file
        (ids,) = struct.unpack_from("<I", body, 45)
        ids = min(ids, len(body) - codes.FIRST)
        struct.pack_into("<I", body, 45, ids)
        struct.pack_into("<I", body, 53, len(body) - codes.FIRST - ids)
    return signed(bytes(body)) if rng.random() < 0.9 else bytes(body)


def test_the_places_that_lies_change_are_where_they_should_be(space, digits):
    data = pack(space, digits.items[:300], digits.ids[:300])
    head, ids, written = codes.read_codes(data)
    assert struct.unpack_from("<I", data, 27) == (head.n,) == (300,)
    assert struct.unpack_from("<I", data, 45) == (len(ids),)
    assert struct.unpack_from("<I", data, 53) == (len(written),)


def test_a_lying_file_neither_crashes_nor_hangs_nor_takes_memory(space, digits):
    rng = np.random.default_rng(0)
    ids = np.array([f"{'x' * 40}{i}" for i in range(300)], dtype=object)
    files = [pack(space, digits.items[:300], ids), pack(space, digits.items[:300])]
    cap = 200_000
    survived, slowest, largest, told = 0, 0.0, 0, []
    unpack(space, files[0])  # what is imported on the way is not the file's doing
    tracemalloc.start()
    try:
        for turn in range(400):
            data = lies(files[turn % 2], rng)
            tracemalloc.reset_peak()
            before, start = tracemalloc.get_traced_memory()[0], time.perf_counter()
            try:
                unpack(space, data, max_bytes=cap)
                survived += 1
            except NearspaceError as error:
                told.append(str(error))
            slowest = max(slowest, time.perf_counter() - start)
            largest = max(largest, tracemalloc.get_traced_memory()[1] - before)
    finally:
        tracemalloc.stop()
    assert survived < 100
    assert len({text[:20] for text in told}) > 5  # they fell at many hurdles
    assert not any("\n" in text for text in told)
    assert slowest < 5
    assert largest < 4 * cap


def test_a_small_file_cannot_claim_a_gigabyte(space, digits):
    data = bytearray(pack(space, digits.items[:300]))
    for count in (2**31, 10**6, 10**5):
        struct.pack_into("<I", data, 27, count)
        with pytest.raises(NearspaceError, match="items"):
            unpack(space, signed(bytes(data)))
    bomb = codes.write_codes(
        dataclasses.replace(
            codes.read_codes(bytes(pack(space, digits.items[:300])))[0],
            id_kind=2, ids_length=len(zlib.compress(bytes(10**7))), ids_memory=10**6,
        ),
        zlib.compress(bytes(10**7)), codes.read_codes(pack(space, digits.items[:300]))[2],
    )  # fmt: skip
    with pytest.raises(NearspaceError, match="longer or shorter"):
        unpack(space, bomb)


def test_a_codec_that_is_damaged_is_refused(space):
    whole, rng = bytearray(space.parts["codec"]), np.random.default_rng(0)
    refused = 0
    for _ in range(200):
        data = whole.copy()
        for _ in range(rng.integers(1, 4)):
            data[rng.integers(len(data))] = rng.integers(256)
        try:
            levels.Codec.from_bytes(bytes(data), 8)
        except NearspaceError:
            refused += 1
    assert refused > 150  # a step or a frequency that is another is as sound as before
    with pytest.raises(NearspaceError, match="vectors of 9 numbers"):
        levels.Codec.from_bytes(bytes(whole), 9)


def test_tables_are_made_of_the_training_part_wherever_it_is_named(digits):
    labelled = dataclasses.replace(
        digits.take(np.arange(400)), split=np.repeat(["train", "test"], 200)
    )
    whole = embed(labelled, "pca(dim=4)")
    part = dataclasses.replace(embed(labelled.take(np.arange(200)), whole.encoder), parts={})
    assert with_codec(whole).parts == with_codec(part).parts
    named = whole.meta.rename_columns(["split_"])
    moved = dataclasses.replace(
        whole, meta=named, recipe=dataclasses.replace(whole.recipe, roles={"split": "split_"})
    )
    assert with_codec(moved).parts == with_codec(whole).parts
