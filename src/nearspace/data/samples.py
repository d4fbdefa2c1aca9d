"""Sample data that ships with scikit-learn or is generated here, the same at every call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import Text
from nearspace.data.kinds.vector import Vector
from nearspace.data.target import Classes

__all__ = ["SAMPLES"]

TOPICS = ("cooking", "money", "sport", "travel", "weather")
# Every word belongs to two topics: no word alone tells the topic, two of them mostly do.
SHARED_WORDS = {
    ("weather", "cooking"): "heat steam ice smoke chill drizzle",
    ("weather", "sport"): "wind season field record sun mud",
    ("weather", "money"): "forecast freeze flood pressure drought slump",
    ("weather", "travel"): "coast mountain fog sky harbour island",
    ("cooking", "sport"): "bowl squash diet grill roll serve",
    ("cooking", "money"): "market stock price dough share cut",
    ("cooking", "travel"): "menu fish café spice terrace village",
    ("money", "sport"): "bonus contract transfer club goal league",
    ("money", "travel"): "fare card fee booking passport exchange",
    ("sport", "travel"): "ticket trail ski stadium boat race",
}
FRAMES = (
    "the {} came before the {} and the {} that year",
    "after the {} we spoke about the {} and a {}",
    "nobody expected a {} with such a {} at the {}",
    "they say the {} is better than the {} near the {}",
    "a new {} and an old {} made the {} famous",
    "without the {} there would be no {} and no {}",
    "she wrote about the {} and the {} but not the {}",
    "it was a good day for the {} and the {} until the {}",
)


def digits() -> Dataset:
    """Return 1,797 handwritten digits, 8 × 8 grey pixels, ten classes (scikit-learn's)."""
    from sklearn.datasets import load_digits

    data = load_digits()
    # Ink comes in 17 steps, from 0 to 16.
    images = np.rint(data.images * (255 / 16)).astype(np.uint8)[..., None]
    return Dataset(images, Image((8, 8, 1)), target=Classes(data.target), name="digits")


def wine() -> Dataset:
    """Return 178 wines by 13 chemical measurements, three cultivars (scikit-learn's)."""
    from sklearn.datasets import load_wine

    data = load_wine()
    return Dataset(data.data, Vector(13), target=Classes(data.target), name="wine")


def sentences() -> Dataset:
    """Return 600 generated sentences on five topics, each of whose words belongs to two topics."""
    rng = np.random.default_rng(0)
    words = {
        topic: [w for pair, text in SHARED_WORDS.items() if topic in pair for w in text.split()]
        for topic in TOPICS
    }
    labels = rng.permutation(np.repeat(TOPICS, 120))
    texts = []
    for topic in labels:
        chosen = rng.choice(words[topic], size=3, replace=False)
        if rng.random() < 0.15:
            chosen[rng.integers(3)] = rng.choice(words[str(rng.choice(TOPICS))])
        texts.append(FRAMES[rng.integers(len(FRAMES))].format(*chosen))
    return Dataset(texts, Text(), target=Classes(labels), name="sentences")


def customers() -> Dataset:
    """Return 500 generated customers: numbers, categories, 5 % missing cells, three classes.

    The class is what the customer does: ``"stays"``, ``"upgrades"`` or ``"leaves"``.
    """
    import pandas as pd

    rng = np.random.default_rng(0)
    n = 500
    code = rng.choice(3, size=n, p=[0.5, 0.25, 0.25])

    def number(means: tuple[float, float, float], deviation: float) -> np.ndarray:
        return np.asarray(means)[code] + deviation * rng.standard_normal(n)

    def category(values: str, *shares: tuple[float, ...]) -> np.ndarray:
        names = np.array(values.split(), dtype=object)
        return np.array([rng.choice(names, p=shares[c]) for c in code], dtype=object)

    frame = pd.DataFrame(
        {
            "age": number((53, 41, 32), 9).clip(18, 90).round(),
            "income": np.exp(number((10.4, 10.9, 10.2), 0.3)).round(-2),
            "visits per month": np.exp(number((1.6, 2.2, 0.6), 0.6)).round(),
            "minutes of last call": np.exp(number((1.0, 1.0, 1.0), 0.8)).round(1),
            "plan": category(
                "basic plus family", (0.3, 0.3, 0.4), (0.7, 0.25, 0.05), (0.6, 0.3, 0.1)
            ),
            "region": category("north east south west", *[(0.25, 0.25, 0.25, 0.25)] * 3),
            "pays by": category(
                "invoice card debit", (0.2, 0.2, 0.6), (0.1, 0.6, 0.3), (0.6, 0.3, 0.1)
            ),
        }
    )
    frame = frame.mask(rng.random(frame.shape) < 0.05)
    labels = np.array(["stays", "upgrades", "leaves"])[code]
    kind = Table.infer(frame)
    return Dataset(kind.check(frame), kind, target=Classes(labels), name="customers")


SAMPLES: dict[str, Callable[[], Dataset]] = {
    "customers": customers,
    "digits": digits,
    "sentences": sentences,
    "wine": wine,
}
