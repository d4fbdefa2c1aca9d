"""Nodes of a graph: their classes, links that are held back, and a graph of a million nodes.

    NEARSPACE_DATA=… python benchmarks/graphs.py nodes|splits|links|large

``nodes``: ``cora`` under its public split, ten seeds of each encoder that has one: accuracy of a
linear model of the vectors, and of the network's own logits where it has some.
``splits``: the same under ten random splits of as many nodes a class (20 train, 1,000 test).
``links``: a tenth of the edges held back, AUC and AP; beside it what the same encoders seem to
reach where the edges that test are left in the graph, which is the usual mistake.
``large``: a made graph of 1,000,000 nodes and 10,000,000 edges whose nodes have 64 numbers, and
one of a tenth of that: seconds and the most memory of `propagated` and of `prone`.
"""

import argparse
import dataclasses
import os
import resource
import subprocess
import sys
import time

import numpy as np
import torch

from nearspace import load, load_graph, make
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.metrics.labels import probe

WITHOUT = ("attributes", "adjacency", "netmf", "prone", "propagated", "propagated(hops=3)")
LEARNED = ("deepwalk", "gcn", "sage", "graph_autoencoder", "dgi")
OF_LINKS = (*WITHOUT, "graph_autoencoder", "graph_autoencoder(variational=True)", "dgi",
            "propagated + graph_autoencoder")  # fmt: skip


def cora():
    return load_graph(os.path.join(os.environ["NEARSPACE_DATA"], "cora", "cora.npz"))


def accuracies(encoder, graph, train, test):
    """Return the accuracy of a linear model, and of the encoder's own logits where it has some."""
    learnt, asked = graph.take(train), graph.take(test)
    encoder.fit_on(learnt)
    vectors = encoder.transform(asked.items)
    own = asked.target.values
    linear = probe(encoder.transform(learnt.items), learnt.target, vectors)[0] == own
    nets = getattr(encoder, "nets_", {})
    if "logits" not in nets:
        return linear.mean(), np.nan
    logits = nets["logits"](torch.from_numpy(vectors)).argmax(dim=1).numpy()
    return linear.mean(), (learnt.target.classes[logits] == own).mean()


def row(name, values, seconds):
    linear, logits = 100 * np.array(values).T
    beside = "" if np.isnan(logits).any() else f"  {logits.mean():.1f} ± {logits.std():.1f}"
    print(
        f"{name:24} {linear.mean():.1f} ± {linear.std():.1f}  {seconds:.1f} s{beside}", flush=True
    )


def nodes(seeds):
    graph = cora()
    train, test = (np.flatnonzero(graph.split == part) for part in ("train", "test"))
    for name in (*WITHOUT, *LEARNED):
        start, values = time.perf_counter(), []
        for seed in range(seeds):
            encoder = make(name)
            seeded = "random_state" in encoder.get_params()
            if seeded:
                encoder.set_params(random_state=seed)
            values.append(accuracies(encoder, graph, train, test))
            if not seeded:
                break
        row(name, values, (time.perf_counter() - start) / len(values))


def splits(count):
    graph = cora()
    for name in (*WITHOUT, *LEARNED):
        start, values = time.perf_counter(), []
        for seed in range(count):
            order = np.random.default_rng(seed).permutation(len(graph))
            classes = graph.target.values[order]
            train = np.concatenate([order[classes == c][:20] for c in np.unique(classes)])
            test = order[~np.isin(order, train)][:1000]
            values.append(accuracies(make(name), graph, train, test))
        row(name, values, (time.perf_counter() - start) / count)


def links(seeds):
    graph = cora()
    for name in OF_LINKS:
        honest, leaked = [], []
        for seed in range(seeds):
            task = set_task(graph, Protocol(test_size=0.1, random_state=seed), "links")
            whole = dataclasses.replace(task.train, items=graph.items.everyone)
            for learnt, into in ((task.train, honest), (whole, leaked)):
                evidence = dataclasses.replace(task, train=learnt).evidence(
                    make(name).fit_on(learnt)
                )
                by_name = {score.name: score.measure(evidence) for score in task.scores}
                into.append([by_name[each].mean() for each in ("link_auc", "link_ap", "link_mrr")])
        auc, ap, mrr = 100 * np.mean(honest, axis=0)
        spread = 100 * np.std([each[0] for each in honest])
        flattered = 100 * np.mean([each[0] for each in leaked])
        print(f"{name:38} AUC {auc:.1f} ± {spread:.1f}, AP {ap:.1f}, MRR {mrr:.1f}; with the edges "
              f"left in {flattered:.1f}", flush=True)  # fmt: skip


def large():
    for n in (100_000, 1_000_000):
        for name in ("propagated", "prone(dim=128)"):
            # A process each, whose most memory is that of one encoder.
            done = subprocess.run([sys.executable, __file__, "one", str(n), name],
                                  capture_output=True, text=True, check=True)  # fmt: skip
            print(done.stdout.strip(), flush=True)


def one(n, name):
    rng = np.random.default_rng(0)
    group = rng.integers(1000, size=n)
    order = np.argsort(group, kind="stable")  # nodes of a group stand together
    edges = rng.integers(n, size=(10 * n, 2))
    near = rng.random(10 * n) < 0.8
    edges[near, 1] = np.clip(edges[near, 0] + rng.integers(-50, 51, near.sum()), 0, n - 1)
    numbers = rng.standard_normal((n, 64), dtype=np.float32)
    start = time.perf_counter()
    graph = load_graph(order[edges], load(numbers))
    read = time.perf_counter() - start
    start = time.perf_counter()
    vectors = make(name).fit_on(graph).transform(graph.items)
    seconds = time.perf_counter() - start
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"{name:16} {n:9,} nodes, {len(graph.items.edges):10,} edges: read {read:.1f} s, vectors "
          f"of {vectors.shape[1]} numbers {seconds:.1f} s, at most {most:.2f} GiB")  # fmt: skip


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("nodes", "splits", "links", "large", "one"))
    parser.add_argument("more", nargs="*")
    given = parser.parse_args()
    if given.what == "one":
        one(int(given.more[0]), given.more[1])
    elif given.what == "large":
        large()
    else:
        {"nodes": nodes, "splits": splits, "links": links}[given.what](int(*given.more or [10]))
