"""An encoder: which of the twelve pitch classes sound in a chord, whatever the octave."""

import numpy as np

from nearspace import Encoder
from nearspace.data import Kind


class PitchClasses(Encoder):
    """How often each of the twelve pitch classes sounds in a chord."""

    kinds = frozenset({Kind.registry["chord"]})
    metric = "cosine"

    def _fit(self, items, y):
        self.width_ = 12

    def _transform(self, items):
        counts = [np.bincount([note % 12 for note in chord], minlength=12) for chord in items]
        return np.array(counts, dtype=np.float32)
