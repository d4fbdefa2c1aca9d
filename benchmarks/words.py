"""Word vectors of ours and of gensim: words a second, and how well they agree with people.

``NEARSPACE_DATA=... python benchmarks/words.py`` compares skip-gram and CBOW on the texts of
WikiText-2 (validation and test), tinyshakespeare and humor: 100 numbers, window 5, 5 negative
samples, words that stand 5 times, subsampling at 0.001, and so many passes (``--epochs``) by each.
Both go in turns in one process, once with each of `--seeds`; seconds are those of the processor,
and in brackets those of the clock. By how much ours agree better with people is told with intervals
over the pairs of words. It needs gensim 4.4, which may stand in a folder of its own:
``pip install --target G --no-deps gensim smart_open wrapt``, then ``PYTHONPATH=G``.

Agreement is Spearman's correlation of cosines with what people judged, of the pairs whose words
both are in the vocabulary (their share is told); analogies are the questions all of whose words are
there, answered among all words. Cat and dog count where the cosine of the two is larger than that
of cat and airplane; `--animals` more seeds are trained by ours for it.
"""

import argparse
import csv
import gzip
import os
import time
from pathlib import Path

import numpy as np
from scipy.stats import spearmanr

from nearspace.data.words import words_of
from nearspace.encoders.learned.word_vectors import CBOW, SkipGram
from nearspace.metrics.analogies import analogies_solved

DATA = Path(os.environ["NEARSPACE_DATA"])
RESAMPLES = 1000
PAIRS = {"WordSim-353": "wordsim353.tsv", "SimLex-999": "simlex999.txt"}


def lines_of(name):
    """Return the lines of a packed file."""
    with gzip.open(DATA / name, "rt", encoding="utf-8") as file:
        return file.read().splitlines()


def texts():
    """Return the texts, without WikiText's mark for rare words."""
    lines = [
        *lines_of("wikitext-2/valid.txt.gz"),
        *lines_of("wikitext-2/test.txt.gz"),
        *lines_of("tinyshakespeare/input.txt.gz"),
    ]
    with gzip.open(DATA / "humor/dev.csv.gz", "rt", encoding="utf-8", newline="") as file:
        lines += [row["text"] for row in csv.DictReader(file)]
    return [text for line in lines if words_of(text := line.replace("<unk>", " "))]


def judged(name):
    """Return pairs of words, and how alike people judge them to be."""
    lines = (DATA / "word-similarity" / name).read_text("utf-8").splitlines()
    rows = [line.split("\t") for line in lines if line.strip() and line[0] != "#"]
    return [(one.lower(), other.lower(), float(score)) for one, other, score in rows]


def questions():
    """Return the questions of four words."""
    lines = lines_of("word-similarity/questions-words.txt.gz")
    return [line.lower().split() for line in lines if not line.startswith(":")]


def marks(at, vectors):
    """Return what word vectors get: agreement, analogies, and whether cat is nearer dog."""
    unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
    told = []
    for label, name in PAIRS.items():
        pairs = judged(name)
        there = [(at[a], at[b], score) for a, b, score in pairs if a in at and b in at]
        cosines = [unit[a] @ unit[b] for a, b, _ in there]
        agreement = spearmanr(cosines, [score for *_, score in there])[0]
        told.append(f"{label} {agreement:.3f} (of {len(there) / len(pairs):.0%})")
    asked = questions()
    there = np.array([[at[word] for word in row] for row in asked if all(w in at for w in row)])
    solved = analogies_solved(unit, there, "cosine").mean()
    told.append(f"analogies {solved:.1%} (of {len(there) / len(asked):.0%})")
    return ", ".join(told), animals(at, unit)


def gaps(ours, peer):
    """Return by how much ours agree better with people, with intervals over the pairs of words."""
    told, rng = [], np.random.default_rng(0)
    for label, name in PAIRS.items():
        pairs = [pair for pair in judged(name) if {*pair[:2]} <= set(ours[0]) & set(peer[0])]
        columns = [[score for *_, score in pairs]]
        for at, vectors in (ours, peer):
            unit = vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)
            columns.append([unit[at[a]] @ unit[at[b]] for a, b, _ in pairs])
        columns = np.array(columns)

        def gap(drawn):
            people, one, other = drawn
            return spearmanr(one, people)[0] - spearmanr(other, people)[0]

        drawn = [gap(columns[:, rng.integers(0, len(pairs), len(pairs))]) for _ in range(RESAMPLES)]
        low, high = np.quantile(drawn, [0.025, 0.975])
        told.append(f"{label} {gap(columns):+.3f} [{low:+.3f}, {high:+.3f}]")
    return ", ".join(told)


def animals(at, unit):
    """Return whether cat is nearer dog than airplane."""
    if not {"cat", "dog", "airplane"} <= set(at):
        return None
    return bool(unit[at["cat"]] @ unit[at["dog"]] > unit[at["cat"]] @ unit[at["airplane"]])


def of_ours(cls, corpus, epochs, seed):
    """Return the places of words and their vectors, by an encoder of ours."""
    encoder = cls(epochs=epochs, random_state=seed).fit(corpus)
    tokens = encoder.vocabulary.tokens
    return {word: row for row, word in enumerate(tokens)}, encoder.table_


def of_gensim(around, sentences, epochs, seed):
    """Return the places of words and their vectors, by gensim."""
    from gensim.models import Word2Vec

    model = Word2Vec(
        sentences, vector_size=100, window=5, min_count=5, sg=int(not around), negative=5,
        sample=1e-3, workers=2, seed=seed + 1, epochs=epochs,
    )  # fmt: skip
    return model.wv.key_to_index, model.wv.vectors


def timed(function, *given):
    """Return what a function returns, and its seconds of the processor and of the clock."""
    clock, processor = time.perf_counter(), time.process_time()
    made = function(*given)
    return made, time.process_time() - processor, time.perf_counter() - clock


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, nargs="+", default=[5])
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--animals", type=int, default=0)
    asked = parser.parse_args()
    corpus = texts()
    sentences = [words_of(text) for text in corpus]
    n_words = sum(map(len, sentences))
    print(f"{len(corpus):,} texts, {n_words:,} words")
    for epochs in asked.epochs:
        for cls in (SkipGram, CBOW):
            rates = {"ours": [], "gensim": []}
            for seed in range(asked.seeds):
                made = {}
                for who in rates:
                    (at, vectors), spent, waited = (
                        timed(of_ours, cls, corpus, epochs, seed)
                        if who == "ours"
                        else timed(of_gensim, cls.around, sentences, epochs, seed)
                    )
                    rates[who].append(n_words * epochs / spent)
                    made[who] = at, vectors
                    told, nearer = marks(at, vectors)
                    print(
                        f"{cls.__name__} {epochs} epochs, {who}: {rates[who][-1]:,.0f} words a "
                        f"second ({n_words * epochs / waited:,.0f}), {told}, cat by dog: {nearer}",
                        flush=True,
                    )
                print(f"ours minus gensim: {gaps(made['ours'], made['gensim'])}", flush=True)
            ratio = np.median(rates["ours"]) / np.median(rates["gensim"])
            print(f"{cls.__name__} {epochs} epochs: ours is {ratio:.2f} times as fast", flush=True)
    nearer = [
        animals(at, vectors / np.linalg.norm(vectors, axis=1, keepdims=True))
        for at, vectors in (
            of_ours(SkipGram, corpus, asked.epochs[0], seed) for seed in range(asked.animals)
        )
    ]
    if nearer:
        print(f"cat is nearer dog than airplane in {sum(nearer)} of {len(nearer)} seeds")


if __name__ == "__main__":
    main()
