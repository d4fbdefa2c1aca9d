"""Tables of delimited text, read, and hashed: ours beside pandas and scikit-learn, in one run.

Run: python benchmarks/tables.py

First writes files of 200,000 rows and 20 columns (whole numbers, numbers, words) in a temporary
folder: plain, with a decimal comma, and with words for missing values, which pandas leaves as text.

Then one of 1,000,000 rows (178 MB): 12 columns of numbers, 4 of 50 categories, and 4 of up to
100,000. Ours reads it, says what each column is, and hashes the rows by `hashed`; the peer is
`pandas.read_csv(engine="pyarrow")` and scikit-learn's `FeatureHasher` over one dict a row, made as
it goes. Each has a process of its own, in turns, which also tells its peak of memory beside what
the imports take: of ours it is to be at most three times the frame that pandas makes.
"""

import json
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nearspace.data.readers.files import read_file
from nearspace.data.sources import Asked

ROWS, COLUMNS, ROUNDS = 200_000, 20, 3
MANY = 1_000_000
N_FEATURES = 2**18


def table():
    rng = np.random.default_rng(0)
    columns = {}
    for number in range(COLUMNS):
        if number % 5 == 0:
            columns[f"whole {number}"] = rng.integers(0, 10**6, ROWS).astype(str)
        elif number % 5 == 1:
            columns[f"word {number}"] = rng.choice(["north", "east", "south", "west"], ROWS)
        else:
            columns[f"number {number}"] = np.char.mod("%.5f", rng.normal(100, 30, ROWS))
    return pd.DataFrame(columns)


def with_gaps(frame):
    rows = np.random.default_rng(1).random(frame.shape) < 0.01
    return frame.mask(rows, "unknown")


def timed(read, *arguments, **options):
    seconds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        read(*arguments, **options)
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def large(path):
    import pyarrow as pa
    from pyarrow import csv

    rng = np.random.default_rng(0)
    towns = np.array([f"town {at}" for at in range(50)])
    keys = np.array([f"key {at:06d}" for at in range(100_000)])
    columns = {f"amount {at}": np.round(rng.normal(100, 30, MANY), 3) for at in range(8)}
    columns |= {f"count {at}": rng.integers(0, 10**6, MANY) for at in range(4)}
    columns |= {f"town {at}": towns[rng.integers(0, 50, MANY)] for at in range(4)}
    columns |= {f"key {at}": keys[rng.zipf(1.2, MANY) % 100_000] for at in range(4)}
    csv.write_csv(pa.table(columns), path)


def memory(line):
    """Return a line of what Linux tells of this process, in MiB."""
    status = dict(each.split(":", 1) for each in Path("/proc/self/status").read_text().splitlines())
    return int(status[line].split()[0]) / 1024


def ours(path):
    from nearspace import load, make

    make("hashed")
    before, start = memory("VmHWM"), time.perf_counter()
    dataset = load(path)
    read = time.perf_counter()
    vectors = make(f"hashed(n_features={N_FEATURES})").fit_on(dataset).transform(dataset.items)
    return before, read - start, time.perf_counter() - read, vectors.nnz, 0


def theirs(path):
    import pyarrow  # noqa: F401 – which pandas imports when it reads
    from sklearn.feature_extraction import FeatureHasher

    before, start = memory("VmHWM"), time.perf_counter()
    frame = pd.read_csv(path, engine="pyarrow")
    read = time.perf_counter()
    names, cells = list(frame), zip(*(frame[name] for name in frame), strict=True)
    rows = (dict(zip(names, row, strict=True)) for row in cells)
    vectors = FeatureHasher(N_FEATURES).transform(rows)
    took = time.perf_counter() - read
    size = frame.memory_usage(deep=True).sum() / 2**20
    return before, read - start, took, vectors.nnz, size


def child(who, path):
    before, read, hashed, nnz, size = {"ours": ours, "theirs": theirs}[who](path)
    print(json.dumps([read, hashed, memory("VmHWM") - before, int(nnz), size]))


def hashing(path):
    large(path)
    runs = {"theirs": [], "ours": []}
    for _ in range(ROUNDS):
        for who, rows in runs.items():
            line = [sys.executable, __file__, who, str(path)]
            done = subprocess.run(line, capture_output=True, text=True, check=True)
            rows.append(json.loads(done.stdout))
    seconds, peaks, frame = {}, {}, runs["theirs"][0][4]
    for who, rows in runs.items():
        read, hashed, peak, nnz, _ = (statistics.median(each) for each in zip(*rows, strict=True))
        seconds[who], peaks[who] = statistics.median(row[0] + row[1] for row in rows), peak
        print(
            f"{who:7} read {read:5.2f} s   hashed {hashed:5.2f} s   together {seconds[who]:5.2f} s"
            f"   peak {peak:5.0f} MiB   {nnz:,} entries"
        )
    print(
        f"speed {seconds['theirs'] / seconds['ours']:4.2f} of theirs (wanted: at least 0.8), peak "
        f"{peaks['ours'] / frame:4.2f} times the frame of {frame:.0f} MiB (wanted: at most 3; "
        f"theirs {peaks['theirs'] / frame:4.2f})"
    )


def main():
    if len(sys.argv) > 1:
        child(*sys.argv[1:])
        return
    frame = table()
    comma = frame.apply(lambda column: column.str.replace(".", ","))
    forms = {
        "plain": (frame, ",", {}),
        "decimal comma": (comma, ";", {"decimal": ","}),
        "1 % 'unknown'": (with_gaps(frame), ",", {"na_values": ["unknown"]}),
    }
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "table.csv"
        for form, (cells, separator, options) in forms.items():
            cells.to_csv(path, sep=separator, index=False)
            bare = timed(pd.read_csv, path, sep=separator, **options)
            ours = timed(read_file, path, Asked())
            print(f"{form:14} pandas {bare:5.2f} s   ours {ours:5.2f} s   ratio {ours / bare:4.2f}")
        print("ratio wanted: at most 2")
        hashing(Path(folder) / "large.csv")


if __name__ == "__main__":
    main()
