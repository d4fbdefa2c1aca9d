"""The k-NN evaluation beside the bare matrix product with top-k on which it rests.

Run: python benchmarks/knn.py
"""

import statistics
import time

import numpy as np
import torch

from nearspace.metrics.labels import knn_scores

TRAIN, TEST, DIM, K = 60_000, 10_000, 128, 5
ROUNDS = 5
# The best of those tried on two cores (250 to 2,000 queries, 1,000 to 60,000 items).
QUERIES, ITEMS = 2000, 2000


def bare(queries: torch.Tensor, gallery: torch.Tensor, k: int) -> torch.Tensor:
    """Largest inner products by torch.mm and torch.topk in blocks, and nothing else."""
    found = []
    for rows in queries.split(QUERIES):
        values, indices = [], []
        for first in range(0, len(gallery), ITEMS):
            top = torch.topk(torch.mm(rows, gallery[first : first + ITEMS].T), k)
            values.append(top.values)
            indices.append(top.indices + first)
        winners = torch.cat(values, 1).topk(k).indices
        found.append(torch.cat(indices, 1).gather(1, winners))
    return torch.cat(found)


def seconds(call, *args):
    start = time.perf_counter()
    call(*args)
    return time.perf_counter() - start


def main():
    rng = np.random.default_rng(0)
    train = rng.standard_normal((TRAIN, DIM), dtype=np.float32)
    test = rng.standard_normal((TEST, DIM), dtype=np.float32)
    train_labels, test_labels = rng.integers(10, size=TRAIN), rng.integers(10, size=TEST)
    bare(torch.from_numpy(test[:QUERIES]), torch.from_numpy(train), K)  # warm up
    knn_scores(train, train_labels, test[:QUERIES], test_labels[:QUERIES], k=K)
    product, evaluation = [], []
    for _ in range(ROUNDS):
        product.append(seconds(bare, torch.from_numpy(test), torch.from_numpy(train), K))
        evaluation.append(seconds(knn_scores, train, train_labels, test, test_labels, K))
    left, right = statistics.median(product), statistics.median(evaluation)
    print(f"{TEST:,} against {TRAIN:,} x {DIM}, k = {K}, {torch.get_num_threads()} threads")
    print(f"bare product with top-k   {left:.2f} s")
    print(f"k-NN evaluation           {right:.2f} s")
    print(f"ratio                     {right / left:.2f}   (median of {ROUNDS}, alternating)")


if __name__ == "__main__":
    main()
