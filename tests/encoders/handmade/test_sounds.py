"""Mel bands, cepstra and shapes of spectra beside librosa and loops, and how they are pooled."""

import numpy as np
import pytest
from scipy.fft import dct

from nearspace.data import load
from nearspace.data.sound import Sound
from nearspace.data.spectrogram import log_mel, power_spectra
from nearspace.encoders.handmade.sounds import (
    MFCC,
    QUIET,
    LogMel,
    Spectral,
    _contrast,
    _crossings,
    _octaves,
    _over_time,
    _shapes,
)

RATE = 8000


@pytest.fixture(scope="module")
def waves():
    vowels = load("vowels").items
    noise = np.random.default_rng(0).normal(scale=0.1, size=1900).astype(np.float32)
    return [*(sound.samples for sound in vowels[:6]), noise, np.float32([0.5]), noise[:90]]


def naive_pooled(frames, segments):
    """Return what `_over_time` should, of one sound, by loops over frames."""
    n = len(frames)
    deltas = np.array([
        sum(k * (frames[min(t + k, n - 1)] - frames[max(t - k, 0)]) for k in (1, 2)) / 10
        for t in range(n)
    ])  # fmt: skip
    means = []
    for values in (frames, deltas):
        for at in range(segments):
            low, high = int(np.floor(at * n / segments)), int(np.ceil((at + 1) * n / segments))
            means.append(values[low : max(high, low + 1)].mean(axis=0))
    return np.concatenate([*means, frames.std(axis=0)])


@pytest.mark.parametrize("segments", [1, 4, 7])
def test_frames_are_pooled_as_by_a_loop(segments):
    random = np.random.default_rng(0)
    sounds = [random.normal(size=(n, 3)) for n in (1, 9, 2, 40)]
    own = _over_time(np.concatenate(sounds), np.array([1, 9, 2, 40]), segments)
    expected = [naive_pooled(sound, segments) for sound in sounds]
    np.testing.assert_allclose(own, expected, atol=1e-12)


def test_cepstra_are_the_cosine_transform_of_what_is_no_silence(waves):
    flat, lengths = log_mel(waves, RATE)
    frames, own_lengths = MFCC(20)._frames(waves, RATE)
    assert own_lengths.tolist() == lengths.tolist()
    starts = np.split(flat.numpy(), lengths.cumsum()[:-1])
    bands = np.concatenate([np.maximum(each, each.max() - QUIET) for each in starts])
    np.testing.assert_allclose(frames, dct(bands, norm="ortho")[:, :20], atol=1e-4)


def test_how_loud_a_sound_is_does_not_count_in_mel_bands(waves):
    noise = waves[6]
    plain, _ = LogMel()._frames([noise], RATE)
    louder, _ = LogMel()._frames([noise * np.float32(5)], RATE)
    np.testing.assert_allclose(louder, plain, atol=1e-2)


def test_cepstra_and_shapes_are_those_of_librosa(waves):
    librosa = pytest.importorskip("librosa", reason="librosa is not installed")
    wave = waves[6]
    hann = np.square(librosa.filters.get_window("hann", 200)).sum()
    stft = librosa.stft(wave, n_fft=256, win_length=200, hop_length=80, pad_mode="constant")
    amplitudes = np.abs(stft) / np.sqrt(hann)
    ((_, power),) = power_spectra([wave], RATE)
    np.testing.assert_allclose(power, np.square(amplitudes).T, atol=1e-6, rtol=1e-4)
    mel = librosa.feature.melspectrogram(S=np.square(amplitudes), sr=RATE, n_mels=40)
    bands = np.log(mel + 1e-8)
    np.testing.assert_allclose(log_mel([wave], RATE)[0], bands.T, atol=1e-4)
    cepstra = librosa.feature.mfcc(S=bands, n_mfcc=13)
    np.testing.assert_allclose(MFCC()._frames([wave], RATE)[0], cepstra.T, atol=1e-3)
    shapes = _shapes(power.numpy(), RATE).T
    feature = librosa.feature
    expected = [
        feature.spectral_centroid(S=amplitudes, sr=RATE),
        feature.spectral_bandwidth(S=amplitudes, sr=RATE),
        feature.spectral_rolloff(S=amplitudes, sr=RATE),
        np.log(feature.spectral_flatness(S=amplitudes)),
    ]
    for own, wanted in zip(shapes, expected, strict=False):
        np.testing.assert_allclose(own, wanted[0], rtol=1e-3)


def test_contrast_and_crossings_are_those_of_loops(waves):
    assert [(o.start, o.stop) for o in _octaves(RATE, 129)] == [
        (0, 6), (6, 13), (13, 26), (26, 51), (51, 102), (102, 129)
    ]  # fmt: skip
    assert [(o.start, o.stop) for o in _octaves(100, 3)] == [(0, 3)]  # no sound of 200 Hz in it
    power = np.random.default_rng(0).random((5, 51)).astype(np.float32)
    for row, own in zip(power, _contrast(power), strict=True):
        strongest = sorted(row)[::-1]
        expected = np.log(np.mean(strongest[:3])) - np.log(np.mean(strongest[-3:]))
        assert own == pytest.approx(expected, rel=1e-5)
    wave = waves[6]
    for frame, own in enumerate(_crossings(wave, RATE)):
        steps = range(max(1, frame * 80 - 100), min(len(wave), frame * 80 + 100))
        turns = sum((wave[step] < 0) != (wave[step - 1] < 0) for step in steps)
        assert own == pytest.approx(turns / 200)


@pytest.mark.parametrize("encoder", [MFCC(), LogMel(), Spectral()])
@pytest.mark.parametrize("rate", [100, 8000, 44100])
def test_one_sample_silence_and_any_rate_will_do(encoder, rate):
    noise = np.random.default_rng(0).normal(size=rate).astype(np.float32) * np.float32(0.1)
    sounds = [np.float32([0.3]), np.zeros(rate, np.float32), noise, noise[: rate // 7]]
    vectors = encoder.fit_transform([Sound(wave, rate) for wave in sounds])
    assert np.isfinite(vectors).all()
    assert vectors.shape == (4, encoder.width_)
