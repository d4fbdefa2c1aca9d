"""Sounds: ours beside the bare libraries, on spoken digits.

Run: python benchmarks/sounds.py reading [--rounds 5]

Needs $NEARSPACE_DATA (fsdd) and the extra audio. `reading` unpacks the 3,000 files into a temporary
folder, and reads them from there and from the archive: `load` beside a loop that does nothing but
`soundfile.read`, in one process, in turns; the medians and their ratio are printed. Both sides
leave float samples in memory; ours has checked them, and brought ids and notes along.
"""

import argparse
import io
import os
import statistics
import tempfile
import time
import zipfile
from pathlib import Path

import soundfile

from nearspace.data import load


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


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("what", choices=["reading"])
    parser.add_argument("--rounds", type=int, default=5)
    asked = parser.parse_args()
    folder = Path(os.environ["NEARSPACE_DATA"]) / "fsdd"
    reading(next(folder.glob("*.zip")), asked.rounds)


if __name__ == "__main__":
    main()
