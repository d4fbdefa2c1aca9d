"""What tells the classes of three sets of series, on their published splits.

Run: NEARSPACE_DATA=… python benchmarks/series.py [SPEC …]

GunPoint has one channel, BasicMotions six, JapaneseVowels twelve and unequal lengths. A row each:
the share of the test series told rightly by five neighbours, by a linear model (logistic
regression as `compare` has it), with 95 % intervals, and by ridge regression whose penalty is
chosen by leaving out one training series after the other, as the authors of random kernels tell
classes; this last of encoders that are fitted within seconds. The nearest series by dynamic time
warping makes no space, and has one figure. Other encoders may be named.
"""

import os
import sys
import time
from pathlib import Path

import numpy as np
from sklearn.linear_model import RidgeClassifierCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from nearspace import compare, load, make
from nearspace.judge.scores import SCORES

DATA = Path(os.environ["NEARSPACE_DATA"]) / "series"
SPECS = ["raw", "raw | scale", "statistics", "rocket", "rocket(n_kernels=5000)"]
SECONDS = 5  # that an encoder may take to be fitted once more
PENALTIES = np.logspace(-3, 3, 10)


def by_ridge(spec, data):
    """Return the share of test series that ridge regression tells by the vectors of an encoder."""
    train, test = data.take(data.split == "train"), data.take(data.split == "test")
    encoder = make(spec).fit_on(train)
    ridge = make_pipeline(StandardScaler(), RidgeClassifierCV(alphas=PENALTIES))
    ridge.fit(encoder.transform(train.items), train.labels)
    return ridge.score(encoder.transform(test.items), test.labels)


def main():
    for name in ("GunPoint", "BasicMotions", "JapaneseVowels"):
        start, data = time.perf_counter(), load(DATA / name)
        board = compare(data, encoders=sys.argv[1:] or SPECS)
        print(f"{name}, {time.perf_counter() - start:.0f} s")
        print(f"    {'':24}{'5-NN':20}{'linear model':20}{'ridge':>6}{'fit':>9}{'series/s':>10}")
        for row in board.results:
            told = [SCORES[score].text(row.scores.get(score)) for score in ("knn", "probe")]
            quick = row.dim and row.cost.fit_seconds < SECONDS
            ridge = f"{100 * by_ridge(row.spec, data):.1f}" if quick else ""
            cost = row.cost and f"{row.cost.fit_seconds:8.2f}s{row.cost.items_per_second:10,.0f}"
            print(f"    {row.spec:24}{told[0]:20}{told[1]:20}{ridge:>6}{cost or ''}", flush=True)


if __name__ == "__main__":
    main()
