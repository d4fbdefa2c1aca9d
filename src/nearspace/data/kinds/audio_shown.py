"""What shows a sound: its beginning as a small file that browsers play, and its spectrogram."""

from __future__ import annotations

import base64
import importlib.util
import io
import struct

import numpy as np

from nearspace.data.resampling import resampled
from nearspace.data.sound import Sound
from nearspace.data.wav import read_wav
from nearspace.notebook import SCALE

__all__ = ["clip", "media_type", "picture_of", "player", "read_clip", "spectrogram"]

LONGEST = 3.0  # seconds of a sound that are heard
RATES = (8000, 11025, 12000, 16000)  # of which MP3 holds the nearest below
QUIETEST = -70.0  # decibels below full scale that are shown, of a band of pitch
WIDTH, HEIGHT = 128, 64  # pixels of a spectrogram in a page


def clip(sound: Sound) -> bytes:
    """Return the first three seconds of a sound, of at most 16,000 samples a second, as a file.

    It is MP3, which all browsers play, where soundfile is installed, and else plain WAV.

    Examples
    --------
    >>> media_type(clip(Sound(np.zeros(4000, np.float32), 8000))) in ("audio/mpeg", "audio/wav")
    True
    """
    rate = max((rate for rate in RATES if rate <= sound.rate), default=RATES[0])
    samples = sound.samples[: round(LONGEST * sound.rate)]
    samples = np.clip(resampled(samples, sound.rate, rate), -1, 1)
    file = io.BytesIO()
    if importlib.util.find_spec("soundfile") is not None:
        import soundfile

        soundfile.write(file, samples, rate, format="MP3", subtype="MPEG_LAYER_III")
        return file.getvalue()
    data = np.rint(samples * 32767).astype("<i2").tobytes()
    head = struct.pack("<4sI4s4sIHHIIHH4sI", b"RIFF", 36 + len(data), b"WAVE", b"fmt ", 16, 1, 1,
                       rate, 2 * rate, 2, 16, b"data", len(data))  # fmt: skip
    return head + data


def media_type(data: bytes) -> str:
    """Return what shows an item, by how its bytes begin: a picture or a sound; "" for neither.

    Examples
    --------
    >>> media_type(b"RIFF....WEBPVP8 "), media_type(b"junk")
    ('image/webp', '')
    """
    if data.startswith(b"RIFF") and data[8:12] in (b"WAVE", b"WEBP"):
        return "audio/wav" if data[8:12] == b"WAVE" else "image/webp"
    if data.startswith(b"\x89PNG"):
        return "image/png"
    # Frames of MP3 begin with eleven bits; what says whose song it is stands before them.
    is_mpeg = data.startswith(b"ID3") or (data[:1] == b"\xff" and data[1:2] >= b"\xe0")
    return "audio/mpeg" if is_mpeg else ""


def read_clip(data: bytes) -> Sound | None:
    """Return the sound in a file as `clip` writes it; None where it cannot be read."""
    if media_type(data) == "audio/wav":
        plain = read_wav(data)
        if plain is None or plain.samples.ndim != 1 or not len(plain.samples):
            return None
        return Sound(plain.samples.astype(np.float32) / 32768, plain.rate)
    if media_type(data) != "audio/mpeg" or importlib.util.find_spec("soundfile") is None:
        return None
    import soundfile

    try:
        with soundfile.SoundFile(io.BytesIO(data)) as file:
            samples = file.read(round(2 * LONGEST * RATES[-1]), dtype="float32", always_2d=True)
            return Sound(samples[:, 0].copy(), file.samplerate) if len(samples) else None
    except (RuntimeError, TypeError, ValueError):  # soundfile's own error is the first of these
        return None


def picture_of(shown: bytes, side: int = 64) -> bytes:
    """Return the picture of what shows an item: of a sound its spectrogram, of a picture itself."""
    if not media_type(shown).startswith("audio/"):
        return shown
    sound = read_clip(shown)
    return shown if sound is None else spectrogram(sound, side, side)


def spectrogram(sound: Sound, width: int, height: int) -> bytes:
    """Return a picture of the first three seconds of a sound as WebP, of some pixels.

    Low pitch is below; what is 70 decibels below full scale, or weaker, is white.
    """
    from PIL import Image

    from nearspace.data.spectrogram import log_mel

    samples = sound.samples[: round(LONGEST * sound.rate)]
    bands = log_mel([samples], sound.rate)[0].numpy().T[::-1]
    level = 1 - np.clip(bands * (10 / np.log(10)) / QUIETEST, 0, 1)
    ends = np.array([[255, 255, 255], *(_rgb(colour) for _, colour in reversed(SCALE))])
    places = level * (len(ends) - 1)
    low = np.minimum(places.astype(int), len(ends) - 2)
    share = (places - low)[..., None]
    pixels = np.rint(ends[low] * (1 - share) + ends[low + 1] * share).astype(np.uint8)
    picture = Image.fromarray(np.ascontiguousarray(pixels)).resize((width, height))
    file = io.BytesIO()
    picture.save(file, "WEBP", quality=70)
    return file.getvalue()


def _rgb(colour: str) -> list[int]:
    return [int(colour[at : at + 2], 16) for at in (1, 3, 5)]


def player(sound: Sound) -> str:
    """Return HTML that shows the spectrogram of a sound and plays its beginning."""
    data = clip(sound)
    told = f"{sound.seconds:.2f} s"
    if sound.seconds > LONGEST:
        told = f"the first {LONGEST:g} s of {sound.seconds:.1f} s"
    picture = base64.b64encode(spectrogram(sound, WIDTH, HEIGHT)).decode()
    heard = base64.b64encode(data).decode()
    return (
        f'<span class="sound"><img width="{WIDTH}" height="{HEIGHT}" alt="spectrogram of '
        f'{told}" title="{told}" src="data:image/webp;base64,{picture}"><audio controls '
        f'preload="none" src="data:{media_type(data)};base64,{heard}"></audio></span>'
    )
