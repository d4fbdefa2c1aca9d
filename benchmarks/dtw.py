"""Dynamic time warping of 1,000 × 1,000 series of 150 steps: ours beside dtaidistance.

Run: python benchmarks/dtw.py [ROUNDS]

Needs dtaidistance, whose library in C fills one table after the other, on all cores where it comes
with OpenMP. The series are random walks of one channel, brought to deviation 1. Both fill the
499,500 tables above the diagonal in turn, in one process: whole ones, and those of a band of 10 %.
Then ours finds the nearest of 500 series for each of the other 500, which most tables are not
needed for.
"""

import resource
import statistics
import sys
import time

import numpy as np
from dtaidistance import dtw, dtw_cc_omp

from nearspace.learning.threads import side_by_side
from nearspace.metrics.dtw import dtw_distances, nearest_by_dtw

SERIES, STEPS = 1000, 150


def timed(function):
    """Return what a function makes, its seconds of the clock, and those of CPU time."""
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    made = function()
    clock, after = time.perf_counter() - start, resource.getrusage(resource.RUSAGE_SELF)
    return made, clock, after.ru_utime - usage.ru_utime + after.ru_stime - usage.ru_stime


def main():
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 3
    walks = np.random.default_rng(0).normal(size=(SERIES, STEPS)).cumsum(axis=1)
    walks = (walks - walks.mean(axis=1, keepdims=True)) / walks.std(axis=1, keepdims=True)
    series = list(walks[:, None].astype(np.float32))
    pairs = np.array(np.triu_indices(SERIES, 1)).T
    print(f"dtaidistance with OpenMP: {dtw_cc_omp.is_openmp_supported()}")
    for band in (1.0, 0.1):
        window = round(band * STEPS) + 1  # of which it counts the middle
        ways = {
            "nearspace": lambda band=band: dtw_distances(series, series, pairs, band, side_by_side),
            "dtaidistance": lambda window=window: dtw.distance_matrix_fast(
                walks, window=window, compact=True
            ),
        }
        seconds = {name: [] for name in ways}
        made = {}
        for _ in range(rounds):
            for name, way in ways.items():
                made[name], *spent = timed(way)
                seconds[name].append(spent)
        ours, theirs = (
            [statistics.median(each[at] for each in seconds[name]) for at in (0, 1)]
            for name in ways
        )
        apart = np.abs(made["nearspace"] / made["dtaidistance"] - 1).max()
        print(
            f"band {band:.0%}: nearspace {ours[0]:.1f} s of the clock, {ours[1]:.1f} of CPU time; "
            f"dtaidistance {theirs[0]:.1f} and {theirs[1]:.1f}: {theirs[0] / ours[0]:.1f} and "
            f"{theirs[1] / ours[1]:.1f} times; largest difference {apart:.0e}"
        )
        sides = series[: SERIES // 2], series[SERIES // 2 :]
        _, clock, _ = timed(
            lambda band=band, sides=sides: nearest_by_dtw(*sides, band, side_by_side)
        )
        print(f"    the nearest of {len(sides[0])} to each of {len(sides[1])}: {clock:.2f} s")


if __name__ == "__main__":
    main()
