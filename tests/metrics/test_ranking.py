"""Rankings: what queries find, the scores of trec_eval, fusion, and what chance gets."""

import ir_measures
import numpy as np
import pytest
from ir_measures import RR, R, nDCG
from scipy import sparse

from nearspace.metrics.ranking import (
    expected,
    found_by,
    fused_ranks,
    ndcg,
    recall,
    reciprocal_rank,
)

OURS = {"ndcg": (ndcg, nDCG), "mrr": (reciprocal_rank, RR), "recall": (recall, R)}


def judged(rng, n_queries=40, n_documents=150, graded=True):
    """Return grades of some documents for every query, of one at least."""
    grades = rng.integers(1, 4, (n_queries, n_documents)) if graded else 1
    relevant = rng.random((n_queries, n_documents)) < 0.04
    relevant[:, 7] |= ~relevant.any(axis=1)
    return sparse.csr_array(np.where(relevant, grades, 0).astype(float))


def told_to_peers(ranking, relevance):
    """Return qrels and a run as `ir_measures` takes them, by names that sort in no order."""
    qrels = [
        ir_measures.Qrel(f"q{query}", f"d{document}", int(relevance[query, document]))
        for query, document in zip(*relevance.nonzero(), strict=True)
    ]
    run = [
        ir_measures.ScoredDoc(f"q{query}", f"d{document}", 1000.0 - rank)
        for query, row in enumerate(ranking)
        for rank, document in enumerate(row)
        if document >= 0
    ]
    return qrels, run


@pytest.mark.parametrize("k", [1, 10, 100])
@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("graded", [True, False])
def test_scores_are_those_of_trec_eval(name, k, graded):
    rng = np.random.default_rng(k)
    relevance = judged(rng, graded=graded)
    # Few different numbers: many documents are equally near, and stand in their order.
    queries, documents = rng.integers(0, 3, (40, 4)), rng.integers(0, 3, (150, 4))
    ranking = found_by(queries, documents, 100, "dot")
    ranking[3, 5:], ranking[4] = -1, -1  # finds few, and nothing
    measure, peer = OURS[name]
    qrels, run = told_to_peers(ranking, relevance)
    theirs = {each.query_id: each.value for each in ir_measures.iter_calc([peer @ k], qrels, run)}
    wanted = [theirs.get(f"q{query}", 0.0) for query in range(40)]
    np.testing.assert_allclose(measure(ranking, relevance, k), wanted, atol=1e-6)


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
@pytest.mark.parametrize("made", [np.asarray, sparse.csr_array])
def test_what_is_equally_near_stands_in_its_order(metric, made):
    documents = made(np.float32([[0, 1], [1, 0], [0, 1], [1, 0], [0.5, 0.5], [0, 1]]))
    ranking = found_by(made(np.float32([[1, 0.5]])), documents, 4, metric)
    wanted = {"cosine": [4, 1, 3, 0], "dot": [1, 3, 4, 0], "euclidean": [1, 3, 4, 0]}
    assert ranking.tolist() == [wanted[metric]]
    # Of many that are all the same, the first are found, wherever the search cuts.
    same = made(np.ones((5000, 2), np.float32))
    assert found_by(same[:2], same, 100, metric).tolist() == [list(range(100))] * 2


@pytest.mark.parametrize("metric", ["cosine", "dot"])
def test_a_document_without_a_common_word_is_not_found(metric):
    documents = sparse.csr_array(np.float32([[1, 0, 0], [0, 0, 0], [2, 1, 0], [0, 0, 3]]))
    queries = sparse.csr_array(np.float32([[1, 0, 0], [0, 0, 0], [0, 1, 1]]))
    wanted = {"cosine": [[0, 2, -1], [-1, -1, -1], [3, 2, -1]]}
    wanted["dot"] = [[2, 0, -1], [-1, -1, -1], [3, 2, -1]]
    assert found_by(queries, documents, 3, metric).tolist() == wanted[metric]


def test_no_query_finds_itself():
    vectors = np.eye(3)[[0, 0, 1, 2]]
    ranking = found_by(vectors, vectors, 2, "euclidean", own=np.array([0, -1, 2, 3]))
    assert ranking[:2].tolist() == [[1, 2], [0, 1]]
    assert 2 not in ranking[2]


def test_fusion_is_the_sum_of_reciprocal_ranks():
    rng = np.random.default_rng(0)
    one, other = (np.argsort(rng.random((30, 40)), axis=1)[:, :20] for _ in range(2))
    one[3], other[4, 6:] = -1, -1
    fused = fused_ranks([one, other])
    for query in range(30):
        scores = {}
        for ranking in (one, other):
            for rank, document in enumerate(ranking[query].tolist(), start=1):
                if document >= 0:
                    scores[document] = scores.get(document, 0.0) + 1 / (60 + rank)
        best = sorted(scores, key=lambda document: (-scores[document], document))[:20]
        assert fused[query].tolist() == best + [-1] * (20 - len(best))


@pytest.mark.parametrize("name", OURS)
@pytest.mark.parametrize("k", [1, 10, 100])
def test_chance_is_the_mean_over_orders(name, k):
    rng = np.random.default_rng(1)
    relevance = judged(rng, 5, 60)
    orders = [
        np.array([rng.permutation(60) for _ in range(5)]).astype(np.int32) for _ in range(300)
    ]
    means = np.mean([OURS[name][0](order, relevance, k) for order in orders], axis=0)
    np.testing.assert_allclose(expected(name, relevance, k), means, atol=0.05)
