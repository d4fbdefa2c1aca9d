"""Sounds in files, as people have them and as they go wrong."""

import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pytest

from nearspace import load
from nearspace.data import Audio
from nearspace.data.kinds.audio_files import read_sounds
from nearspace.data.resampling import resampled
from nearspace.errors import DataError

soundfile = pytest.importorskip("soundfile")
RATE = 8000


def tone(hertz=300, rate=RATE, seconds=0.5, loud=0.5):
    return loud * np.sin(2 * np.pi * hertz * np.arange(int(rate * seconds)) / rate)


def write(path, samples=None, rate=RATE, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    soundfile.write(path, tone() if samples is None else samples, rate, **options)
    return path


FORMATS = {
    "a.wav": {},
    "b.WAV": {"subtype": "FLOAT"},
    "c.flac": {},
    "d.ogg": {},
    "e.oga": {"format": "OGG"},
    "f.opus": {"format": "OGG", "subtype": "OPUS"},
    "g.mp3": {},
    "h.aiff": {},
    "i.aif": {"format": "AIFF"},
    "j.au": {},
}


def test_every_format_is_read_from_folders_archives_and_lists(tmp_path):
    paths = [write(tmp_path / "all" / name, **options) for name, options in FORMATS.items()]
    data = load(tmp_path / "all")
    assert data.kind == Audio(RATE)
    assert data.ids.tolist() == [*FORMATS]
    for sound in data.items:
        assert sound.samples.dtype == np.float32
        spectrum = np.abs(np.fft.rfft(sound.samples))
        assert abs(spectrum.argmax() * RATE / len(sound) - 300) < 5
    with zipfile.ZipFile(tmp_path / "all.zip", "w") as archive:
        for path in paths:
            archive.write(path, f"all/{path.name}")
    for source in (tmp_path / "all.zip", paths, [*map(str, paths)]):
        again = load(source)
        np.testing.assert_array_equal(again.hashes, data.hashes)
        assert again.ids.tolist() == [*FORMATS]
    one = load(paths[2])
    assert (len(one), one.ids.tolist()) == (1, ["c.flac"])


def test_folders_are_labels_and_a_table_names_files(tmp_path):
    for name in ("yes/ann_nohash_0.wav", "yes/bob_nohash_0.wav", "no/ann_nohash_1.wav"):
        write(tmp_path / "words" / name)
    (tmp_path / "words" / "testing_list.txt").write_text("yes/ann_nohash_0.wav\n")
    data = load(tmp_path / "words", pattern="{group}_nohash_{}.wav")
    assert data.labels.tolist() == ["no", "yes", "yes"]
    assert data.groups.tolist() == ["ann", "ann", "bob"]
    (tmp_path / "meta").mkdir()
    table = tmp_path / "meta" / "list.csv"
    table.write_text("filename,fold,category\n1.wav,1,dog\n2.wav,1,rain\n3.wav,2,dog\n")
    for number in (1, 2, 3):
        write(tmp_path / "audio" / f"{number}.wav", tone(100 * number))
    rows = load(table, column="filename", labels="category", groups="fold")
    assert (rows.kind, rows.ids.tolist()) == (Audio(RATE), ["1.wav", "2.wav", "3.wav"])
    assert (rows.labels.tolist(), rows.groups.tolist()) == (["dog", "rain", "dog"], [1, 1, 2])


def test_all_have_the_rate_of_most_or_the_one_asked_for(tmp_path):
    for name, rate in (("a", 8000), ("b", 8000), ("c", 16000), ("d", 44100)):
        write(tmp_path / f"{name}.wav", tone(300, rate), rate, subtype="FLOAT")
    data = load(tmp_path)
    assert data.kind == Audio(8000)
    assert data.notes[1] == (
        "Sounds last 0.50 s, with 8,000 samples a second: the rate of most; resampled were 1 of "
        "16,000, 1 of 44,100."
    )
    for sound in data.items:
        np.testing.assert_allclose(sound.samples[100:-100], tone()[100:-100], atol=2e-3)
    higher = load(tmp_path, rate=16000)
    assert {sound.rate for sound in higher.items} == {16000}
    assert (
        "as asked; resampled were 2 of 8,000, 1 of 44,100, and nothing above 4,000 Hz is in "
        in (higher.notes[1])
    )
    like = load([tmp_path / "d.wav"], like=data.kind)
    assert (like.kind, "as the others" in like.notes[1]) == (data.kind, True)


def test_channels_are_mixed_by_their_mean(tmp_path):
    left, right = tone(300), tone(500)
    write(tmp_path / "a.wav", np.stack([left, right], axis=1), subtype="FLOAT")
    write(tmp_path / "b.flac", np.stack([left, -left], axis=1))
    write(tmp_path / "c.wav", np.stack([left] * 6, axis=1))
    write(tmp_path / "d.wav")
    data = load(tmp_path)
    np.testing.assert_allclose(data.items[0].samples, (left + right) / 2, atol=1e-4)
    np.testing.assert_allclose(data.items[1].samples, 0, atol=1e-4)
    note = "Sounds differ in channels (1 of 1, 2 of 2, 1 of 6): those of several are read as their "
    assert f"{note}mean." in data.notes
    alike = load([tmp_path / "a.wav", tmp_path / "b.flac"]).notes
    assert "Sounds have 2 channels, and are read as their mean." in alike
    lost = [note for note in data.notes if "nearly lost" in note]
    assert lost == [
        "1 sound is nearly lost in the mean of channels, which are opposite; give one channel "
        "(b.flac)."
    ]


def test_a_long_file_is_read_in_blocks_as_a_short_one_is_at_once(tmp_path, monkeypatch):
    draw = np.random.default_rng(0)
    stereo = draw.normal(0, 0.1, (60_000, 2))
    path = write(tmp_path / "a.flac", stereo, 44100)
    whole = read_sounds([path], 8000).sounds[0].samples
    from nearspace.data.kinds import audio_files

    monkeypatch.setattr(audio_files, "SHORT", 1000)
    monkeypatch.setattr(audio_files, "BLOCK", 7001)
    for rate in (8000, None, 44100):
        read = read_sounds([path], rate)
        own = resampled(whole, 8000, 8000) if rate == 8000 else None
        assert read.rate == (rate or 44100)
        if own is not None:
            np.testing.assert_allclose(read.sounds[0].samples, own, atol=1e-6)
        else:
            assert len(read.sounds[0]) == 60_000


def test_no_more_of_a_long_file_is_in_memory_than_comes_out(tmp_path):
    """Ten minutes of two channels at 44,100 are 212 MB as they come, and 19 MB as they go."""
    draw, path = np.random.default_rng(0), tmp_path / "long.wav"
    second = draw.normal(0, 0.1, (44100, 2)).astype(np.float32)
    with soundfile.SoundFile(path, "w", 44100, 2) as file:
        for _ in range(600):
            file.write(second)
    tracemalloc.start()
    read = read_sounds([path], 8000)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert read.sounds[0].seconds == 600
    assert peak < 19.2e6 * 1.25 + 16e6


def wav_header(rate=8000, channels=1, nbytes=16):
    form = struct.pack("<IHHIIHH", 16, 1, channels, rate, 2 * rate, 2 * channels, 16)
    return b"RIFF\xff\xff\xff\x7fWAVEfmt " + form + b"data" + struct.pack("<I", nbytes)


def broken(tmp_path):
    """Write files that go wrong each in its own way; return what is said of each."""
    whole = write(tmp_path / "whole.wav").read_bytes()
    flac = write(tmp_path / "whole.flac").read_bytes()
    au = write(tmp_path / "whole.au").read_bytes()
    float_wav = tone().astype(np.float32)
    float_wav[7] = np.nan
    write(tmp_path / "nan.wav", float_wav, subtype="FLOAT")
    write(tmp_path / "inf.wav", np.where(np.arange(99) == 3, np.inf, 0.1), subtype="FLOAT")
    write(tmp_path / "none.wav", np.zeros(0))
    write(tmp_path / "loud.wav", np.array([0, 1e20, -1e19]), subtype="FLOAT")
    files = {
        "text.wav": b"this is no sound",
        "empty.mp3": b"",
        "cut.wav": whole[: len(whole) // 2],
        "cut.flac": flac[: len(flac) // 2],
        "cut.au": au[: len(au) // 2],
        "channels.wav": wav_header(channels=0) + bytes(16),
        "rate.wav": wav_header(rate=0) + bytes(16),
        "fast.wav": wav_header(rate=2_000_000_000) + bytes(16),
        "large.wav": wav_header(nbytes=2**30) + bytes(16),
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
    return {
        "nan.wav": "it holds NaN or infinity",
        "inf.wav": "it holds NaN or infinity",
        "none.wav": "without a sample",
        "text.wav": "format not recognised",
        "empty.mp3": "",
        "cut.wav": "it ends after 0.25 of the 0.50 s that its header says",
        "cut.flac": "",
        "cut.au": "it ends after 0.25 of the 0.50 s that its header says",
        "channels.wav": "channel count is zero",
        "rate.wav": "",
        "loud.wav": "it holds samples of 1e+20",
        "fast.wav": "its header says 1 channels of 2,000,000,000 samples a second",
        "large.wav": "it ends after 0.00 of the 67108.86 s that its header says",
    }


def test_what_cannot_be_read_is_named_and_the_rest_goes_on(tmp_path, monkeypatch):
    reasons = broken(tmp_path)
    data = load(tmp_path)
    assert data.ids.tolist() == ["whole.au", "whole.flac", "whole.wav"]
    assert {*data.left_out} == {*reasons}
    for name, reason in reasons.items():
        assert reason in data.left_out[name]
        assert data.left_out[name]
    assert any("13 files that could not be read were left out" in note for note in data.notes)
    with pytest.raises(
        DataError, match=r"None of the 1 sounds can be read; the first is text\.wav"
    ):
        load([tmp_path / "text.wav"])
    from nearspace.data.kinds import audio_files

    monkeypatch.setattr(audio_files, "SHORT", 8)  # as large ones are read
    in_blocks = load(tmp_path, rate=8000)
    assert in_blocks.ids.tolist() == data.ids.tolist()


def test_a_recorder_that_knew_no_end_is_read_to_its_end(tmp_path):
    samples = np.arange(100, dtype="<i2").tobytes()
    for number, nbytes in enumerate((2**32 - 1, 0x7FFFFFFF, 0x7FFFF000)):
        (tmp_path / f"{number}.wav").write_bytes(wav_header(nbytes=nbytes) + samples)
    assert [len(sound) for sound in load(tmp_path).items] == [100] * 3


def test_what_is_odd_about_sounds_is_told(tmp_path):
    write(tmp_path / "clipped.wav", (3 * tone(100)).clip(-1, 1))
    write(tmp_path / "loud.wav", tone(100, loud=1.0))  # to full scale, and no more
    write(tmp_path / "silent.flac", np.full(99, 1e-4))
    write(tmp_path / "moved.wav", tone(loud=0.2) + 0.1)
    write(tmp_path / "plain.wav")
    notes = " ".join(load(tmp_path).notes)
    assert "1 sound is clipped, with 4 or more samples in a row at one value at full scale" in notes
    assert "(clipped.wav)" in notes
    assert "1 sound is silent: no sample differs" in notes
    assert "(silent.flac)" in notes
    assert "1 sound is off the middle: the mean is more than 0.05 of full scale" in notes
    assert "(moved.wav)" in notes


def test_names_in_odd_bytes_and_of_one_stem_are_names(tmp_path):
    write(tmp_path / "a.wav")
    write(tmp_path / "a.flac")
    odd = os.fsencode(tmp_path) + b"/\xff\xfe.flac"
    with open(odd, "wb") as file:
        file.write((tmp_path / "a.flac").read_bytes())
    data = load(tmp_path)
    assert data.ids.tolist()[:2] == ["a.flac", "a.wav"]
    assert len(data) == 3
    assert len(data.items[2]) == 4000


def test_sounds_beside_other_files_are_the_items(tmp_path):
    for name in ("a.wav", "b.wav"):
        write(tmp_path / name)
    (tmp_path / "labels.csv").write_text("name,label\na,1\nb,2\n")
    (tmp_path / "README.md").write_text("about the sounds")
    data = load(tmp_path)
    assert data.kind == Audio(RATE)
    assert any("2 files that are no audio by name were ignored" in note for note in data.notes)
    assert any(note.startswith("labels.csv beside them may say") for note in data.notes)


def test_what_is_read_once_it_is_in_another_format_is_told(tmp_path):
    for name in ("a.m4a", "b.m4a"):
        (tmp_path / name).write_bytes(b"ftyp")
    write(tmp_path / "sounds" / "a.wav")
    (tmp_path / "sounds" / "b.m4a").write_bytes(b"ftyp")
    assert any("ffmpeg -i b.m4a b.wav" in note for note in load(tmp_path / "sounds").notes)
    (tmp_path / "sounds" / "a.wav").unlink()
    for source in (tmp_path, tmp_path / "a.m4a"):
        with pytest.raises(DataError, match=r"Sounds in \.m4a are read once they are in \.wav or"):
            load(source)


def test_what_sounds_cannot_be_asked_is_refused(tmp_path):
    write(tmp_path / "a.wav")
    with pytest.raises(DataError, match="size= is for images"):
        load(tmp_path, size=8)
    with pytest.raises(DataError, match="whole samples a second"):
        load(tmp_path, rate=0.5)
    with pytest.raises(DataError, match="up to 1,000,000, got 2,000,000"):
        load(tmp_path, rate=2_000_000)
