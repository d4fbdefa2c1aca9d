"""What tells the classes of three sets of series, on their published splits.

Run: NEARSPACE_DATA=… python benchmarks/series.py [SPEC …]

GunPoint has one channel, BasicMotions six, JapaneseVowels twelve and unequal lengths. A row each:
the share of the test series told rightly by five neighbours and by a linear model (logistic
regression with its default penalty on standardised vectors), with 95 % intervals. The nearest
series by dynamic time warping, in a band of 10 %, makes no space, and has one figure. Other
encoders may be named.
"""

import os
import sys
import time
from pathlib import Path

from nearspace import compare, load
from nearspace.judge.scores import SCORES

DATA = Path(os.environ["NEARSPACE_DATA"]) / "series"
SPECS = ["raw", "raw | scale", "statistics", "rocket", "statistics + rocket"]


def main():
    for name in ("GunPoint", "BasicMotions", "JapaneseVowels"):
        start = time.perf_counter()
        board = compare(load(DATA / name), encoders=sys.argv[1:] or SPECS)
        print(f"{name}, {time.perf_counter() - start:.0f} s")
        print(f"    {'':24}{'5-NN':22}{'linear model':22}{'fit':>8}{'series a second':>18}")
        for row in board.results:
            told = [SCORES[score].text(row.scores.get(score)) for score in ("knn", "probe")]
            cost = row.cost and f"{row.cost.fit_seconds:7.2f}s{row.cost.items_per_second:18,.0f}"
            print(f"    {row.spec:24}{told[0]:22}{told[1]:22}{cost or ''}")


if __name__ == "__main__":
    main()
