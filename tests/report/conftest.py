"""Leaderboards that never were computed, but look as real ones do."""

import dataclasses
import functools

import numpy as np
import pandas as pd
import pytest

from nearspace.data import Classes, Dataset, Image, Text, Vector, infer_kind
from nearspace.encoders.bounds import Elbo
from nearspace.encoders.exhibits import Strip
from nearspace.judge.board import Failure
from nearspace.judge.cost import Cost
from nearspace.judge.exhibits import Exhibits
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.mistakes import mistakes_of
from nearspace.judge.statistics import Estimate

PROTOCOL = {
    "name": "digits",
    "kind": "image",
    "items": 1797,
    "classes": 10,
    "train": 1347,
    "test": 450,
    "split": {"how": "stratified, duplicates together", "test_size": 0.25, "hash": "9f2c51d0"},
    "k": 5,
    "metric": "euclidean",
    "rank_by": "knn",
    "random_state": 0,
    "seeds": 1,
    "bootstrap": 10_000,
    "versions": {"nearspace": "0.1.0", "numpy": "2.3.4", "torch": "2.13.0"},
    "command": "nearspace compare digits --random-state 0",
}
NOTES = (
    "2 test items also stand in the training split of the published split; they were left there.",
    "Left out: photos/broken.png is truncated.",
)
# spec, learns, dim, k-NN accuracy, verdict, latency, fit seconds
ROWS = (
    ("cnn", "labels", 64, 0.987, "best", 9.1e-4, 11.2),
    ("hog", "nothing", 144, 0.984, "tied with best", 3.1e-4, 0.002),
    ("raw", "nothing", 64, 0.982, "tied with best", 4.2e-4, 0.001),
    ("pca(dim=32)", "items", 32, 0.973, "worse", 3.3e-5, 0.03),
    ("simclr(dim=64) + pca(dim=8) | l2", "items", 72, 0.968, "worse", 1.2e-3, 14.8),
    ("autoencoder", "items", 16, 0.962, "worse", 3.0e-4, 8.4),
    ("vae(dim=16)", "items", 16, 0.944, "worse", 3.2e-4, 9.9),
    ("random(dim=16)", "nothing", 16, 0.911, "worse", 2.1e-5, 0.001),
)
DECODERS = ("pca(dim=32)", "autoencoder", "vae(dim=16)")
SHOWN, QUERIES, NEAREST = 300, 8, 6


def pictures(images):
    """8x8 pictures as a strip."""
    return Strip(Image((8, 8, 1)), np.clip(images * 16, 0, 255).astype(np.uint8)[..., None])


def score(value, width=0.011):
    return Estimate(value, value - width, min(1.0, value + 0.8 * width))


def scores(knn, spec):
    found = {
        "knn": score(knn),
        "probe": score(knn - 0.008),
        "r_precision": score(knn - 0.25, 0.02),
        "ami": Estimate(knn - 0.27),
        "preservation": score(1.0 if spec == "raw" else knn - 0.3, 0.01),
        "effective_rank": Estimate(6.3 + 20 * knn),
        "intrinsic_dimension": Estimate(9.4 * knn),
        "hubness": Estimate(1.9 - knn),
    }
    if spec in DECODERS:
        found["reconstruction"] = Estimate(0.0213, 0.0207, 0.0219)
    return found


def exhibits(spec, seed):
    """Places, neighbours and pictures of one space, with noise that grows with ``seed``."""
    from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
    from sklearn.neighbors import NearestNeighbors

    rng = np.random.default_rng(seed)
    images, labels = digits()
    noisy = images.reshape(len(images), -1) + rng.normal(0, 0.8 * seed, (len(images), 64))
    space = LinearDiscriminantAnalysis().fit_transform(noisy[:, 4:60], labels)
    train = slice(SHOWN, SHOWN + 200)
    nearest = NearestNeighbors(n_neighbors=NEAREST).fit(noisy[train])
    blurred = images[:QUERIES] * 0.7 + rng.random((QUERIES, 8, 8)) * 3
    return Exhibits(
        layout=space[:SHOWN, [seed % 3, 3]],
        neighbours=nearest.kneighbors(noisy[:QUERIES])[1],
        layers=tuple((f"layers.{i}", 64 >> i, score(0.93 + 0.018 * i, 0.015)) for i in range(4))
        * (spec == "cnn"),
        strips=strips(spec, images, blurred) if spec in DECODERS else (),
        elbo=Elbo(80.25, 21.5, -101.75, 0.187, 14) if spec == "vae(dim=16)" else None,
    )


def strips(spec, images, blurred):
    """What a space is decoded to."""
    steps = np.linspace(0, 1, 11)[:, None, None]
    walk = (1 - steps) * images[0] + steps * images[3]
    shown = [("Left", blurred, "16 numbers"), ("Walk", walk, ""), ("Samples", images[40:56], "")]
    if spec == "vae(dim=16)":
        shown.append(("Dimensions", blurred, "dimension 5"))
    return tuple(
        dataclasses.replace(
            pictures(items), title=title, label=label, of_queries=title == "Left",
            score="reconstruction" * (title == "Left"),
        )
        for title, items, label in shown
    )  # fmt: skip


@functools.cache
def digits():
    from sklearn.datasets import load_digits

    found = load_digits()
    return found.images[:600], found.target[:600]


@functools.cache
def digits_board():
    """Eight encoders, chance, a failure; ten classes; 300 shown pictures."""
    images, labels = digits()
    rows = [
        Result(
            spec,
            learns,
            dim,
            scores(knn, spec),
            Cost(fit, 0.8 / latency, latency, 4.0 * dim),
            verdict,
            score(knn - 0.987, 0.012) if verdict != "best" else Estimate(0.0, 0.0, 0.0),
            spec == "hog",
            exhibits(spec, seed),
        )
        for seed, (spec, learns, dim, knn, verdict, latency, fit) in enumerate(ROWS)
    ]
    chance = Result(
        "chance", "nothing", 0, {"knn": score(0.102), "probe": score(0.102)}, verdict="floor"
    )
    rng = np.random.default_rng(0)
    alike = rng.uniform(0.3, 0.95, (len(ROWS), len(ROWS)))
    alike = (alike + alike.T) / 2
    np.fill_diagonal(alike, 1.0)
    train = slice(SHOWN, SHOWN + 200)
    return Leaderboard(
        rows=(
            *rows,
            chance,
            Failure("mlp(hiden=3)", "mlp has no parameter 'hiden'."),
        ),
        protocol=PROTOCOL,
        notes=NOTES,
        seconds={"read": 0.21, "fit": 44.8, "transform": 0.9, "score": 6.1, "bootstrap": 2.4},
        shown=pictures(images[:SHOWN]),
        shown_target=Classes(labels[:SHOWN]),
        queries=pictures(images[:QUERIES]),
        query_labels=tuple(map(str, labels[:QUERIES])),
        gallery=pictures(images[train]),
        gallery_labels=tuple(map(str, labels[train])),
        similarity={"cka": alike, "neighbour_overlap": alike**2},
        spaces=tuple(row[0] for row in ROWS),
    )


NASTY = "<script>alert('x & y')</script>"


@functools.cache
def texts_board():
    """Three encoders of texts; everything a person can name holds special characters."""
    rng = np.random.default_rng(1)
    words = ["good", "bad", "film", "<b>bold</b>", "&", "dull", "music", "the", "story", "was"]
    shown = [" ".join(rng.choice(words, 12)) for _ in range(40)]
    labels = tuple(rng.choice(["up & <up>", NASTY], 40))

    def row(spec, knn, verdict, latency, recommended=False):
        return Result(
            spec,
            "items",
            300,
            {"knn": score(knn, 0.03)},
            Cost(0.1, 900, latency, 812.5),
            verdict,
            score(knn - 0.81, 0.04),
            recommended,
            Exhibits(rng.normal(size=(40, 2)), rng.integers(0, 40, (3, 4))),
        )

    return Leaderboard(
        rows=(
            row("tfidf | l2", 0.81, "best", 2e-4, True),
            row(f"vectors(path={NASTY!r})", 0.74, "worse", 3e-5),
            Failure("bow(x='<i>')", NASTY),
        ),
        protocol={**PROTOCOL, "name": f"films {NASTY}", "kind": "text", NASTY: {NASTY: NASTY}},
        notes=(f"Left out: {NASTY} is empty.",),
        shown=Strip(Text(), shown), shown_target=Classes(labels),
        queries=Strip(Text(), shown[:3]), query_labels=labels[:3],
        gallery=Strip(Text(), shown), gallery_labels=labels,
    )  # fmt: skip


@functools.cache
def unlabelled_board():
    """Vectors without labels: ranked by the neighbours that are kept."""
    rng = np.random.default_rng(2)

    def row(spec, kept, verdict, recommended=False):
        return Result(
            spec,
            "items",
            8,
            {"preservation": score(kept), "hubness": Estimate(0.4)},
            Cost(0.01, 1e5, 2e-5, 32),
            verdict,
            None,
            recommended,
            Exhibits(rng.normal(size=(50, 2)), rng.integers(0, 50, (2, 5))),
        )

    vectors = rng.normal(size=(50, 2))
    protocol = {key: PROTOCOL[key] for key in ("name", "items", "train", "test", "random_state")}
    return Leaderboard(
        rows=(
            row("raw", 1.0, "reference"),
            row("pca(dim=8)", 0.85, "best", True),
            row("random(dim=8)", 0.41, "worse"),
        ),
        protocol={**protocol, "rank_by": "preservation", "kind": "vector"},
        shown=Strip(Vector(2), vectors), queries=Strip(Vector(2), vectors[:2]),
        gallery=Strip(Vector(2), vectors),
    )  # fmt: skip


@functools.cache
def one_row_board():
    """The least there can be."""
    return Leaderboard((Result("pca", "items", 32, {"knn": Estimate(0.975)}),), {"name": "tiny"})


@functools.cache
def folded_board():
    """A few cases in columns whose names are long; every item tests, in folds."""
    names = ("a class with quite a long name", "another one", "z")
    items = pd.DataFrame({"a column": range(60), "another column": ["some words"] * 60})
    target = Classes(np.array(names)[np.arange(60) % 3])
    cases = Dataset(items, infer_kind(items)[0], target=target)
    told = np.roll(target.values, 1)
    told[10:] = target.values[10:]
    places, nearest = np.random.default_rng(3).normal(size=(12, 2)), np.zeros((2, 4), int)
    layers = (("fc1", 8, score(0.8)), ("fc2", 4, score(0.7)))
    rows = [
        Result(
            spec, "items", 8, {"knn": score(knn)}, Cost(0.1, 900, 2e-4, 32.0), verdict,
            score(knn - 0.83), verdict == "best",
            Exhibits(places, nearest, layers, strips=(Strip(Vector(2), places, "A walk"),)),
            summary="one-hot, scaled numbers",
        )
        for spec, knn, verdict in (("onehot", 0.83, "best"), ("onehot | mlp", 0.8, "worse"))
    ]  # fmt: skip
    chance = Result("chance", "nothing", 0, {"knn": score(1 / 3)}, verdict="floor")
    few = cases.take(np.arange(12))
    return Leaderboard(
        (*rows, chance),
        {"name": "cases", "kind": "table", "items": 60, "train": 48, "test": 60, "folds": 5,
         "classes": 3, "k": 5, "rank_by": "knn"},
        notes=tuple(f"Note {at}." for at in range(7)),
        shown=Strip(few.kind, few.items), shown_target=few.target,
        queries=Strip(few.kind, few.items[:2]), query_labels=few.target.texts[:2],
        gallery=Strip(few.kind, few.items), gallery_labels=few.target.texts,
        similarity={"cka": np.ones((2, 2))}, spaces=("onehot", "onehot | mlp"),
        mistakes=mistakes_of("onehot", cases, told),
    )  # fmt: skip


BOARDS = {
    "folds": folded_board,
    "digits": digits_board,
    "texts": texts_board,
    "unlabelled": unlabelled_board,
    "one row": one_row_board,
}


@pytest.fixture(scope="session")
def board():
    """A function that returns the made-up leaderboard of a name."""
    return lambda name: BOARDS[name]()
