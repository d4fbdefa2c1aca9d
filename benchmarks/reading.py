"""Reading photographs into small arrays: ours beside a bare Pillow thread pool with `draft`.

Run: python benchmarks/reading.py

Makes 2,000 JPEG files of 800 × 600 in a temporary folder: smooth random shapes of several sizes
under a grain, at a camera's quality. Both sides use the same workers and give the same pixels.
"""

import os
import statistics
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from PIL import Image, ImageOps

from nearspace.data.kinds.image_files import read_images

FILES, WIDTH, HEIGHT, SIDE = 2000, 800, 600, 64
ROUNDS = 5
WORKERS = min(32, len(os.sched_getaffinity(0)))


def photograph(seed):
    """Return a picture of smooth random shapes of several sizes, under a grain."""
    rng = np.random.default_rng(seed)
    picture = Image.new("RGB", (WIDTH, HEIGHT), "grey")
    for cells, share in ((4, 0.9), (12, 0.4), (40, 0.25), (150, 0.12)):
        shapes = rng.integers(0, 256, (cells * HEIGHT // WIDTH, cells, 3), dtype=np.uint8)
        layer = Image.fromarray(shapes).resize((WIDTH, HEIGHT), Image.Resampling.BICUBIC)
        picture = Image.blend(picture, layer, share)
    grain = rng.integers(-6, 7, (HEIGHT, WIDTH, 1), dtype=np.int16)
    return Image.fromarray(np.clip(np.asarray(picture) + grain, 0, 255).astype(np.uint8))


def make_files(folder):
    def write(index):
        path = folder / f"{index:04}.jpg"
        photograph(index).save(path, quality=88)
        return path

    with ThreadPoolExecutor(WORKERS) as pool:
        return list(pool.map(write, range(FILES)))


def bare(paths):
    """Decode at a reduced size, resize, and nothing else."""
    out = np.empty((len(paths), SIDE, SIDE, 3), np.uint8)

    def decode(index):
        with Image.open(paths[index]) as image:
            image.draft("RGB", (SIDE, SIDE))
            out[index] = ImageOps.fit(image, (SIDE, SIDE), Image.Resampling.BICUBIC)

    with ThreadPoolExecutor(WORKERS) as pool:
        list(pool.map(decode, range(len(paths))))
    return out


def ours(paths):
    return read_images(paths, size=(SIDE, SIDE))[0]


def main():
    with tempfile.TemporaryDirectory() as folder:
        paths = make_files(Path(folder))
        size = sum(path.stat().st_size for path in paths) / len(paths)
        print(f"{FILES:,} JPEG files of {WIDTH} × {HEIGHT}, {size / 1000:.0f} kB on average")
        assert np.array_equal(bare(paths), ours(paths))  # and the files are now in memory
        rates = {bare: [], ours: []}
        for index in range(ROUNDS):
            for run in (bare, ours) if index % 2 else (ours, bare):
                start = time.perf_counter()
                run(paths)
                rates[run].append(FILES / (time.perf_counter() - start))
    left, right = statistics.median(rates[bare]), statistics.median(rates[ours])
    print(f"bare pool of {WORKERS} with draft   {left:6.0f} images/s")
    print(f"read_images                {right:6.0f} images/s")
    print(f"ratio                      {right / left:6.2f}   (wanted: at least 0.9)")


if __name__ == "__main__":
    main()
