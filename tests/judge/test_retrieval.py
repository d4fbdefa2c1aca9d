"""The task retrieval: what is fitted on what, units, groups, BM25, fusion, and what is refused."""

import dataclasses

import bm25s
import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG

from nearspace import compare, load
from nearspace.data import Dataset, Vector
from nearspace.data.pairs import Pairs
from nearspace.encoders.spec import make
from nearspace.errors import DataError, NearspaceError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.metrics.ranking import fused_ranks

RANDOM = np.random.default_rng(0)
WORDS = np.array([f"{a}{b}" for a in "bdfgklmnprst" for b in ("al", "er", "in", "os", "um", "et")])


def searched(*sides, **given):
    """Return queries on the left that search documents on the right."""
    return Pairs(*sides, **given, searched=True)


def search(n_documents=120, n_queries=40, graded=True):
    """Return queries of a few words of one or two of the documents, and noise."""
    documents = [" ".join(RANDOM.choice(WORDS, 12)) for _ in range(n_documents)]
    queries, links = [], []
    for query in range(n_queries):
        relevant = RANDOM.choice(n_documents, 1 + query % 2, replace=False)
        words = np.concatenate([RANDOM.choice(documents[at].split(), 2) for at in relevant])
        queries.append(" ".join([*words, *RANDOM.choice(WORDS, 2)]))
        links += [[query, at] for at in relevant]
    grades = RANDOM.integers(1, 4, len(links)).astype(float) if graded else None
    ids = np.array([f"doc-{at}" for at in RANDOM.permutation(n_documents)])
    sides = load(queries, kind="text"), load(documents, kind="text", ids=ids)
    return searched(*sides, np.array(links), grades=grades, name="made")


PAIRS = search()


def relevant_to(task):
    """Return qrels of a task, by the ids of queries and documents."""
    queries, documents = task.relevance.nonzero()
    return [
        ir_measures.Qrel(str(task.test.ids[q]), str(task.train.ids[d]), int(task.relevance[q, d]))
        for q, d in zip(queries, documents, strict=True)
    ]


@pytest.fixture(scope="module")
def board():
    return compare(PAIRS, encoders=["tfidf", "tfidf | pca(dim=8)"])


def row(board, spec):
    return next(row for row in board.results if row.spec == spec)


def test_every_row_is_there_and_units_are_queries(board):
    specs = {"raw", "tfidf", "bm25", "tfidf | pca(dim=8)"}
    fused = {f"fusion({spec})" for spec in specs - {"bm25"}}
    assert {row.spec for row in board.rows} == specs | fused | {"chance"}
    assert board.protocol["task"] == "retrieval"
    assert (board.protocol["documents"], board.protocol["queries"]) == (120, 40)
    assert board.resolution.items == 40
    assert "40 queries" in str(board.advice)
    assert row(board, "bm25").scores["ndcg_10"].value > row(board, "raw").scores["ndcg_10"].value
    assert list(row(board, "bm25").scores) == [
        "ndcg_10", "mrr_10", "recall_1", "recall_10", "recall_100",
    ]  # fmt: skip
    cost = row(board, "fusion(tfidf)").cost
    parts = [row(board, spec).cost for spec in ("bm25", "tfidf")]
    assert cost.latency_seconds == pytest.approx(sum(part.latency_seconds for part in parts))
    assert not board.spaces
    assert all(not len(row.exhibits.layout) for row in board.results if row.exhibits)
    with pytest.raises(NearspaceError, match="fusion\\(tfidf\\) is two rankings put together"):
        board.fitted("fusion(tfidf)")
    assert len(board.fitted("bm25").vocabulary_) == len(WORDS)
    assert any("reciprocal rank fusion" in note for note in board.notes)


def test_scores_are_those_of_ir_measures(board):
    task = set_task(PAIRS, Protocol())
    measures = {
        "ndcg_10": nDCG @ 10, "mrr_10": RR @ 10, "recall_1": R @ 1, "recall_10": R @ 10,
        "recall_100": R @ 100,
    }  # fmt: skip
    rankings = {}
    for spec in ("bm25", "tfidf", "raw"):
        evidence = task.evidence(make(spec).fit_on(task.train))
        rankings[spec] = evidence.ranking
    rankings["fusion(tfidf)"] = fused_ranks([rankings["bm25"], rankings["tfidf"]])
    for spec, ranking in rankings.items():
        run = [
            ir_measures.ScoredDoc(str(task.test.ids[query]), str(task.train.ids[at]), 200.0 - rank)
            for query, found in enumerate(ranking)
            for rank, at in enumerate(found)
            if at >= 0
        ]
        theirs = ir_measures.calc_aggregate([*measures.values()], relevant_to(task), run)
        for name, measure in measures.items():
            assert row(board, spec).scores[name].value == pytest.approx(theirs[measure], abs=1e-6)


def test_bm25_is_that_of_bm25s():
    documents = [*PAIRS.right.items, "", "x y z", "bal bal bal bal"]
    encoder = make("bm25").fit(documents)
    vectors = encoder.transform(documents)
    theirs = bm25s.BM25(method="lucene", k1=1.5, b=0.75)
    theirs.index(bm25s.tokenize(documents, stopwords=[], show_progress=False), show_progress=False)
    for query in ["bal bal der fin", *PAIRS.left.items[:5]]:
        ours = (encoder.transform_queries([query]) @ vectors.T).toarray()[0]
        np.testing.assert_allclose(ours, theirs.get_scores(query.split()), atol=1e-5)
    with pytest.raises(ValueError, match="'b' parameter of BM25"):
        make("bm25(b=2)").fit(documents)


def test_parts_of_a_whole_see_queries_as_queries():
    documents, queries = PAIRS.right.items, PAIRS.left.items[:3]
    alone = make("bm25").fit(documents).transform_queries(queries)
    both = make("bm25 + tfidf").fit(documents).transform_queries(queries)
    assert (both[:, : alone.shape[1]] != alone).nnz == 0
    piped = make("bm25 | l2").fit(documents).transform_queries(queries)
    np.testing.assert_allclose((piped.multiply(piped)).sum(axis=1), 1, atol=1e-6)


def test_an_encoder_is_fitted_on_the_documents_alone():
    fitted_on = []

    class Spy(type(make("bow"))):
        def fit_items(self, items, y=None, kind=None):
            fitted_on.extend(items)
            return super().fit_items(items, y, kind)

    compare(PAIRS, encoders=[Spy()])
    assert set(fitted_on) == set(PAIRS.right.items)


def constant(n, dim=3):
    return Dataset(np.ones((n, dim), np.float32), Vector(dim))


def test_the_order_of_the_documents_says_nothing():
    # Of vectors that are all the same, those that are relevant stand first in the corpus.
    n = 2000
    pairs = searched(constant(50), constant(n), np.array([[query, query] for query in range(50)]))
    board = compare(pairs, encoders=["raw"], metric="euclidean")
    found = row(board, "raw").scores
    assert found["recall_100"].value < 0.2
    assert row(board, "chance").scores["recall_100"].value == pytest.approx(100 / n)
    moved = np.random.default_rng(1).permutation(n)
    other = dataclasses.replace(
        PAIRS, right=PAIRS.right.take(moved[moved < 120]), links=np.stack(
            [PAIRS.links[:, 0], np.argsort(moved[moved < 120])[PAIRS.links[:, 1]]], axis=1),
    )  # fmt: skip
    for spec in ("bow", "bm25"):
        scores = [row(compare(p, encoders=["bow"]), spec).scores for p in (PAIRS, other)]
        assert scores[0] == scores[1]


def test_queries_that_ask_the_same_are_one_unit():
    texts = [*PAIRS.left.items[:20], *PAIRS.left.items[:20]]
    links = np.concatenate(
        [PAIRS.links[PAIRS.links[:, 0] < 20], PAIRS.links[PAIRS.links[:, 0] < 20]]
    )
    links[len(links) // 2 :, 0] += 20
    pairs = searched(load(texts, kind="text", ids=np.arange(40)), PAIRS.right, links)
    task = set_task(pairs, Protocol())
    assert len(np.unique(task.groups)) == 20
    assert set_task(PAIRS, Protocol()).groups is None
    grouped = dataclasses.replace(pairs.left, groups=np.arange(40) // 20)
    assert (
        len(np.unique(set_task(dataclasses.replace(pairs, left=grouped), Protocol()).groups)) == 1
    )


def test_a_query_that_is_a_document_does_not_find_itself():
    texts = load([f"{text} end" for text in PAIRS.right.items], kind="text")
    links = np.array([[at, at + 1] for at in range(0, 60, 2)])
    task = set_task(searched(texts, texts, links), Protocol())
    ranking = task.evidence(make("tfidf").fit_on(task.train)).ranking
    names = np.asarray(task.train.ids)[ranking]
    assert not (names == np.asarray(task.test.ids)[:, None]).any()
    assert any("30 queries are documents too" in note for note in task.notes)
    # Where the same text is what is to be found, it is found.
    task = set_task(searched(texts, texts, np.array([[at, at] for at in range(20)])), Protocol())
    assert task.own is None
    assert row(compare(task, encoders=["tfidf"]), "tfidf").scores["recall_1"].value == 1.0


def test_queries_without_a_relevant_document_are_told():
    some = dataclasses.replace(PAIRS, links=PAIRS.links[PAIRS.links[:, 0] > 2], grades=None)
    task = set_task(some, Protocol())
    assert len(task.test) == 37
    assert "3 queries without a relevant document were left out." in task.notes


def test_documents_that_no_encoder_can_tell_apart_are_told():
    texts = load(["the same text", "The same  text", "another"], kind="text")
    task = set_task(searched(load(["a", "b"]), texts, np.array([[0, 0], [1, 2]])), Protocol())
    assert "1 relevant document equals one that is not relevant" in task.notes[0]


def test_a_query_without_a_known_word_scores_nothing():
    queries = load(["zzz", *PAIRS.left.items[1:]], kind="text")
    pairs = dataclasses.replace(PAIRS, left=queries)
    task = set_task(pairs, Protocol())
    for spec in ("bm25", "tfidf"):
        evidence = task.evidence(make(spec).fit_on(task.train))
        assert (evidence.ranking[0] == -1).all()
        assert all(score.measure(evidence)[0] == 0 for score in task.scores)


def test_texts_alone_are_searched_for_what_they_begin_with():
    texts = [f"{PAIRS.right.items[at]}. {PAIRS.right.items[at]} again." for at in range(60)]
    board = compare(texts, encoders=["tfidf"], task="retrieval")
    assert board.protocol["queries made of"] == "the first sentence of a text"
    assert any("queries are made from the texts" in note for note in board.notes)
    assert row(board, "bm25").scores["recall_1"].value > 0.9


def test_what_makes_no_sense_is_refused():
    with pytest.raises(NearspaceError, match="Cannot rank retrieval by 'knn'"):
        set_task(PAIRS, Protocol(rank_by="knn"))
    for name, value in {"folds": 5, "test_size": 0.4, "near_duplicates": "together"}.items():
        with pytest.raises(NearspaceError, match=f"{name}= has no meaning for retrieval"):
            compare(PAIRS, encoders=["tfidf"], **{name: value})
    with pytest.raises(DataError, match="both are to be of one kind; got texts and vectors"):
        set_task(dataclasses.replace(PAIRS, right=constant(120)), Protocol())
    with pytest.raises(DataError, match="queries can be made from texts, got vectors"):
        set_task(load("wine"), Protocol(), "retrieval")
    with pytest.raises(
        DataError, match="'numbers' is asked of items one by one, and made has pairs"
    ):
        compare(PAIRS, task="numbers")
    with pytest.raises(DataError, match="pairs have no labels"):
        compare(PAIRS, ["a"] * 120)
    with pytest.raises(DataError, match="at least two documents"):
        set_task(searched(load(["a"]), load(["b"]), [[0, 0]]), Protocol())
    with pytest.raises(NearspaceError, match=r"Cannot use .* labels"):
        compare(PAIRS, encoders=["tfidf | mlp"])


def test_more_seeds_and_the_cache_give_the_same_rows(tmp_path):
    asked = {"encoders": ["tfidf | pca(dim=4)"], "seeds": 2, "cache": tmp_path}
    first, second = compare(PAIRS, **asked), compare(PAIRS, **asked)
    for one in first.results:
        assert row(second, one.spec).scores == one.scores
    # Another judgement of the same texts is none of the cache.
    other = dataclasses.replace(PAIRS, links=PAIRS.links[::2], grades=None)
    assert row(compare(other, **asked), "bm25").scores != row(first, "bm25").scores


def test_another_metric_than_the_inner_product_of_bm25_is_told():
    board = compare(PAIRS, encoders=["tfidf"], metric="cosine")
    (note,) = [note for note in board.notes if "inner product" in note]
    assert note.startswith("bm25: ")
    assert "metric='cosine'" in note
    assert not any("inner product" in note for note in compare(PAIRS, encoders=["tfidf"]).notes)
