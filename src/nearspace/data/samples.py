"""Sample data that ships with scikit-learn or is generated here, the same at every call."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from nearspace.data.dataset import Dataset
from nearspace.data.kinds.audio import Audio
from nearspace.data.kinds.image import Image
from nearspace.data.kinds.series import Series
from nearspace.data.kinds.table import Table
from nearspace.data.kinds.text import Text
from nearspace.data.kinds.vector import Vector
from nearspace.data.sound import Sound
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


def articles() -> Dataset:
    """Return 300 generated articles of a sentence each, and links between them: nodes of a graph.

    Four links of five that an article has lead to one on the same of five topics.
    """
    from nearspace.data.kinds.graph import Graph
    from nearspace.data.nodes import Edges, Nodes

    rng = np.random.default_rng(1)
    texts = sentences().take(np.arange(300))
    assert texts.target is not None
    topics, pairs = texts.target.values, set()
    for article in range(len(texts)):
        for _ in range(2):
            same = np.flatnonzero(topics == topics[article]) if rng.random() < 0.75 else None
            other = int(rng.integers(len(texts)) if same is None else rng.choice(same))
            if other != article:
                pairs.add((min(article, other), max(article, other)))
    names = np.array([f"article {number:03}" for number in range(len(texts))])
    items = Nodes(Edges(len(texts), np.array(sorted(pairs))), names, texts.items, np.arange(300))
    return Dataset(items, Graph(Text()), ids=names, target=texts.target, name="articles")


def readers() -> Dataset:
    """Return 240 generated readers of 200 articles, and on which day each read what.

    A reader has two topics of five, from which four articles of five come, and some articles of a
    topic are read far oftener than others. An article is read from the day on which it comes out.
    """
    from nearspace.data.kinds.interactions import Interactions
    from nearspace.data.nodes import Edges, Nodes

    rng, texts, n = np.random.default_rng(2), sentences().take(np.arange(200)), 240
    assert texts.target is not None
    topics = np.unique(texts.target.values, return_inverse=True)[1]
    liked = rng.pareto(2.0, len(topics)) + 0.3
    out = np.sort(rng.uniform(-300, 300, len(topics))).astype(int)  # most come out before day 0
    ends: list[tuple[int, int]] = []
    days: list[int] = []
    for reader in range(n):
        own = rng.choice(5, 2, replace=False)
        for day in np.sort(rng.integers(0, 300, rng.geometric(1 / 14) + 1)).tolist():
            likely = liked * (out <= day) * np.where(np.isin(topics, own), 1.0, 0.05)
            likely[[article - n for one, article in ends if one == reader]] = 0
            ends.append((reader, n + int(rng.choice(len(topics), p=likely / likely.sum()))))
            days.append(day)
    names = [f"user-{at:03}" for at in range(n)] + [f"item-{at:03}" for at in range(len(topics))]
    edges = Edges(len(names), np.array(ends), time=np.array(days))
    nodes = Nodes(edges, np.array(names), texts.items, np.arange(len(names)), n)
    return Dataset(nodes, Interactions(Text()), ids=nodes.names, name="readers")


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


def gestures() -> Dataset:
    """Return 240 generated movements of a hand: three axes of a sensor, five gestures.

    Eight people, the groups, hold the sensor each in their own way, and move at their own pace.
    """
    rng = np.random.default_rng(0)
    # Cycles, and the strength and the phase of each axis.
    forms = {
        "circle": (2.0, (1.0, 1.0, 0.2), (0.0, 0.25, 0.5)),
        "nod": (3.0, (0.1, 0.4, 1.0), (0.0, 0.0, 0.0)),
        "shake": (5.0, (1.0, 0.3, 0.1), (0.0, 0.5, 0.0)),
        "swipe": (1.0, (1.0, 0.2, 0.3), (0.0, 0.1, 0.25)),
        "wave": (4.0, (0.9, 0.6, 0.2), (0.0, 0.0, 0.3)),
    }
    people = np.arange(8)
    turns = [_turn(rng.normal(0, 0.8, 3)) for _ in people]
    pace, force = np.exp(rng.normal(0, 0.18, 8)), np.exp(rng.normal(0, 0.25, 8))
    items, labels, groups = [], [], []
    for person in people:
        for label in rng.permutation(np.repeat([*forms], 6)):
            cycles, strength, phase = forms[label]
            steps = int(rng.integers(60, 110) / pace[person])
            share = np.linspace(0, 1, steps) + rng.normal(0, 0.05)
            share = share + rng.normal(0, 0.04) * np.sin(2 * np.pi * share)
            waves = np.sin(2 * np.pi * (cycles * share + np.array(phase)[:, None]))
            swell = np.sin(np.pi * np.linspace(0, 1, steps)) ** 0.5 * force[person]
            moved = turns[person] @ (waves * np.array(strength)[:, None] * swell)
            noise = rng.normal(0, 0.3, (3, steps))
            items.append((moved * np.exp(rng.normal(0, 0.1)) + noise).astype(np.float32))
            labels.append(str(label))
            groups.append(f"person {person + 1}")
    target = Classes(np.array(labels))
    kind = Series(3)
    return Dataset(items, kind, target=target, groups=np.array(groups), name="gestures")


def vowels() -> Dataset:
    """Return 240 generated vowels, 8,000 samples a second, by six speakers, the groups.

    Pulses of a voice go through the resonances of a throat: the three formants that Peterson and
    Barney (1952) measured for men in each word, higher where the throat is shorter. Each speaker
    has a pitch, a throat, an accent and a microphone of their own, so that speakers who have been
    heard are easier than others.
    """
    words = {
        "head": (530, 1840, 2480),
        "heed": (270, 2290, 3010),
        "hod": (730, 1090, 2440),
        "hood": (440, 1020, 2240),
        "hud": (640, 1190, 2390),
    }
    rng, rate, room = np.random.default_rng(0), 8000, 4096  # samples in which a vowel dies away
    formants, at = np.array([*words.values()]), np.linspace(0, np.pi, room // 2 + 1)
    pitches, throats = (105, 120, 135, 200, 215, 235), (0.94, 1.0, 1.06, 1.12, 1.18, 1.24)
    items, labels, groups = [], [], []
    for speaker, (pitch, throat) in enumerate(zip(pitches, throats, strict=True)):
        tilt = rng.uniform(0.6, 0.95)
        microphone = np.exp(np.cos(np.outer(at, np.arange(1, 5))) @ rng.normal(0, 0.3, 4))
        # No microphone hears what stands still: below 50 Hz hardly anything is left.
        heard = microphone * at / (at + 0.04) / np.fft.rfft([1.0, -tilt], room)
        own = formants * throat * np.exp(rng.normal(0, 0.04, formants.shape))
        for word in rng.permutation(np.repeat(np.arange(len(words)), 8)):
            count = int(rng.uniform(0.2, 0.4) * rate)
            noise = rng.standard_normal((3, count))
            bent = 1 + 0.08 * rng.standard_normal() + np.linspace(0.1, -0.1, count)
            cycles = np.cumsum(pitch * (bent + 0.01 * noise[0]) / rate)
            voice = np.diff(np.floor(cycles), prepend=0.0) + 0.02 * noise[1]
            hertz = np.minimum(own[word] * np.exp(rng.normal(0, 0.03, 3)), 0.48 * rate)
            poles = np.exp(np.pi * (2j * hertz - 60 - 0.04 * hertz) / rate)
            resonances = np.poly([*poles, *poles.conj()])
            spectrum = np.fft.rfft(voice, room) * heard / np.fft.rfft(resonances, room)
            wave = np.fft.irfft(spectrum)[:count] * np.hanning(count) ** 0.3
            wave *= rng.uniform(0.2, 0.8) / np.abs(wave).max()
            items.append(Sound((wave + 0.003 * noise[2]).astype(np.float32), rate))
            labels.append([*words][word])
            groups.append(f"speaker {speaker + 1}")
    target = Classes(np.array(labels))
    return Dataset(items, Audio(rate), target=target, groups=np.array(groups), name="vowels")


def _turn(angles: np.ndarray) -> np.ndarray:
    """Return the rotation by three small angles, about one axis after the other."""
    turn = np.eye(3)
    for axis, angle in enumerate(angles):
        one, other = (at for at in range(3) if at != axis)
        about = np.eye(3)
        about[one, one] = about[other, other] = np.cos(angle)
        about[one, other], about[other, one] = -np.sin(angle), np.sin(angle)
        turn = about @ turn
    return turn


SAMPLES: dict[str, Callable[[], Dataset]] = {
    "articles": articles,
    "customers": customers,
    "digits": digits,
    "gestures": gestures,
    "readers": readers,
    "sentences": sentences,
    "vowels": vowels,
    "wine": wine,
}
