"""What shows a sound: a small file that plays, of the length and the pitch of the sound."""

import base64
import importlib.util
import io
import re

import numpy as np
import pytest
from PIL import Image

from nearspace.data import SAMPLES
from nearspace.data.kinds.audio_shown import (
    clip,
    media_type,
    picture_of,
    player,
    read_clip,
    spectrogram,
)
from nearspace.data.sound import Sound


def tone(seconds, rate, hertz=440):
    at = np.arange(round(seconds * rate)) / rate
    return Sound((0.5 * np.sin(2 * np.pi * hertz * at)).astype(np.float32), rate)


@pytest.fixture(params=["soundfile", None])
def library(request, monkeypatch):
    """Whether soundfile is installed: one file is MP3, the other plain WAV."""
    if request.param is None:
        monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    else:
        pytest.importorskip("soundfile")
    return request.param


def test_a_clip_lasts_as_long_as_the_sound_and_has_its_pitch(library):
    for seconds, rate, kept in ((0.42, 8000, 8000), (2.0, 44100, 16000), (1.0, 6000, 8000)):
        data = clip(tone(seconds, rate))
        assert media_type(data) == ("audio/mpeg" if library else "audio/wav")
        heard = read_clip(data)
        assert heard.rate == kept
        assert heard.seconds == pytest.approx(seconds, abs=0.002)
        strongest = np.abs(np.fft.rfft(heard.samples)).argmax() / heard.seconds
        assert strongest == pytest.approx(440, abs=3)
        assert np.abs(heard.samples).max() == pytest.approx(0.5, abs=0.15)
    long = clip(tone(20, 48000))
    assert read_clip(long).seconds == pytest.approx(3, abs=0.002)
    assert len(long) < 100_000


def test_a_loud_sound_is_clipped_and_silence_stays_silent(library):
    loud = read_clip(clip(Sound(np.full(4000, 7, np.float32), 8000)))
    assert np.abs(loud.samples).max() < 1.5
    assert np.abs(read_clip(clip(Sound(np.zeros(4000, np.float32), 8000))).samples).max() < 1e-3
    assert read_clip(clip(Sound(np.float32([0.5]), 8000))) is not None


def test_what_is_no_clip_is_told_or_left_as_it_is(library):
    whole = clip(tone(0.3, 8000))
    rng = np.random.default_rng(0)
    for _ in range(200):
        damaged = bytearray(whole[: rng.integers(1, len(whole) + 1)])
        damaged[rng.integers(len(damaged))] = rng.integers(256)
        heard = read_clip(bytes(damaged))
        assert heard is None or len(heard.samples) <= 6 * 16000
        picture_of(bytes(damaged))
    for junk in (b"", b"junk", b"<svg onload=x>", b"\x89PNG"):
        assert picture_of(junk) == junk


def test_the_picture_has_high_pitch_above_and_what_comes_later_to_the_right():
    rising = np.concatenate([tone(0.5, 8000, 300).samples, tone(0.5, 8000, 3000).samples])
    picture = Image.open(io.BytesIO(spectrogram(Sound(rising, 8000), 64, 40))).convert("L")
    assert picture.size == (64, 40)
    dark = 255 - np.asarray(picture, float)
    # axes: pitch from high to low, time
    heights = [dark[:, columns].sum(axis=1).argmax() for columns in (slice(4, 28), slice(36, 60))]
    assert heights[0] > 25
    assert heights[1] < 15


def test_the_page_gets_a_picture_and_a_player():
    sound = SAMPLES["vowels"]().items[0]
    html = player(sound)
    kinds = re.findall(r'src="data:([a-z/]+);base64,([A-Za-z0-9+/=]+)"', html)
    assert [name.partition("/")[0] for name, _ in kinds] == ["image", "audio"]
    heard = read_clip(base64.b64decode(kinds[1][1]))
    assert heard.seconds == pytest.approx(sound.seconds, abs=0.002)
    assert f"spectrogram of {sound.seconds:.2f} s" in html
    assert "the first 3 s of 4.0 s" in player(tone(4, 8000))
    assert len(html) < 20_000  # a hundred of them are two megabytes
