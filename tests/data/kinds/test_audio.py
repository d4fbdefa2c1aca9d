import numpy as np
import pytest

from nearspace import Sound, load
from nearspace.data import Audio
from nearspace.errors import DataError


def tone(hertz, rate, seconds=0.2):
    return Sound(
        np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate, dtype="f4"), rate
    )


def test_sounds_of_several_rates_are_brought_to_that_of_most():
    data = load([tone(440, 8000), tone(440, 16000), tone(440, 8000)])
    assert data.kind == Audio(8000)
    assert [sound.rate for sound in data.items] == [8000] * 3
    first, second = (sound.samples[200:-200] for sound in data.items[:2])
    np.testing.assert_allclose(second, first, atol=0.01)
    assert load(data.items, rate=16000).kind == Audio(16000)


@pytest.mark.parametrize(
    ("sound", "words"),
    [
        (Sound(np.zeros(0, "f4"), 8000), r"sound 1 has samples of shape \(0,\)"),
        (Sound(np.zeros((2, 5), "f4"), 8000), r"sound 1 has samples of shape \(2, 5\)"),
        (Sound(np.array([0, np.nan], "f4"), 8000), "sound 1 holds NaN"),
        (np.zeros(5), "item 1 is of type ndarray"),
    ],
)
def test_what_is_no_sound_is_named(sound, words):
    with pytest.raises(DataError, match=words):
        Audio(8000).check([tone(440, 8000), sound])


def test_sounds_that_are_nearly_the_same_are_told():
    items = load("vowels").items[:100]
    noise = np.random.default_rng(0).normal(0, 1e-4, len(items[7])).astype("f4")
    louder = Sound(1.5 * items[7].samples + noise, 8000)
    pairs = Audio(8000).near([*items, louder], np.array([100]))
    assert pairs.tolist() == [[100, 7]]
