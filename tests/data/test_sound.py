import numpy as np
import pytest
import torch

from nearspace import Sound, load
from nearspace.data import Audio
from nearspace.data.sound import sound_of
from nearspace.errors import DataError

WAVE = np.sin(np.arange(300) / 5).astype(np.float32)


@pytest.mark.parametrize(
    "samples",
    [
        WAVE,
        WAVE.astype(np.float64),
        torch.from_numpy(WAVE),
        WAVE.tolist(),
        np.rint(WAVE * 2**15).clip(-(2**15), 2**15 - 1).astype(np.int16),
        np.rint(WAVE * 2.0**31).clip(-(2**31), 2**31 - 1).astype(np.int32),
        np.stack([WAVE, WAVE]),
        np.stack([2 * WAVE, np.zeros_like(WAVE)], axis=1),
    ],
)
def test_samples_of_any_type_become_floats_of_one_channel(samples):
    sound = sound_of(samples, 8000)
    assert sound.samples.dtype == np.float32
    np.testing.assert_allclose(sound.samples, WAVE, atol=1e-4)


def test_bytes_are_silent_in_their_middle():
    assert sound_of(np.array([0, 128, 192], np.uint8), 8000).samples.tolist() == [-1, 0, 0.5]


@pytest.mark.parametrize(
    "samples", [np.zeros((2, 3, 4)), np.array(["a"]), np.zeros(3, bool), np.arange(9), 3.0]
)
def test_what_are_no_samples_is_refused(samples):
    with pytest.raises(DataError, match="samples"):
        sound_of(samples, 8000)


def test_arrays_are_sounds_where_their_rate_is_said():
    for arrays in ([WAVE, WAVE[:99]], np.stack([WAVE, WAVE]), [WAVE, WAVE]):
        data = load(arrays, kind="audio", rate=8000)
        assert data.kind == Audio(8000)
        assert [len(sound) for sound in data.items] == [len(wave) for wave in arrays]
    with pytest.raises(DataError, match=r"with their rate \(load\(arrays, kind='audio', rate="):
        load([WAVE, WAVE[:99]], kind="audio")
    with pytest.raises(DataError, match="a rate of whole samples a second"):
        load([WAVE], kind="audio", rate=8000.5)


class Decoder:
    """As torchcodec gives what it is still to decode."""

    def get_all_samples(self):
        return Sound(torch.from_numpy(np.stack([WAVE, WAVE])), 8000)


def test_what_data_sets_decode_are_sounds(monkeypatch):
    decoded = {"array": WAVE, "sampling_rate": 8000, "path": "a.wav"}
    assert load([decoded, decoded]).items[1].seconds == 300 / 8000
    rows = [{"audio": decoded, "word": word} for word in ("yes", "no")]
    data = load(rows, labels="word")
    assert (data.kind, data.labels.tolist()) == (Audio(8000), ["yes", "no"])
    monkeypatch.setattr(Sound, "data", property(lambda self: self.samples), raising=False)
    monkeypatch.setattr(Sound, "sample_rate", property(lambda self: self.rate), raising=False)
    np.testing.assert_allclose(load([Decoder()]).items[0].samples, WAVE, atol=1e-6)
    with pytest.raises(DataError, match="row 1 is of type int, among sounds"):
        load([decoded, 7])
