"""Known-item search and likeness on public texts: BM25, TF-IDF, fusion, and what is named.

Run: NEARSPACE_DATA=… python benchmarks/retrieval.py [--with ENCODER …]

Search: of 20,000 short texts (jokes and headlines, drawn from `humor`), and of the paragraphs of
WikiText-2, the first sentence of 2,000 is to find what is left of its text. nDCG@10 in percent with
its interval over queries; it ends where `ir_measures` does not say the same to 1e-6. Below stand
those of the index of words in a space, by SQLite's FTS5, of FTS5's runs of three characters, and of
words and vectors of each encoder together, as `nearspace search --hybrid` finds them.
Likeness: Spearman on the test pairs of `stsb-captions`, in three languages, fitted on their texts.
"""

import argparse
import gzip
import os
import re
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import ir_measures
import numpy as np
from ir_measures import nDCG

from nearspace import compare, embed, load, load_pairs, neighbours
from nearspace.encoders.spec import make
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.metrics.ranking import ndcg
from nearspace.space.search.words import Words

FOLDER = Path(os.environ["NEARSPACE_DATA"])
USUAL = ["tfidf"]
SHORTEST = 200  # characters of a paragraph


def humor():
    """Return the short texts."""
    return load(FOLDER / "humor" / "dev.csv.gz", column="text", limit=20_000)


def paragraphs():
    """Return the paragraphs of the two parts of WikiText-2 that are there."""
    texts = []
    for part in ("valid", "test"):
        with gzip.open(FOLDER / "wikitext-2" / f"{part}.txt.gz", "rt", encoding="utf-8") as lines:
            texts += [line.strip() for line in lines if len(line) > SHORTEST]
    return load(texts, kind="text")


def cell(spec):
    """Return a spec as a cell of a table."""
    return "`" + spec.replace("|", "\\|") + "`"


def of_peer(task, spec):
    """Return the nDCG@10 that ir_measures gives to the ranking of an encoder."""
    ranking = task.evidence(make(spec).fit_on(task.train)).ranking
    queries, documents = task.relevance.nonzero()
    qrels = [
        ir_measures.Qrel(str(query), str(document), 1)
        for query, document in zip(queries, documents, strict=True)
    ]
    run = [
        ir_measures.ScoredDoc(str(query), str(document), 1000.0 - rank)
        for query, row in enumerate(ranking)
        for rank, document in enumerate(row)
        if document >= 0
    ]
    # A query that finds nothing is not in a run, and has 0.
    told = ir_measures.iter_calc([nDCG @ 10], qrels, run)
    return sum(each.value for each in told) / len(task.test)


def by_index(task):
    """Return the ranking of the index of words that a space has."""
    return Words(task.train.items).search(task.test.items, 100)[0]


def by_trigrams(task):
    """Return the ranking of an index of runs of three characters."""
    ranking = np.full((len(task.test), 100), -1)
    with closing(sqlite3.connect(":memory:")) as db:
        db.execute("CREATE VIRTUAL TABLE runs USING fts5(text, content='', tokenize='trigram')")
        texts = enumerate(task.train.items)
        db.executemany("INSERT INTO runs (rowid, text) VALUES (?, ?)", texts)
        for query, text in enumerate(task.test.items):
            words = re.findall(r"\w+", text.lower())
            runs = dict.fromkeys(word[at : at + 3] for word in words for at in range(len(word) - 2))
            asked = " OR ".join(f'"{run}"' for run in runs)
            sql = "SELECT rowid FROM runs WHERE runs MATCH ? ORDER BY rank LIMIT 100"
            rows = [row for (row,) in db.execute(sql, (asked,))] if asked else []
            ranking[query, : len(rows)] = rows
    return ranking


def by_both(task, spec):
    """Return the ranking of a space that is searched by words and by vectors."""
    encoder = make(spec).fit_on(task.train)
    space, queries = embed(task.train, encoder), list(task.test.items)
    vectors = encoder.transform_queries(queries)
    ids = neighbours(space, vectors, 10, words=queries).ids
    places = {each: at for at, each in enumerate(space.ids.tolist())}
    return np.array([[places[each] for each in row] for row in ids.tolist()])


def search(name, dataset, specs):
    """Print the table of a data set."""
    start = time.process_time()
    task = set_task(dataset, Protocol(), "retrieval")
    board = compare(task, encoders=specs)
    counts = f"{board.protocol['documents']:,} documents, {board.protocol['queries']:,} queries"
    print(
        f"\n| {name}: {counts} | nDCG@10 | MRR@10 | recall@100 | verdict |\n|---|---|---|---|---|"
    )
    for row in board.results:
        cells = [row.scores[score] for score in ("ndcg_10", "mrr_10", "recall_100")]
        texts = [board.score.text(each, interval=at == 0) for at, each in enumerate(cells)]
        print(f"| {cell(row.spec)} | {' | '.join(texts)} | {row.verdict} |")
    for index in (by_index, by_trigrams):
        print(f"{index.__name__}: {100 * ndcg(index(task), task.relevance, 10).mean():.2f}")
    for spec in specs:
        value = 100 * ndcg(by_both(task, spec), task.relevance, 10).mean()
        print(f"words and vectors of {spec}: {value:.2f}")
    for failure in board.failures:
        print(f"| {cell(failure.spec)} | {failure.error} | | | failed |")
    for spec in ("bm25", *specs):
        row = next((row for row in board.results if row.spec == make(spec).spec), None)
        if row is not None:
            gap = abs(of_peer(task, spec) - row.scores["ndcg_10"].value)
            assert gap < 1e-6, f"{spec}: ir_measures says otherwise, by {gap}"
    print(f"\nir_measures says the same to 1e-6; {time.process_time() - start:.0f} s of computing.")


def likeness(specs):
    """Print Spearman on the captions."""
    print("\n| captions, test pairs | English | German | French |\n|---|---|---|---|")
    cells = {}
    for language in ("en", "de", "fr"):
        path = FOLDER / "stsb-captions" / f"stsb-{language}-test.csv.gz"
        pairs = load_pairs(path, "column 0", "column 1", scores="column 2", same=True)
        board = compare(pairs, encoders=specs)
        for row in board.results:
            if row.spec != "chance":
                cells.setdefault(row.spec, []).append(board.score.text(row.scores["spearman"]))
    for spec, texts in cells.items():
        print(f"| {cell(spec)} | {' | '.join(texts)} |")


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--with", dest="specs", action="append", metavar="ENCODER", default=[])
    specs = [*USUAL, *parser.parse_args().specs]
    search("humor", humor(), specs)
    search("WikiText-2", paragraphs(), specs)
    likeness(specs)


if __name__ == "__main__":
    main()
