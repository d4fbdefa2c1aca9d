"""Users and items: what users find of the films that they rate later, or that were held back.

    NEARSPACE_DATA=… python benchmarks/recommenders.py random|date|user|speed|grid

All of ``movietweetings-100k``, of users and films with five ratings or more, whatever the rating.
``random``: a fifth of the ratings held back at random, five splits: recall@20, nDCG@20, coverage,
and which share of what users get is the 1 % of films that most users have.
``date`` and ``user``: the table of `nearspace compare` on the latest fifth, by one date for all, or
of each user, with intervals over users.
``speed``: ALS and EASE beside the ALS of ``implicit`` in one run, in turn, five times: seconds of
the fit, and recall@20 of the same split.
``grid``: what ALS reaches over 18 settings of its regularisation and confidence.
"""

import argparse
import os
import time

import numpy as np
import pandas as pd
from scipy import sparse

from nearspace import compare, load, load_interactions, make
from nearspace.encoders.handmade.als import ALS
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

FEWEST = 5  # ratings of a user, and of a film
ENCODERS = ("popularity", "itemknn", "ease", "puresvd", "als", "als(dim=128)", "bpr", "two_tower",
            "propagated", "prone", "netmf")  # fmt: skip
SHOWN = ("user_recall_20", "user_ndcg_20", "coverage", "popular_20")
TRIED = [(factors, regularization, alpha) for factors in (64, 128)
         for regularization in (20.0, 50.0, 100.0) for alpha in (2.0, 4.0, 8.0)]  # fmt: skip
THREADS = len(os.sched_getaffinity(0))


def films():
    """Return the ratings as interactions with their time, and titles and genres of films."""
    folder = os.path.join(os.environ["NEARSPACE_DATA"], "movietweetings-100k")

    def read(name, columns):
        path = os.path.join(folder, f"{name}.dat.gz")
        return pd.read_csv(path, sep="::", engine="python", names=columns, dtype=str)

    ratings = read("ratings", ["user", "film", "rating", "time"])
    while True:
        often = [ratings[of].map(ratings[of].value_counts()) >= FEWEST for of in ("user", "film")]
        if (often[0] & often[1]).all():
            break
        ratings = ratings[often[0] & often[1]]
    said = read("movies", ["film", "title", "genres"]).fillna("")
    said = said[said["film"].isin(ratings["film"])]
    texts = (said["title"] + " " + said["genres"].str.replace("|", " ")).tolist()
    return load_interactions(ratings, load(texts, ids=said["film"].tolist()), time="time")


def scores_of(task, encoder):
    evidence = task.evidence(encoder)
    return {s.name: float(np.nanmean(s.measure(evidence))) for s in task.scores if s.name in SHOWN}


def at_random(data, splits=5):
    for name in ENCODERS:
        rows, seconds = [], []
        for seed in range(splits):
            protocol = Protocol(test_size=0.2, random_state=seed, hold_out="random")
            task = set_task(data, protocol)
            start = time.perf_counter()
            encoder = make(name).fit_on(task.train)
            seconds.append(time.perf_counter() - start)
            told = scores_of(task, encoder)
            rows.append([told[each] for each in SHOWN])
        mean, spread = np.mean(rows, axis=0), np.std(rows, axis=0)
        told = f"nDCG@20 {mean[1]:.3f}, coverage {mean[2]:.2f}, popular {mean[3]:.0%}"
        fit = f"fit {np.median(seconds):.2f} s"
        print(f"{name:14} recall@20 {mean[0]:.3f} ± {spread[0]:.3f}, {told}; {fit}", flush=True)


def table(data, how):
    specs = [*ENCODERS[2:8], "prone"]
    board = compare(data, encoders=specs, test_size=0.2, hold_out=how)
    for row in board.results:
        told = [f"{name} {row.scores[name]}" for name in (*SHOWN, "new_users", "new_items")
                if name in row.scores]  # fmt: skip
        print(f"{row.spec:14} {row.verdict:15} {', '.join(told)}")
    print("\n".join([*board.notes, str(board.advice)]))


def speed(data, rounds=5):
    import implicit

    task = set_task(data, Protocol(test_size=0.2, hold_out="random"))
    nodes = task.train.items
    matrix = sparse.csr_matrix(nodes.interactions)

    def recall(users, items):
        evidence = task.evidence(ALS(dim=4, regularization=1.0, iterations=1).fit_on(task.train))
        object.__setattr__(evidence, "test", np.concatenate([users, items]))
        told = next(score for score in task.scores if score.name == "user_recall_20")
        return float(np.nanmean(told.measure(evidence)))

    def peer(factors, regularization, alpha):
        model = implicit.als.AlternatingLeastSquares(
            factors=factors, regularization=regularization, alpha=alpha, iterations=15,
            random_state=0, num_threads=THREADS,
        )  # fmt: skip
        model.fit(matrix, show_progress=False)
        return model

    best = max(TRIED, key=lambda given: recall(*factors_of(peer(*given))))
    print(f"implicit's best of {len(TRIED)} settings: factors, regularization, alpha = {best}")
    runs = {
        "implicit ALS": lambda: peer(*best),
        "als(dim=64)": lambda: make("als(dim=64, regularization=0.025)").fit_on(task.train),
        "als(dim=128)": lambda: make("als(dim=128, regularization=0.025)").fit_on(task.train),
        "ease": lambda: make("ease(regularization=300)").fit_on(task.train),
        "als, which chooses": lambda: make("als").fit_on(task.train),
        "ease, which chooses": lambda: make("ease").fit_on(task.train),
    }
    seconds, told = {name: [] for name in runs}, {}
    for _ in range(rounds):
        for name, run in runs.items():
            start = time.perf_counter()
            model = run()
            seconds[name].append(time.perf_counter() - start)
            vectors = factors_of(model) if name == "implicit ALS" else None
            if name not in told and vectors is None:
                whole = model.transform(nodes)
                vectors = whole[: nodes.users], whole[nodes.users :]
            told.setdefault(name, None if vectors is None else recall(*vectors))
    peers = np.array(seconds["implicit ALS"])
    for name, taken in seconds.items():
        ratio = np.median(np.array(taken) / peers)
        print(f"{name:20} {np.median(taken):.2f} s, {ratio:.2f} × implicit, recall@20 "
              f"{told[name]:.4f}", flush=True)  # fmt: skip


def factors_of(model):
    return model.user_factors, model.item_factors


def grid(data):
    task = set_task(data, Protocol(test_size=0.2, hold_out="random"))
    for penalty in (0.001, 0.005, 0.0125, 0.025, 0.05, 0.1):
        told = []
        for confidence in (5.0, 15.0, 40.0):
            encoder = ALS(regularization=penalty, confidence=confidence).fit_on(task.train)
            told.append(f"{scores_of(task, encoder)['user_recall_20']:.3f}")
        print(f"regularization={penalty}, confidence 5, 15, 40: {', '.join(told)}", flush=True)


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("what", choices=("random", "date", "user", "speed", "grid"))
    given = parser.parse_args().what
    whole = films()
    print(whole.notes[-1] if len(whole.notes) == 1 else whole.notes[1])
    if given in ("date", "user"):
        table(whole, given)
    else:
        {"random": at_random, "speed": speed, "grid": grid}[given](whole)
