"""What gives labels away: found, missed, and accused in vain, on made data of three sizes.

Run: python benchmarks/leaks.py        (with NEARSPACE_DATA set, seconds on MNIST and humor too)
"""

import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image
from sklearn import datasets

from nearspace import load
from nearspace.data import Classes, Numbers, Text, train_test_split
from nearspace.data.dataset import Dataset
from nearspace.data.kinds.table import Table
from nearspace.judge.formulas import find_formula
from nearspace.judge.groups import find_groups
from nearspace.judge.leaks import find_leaks
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

SIZES, ROUNDS = (500, 5000, 50_000), (20, 10, 3)
CLASSES = {
    "2 classes": [0.6, 0.4],
    "2 classes, 95 and 5 %": [0.95, 0.05],
    "10 classes": [0.1] * 10,
}


def noisy(labels, share, rng):
    """Return the labels, a share of them drawn anew from the others."""
    other = rng.permutation(labels)
    return np.where(rng.random(len(labels)) < share, other, labels)


def words(labels):
    return np.array([f"class {label}" for label in labels], dtype=object)


# What stands in one column of classes 0, 1, …


def leaks_of_classes(y, rng):
    n = len(y)
    step = y + 0.98 * rng.random(n)
    return {
        "copy": y.astype(float),
        "copy in words": words(y),
        "copy, 1 % changed": words(noisy(y, 0.01, rng)),
        "copy, 2 % changed": words(noisy(y, 0.02, rng)),
        "number between thresholds": 1000 * np.exp(step),
        "number between thresholds, 2 % changed": noisy(y, 0.02, rng) + 0.98 * rng.random(n),
        "missing in one class": np.where(y == 0, np.nan, y + rng.random(n)),
        "name such as b_0123.png": np.array(
            [f"{chr(97 + label)}_{row:05d}.png" for row, label in enumerate(y)], dtype=object
        ),
        "row number of a sorted file": np.argsort(np.argsort(y, kind="stable")).astype(float),
    }


def honest_of_classes(y, rng):
    n = len(y)
    return {
        "nothing": rng.standard_normal(n),
        "another name in each row": np.array(
            [f"{v:08x}" for v in rng.integers(2**32, size=n)], object
        ),
        "row number": np.arange(n, dtype=float),
        "80 % told": words(noisy(y, 0.2 / (1 - np.square(np.bincount(y) / n).sum()), rng)),
        "90 % told": words(noisy(y, 0.1 / (1 - np.square(np.bincount(y) / n).sum()), rng)),
        "95 % told": words(noisy(y, 0.05 / (1 - np.square(np.bincount(y) / n).sum()), rng)),
        "two bells, 95 % told": y + rng.standard_normal(n) / (2 * 1.645),
    }


def leaks_of_numbers(y, rng):
    return {
        "copy": y,
        "other unit": 32 + 1.8 * y,
        "logarithm": np.log(y - y.min() + 1),
        "copy, 5 % noise": y + 0.05 * y.std() * rng.standard_normal(len(y)),
        "rounded to a tenth of its spread": np.round(y / y.std(), 1),
    }


def honest_of_numbers(y, rng):
    def blurred(r2):
        return y + y.std() * np.sqrt(1 / r2 - 1) * rng.standard_normal(len(y))

    return {
        "nothing": rng.standard_normal(len(y)),
        "R² 0.8": blurred(0.8),
        "R² 0.9": blurred(0.9),
        "R² 0.95": blurred(0.95),
    }


def accused(items, kind, target, files=None):
    """Return whether anything is told, and the seconds that it took."""
    dataset = Dataset(items, kind, target=target, files=files)
    train, test, _ = train_test_split(dataset)
    start = time.perf_counter()
    leaks, _ = find_leaks(dataset, train, test)
    return bool(leaks), time.perf_counter() - start


def leaks_in_columns(title, draw, make, target, expected):
    """Print how often each column is accused, among three that tell nothing."""
    print(f"\n{title}: {expected}")
    counts, spent = {}, []
    for size, rounds in zip(SIZES, ROUNDS, strict=True):
        for seed in range(rounds):
            rng = np.random.default_rng(seed)
            y = draw(size, rng)
            for name, column in make(y, rng).items():
                frame = pd.DataFrame(rng.standard_normal((size, 3)), columns=list("abc"))
                frame["own"] = column
                # Names that load would leave out are judged as if somebody had asked for them.
                kind = Table.infer(frame, {"own": "category"} if column.dtype == object else None)
                told, seconds = accused(kind.check(frame), kind, target(y))
                counts.setdefault(name, {}).setdefault(size, []).append(told)
                spent.append(seconds)
    for name, of_size in counts.items():
        cells = (f"{sum(told):3d} of {len(told):2d}" for told in of_size.values())
        print(f"  {name:40s}" + "   ".join(cells))
    print(f"  {max(spent):.2f} s at most")


def leaks_in_texts():
    print("\nTexts: accused")
    for title, lengths in (
        ("longer in one class", ((5, 9), (10, 14))),
        ("as long in both", ((5, 9), (5, 9))),
        ("mostly longer in one class", ((5, 14), (9, 18))),
    ):
        cells = []
        for size, rounds in zip(SIZES, ROUNDS, strict=True):
            told = []
            for seed in range(rounds):
                rng = np.random.default_rng(seed)
                y = rng.integers(2, size=size)
                counts = [rng.integers(*lengths[label]) for label in y]
                texts = [
                    " ".join(
                        ["word"[: rng.integers(1, 5)] + str(rng.integers(999)) for _ in range(n)]
                    )
                    for n in counts
                ]
                told.append(accused(texts, Text(), Classes(y))[0])
            cells.append(f"{sum(told):3d} of {len(told):2d}")
        print(f"  {title:40s}" + "   ".join(cells))


def leaks_in_files():
    print("\nPictures of 500 files: accused")
    for title, sides in (("larger in one class", (20, 24)), ("as large in both", (20, 20))):
        told = []
        for seed in range(5):
            rng = np.random.default_rng(seed)
            with tempfile.TemporaryDirectory() as folder:
                for row in range(500):
                    label = int(rng.integers(2))
                    place = Path(folder, "ab"[label])
                    place.mkdir(exist_ok=True)
                    pixels = rng.integers(256, size=(sides[label], 20), dtype=np.uint8)
                    Image.fromarray(pixels).save(place / f"{row}.png")
                data = load(folder)
                told.append(accused(data.items, data.kind, data.target, data.files)[0])
        print(f"  {title:40s}{sum(told):3d} of {len(told):2d}")


def visits(n, alike, rng):
    """Return rows of about eight a user, who are ``alike`` in numbers and labels, or not at 0."""
    user = rng.integers(n // 8, size=n)
    own = rng.standard_normal((n // 8, 4))[user]
    frame = pd.DataFrame(alike * own + rng.standard_normal((n, 4)), columns=list("abcd"))
    same = rng.random(n) < alike / (1 + alike)
    labels = np.where(same, rng.integers(2, size=n // 8)[user], rng.integers(2, size=n))
    return frame.assign(who=[f"u{each}" for each in user]), labels


def groups_and_times():
    print("\nGroups of eight rows, times: accused by their scores, not by their names")
    for title, make in (
        ("users whose rows are much alike", lambda n, rng: visits(n, 3.0, rng)),
        ("users whose rows are alike", lambda n, rng: visits(n, 1.0, rng)),
        ("users whose rows are hardly alike", lambda n, rng: visits(n, 0.3, rng)),
        ("users whose rows are not alike", lambda n, rng: visits(n, 0.0, rng)),
        ("what is told changes every tenth of the time", lambda n, rng: days(n, 10, rng)),
        ("what is told stays as it is", lambda n, rng: days(n, 0, rng)),
    ):
        cells, slowest = [], 0.0
        for size, rounds in zip(SIZES, ROUNDS, strict=True):
            told = []
            for seed in range(rounds):
                frame, labels = make(size, np.random.default_rng(seed))
                data = load(frame, labels=labels)
                start = time.perf_counter()
                told.append(bool(find_groups(data, Protocol())[0]))
                slowest = max(slowest, time.perf_counter() - start)
            cells.append(f"{sum(told):3d} of {len(told):2d}")
        print(f"  {title:46s}" + "   ".join(cells) + f"   {slowest:.1f} s at most")


def days(n, changes, rng):
    """Return rows with a day, of which the label turns so many times over the whole time."""
    at = rng.random(n)
    turned = np.floor(changes * at) % 2 == 1
    x = rng.standard_normal(n)
    labels = ((x > 0) ^ turned ^ (rng.random(n) < 0.1)).astype(int)
    times = pd.Timestamp("2024-01-01") + pd.to_timedelta(1000 * at, unit="D")
    return pd.DataFrame({"x": x, "day": times}), labels


def noisy_sum(a, b, share, rng):
    return a + b + share * (a + b).std() * rng.standard_normal(len(a))


def formulas():
    print("\nNumbers made of two columns of four: accused")
    for title, make in (
        ("sum", lambda a, b, rng: a + 2 * b),
        ("product", lambda a, b, rng: a * b),
        ("ratio", lambda a, b, rng: a / b),
        ("sum, rounded to a thousandth of its spread", lambda a, b, rng: np.round(a + b, 3)),
        ("larger of the two", lambda a, b, rng: np.maximum(a, b)),
        ("sum and noise of 2 % of its spread", lambda a, b, rng: noisy_sum(a, b, 0.02, rng)),
    ):
        cells = []
        for size, rounds in zip(SIZES, ROUNDS, strict=True):
            told = []
            for seed in range(rounds):
                rng = np.random.default_rng(seed)
                frame = pd.DataFrame(rng.lognormal(size=(size, 4)), columns=list("abcd"))
                labels = make(frame["a"].to_numpy(), frame["b"].to_numpy(), rng)
                told.append(find_formula(load(frame, labels=labels)) is not None)
            cells.append(f"{sum(told):3d} of {len(told):2d}")
        print(f"  {title:46s}" + "   ".join(cells))


def leaks_in_real_data():
    print("\nReal data: seconds to set up, accused")
    for name in ("iris", "wine", "breast_cancer", "diabetes"):
        data = getattr(datasets, f"load_{name}")(as_frame=True)
        leaks_in(name, load(data.data, labels=data.target.to_numpy()))
    for name in ("customers", "digits", "sentences"):
        leaks_in(name, load(name))
    if "NEARSPACE_DATA" in os.environ:
        folder = Path(os.environ["NEARSPACE_DATA"])
        for label in ("species", "sex", "island"):
            leaks_in(f"penguins, {label}", load(folder / "tables" / "penguins.csv", labels=label))
        adult = pd.read_csv(folder / "tables" / "adult.data.gz", header=None)
        adult.columns = [f"column {at}" for at in adult.columns]
        for at in (14, 9, 5, 8, 3):
            leaks_in(f"adult, column {at}", load(adult, labels=f"column {at}"))
        leaks_in("humor", load(folder / "humor" / "dev.csv.gz", column="text", labels="humor"))
        leaks_in("MNIST", load(folder / "mnist"))


def leaks_in(name, data):
    start = time.perf_counter()
    leaks = set_task(data, Protocol()).leaks
    seconds = time.perf_counter() - start
    told = ", ".join(f"{leak.name} ({leak.score:.3f})" for leak in leaks) or "nothing"
    print(f"  {name:24s}{seconds:6.2f} s   {told}")


def main():
    print(f"Sizes {SIZES}")
    for title, shares in CLASSES.items():

        def draw(size, rng, shares=shares):
            return rng.choice(len(shares), size=size, p=shares)

        leaks_in_columns(title, draw, leaks_of_classes, Classes, "a leak, accused")
        leaks_in_columns(title, draw, honest_of_classes, Classes, "no leak, accused")
    for title, draw in (
        ("Numbers", lambda size, rng: rng.standard_normal(size)),
        ("Skewed numbers", lambda size, rng: rng.lognormal(size=size)),
    ):
        leaks_in_columns(title, draw, leaks_of_numbers, Numbers, "a leak, accused")
        leaks_in_columns(title, draw, honest_of_numbers, Numbers, "no leak, accused")
    leaks_in_texts()
    leaks_in_files()
    groups_and_times()
    formulas()
    leaks_in_real_data()


if __name__ == "__main__":
    main()
