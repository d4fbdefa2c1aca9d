"""Few labels of texts: TF-IDF, static vectors, MiniLM frozen, and MiniLM fine-tuned in three ways.

Run: NEARSPACE_DATA=… python benchmarks/few_labels.py MODEL [--labelled 16,64,256] [--seeds 5]
     [--beside ENCODER …]

MODEL is the folder of a model of texts. Of the 40,000 texts of `humor`, 3,000 are drawn by a seed:
a quarter tests, the others are those of which a few get their label.
"""

import argparse
import os
from pathlib import Path

import numpy as np

from nearspace import load
from nearspace.judge.studies.transfer import transfer

TEXTS = 3000


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("model")
    parser.add_argument("--labelled", default="16,64,256")
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--beside", nargs="*", default=[])
    asked = parser.parse_args()
    path = Path(os.environ["NEARSPACE_DATA"]) / "humor" / "dev.csv.gz"
    humor = load(path, column="text", labels="humor")
    drawn = np.random.default_rng(0).choice(len(humor), TEXTS, replace=False)
    board = transfer(
        humor.take(np.sort(drawn)),
        f"pretrained('{asked.model}')",
        beside=asked.beside,
        labelled=[int(n) for n in asked.labelled.split(",")],
        seeds=asked.seeds,
        progress=lambda share, words: print(f"{share:4.0%} {words}", flush=True),
    )
    for row in board.rows:
        score, interval = board.score.parts(row.score)
        gap = " ".join(board.score.parts(row.difference, signed=True)) if row.difference else ""
        told = f"{row.labels:5,} {row.way:40.40} {score} {interval:14} {gap:22}"
        print(f"{told} {row.seconds:.0f} s {row.learning_rate or ''}")
    print(*board.verdicts, board.seconds, sep="\n")


if __name__ == "__main__":
    main()
