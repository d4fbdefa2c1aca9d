"""Spectrograms: how strong a sound is in bands of pitch, frame by frame, and back to a sound."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

__all__ = [
    "BANDS",
    "frame_counts",
    "frames_of",
    "griffin_lim",
    "log_mel",
    "mel_filters",
    "power_spectra",
]

BANDS = 40
FRAME, HOP = 0.025, 0.010  # seconds
FLOOR = 1e-8  # power of a band that is heard as silence
NUMBERS_AT_ONCE = 2**18  # of frames, filled up for the transform: they stay in the caches
ROUNDS = 32  # of Griffin and Lim
# Of the scale of pitch by Slaney, as librosa has it: linear below 1,000 Hz, logarithmic above.
LINEAR_HZ, BREAK_HZ, STEP = 200 / 3, 1000.0, np.log(6.4) / 27


def frames_of(rate: int) -> tuple[int, int, int]:
    """Return samples a frame, from one to the next, and of the Fourier transform, by the rate.

    Examples
    --------
    >>> frames_of(16_000)
    (400, 160, 512)
    """
    window, hop = max(2, round(FRAME * rate)), max(1, round(HOP * rate))
    return window, hop, 1 << (window - 1).bit_length()


def _mel(hertz: np.ndarray) -> np.ndarray:
    above = BREAK_HZ / LINEAR_HZ + np.log(np.maximum(hertz, BREAK_HZ) / BREAK_HZ) / STEP
    return np.where(hertz < BREAK_HZ, hertz / LINEAR_HZ, above)


def _hertz(mel: np.ndarray) -> np.ndarray:
    pitch = BREAK_HZ / LINEAR_HZ
    return np.where(
        mel < pitch, mel * LINEAR_HZ, BREAK_HZ * np.exp(STEP * (np.maximum(mel, pitch) - pitch))
    )


@functools.cache
def mel_filters(rate: int, n_fft: int, bands: int = BANDS) -> NDArray[np.float32]:
    """Return triangles over the frequencies of a Fourier transform, evenly spread in pitch.

    The scale of pitch and the height of the triangles, each of area one, are those of Slaney's
    Auditory Toolbox (1998).

    Returns
    -------
    ndarray of shape (bands, n_fft // 2 + 1), float32

    Examples
    --------
    >>> mel_filters(8000, 256).shape
    (40, 129)
    """
    top = np.asarray(rate / 2)
    edges = _hertz(np.linspace(0, float(_mel(top)), bands + 2))
    at = np.fft.rfftfreq(n_fft, 1 / rate)
    widths = np.diff(edges)
    rising = (at - edges[:-2, None]) / widths[:-1, None]
    falling = (edges[2:, None] - at) / widths[1:, None]
    filters = np.maximum(0, np.minimum(rising, falling))
    return (filters * (2 / (edges[2:] - edges[:-2]))[:, None]).astype(np.float32)


def power_spectra(waves: Sequence[np.ndarray], rate: int) -> Iterator[tuple[slice, Tensor]]:
    """Yield how strong each frequency is in the frames of sounds, some frames at a time.

    Frames of 25 ms, of a Hann window, begin every 10 ms; the first is centred at the beginning,
    and what is before and behind a sound is silence. A sound has one frame more than whole steps
    of 10 ms: a single sample has one.

    Many short sounds are laid into one array, each at a whole step, and cut into frames together.

    Parameters
    ----------
    waves : sequence of ndarray of shape (time,), float32
        The samples of each sound.
    rate : int
        Samples a second.

    Yields
    ------
    rows : slice
        Which of all frames these are, of one sound after the other.
    power : Tensor of shape (frames, frequencies), float32
        Squares of amplitudes, over the sum of the squares of the window; see `frames_of` for how
        many frequencies there are, from 0 Hz to half the rate.

    Examples
    --------
    >>> tone = np.sin(2 * np.pi * 1000 * np.arange(8000) / 8000).astype(np.float32)
    >>> [(rows, power)] = power_spectra([tone], 8000)
    >>> rows, power.shape, int(power[50].argmax()) * 8000 / 256
    (slice(0, 101, None), torch.Size([101, 129]), 1000.0)
    """
    window, hop, n_fft = frames_of(rate)
    hann = torch.hann_window(window)
    hann = hann / hann.square().sum().sqrt()
    most, end = max(1, NUMBERS_AT_ONCE // n_fft), 0
    for some in _together(waves, hop, window, most):
        steps = [1 + len(wave) // hop + -(-window // hop) for wave in some]
        buffer = torch.zeros(sum(steps) * hop + window)
        start, own = 0, []
        for wave, count in zip(some, steps, strict=True):
            at = start * hop + window // 2
            buffer[at : at + len(wave)] = torch.from_numpy(wave)
            own.append(torch.arange(start, start + 1 + len(wave) // hop))
            start += count
        frames = buffer.unfold(0, window, hop)
        for rows in torch.cat(own).split(most):
            spectrum = torch.fft.rfft(frames[rows] * hann, n_fft)
            yield slice(end, end + len(rows)), torch.view_as_real(spectrum).square().sum(dim=2)
            end += len(rows)


def _together(
    waves: Sequence[np.ndarray], hop: int, window: int, most: int
) -> Iterator[list[np.ndarray]]:
    """Yield sounds, as many at a time as have so many frames together; a longer one alone."""
    some: list[np.ndarray] = []
    frames = 0
    for wave in waves:
        own = 1 + (len(wave) + window) // hop
        if some and frames + own > most:
            yield some
            some, frames = [], 0
        some.append(wave)
        frames += own
    if some:
        yield some


def frame_counts(waves: Sequence[np.ndarray], rate: int) -> NDArray[np.int64]:
    """Return how many frames each sound has, shape ``(n,)``.

    Examples
    --------
    >>> frame_counts([np.zeros(1), np.zeros(799), np.zeros(800)], 8000).tolist()
    [1, 10, 11]
    """
    hop = frames_of(rate)[1]
    return np.array([1 + len(wave) // hop for wave in waves], dtype=np.int64)


def log_mel(
    waves: Sequence[np.ndarray], rate: int, bands: int = BANDS
) -> tuple[Tensor, NDArray[np.int64]]:
    """Return the logarithms of the power of sounds in bands of pitch, frame by frame.

    Parameters
    ----------
    waves : sequence of ndarray of shape (time,), float32
        The samples of each sound.
    rate : int
        Samples a second.
    bands : int, default=40
        How many bands there are.

    Returns
    -------
    flat : Tensor of shape (frames, bands), float32
        The frames of all sounds, one sound after the other, as of `power_spectra`.
    lengths : ndarray of shape (n,), int64
        How many frames each has: one more than whole steps of 10 ms.

    Examples
    --------
    >>> flat, lengths = log_mel([np.zeros(800, np.float32)], 8000)
    >>> flat.shape, lengths.tolist()
    (torch.Size([11, 40]), [11])
    """
    lengths = frame_counts(waves, rate)
    filters = torch.from_numpy(mel_filters(rate, frames_of(rate)[2], bands)).T.contiguous()
    flat = torch.empty(int(lengths.sum()), bands)
    for rows, power in power_spectra(waves, rate):
        flat[rows] = (power @ filters).add_(FLOOR).log_()
    return flat, lengths


def griffin_lim(spectrogram: np.ndarray, rate: int, seed: int = 0) -> NDArray[np.float32]:
    """Return a sound with a spectrogram, whose phases are made to fit (Griffin & Lim, 1984).

    Parameters
    ----------
    spectrogram : ndarray of shape (frames, bands), float32
        Logarithms of power, as `log_mel` returns them.
    rate : int
        Samples a second.
    seed : int, default=0
        Of the phases at the start.

    Returns
    -------
    ndarray of shape (time,), float32
        In [-1, 1].

    Examples
    --------
    >>> tone = np.sin(np.arange(1600) * 0.5).astype(np.float32)
    >>> again = griffin_lim(log_mel([tone], 8000)[0].numpy(), 8000)
    >>> tones = np.abs(np.fft.rfft(again)).argmax(), np.abs(np.fft.rfft(tone)).argmax()
    >>> len(again), bool(abs(int(tones[0]) - int(tones[1])) < 4)  # in steps of 5 Hz
    (1600, True)
    """
    window, hop, n_fft = frames_of(rate)
    filters = mel_filters(rate, n_fft, spectrogram.shape[1]).astype(np.float64)
    hann = torch.hann_window(window)
    power = np.exp(np.asarray(spectrogram, dtype=np.float64)).clip(FLOOR) - FLOOR
    spread = np.linalg.pinv(filters, rcond=1e-2) @ power.T
    # A pseudo-inverse has negative numbers beside a peak: what bands say bounds them from above.
    spread = spread.clip(0) * float(hann.square().sum())
    wanted = torch.from_numpy(np.sqrt(spread)).float()
    length = max(1, (len(spectrogram) - 1) * hop)

    def inverse(spectrum: Tensor) -> Tensor:
        """Return the sound whose frames are nearest to those of a spectrum, by least squares."""
        frames = torch.fft.irfft(spectrum.T, n_fft)[:, :window] * hann
        room = (len(frames) - 1) * hop + window
        total = torch.zeros(room)
        weight = torch.zeros(room)
        places = (torch.arange(len(frames))[:, None] * hop + torch.arange(window)).flatten()
        total.index_add_(0, places, frames.flatten())
        weight.index_add_(0, places, hann.square().repeat(len(frames)))
        return (total / weight.clamp(min=1e-3))[window // 2 :][:length]

    generator = torch.Generator().manual_seed(seed)
    phase = torch.rand(wanted.shape, generator=generator) * (2 * torch.pi)
    spectrum = torch.polar(wanted, phase)
    for _ in range(ROUNDS):
        wave = inverse(spectrum)
        padded = torch.nn.functional.pad(wave, (window // 2, 2 * window))
        frames = padded.unfold(0, window, hop)[: len(spectrogram)] * hann
        now = torch.fft.rfft(frames, n_fft).T
        spectrum = torch.polar(wanted, now.angle())
    return inverse(spectrum).clamp(-1, 1).numpy()
