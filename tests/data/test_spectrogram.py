import numpy as np
import pytest

from nearspace.data.spectrogram import FLOOR, frames_of, griffin_lim, log_mel, mel_filters


def naive(wave, rate):
    """Frames one by one, a Fourier transform written out, triangles from their definition."""
    window, hop, n_fft = frames_of(rate)
    hann = 0.5 - 0.5 * np.cos(2 * np.pi * np.arange(window) / window)
    padded = np.concatenate([np.zeros(window // 2), wave, np.zeros(window)])
    waves = np.exp(-2j * np.pi * np.outer(np.arange(n_fft // 2 + 1), np.arange(window)) / n_fft)
    rows = []
    for frame in range(1 + len(wave) // hop):
        some = padded[frame * hop : frame * hop + window] * hann
        power = np.abs(waves @ some) ** 2 / (hann**2).sum()
        rows.append(np.log(mel_filters(rate, n_fft).astype(float) @ power + FLOOR))
    return np.array(rows)


@pytest.mark.parametrize(("rate", "length"), [(8000, 1234), (16000, 700), (8000, 1), (22050, 90)])
def test_frames_are_those_of_a_loop(rate, length):
    wave = np.random.default_rng(0).normal(size=length).astype(np.float32)
    flat, lengths = log_mel([wave, wave[:1]], rate)
    np.testing.assert_allclose(flat[: lengths[0]], naive(wave, rate), atol=1e-3)
    assert lengths.tolist() == [len(naive(wave, rate)), 1]


def test_filters_are_those_of_librosa():
    librosa = pytest.importorskip("librosa", reason="librosa is not installed")
    for rate, n_fft in ((8000, 256), (16000, 512)):
        wanted = librosa.filters.mel(sr=rate, n_fft=n_fft, n_mels=40)
        np.testing.assert_allclose(mel_filters(rate, n_fft), wanted, atol=1e-6)


def test_a_sound_made_of_a_spectrogram_has_it():
    at = np.arange(6400) / 8000
    wave = (0.4 * np.sin(2 * np.pi * (300 + 900 * at) * at)).astype(np.float32)
    spectrogram = log_mel([wave], 8000)[0].numpy()
    again = log_mel([griffin_lim(spectrogram, 8000)], 8000)[0].numpy()
    assert again.shape == spectrogram.shape
    loud = spectrogram > spectrogram.max() - 8
    assert np.corrcoef(again[loud], spectrogram[loud])[0, 1] > 0.9
