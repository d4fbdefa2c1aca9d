"""Writing and opening a space of 100,000 × 384, beside `np.save` of the same bytes with fsync.

    python benchmarks/store.py

Prints the median of each over several rounds, taken in turn, and the ratio.
"""

import os
import shutil
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from nearspace import Space, open_space
from nearspace.recipe import Recipe
from nearspace.space.file.checking import verify
from nearspace.space.file.store import add
from nearspace.space.formats import save

ROUNDS = 9
N, DIM = 100_000, 384
RECIPE = Recipe("raw", "00", "random", versions={})


def seconds(work):
    """Return what work took."""
    start = time.perf_counter()
    work()
    return time.perf_counter() - start


def save_array(vectors, path):
    """Write vectors with NumPy, and wait until they are on the disk."""
    with open(path, "wb") as file:
        np.save(file, vectors)
        file.flush()
        os.fsync(file.fileno())


def main():
    vectors = np.random.default_rng(0).normal(size=(N, DIM)).astype(np.float32)
    space = Space(vectors, np.array([f"photos/{i:06}.png" for i in range(N)]), None, RECIPE)
    folder = Path(tempfile.mkdtemp(dir=sys.argv[1] if len(sys.argv) > 1 else None))
    times = {"np.save + fsync": [], "save": [], "open_space": []}
    for turn in range(ROUNDS):
        array, path = folder / f"{turn}.npy", folder / f"{turn}.space"
        times["np.save + fsync"].append(seconds(lambda to=array: save_array(vectors, to)))
        times["save"].append(seconds(lambda to=path: save(space, to)))
        times["open_space"].append(seconds(lambda of=path: open_space(of)))
        array.unlink()
        if turn:
            path.unlink()
    medians = {name: statistics.median(values) for name, values in times.items()}
    for name, value in medians.items():
        print(f"{name:<18} {value:.3f} s")
    ratios = [s / a for s, a in zip(times["save"], times["np.save + fsync"], strict=True)]
    print(f"write: {statistics.median(ratios):.2f} times np.save (median of {ROUNDS} pairs)")
    path, new = folder / "0.space", Space(vectors[:1], np.array(["new.png"]), None, RECIPE)
    print(f"first add of one item {seconds(lambda: add(path, new)):.3f} s, which makes the index")
    other = Space(vectors[:1], np.array(["other.png"]), None, RECIPE)
    print(f"next add of one item  {seconds(lambda: add(path, other)):.3f} s")
    print(f"verify                {seconds(lambda: verify(path)):.3f} s")
    size = path.stat().st_size / vectors.nbytes
    print(f"the file is {size:.2f} times the bytes of the vectors")
    shutil.rmtree(folder)


if __name__ == "__main__":
    main()
