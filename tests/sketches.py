"""Digits and their names as a space from which pictures are drawn, without training."""

from unittest.mock import patch

import numpy as np

from nearspace.data import load
from nearspace.data.pairs import Pairs
from nearspace.encoders.learned.imagined import HIDDEN, Imagine
from nearspace.space.space import embed

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPEC = "imagine(pca(dim=2), right=tfidf(analyzer='char') | svd(dim=2))"


def sketches(n=40):
    """Return the space of pairs of digits and their names, whose flow is a random one."""
    digits = load("digits").take(np.arange(n))
    links = np.stack([np.arange(n), digits.labels.astype(int)], axis=1)
    shapes = {
        "0_weight": (HIDDEN, 5), "0_bias": (HIDDEN,),
        "2_weight": (HIDDEN, HIDDEN), "2_bias": (HIDDEN,),
        "4_weight": (2, HIDDEN), "4_bias": (2,),
    }  # fmt: skip
    random = np.random.default_rng(0)
    flow = {
        name: (0.01 * random.normal(size=shape)).astype(np.float32)
        for name, shape in shapes.items()
    }
    with patch.object(Imagine, "_trained_flow", lambda *given: flow):
        return embed(Pairs(digits, load(NAMES), links), SPEC)
