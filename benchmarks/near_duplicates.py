"""Near-duplicates that were planted: found, missed, and what is taken for one that is none.

Run: NEARSPACE_DATA=… python benchmarks/near_duplicates.py

For each data set and size, 200 items (a tenth where there are fewer) are copied with a small
change and added; then a search is made for what is nearly the same as the copies, and one for what
is nearly the same among the items as they were published. Of these, some truly are near-duplicates
(jokes told twice, emoji in two skin tones); digits and photographs have none. Last comes what the
search costs by default, which is bounded, on MNIST as published and on the jokes.
"""

import io
import os
import time
import zipfile
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from nearspace.data import Dataset, Table, Vector, load
from nearspace.data.split import split_of

FOLDER = Path(os.environ["NEARSPACE_DATA"])
PLANTED = 200
SEED = 0


def one_word(text, random):
    words = text.split()
    words[random.integers(len(words))] = "cucumber"
    return " ".join(words)


TEXT_EDITS = {
    "one word": one_word,
    "one letter": lambda text, _: text[: len(text) // 2] + "x" + text[len(text) // 2 + 1 :],
    "punctuation": lambda text, _: f"“{text.replace(',', ' -').replace('.', '!')}”",
    "last fifth cut": lambda text, _: text[: int(0.8 * len(text))],
}


def encoded(images, quality):
    """Return images after a JPEG of some quality."""
    decoded = np.empty_like(images)
    for index, image in enumerate(images):
        file = io.BytesIO()
        Image.fromarray(image.squeeze()).save(file, "JPEG", quality=quality)
        decoded[index] = np.asarray(Image.open(file)).reshape(image.shape)
    return decoded


def one_pixel(images):
    changed = images.copy()
    changed[:, 3, 3] = 255 - changed[:, 3, 3]
    return changed


def shifted(images):
    """Return images moved to the right by a pixel, the first column twice."""
    return np.concatenate([images[:, :, :1], images[:, :, :-1]], axis=2)


IMAGE_EDITS = {
    "JPEG 75": lambda images: encoded(images, 75),
    "JPEG 30": lambda images: encoded(images, 30),
    "one pixel": one_pixel,
    "brightness": lambda images: (0.8 * images + 30).clip(0, 255).astype(np.uint8),
    "shift by 1": shifted,
}


def noisy(share):
    def change(rows, spread):
        random = np.random.default_rng(SEED)
        return rows + share * spread * random.standard_normal(rows.shape)

    return change


NUMBER_EDITS = {f"noise {share:g}": noisy(share) for share in (1e-4, 1e-3, 1e-2)}


def changes_of(data, of):
    """Yield by name the items at some positions with a small change."""
    items = data.kind.take(data.items, of)
    if data.kind.name == "text":
        random = np.random.default_rng(SEED)
        for name, edit in TEXT_EDITS.items():
            yield name, [edit(text, random) for text in items]
    elif data.kind.name == "image":
        for name, edit in IMAGE_EDITS.items():
            yield name, edit(items)
    elif data.kind.name == "vector":
        for name, edit in NUMBER_EDITS.items():
            yield name, edit(items, data.items.std(axis=0))
    else:
        numbers = [column for column, of in data.kind.columns if of == "number"]
        for name, edit in NUMBER_EDITS.items():
            changed = edit(items[numbers].to_numpy(), data.items[numbers].std().to_numpy())
            yield name, items.assign(**dict(zip(numbers, changed.T, strict=True)))


def cifar():
    files = sorted((FOLDER / "cifar10-sample").glob("*.png"))
    rows = np.concatenate([np.asarray(Image.open(file)) for file in files])
    return rows.reshape(-1, 32, 32, 3)


def emoji():
    images = []
    with zipfile.ZipFile(FOLDER / "twemoji" / "png72.zip") as archive:
        for name in archive.namelist():
            if name.endswith(".png"):
                layer = Image.open(io.BytesIO(archive.read(name))).convert("RGBA")
                white = Image.new("RGBA", layer.size, "white")
                white.alpha_composite(layer)
                images.append(np.asarray(white.convert("RGB")))
    return np.stack(images)


def adult():
    frame = pd.read_csv(FOLDER / "tables" / "adult.data.gz", header=None, skipinitialspace=True)
    frame = frame.rename(columns=str)
    kind = Table.infer(frame)
    return Dataset(kind.check(frame), kind, name="adult")


def near_duplicates(data):
    """Print a line: what is found of copies with each change, and what is found without any."""
    n = len(data)
    of = np.sort(np.random.default_rng(SEED).permutation(n)[: min(PLANTED, n // 10)])
    same = data.kind.same(data.items)
    pairs = data.kind.near(data.items, np.arange(n))
    there = len(np.unique(pairs[same[pairs[:, 0]] != same[pairs[:, 1]], 0]))
    told = []
    for name, changed in changes_of(data, of):
        items = data.kind.join(data.items, changed)
        pairs = data.kind.near(items, np.arange(n, n + len(of)))
        pairs = pairs[pairs[:, 1] < n]
        found = np.unique(pairs[pairs[:, 1] == of[pairs[:, 0] - n], 0])
        told.append(f"{name} {100 * len(found) / len(of):.0f} %")
    print(f"{data.name:<14} {n:>7,} {there:>7,}   {', '.join(told)}", flush=True)


def near_duplicates_cost(data):
    """Print how long a split takes, and how much of that the search for near-duplicates."""
    start, busy = time.perf_counter(), time.process_time()
    split = split_of(data)
    seconds, busy = time.perf_counter() - start, time.process_time() - busy
    near, compared = (split.copies == "near").sum(), (split.copies != "unknown").sum()
    print(
        f"{data.name:<14} {len(data):>7,} items: {seconds:.1f} s ({busy:.1f} s of a processor); "
        f"{compared:,} of {len(split.test):,} test items compared, {near:,} nearly the same as a "
        "training item."
    )


def main():
    mnist = load(str(FOLDER / "mnist"))
    humor = load(str(next((FOLDER / "humor").glob("*.csv*"))), column="text")
    object.__setattr__(humor, "name", "humor")
    random = np.random.default_rng(SEED)
    gauss = Dataset(random.standard_normal((60_000, 16)), Vector(16), name="Gaussian, 16")
    flat = Dataset(random.standard_normal((60_000, 2)), Vector(2), name="Gaussian, 2")
    others = [load("digits"), load("wine"), load(cifar()), load(emoji())]
    for data, name in zip(others, ("digits", "wine", "cifar", "emoji"), strict=True):
        object.__setattr__(data, "name", name)
    print("data             items   alike   found of those planted")
    for data in others:
        near_duplicates(data)
    for data, sizes in (
        (mnist, (1000, 10_000, 60_000)),
        (humor, (1000, 10_000, 40_000)),
        (gauss, (1000, 10_000, 60_000)),
        (flat, (1000, 10_000)),
        (adult(), (1000, 10_000, 32_561)),
    ):
        for size in sizes:
            near_duplicates(data.take(np.arange(size)))
    print()
    for data in (mnist, humor):
        near_duplicates_cost(data)


if __name__ == "__main__":
    main()
