"""Reading a table of delimited text: ours beside bare `pandas.read_csv`, in one run.

Run: python benchmarks/tables.py

Writes files of 200,000 rows and 20 columns (whole numbers, numbers, words) in a temporary folder:
plain, with a decimal comma, and with words for missing values, which pandas leaves as text.
"""

import statistics
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nearspace.data.readers.files import read_file

ROWS, COLUMNS, ROUNDS = 200_000, 20, 3


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


def main():
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
            ours = timed(read_file, path, {})
            print(f"{form:14} pandas {bare:5.2f} s   ours {ours:5.2f} s   ratio {ours / bare:4.2f}")
    print("ratio wanted: at most 2")


if __name__ == "__main__":
    main()
