"""Search beside the bare product, faiss-flat and exact search, on vectors that are drawn.

Run: python benchmarks/search.py                      100,000 x 384, exact
     python benchmarks/search.py --million            1,000,000 x 128 in clusters, by an index
     python benchmarks/search.py --million --uniform  the same without clusters: recall by effort
"""

import argparse
import dataclasses
import os
import statistics
import time

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import faiss
import numpy as np
import torch
from knn import bare

from nearspace.recipe import Recipe
from nearspace.space.search.index import Opened, build_index, part_name
from nearspace.space.search.neighbours import neighbours
from nearspace.space.space import Space

K, QUERIES = 10, 1000
METRICS = {"cosine": "IndexFlatIP", "dot": "IndexFlatIP", "euclidean": "IndexFlatL2"}
CLUSTERS, SPREAD = 1000, 0.5
PROBES = (1, 4, 16, 64, 256, 1000)


def seconds(call, rounds, other=None):
    """Return the median time of a call, and of another, in turns, after one round to warm up."""
    times = ([], [])
    for turn in range(rounds + 1):
        for found, each in zip(times, (call, other), strict=True):
            if each is not None:
                start = time.perf_counter()
                each()
                if turn:
                    found.append(time.perf_counter() - start)
    return [statistics.median(found) for found in times if found]


def space_of(vectors, parts=None):
    recipe = Recipe("drawn", "drawn")
    return Space(vectors, np.arange(len(vectors)), None, recipe, parts=parts or {})


def exact():
    """Print exact search beside NumPy and faiss."""
    random = np.random.default_rng(0)
    vectors = random.standard_normal((100_000, 384), dtype=np.float32)
    queries = random.standard_normal((QUERIES, 384), dtype=np.float32)
    space, query = space_of(vectors), queries[0]
    print(f"{len(vectors):,} x {vectors.shape[1]}, k = {K}")
    for metric, peer in METRICS.items():
        flat = getattr(faiss, peer)(vectors.shape[1])
        flat.add(vectors)
        start = time.perf_counter()
        neighbours(space, query, K, metric)
        first = time.perf_counter() - start
        ours, product = seconds(
            lambda metric=metric: neighbours(space, query, K, metric),
            50,
            lambda: np.argpartition(vectors @ query, -K)[-K:],
        )
        print(
            f"{metric:10} one query   {1e3 * ours:6.1f} ms, product and argpartition "
            f"{1e3 * product:6.1f} ms: {ours / product:.2f} x"
            f"   (the first of all {1e3 * first:.0f} ms)"
        )
        ours, theirs = seconds(
            lambda metric=metric: neighbours(space, queries, K, metric),
            5,
            lambda flat=flat: flat.search(queries, K),
        )
        print(
            f"{'':10} {QUERIES:,} queries {1e3 * ours:6.0f} ms, faiss {peer} "
            f"{1e3 * theirs:6.0f} ms: {ours / theirs:.2f} x"
        )
        ours, product = seconds(
            lambda metric=metric: neighbours(space, queries, K, metric),
            5,
            lambda: bare(torch.from_numpy(queries), torch.from_numpy(vectors), K),
        )
        print(
            f"{'':10} {QUERIES:,} queries {1e3 * ours:6.0f} ms, product with top-k "
            f"{1e3 * product:6.0f} ms: {ours / product:.2f} x"
        )


def drawn(count, uniform):
    random = np.random.default_rng(0)
    if uniform:
        return random.random((count, 128), dtype=np.float32)
    vectors = random.standard_normal((CLUSTERS, 128), dtype=np.float32)
    vectors = vectors[random.integers(CLUSTERS, size=count)]
    for part in np.array_split(vectors, 20):
        part += SPREAD * random.standard_normal(part.shape, dtype=np.float32)
    return vectors


def million(uniform):
    """Print what an index finds, and how fast, beside exact search."""
    vectors = drawn(1_000_000 + QUERIES, uniform)
    queries, vectors = vectors[-QUERIES:], vectors[:-QUERIES]
    space = space_of(vectors)
    start = time.perf_counter()
    index = build_index(vectors, "euclidean")
    built = time.perf_counter() - start
    data = index.to_bytes()
    print(
        f"{len(vectors):,} x {vectors.shape[1]}, {'uniform' if uniform else 'in clusters'}: built "
        f"in {built:.0f} s, {len(index.centroids):,} cells, {len(data) / 1e6:.0f} MB, "
        f"recall@10 as stated {index.recall:.3f}"
    )
    indexed = dataclasses.replace(space, parts={part_name("euclidean"): data})
    truth = neighbours(space, queries, K, "euclidean").positions
    exact_time = seconds(lambda: neighbours(space, queries, K, "euclidean"), 1)[0]
    print(f"exact                {QUERIES / exact_time:8,.0f} queries/s")
    if uniform:
        opened = Opened(index, vectors)
        for probes in PROBES:
            found = opened.search(queries, K, None, probes)[0]
            spent = seconds(lambda probes=probes: opened.search(queries, K, None, probes), 1)[0]
            tell(f"{probes:,} cells searched", found, truth, spent, exact_time)
        return
    found = neighbours(indexed, queries, K, "euclidean").positions
    spent = seconds(lambda: neighbours(indexed, queries, K, "euclidean"), 5)[0]
    tell(f"index, {index.probes} cells", found, truth, spent, exact_time)
    one, alone = seconds(
        lambda: neighbours(indexed, queries[0], K, "euclidean"),
        20,
        lambda: neighbours(space, queries[0], K, "euclidean"),
    )
    print(f"one query: index {1e3 * one:.1f} ms, exact {1e3 * alone:.1f} ms: {alone / one:.0f} x")


def tell(name, found, truth, spent, exact_time):
    recall = np.mean([np.isin(a, b).mean() for a, b in zip(truth, found, strict=True)])
    print(
        f"{name:20} {QUERIES / spent:8,.0f} queries/s, {exact_time / spent:5.1f} x exact, "
        f"recall@10 of new queries {recall:.3f}",
        flush=True,
    )


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--million", action="store_true")
    parser.add_argument("--uniform", action="store_true")
    chosen = parser.parse_args()
    if chosen.million:
        million(chosen.uniform)
    else:
        exact()


if __name__ == "__main__":
    main()
