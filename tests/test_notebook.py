"""What a notebook shows of every value: a line, and a card that is small, quick and harmless."""

import dataclasses
import html.parser
import re
import time

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import sklearn

from nearspace.data import SAMPLES, Classes, Dataset, Image, Text, Vector, load
from nearspace.data.pair_reading import load_pairs
from nearspace.encoders.exhibits import Strip
from nearspace.encoders.spec import make
from nearspace.judge.board import Failure
from nearspace.judge.cost import Cost
from nearspace.judge.exhibits import Exhibits
from nearspace.judge.leaderboard import Leaderboard, Result
from nearspace.judge.mistakes import Mistakes
from nearspace.judge.statistics import Estimate
from nearspace.judge.studies.compare import compare
from nearspace.judge.studies.curves import Curve, Equal, Rates
from nearspace.judge.studies.gains import TransferRow
from nearspace.judge.studies.layers import Hybrid, LayerBoard, LayerRow
from nearspace.judge.studies.transfer import Transfer
from nearspace.judge.table import Verdict
from nearspace.recipe import Recipe
from nearspace.space.map.maps import Map
from nearspace.space.search.neighbours import Neighbours
from nearspace.space.space import Space, embed

LARGEST, LONGEST, SLOWEST = 200_000, 120, 2.0  # bytes, characters, seconds of computing
HOSTILE = (
    "</style></td><script>alert('1')</script>\"' onload=\"x\" \x1b[31m\n\u202e{0} %s " + "x" * 9999
)


def leaderboard(name, n=3):
    rows = [
        Result(f"{name}{at}", "items", 8, {"knn": Estimate(0.9 - 0.001 * at, 0.8, 0.95)},
               verdict="worse" if at else "best", recommended=not at)
        for at in range(n)
    ]  # fmt: skip
    guess = Result("chance", "nothing", 0, {"knn": Estimate(0.1, 0.05, 0.2)}, verdict="floor")
    rows += [guess, Failure(name, f"{name} takes texts.")]
    told = {"name": name, "kind": name, "k": 5, "train": 30, "test": 10, "rank_by": "knn"}
    return Leaderboard(tuple(rows), told, notes=(name,) * 9, interrupted=True)


def layerboard(name):
    half, wide = Estimate(0.5), (0.4, 0.8)
    rows = tuple(
        LayerRow(f"{name}{at}", (4,), 4, 2.0, half, 0.0, {"knn": Estimate(0.5 + at / 10, *wide)},
                 verdict="best" if at else "worse", recommended=bool(at))
        for at in range(2)
    )  # fmt: skip
    return LayerBoard(rows, {"name": name, "k": 5, "rank_by": "knn"})


def study(name):
    score = {"accuracy": Estimate(0.8, 0.7, 0.9)}
    row = TransferRow(50, name, False, 2, score, None, None, None, 1.0, np.zeros((2, 9999)))
    return Transfer((row,), {"name": name, "rank_by": "accuracy"})


def rates(name):
    curves = tuple(
        Curve(f"{name}{at}", "latents", [8, 16, 40], [10.0 + at, 20.0, np.inf], ["", "", ""])
        for at in range(3)
    )
    equal = Equal(16.0, 20.0, name, None, None, {name: (40.0, True)}, 99, None)
    return Rates(curves, (equal,), (), {"name": name, "kind": name, "training images": 7}, (name,))


def table(name):
    frame = pd.DataFrame({f"{name}{at}": [name, None, "c"] for at in range(9)} | {"y": list("aab")})
    return load(frame, labels="y")


def space(name, n=60):
    rng = np.random.default_rng(0)
    vectors = rng.normal(size=(n, 5)).astype(np.float32)
    ids = np.array([f"{name}{at}" for at in range(n)], dtype=object)
    meta = pa.table({f"a{name}": [name] * n, "when": [1.5] * n})
    labels = np.array([name, None, "b"] * (n // 3), dtype=object)
    recipe = Recipe(name, "0" * 16, name, "cosine")
    return Space(
        vectors, ids, labels, recipe, meta=meta, thumbnails=[b"<svg onload=x>", b""] * (n // 2)
    )


def atlas(name, n=40):
    places = np.random.default_rng(0).uniform(-1, 1, (n, 2)).astype(np.float32)
    made_by = {"library": name, "version": "1", "metric": name}
    checksums = np.zeros(n, np.uint32)
    return Map(np.arange(n), checksums, places, np.arange(n) > 3, made_by, 0.9, 0.5, n)


MADE = {
    "leaderboard": leaderboard,
    "layers": layerboard,
    "transfer": study,
    "rates": rates,
    "table": table,
    "texts": lambda name: load([name, "b", "c"], labels=[name, name, "x"]),
    "numbers": lambda name: dataclasses.replace(
        load(np.eye(9), kind="vector", labels=np.linspace(0.5, 3.25, 9)), name=name, notes=(name,)
    ),
    "space": space,
    "wordless": lambda name: dataclasses.replace(space(name), thumbnails=None),
    "map": atlas,
    "pairs": lambda name: dataclasses.replace(
        load_pairs(pd.DataFrame({"a": [name, "b"], "b": ["c", "d"]}), "a", "b"), name=name
    ),
}
FEW = {
    "no rows": lambda: Leaderboard((), {}),
    "failures": lambda: Leaderboard((Failure("pca", "No."),), {"rank_by": "knn"}),
    "no score": lambda: Leaderboard((Result("pca", "items", 3, {}),), {"rank_by": "knn"}),
    "not a number": lambda: Leaderboard(
        (Result("a", "items", 3, {"knn": Estimate(float("nan"))}, verdict="best"),), {}
    ),
    "many rows": lambda: leaderboard("pca", 500),
    "no rates": lambda: Rates((), (), (), {}),
    "no items": lambda: embed(SAMPLES["digits"](), "pca(dim=2)")[:0],
    "one item": lambda: embed(SAMPLES["sentences"](), "tfidf")[:1],
    "one dimension": lambda: embed(SAMPLES["wine"](), "pca(dim=1)"),
    "no map": lambda: atlas("x", 0),
    "one place": lambda: atlas("x", 1),
    "empty data": lambda: load(np.eye(3), kind="vector").take(np.array([], dtype=int)),
    "pictures": lambda: SAMPLES["digits"](),
    "photographs": lambda: Dataset(
        np.random.default_rng(0).integers(0, 256, (30, 90, 60, 3), dtype=np.uint8),
        Image((90, 60, 3)),
    ),
    "a million": lambda: Dataset(
        np.zeros((10**6, 3), np.float32), Vector(3), target=np.arange(10**6) % 1000
    ),
    "a million vectors": lambda: Space(
        np.zeros((10**6, 3), np.float32), np.arange(10**6), np.arange(10**6) / 7,
        Recipe("raw", "0" * 16, "many", "euclidean"),
    ),
    "a million places": lambda: atlas("x", 10**6),
}  # fmt: skip


SCORE = Estimate(0.87654321, 0.8, 0.95)
LINES = {
    "result": lambda name: leaderboard(name).rows[0],
    "failure": lambda name: leaderboard(name).failures[0],
    "layer": lambda name: layerboard(name).rows[0],
    "hybrid": lambda name: Hybrid(name, name, "side by side", 0.5, SCORE, "tied with best", SCORE),
    "way": lambda name: study(name).rows[0],
    "mistakes": lambda name: Mistakes(name, n_wrong=3, n_items=99, pairs=((name, name, 2),)),
    "estimate": lambda _: SCORE,
    "cost": lambda _: Cost(1234.5, 98765.4321, 0.00123456, 2e9, 0.001, 0.002),
    "verdict": lambda _: Verdict("tied with best", SCORE, SCORE),
    "neighbours": lambda name: Neighbours(
        np.full((7, 99), name, dtype=object), np.zeros((7, 99), int), np.zeros((7, 99)), "cosine"
    ),
    "strip": lambda name: Strip(Text(), [name] * 9, "A walk"),
    "exhibits": lambda _: Exhibits(np.zeros((500, 2)), np.zeros((6, 6), int)),
    "classes": lambda name: Classes(np.array([name] * 500, dtype=object)),
}


class Harmless(html.parser.HTMLParser):
    """Fails on what runs, loads, or is not closed."""

    OPEN = frozenset({"img", "line", "circle", "rect", "polyline", "wbr"})

    def __init__(self):
        super().__init__()
        self.within, self.tables = [], 0

    def handle_starttag(self, tag, attributes):
        assert tag not in ("script", "link", "iframe", "object", "embed", "form", "a", "base")
        for name, value in attributes:
            assert not name.startswith("on"), name
            assert name not in ("href", "srcset", "action"), name
            assert name != "src" or value.startswith(("data:image/png;", "data:image/webp;"))
            assert name != "style" or "url(" not in value
        if tag not in self.OPEN:
            self.within.append(tag)

    def handle_endtag(self, tag):
        if tag not in self.OPEN:
            assert self.within.pop() == tag


def shown(value):
    """Return the card of a value, having looked at its line and its code."""
    line = repr(value)
    assert "\n" not in line
    assert line.isprintable()
    assert len(line) <= LONGEST, line
    if not hasattr(value, "_repr_html_"):
        return ""
    card = value._repr_html_()
    assert len(card.encode()) < LARGEST
    parser = Harmless()
    parser.feed(card)
    parser.close()
    assert parser.within == []
    assert not re.search(r"https?:|@import|url\(", card)
    return card


@pytest.mark.parametrize("what", MADE)
def test_hostile_names_are_shown_and_do_nothing(what):
    assert "digits" in repr(MADE[what]("digits")) or what in ("texts", "table")
    card = shown(MADE[what](HOSTILE))
    assert "alert" not in card or "&lt;script&gt;" in card
    assert "<script" not in card
    assert "\x1b" not in card
    assert len(shown(MADE[what]("digits"))) > 2000 or what == "pairs"


@pytest.mark.parametrize("what", LINES)
def test_what_boards_and_spaces_are_made_of_is_one_line(what):
    line = repr(LINES[what](HOSTILE))
    assert len(line) <= LONGEST
    assert line.isprintable()
    assert line.startswith(type(LINES[what]("")).__name__ + "(")


def test_the_line_of_a_row_says_how_it_did_by_the_score_that_ranks():
    data = load(np.arange(48.0).reshape(-1, 2), labels=np.repeat([0, 1], [18, 6]))
    board = compare(data, encoders=["raw | scale"], folds=3)
    assert board.rank_by == "knn_balanced"
    for row in board.results:
        score = row.scores["knn_balanced"]
        told = f"knn_balanced {score.value:.3g} [{score.low:.3g}, {score.high:.3g}]"
        assert told in repr(row), row
    assert repr(board.best()).endswith(" each)")
    assert "★" in repr(board.best())


def test_the_card_of_an_encoder_says_what_it_is_and_whether_it_is_fitted():
    wine = SAMPLES["wine"]()
    encoder = make("raw | scale + pca(dim=99)")
    card = shown(encoder)
    for told in (
        "not fitted",
        "learns from items",
        "the input itself as a vector",
        "does not decode",
    ):
        assert told in card, told
    assert "takes images or vectors" in shown(make("pca"))
    assert "takes" not in shown(make("raw")) + shown(make("cnn + raw"))
    card = shown(encoder.fit_on(wine))
    told = ("fitted on 178 items: vectors of 13 numbers", "26 numbers an item", "near by euclidean")
    for words in (*told, "It has 13 dimensions", "does not decode"):
        assert words in card, words
    with sklearn.config_context(display="text"):
        assert "text/html" not in encoder._repr_mimebundle_()
    assert encoder._repr_mimebundle_()["text/html"] == encoder._html_repr() == card
    again = type(encoder).parse(encoder.dump(), "memory")
    assert again._html_repr() == card
    few = make("raw").fit(wine.items[:9])
    assert few.fingerprint == make("raw").fit(wine.items).fingerprint
    assert few.n_samples_fit_ == 9


@pytest.mark.trains
def test_the_card_of_a_network_shows_how_its_loss_fell():
    card = shown(make("autoencoder(dim=2, epochs=3)").fit_on(SAMPLES["wine"]()))
    assert "3 epochs" in card
    assert card.count("<polyline") == 1


@pytest.mark.parametrize("what", FEW)
def test_nothing_little_and_much_are_shown_in_little_time(what):
    value = FEW[what]()
    start = time.process_time()
    shown(value)
    assert time.process_time() - start < SLOWEST


def test_a_board_draws_its_intervals_and_names_what_to_use():
    board = leaderboard("pca")
    assert repr(board) == "Leaderboard(pca: 3 encoders, best pca0 90.0, 1 failed, interrupted)"
    card = board._repr_html_()
    assert card.count('aria-label="interval"') == 3
    assert "best ★" in card
    assert "pca takes texts." in card
    assert "and 5 more in .notes" in card


def test_pictures_and_labels_of_data_and_spaces_are_shown():
    digits = SAMPLES["digits"]()
    assert repr(digits) == ("Dataset(digits: 1,797 items, grey images of 8 × 8 pixels, 10 classes)")
    for value in (digits, embed(digits, "pca(dim=3)")):
        card = value._repr_html_()
        assert card.count("data:image/png;base64,") == 24
        assert "nearspace-card" in card
    assert card.count("<circle") == 400
    wine = embed(SAMPLES["wine"](), "pca(dim=2)")
    assert wine._repr_html_().count("<circle") == 178


def test_the_plane_of_a_space_is_that_of_principal_components():
    from nearspace.space.card import principal_plane

    rng = np.random.default_rng(0)
    vectors = (rng.normal(size=(50, 6)) * [9, 5, 1, 1, 1, 1]).astype(np.float32)
    axes = np.linalg.svd(vectors - vectors.mean(axis=0), full_matrices=False)[2]
    plane = principal_plane(vectors, "euclidean")
    expected = (vectors - vectors.mean(axis=0)) @ axes[:2].T
    np.testing.assert_allclose(np.abs(plane), np.abs(expected), rtol=1e-3, atol=1e-3)
