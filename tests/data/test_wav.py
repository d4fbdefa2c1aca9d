import io
import random
import struct

import numpy as np
import pytest

from nearspace.data.wav import read_wav

soundfile = pytest.importorskip("soundfile")


def wav(samples, rate=8000, form="WAV", subtype="PCM_16"):
    file = io.BytesIO()
    soundfile.write(file, samples, rate, format=form, subtype=subtype)
    return file.getvalue()


@pytest.mark.parametrize("channels", [1, 2, 6])
@pytest.mark.parametrize("form", ["WAV", "WAVEX"])
def test_samples_are_those_that_the_library_reads(form, channels):
    draw = np.random.default_rng(channels)
    samples = draw.integers(-(2**15), 2**15, (99, channels)).astype(np.int16)
    data = wav(samples, 11025, form)
    plain = read_wav(data)
    np.testing.assert_array_equal(plain.samples.reshape(samples.shape), samples)
    assert (plain.rate, plain.declared, plain.nbytes) == (11025, 198 * channels, 198 * channels)
    whole = soundfile.read(io.BytesIO(data), dtype="float32")[0]
    np.testing.assert_array_equal(plain.samples.astype("f4") * np.float32(2.0**-15), whole)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_24", "FLOAT", "DOUBLE", "ULAW", "IMA_ADPCM"])
def test_all_else_is_left_to_the_library(subtype):
    assert read_wav(wav(np.zeros(99), subtype=subtype)) is None


def test_other_formats_are_none():
    assert read_wav(wav(np.zeros(99), form="AIFF")) is None
    assert read_wav(wav(np.zeros(99), form="WAVEX", subtype="PCM_24")) is None
    assert read_wav(wav(np.zeros(99), form="WAVEX", subtype="FLOAT")) is None


def test_other_chunks_are_passed_over_and_ends_are_told():
    data = wav(np.arange(50, dtype=np.int16))
    at = data.index(b"data")
    odd = data[:at] + b"LIST" + struct.pack("<I", 3) + b"abc\0" + data[at:]
    np.testing.assert_array_equal(read_wav(odd).samples, np.arange(50))
    cut = read_wav(odd[:-31])
    assert (cut.declared, cut.nbytes, len(cut.samples)) == (100, 69, 34)
    assert read_wav(data[:at]) is None


def test_mutated_files_are_read_or_left():
    draw = random.Random(0)
    data = wav(np.arange(50, dtype=np.int16))
    for _ in range(3000):
        mutated = bytearray(data[: draw.choice([len(data), draw.randrange(len(data))])])
        for _ in range(draw.randint(1, 4)):
            if mutated:
                mutated[draw.randrange(min(len(mutated), 60))] = draw.choice([0, 1, 255, 128])
        plain = read_wav(bytes(mutated))
        assert plain is None or plain.samples.nbytes <= len(data)
