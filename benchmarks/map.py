"""A map of 60,000 MNIST embeddings beside the library called directly; new points placed on it.

Run: NEARSPACE_DATA=… python benchmarks/map.py [--sizes]

With --sizes: what an item costs in maps of 2,000 to 30,000, instead.
"""

import os
import statistics
import sys
import time

import numpy as np
import torch

from nearspace import load, make
from nearspace.learning.threads import let_waiting_threads_sleep
from nearspace.metrics.geometry import neighbour_ranks, trustworthiness
from nearspace.space.map.maps import Placer
from nearspace.space.map.tsne import tsne

let_waiting_threads_sleep()
SPEC, K = "pca(dim=50)", 10
JUDGED, NEW, ALONE = 5000, 2000, 50
SIZES = (2000, 3000, 5000, 7000, 7100, 9900, 10_100, 15_000, 20_000, 30_000)


def embeddings():
    """Return the vectors of MNIST's training images, and of its test images."""
    data = load(os.path.join(os.environ["NEARSPACE_DATA"], "mnist"))
    train = data.split == "train"
    encoder = make(SPEC).fit(data.items[train])
    return encoder.transform(data.items[train]), encoder.transform(data.items[~train][:NEW])


def timed(call, *args):
    start = time.perf_counter()
    found = call(*args)
    return found, time.perf_counter() - start


def library(vectors):
    from openTSNE import TSNE

    return TSNE(n_jobs=torch.get_num_threads(), random_state=0).fit(vectors)


def judge(vectors, places):
    ranks = neighbour_ranks(vectors, np.asarray(places, dtype=np.float32), K, JUDGED)
    return trustworthiness(ranks, len(vectors)), (ranks <= K).mean()


def judge_new(known, new, places, new_places):
    """Return the same of new points, whose neighbours are sought among the known ones."""
    strangers, kept, n = 0.0, 0.0, len(known)
    for start in range(0, len(new), 100):
        true = torch.cdist(torch.from_numpy(new[start : start + 100]), torch.from_numpy(known))
        on_map = np.asarray(new_places[start : start + 100], dtype=np.float32)
        there = torch.cdist(torch.from_numpy(on_map), torch.from_numpy(places))
        for of in true.gather(1, there.topk(K, largest=False).indices).T:
            ranks = 1 + (true < of[:, None]).sum(1)
            strangers += float((ranks - K).clamp(min=0).sum()) / len(new)
            kept += float((ranks <= K).sum()) / len(new) / K
    return 1 - 2 * strangers / (K * (2 * n - 3 * K - 1)), kept


def place_alone(placer, new, among, extent):
    """Milliseconds for one point, and how far it stands from its place among the others."""
    spent, moved = [], 0.0
    for row in range(ALONE):
        place, seconds = timed(placer.place, new[row : row + 1])
        spent.append(1000 * seconds)
        moved = max(moved, float(np.abs(place - among[row]).max()) / extent)
    return statistics.median(spent), moved


def print_sizes(vectors):
    """Print what an item costs in CPU seconds, by how many there are."""
    for n in SIZES:
        start = time.process_time()
        places = tsne(vectors[:n])
        each = (time.process_time() - start) / n
        trust, kept = judge(vectors[:n], places)
        print(f"{n:6,} items, {1000 * each:5.2f} ms of CPU each, {trust:.4f}, {100 * kept:.1f} %")


def main():
    known, new = embeddings()
    if "--sizes" in sys.argv[1:]:
        return print_sizes(known)
    print(f"{len(known):,} MNIST embeddings, {SPEC}, {torch.get_num_threads()} threads", flush=True)
    places, ours = timed(tsne, known)
    embedding, theirs = timed(library, known)
    print(f"{'':24}{'time':>9}{'trustworthiness':>18}{'neighbours kept':>18}")
    rows = (("nearspace", ours, places), ("openTSNE, as it comes", theirs, embedding))
    for name, seconds, of in rows:
        trust, kept = judge(known, of)
        print(f"{name:24}{seconds:7.1f} s{trust:18.4f}{100 * kept:16.1f} %", flush=True)
    print(f"{'ratio':24}{ours / theirs:9.2f}\n", flush=True)

    placer = Placer(known, places)
    among, ours = timed(placer.place, new)
    moved_by_library, theirs = timed(embedding.transform, new)
    print(f"{NEW:,} new points placed")
    rows = (
        ("nearspace", ours, places, among),
        ("openTSNE's transform", theirs, np.asarray(embedding, np.float32), moved_by_library),
    )
    for name, seconds, of, placed in rows:
        trust, kept = judge_new(known, new, of, placed)
        print(f"{name:24}{seconds:7.1f} s{trust:18.4f}{100 * kept:16.1f} %", flush=True)
    alone, moved = place_alone(placer, new, among, np.ptp(places, axis=0).max())
    print(f"one alone                {alone:6.2f} ms, {moved:.1e} of the map's extent from there")
    own = np.abs(placer.place(known[:NEW]) - places[:NEW]).max() / np.ptp(places, axis=0).max()
    print(f"a known item given again stands within {own:.1e} of its own place")


if __name__ == "__main__":
    sys.exit(main())
