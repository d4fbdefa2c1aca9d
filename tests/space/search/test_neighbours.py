"""Search beside a naive one in float64, what it refuses, conditions, and arithmetic."""

import dataclasses
import datetime
import tracemalloc
from decimal import Decimal

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from nearspace import embed, neighbours
from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError
from nearspace.recipe import METRICS, Recipe
from nearspace.space.search.exact import Exact, Hidden
from nearspace.space.search.filters import matching
from nearspace.space.search.neighbours import analogy, encoder_of, vectors_at
from nearspace.space.search.queries import answer_rows
from nearspace.space.space import Space

WORDS = np.array(["man", "woman", "king", "queen", "boy", "apple"])
VECTORS = np.array(
    [[1, 0, 0, 0], [0, 1, 0, 0], [1, 0, 1, 0], [0, 1, 1, 0], [1, 0.2, 0, 0.1], [0, 0, 0, 1]],
    dtype=np.float32,
)


def naive(queries, vectors, k, metric, allowed=None, own=None):
    """Every score in float64, vector by vector, and a stable sort."""
    queries, vectors = (
        (x.toarray() if sparse.issparse(x) else x).astype(float) for x in (queries, vectors)
    )
    positions, scores = [], []
    for row, query in enumerate(queries):
        if metric == "euclidean":
            alike = -np.sqrt(((vectors - query) ** 2).sum(axis=1))
        else:
            alike = np.array([vector @ query for vector in vectors])
        if metric == "cosine":
            lengths = np.sqrt((vectors**2).sum(axis=1) * (query @ query))
            alike = np.divide(alike, lengths, out=np.zeros_like(alike), where=lengths > 0)
        if allowed is not None:
            alike[~allowed] = -np.inf
        if own is not None:
            alike[own[row]] = -np.inf
        positions.append(np.argsort(-alike, kind="stable")[:k])
        scores.append(alike[positions[-1]])
    return np.array(positions), np.abs(scores) if metric == "euclidean" else np.array(scores)


def vectors_of_many_sorts():
    random = np.random.default_rng(0)
    normal = random.standard_normal((1000, 24)).astype(np.float32)
    copies = normal.copy()
    copies[500:1000] = copies[:500]
    copies[[7, 507]] = 0
    mostly_one = np.vstack([normal[:100], np.repeat(normal[:1], 900, axis=0)])
    grid = random.integers(0, 3, (1000, 5)).astype(np.float32)  # ties without end
    words = sparse.random_array((1000, 300), density=0.02, rng=0, dtype=np.float32).tocsr()
    return {
        "normal": normal,
        "copies and zeros": copies,
        "mostly one": mostly_one[random.permutation(1000)],
        "grid": grid,
        "far from the origin": normal + 3000,
        "one far longer": np.vstack([normal, 1e6 * normal[:2]]),
        "squares overflow": normal * np.float32(1e25),
        "squares vanish": normal * np.float32(1e-30),
        "all equal": np.ones((300, 5), np.float32),
        "sparse": sparse.vstack([words, words[:40], 0 * words[:5]]).tocsr(),
    }


@pytest.mark.parametrize("metric", METRICS)
@pytest.mark.parametrize("sort", vectors_of_many_sorts())
def test_is_a_naive_search_in_float64_whatever_the_vectors(sort, metric):
    vectors = vectors_of_many_sorts()[sort]
    random = np.random.default_rng(1)
    rows = random.permutation(vectors.shape[0])[:12]
    mask = random.random(vectors.shape[0]) < 0.3
    search = Exact(vectors, metric)
    unit = {"cosine": 1.0, "dot": float(abs(vectors).max()) ** 2}.get(metric, abs(vectors).max())
    for count in (1, 12):  # by vector and matrix, and by matrices
        for allowed, own in ((None, None), (mask, None), (None, rows), (mask, rows)):
            for k in (1, 10, 100):
                mine = None if own is None else own[:count]
                positions, scores = search.search(vectors[rows[:count]], k, Hidden(allowed, mine))
                wanted, right = naive(vectors[rows[:count]], vectors, k, metric, allowed, mine)
                np.testing.assert_allclose(scores / unit, right / unit, rtol=1e-9, atol=1e-8)
                if (sort, metric) != ("grid", "cosine"):  # rounding parts (1, 2) and (2, 4)
                    np.testing.assert_array_equal(positions, wanted)


def test_more_vectors_than_one_product_takes():
    vectors = np.random.default_rng(0).standard_normal((1501, 8)).astype(np.float32)
    for metric in METRICS:
        own = np.arange(60)
        positions, _ = Exact(vectors, metric, chunk=400).search(vectors[:60], 7, Hidden(own=own))
        nearest = naive(vectors[:60], vectors, 7, metric, own=own)[0]
        np.testing.assert_array_equal(positions, nearest)


@pytest.mark.parametrize("metric", METRICS)
def test_in_whatever_order_the_nearest_come(metric):
    random = np.random.default_rng(0)
    vectors = random.standard_normal((1500, 6)).astype(np.float32)
    queries = vectors[0] + 0.1 * random.standard_normal((40, 6)).astype(np.float32)
    alike = naive(queries[:1], vectors, 1500, metric)[0][0]
    for order in (alike, alike[::-1], np.repeat(alike[:30], 50), np.repeat(alike[29::-1], 50)):
        nearest = naive(queries, vectors[order], 700, metric)[0]
        for k in (1, 3, 40, 700):
            positions, _ = Exact(vectors[order], metric, chunk=64).search(queries, k)
            np.testing.assert_array_equal(positions, nearest[:, :k])


@pytest.mark.parametrize("metric", METRICS)
def test_of_many_equal_or_far_vectors_few_are_compared_one_by_one(metric, monkeypatch):
    from nearspace.space.search import exact

    compared = []

    def counted(queries, vectors, positions, metric):
        compared.append(positions.size)
        return rescored(queries, vectors, positions, metric)

    rescored = exact.rescored
    monkeypatch.setattr(exact, "rescored", counted)
    vectors = np.random.default_rng(0).standard_normal((3000, 24)).astype(np.float32)
    equal = np.vstack([vectors[:50], np.repeat(vectors[:1], 2950, axis=0)])
    queries = vectors[:1] + 0.1 * vectors[:20]
    for each, count in ((equal, 1), (equal, 20), (vectors + 1000, 20)):
        compared.clear()
        asked = queries[:count] + each.mean() // 1000 * 1000
        found = Exact(each, metric).search(asked, 10)
        np.testing.assert_array_equal(found[0], naive(asked, each, 10, metric)[0])
        assert sum(compared) < 100 * count


@pytest.fixture(scope="module")
def customers():
    return embed(SAMPLES["customers"](), "onehot | pca(dim=6)")


def test_ids_vectors_and_spaces_ask_the_same(customers):
    by_id = neighbours(customers, [3, 9], k=4)
    by_vector = neighbours(customers, customers.vectors[[3, 9]], k=4)
    part = dataclasses.replace(
        customers, ids=customers.ids[[3, 9]], vectors=customers.vectors[[3, 9]],
        labels=None, meta=None,
    )  # fmt: skip
    for other in (by_vector, neighbours(customers, part, k=4)):
        np.testing.assert_array_equal(by_id.ids, other.ids)
        np.testing.assert_array_equal(by_id.scores, other.scores)
    assert by_id.ids[:, 0].tolist() == [3, 9]
    assert by_id.metric == customers.recipe.metric == "euclidean"
    assert by_id.scores[:, 0].tolist() == [0.0, 0.0]
    assert neighbours(customers, 3, k=4).ids.tolist() == by_id.ids[:1].tolist()
    items = SAMPLES["customers"]().items.iloc[[3, 9]]
    np.testing.assert_allclose(
        encoder_of(customers).transform(items), part.vectors, rtol=1e-5, atol=1e-6
    )


def test_exclude_self_leaves_out_the_item_and_not_its_copies():
    vectors = np.eye(4, dtype=np.float32)[[0, 0, 1, 2, 3]]
    space = Space(vectors, np.array(list("abcde")), None, Recipe("x", "f"))
    found = neighbours(space, ["a", "e"], k=2, exclude_self=True)
    assert found.ids.tolist() == [["b", "c"], ["a", "b"]]
    assert found.scores.tolist() == [[1, 0], [0, 0]]
    assert neighbours(space, ["a", "e"], k=9, exclude_self=True).ids.shape == (2, 4)
    other = dataclasses.replace(space, ids=np.array(list("bxyze")))
    found = neighbours(space, other, k=9, exclude_self=True)
    assert "b" not in found.ids[0]
    assert found.ids.shape == (5, 4)
    with pytest.raises(NearspaceError, match="a vector has no id"):
        neighbours(space, vectors[:1], exclude_self=True)


def test_a_zero_vector_is_nobodys_neighbour_by_the_cosine_and_told():
    vectors = np.array([[0, 0], [1, 0], [-1, 0]], np.float32)
    space = Space(vectors, np.arange(3), None, Recipe("x", "f"))
    thin = dataclasses.replace(space, vectors=sparse.csr_array(vectors))
    told = "1 of 3 items has nothing to compare: its vector is zero, and nobody's neighbour."
    for each in (space, thin):
        found = neighbours(each, [[2.0, 0.0], [0.0, 0.0]])
        assert found.ids.tolist() == [[1, 2], [None, None]]
        assert found.positions.tolist() == [[1, 2], [-1, -1]]
        np.testing.assert_array_equal(found.scores, [[1, -1], [np.nan, np.nan]])
        asked = "Of 2 queries 1 is the zero vector (nothing to compare): nothing is near."
        assert found.notes == (asked, told)
        rows = answer_rows(each, found)
        assert [[row["id"] for row in answer] for answer in rows] == [[1, 2], []]
        short = neighbours(each, [[1e-200, 1e-210], [-5e-324, 0]])  # and yet not zero
        assert short.ids.tolist() == [[1, 2], [2, 1]]
        assert short.scores.tolist() == [[1, -1], [1, -1]]
        assert short.notes == (told,)
        own = neighbours(each, [1, 0], exclude_self=True)
        assert own.ids.tolist() == [[2], [None]]
        assert neighbours(each, [1.0, 0.0], where="id!=1").ids.tolist() == [[2]]
        far = neighbours(each, [0.0, 0.0], metric="euclidean")
        assert far.ids.tolist() == [[0, 1, 2]]
        assert "means nothing" in far.notes[0]
    nothing = dataclasses.replace(space, vectors=np.zeros((3, 2), np.float32))
    assert neighbours(nothing, [1.0, 0.0]).ids.shape == (1, 0)


REFUSED = {
    "NaN": ([[0.0] * 5 + [np.nan]], {}, "row 0 holds NaN"),
    "infinity": ([[0.0] * 6, [np.inf] * 6], {}, "row 1 holds NaN, infinity"),
    "another length": ([[0.0] * 5], {}, r"vectors of 6 numbers, like the space, got .* \(1, 5\)"),
    "no such id": (9999, {}, "has no item '9999'"),
    "no such metric": (3, {"metric": "cosin"}, "Did you mean 'cosine'"),
    "k of 0": (3, {"k": 0}, "k of at least 1"),
    "no such column": (3, {"where": "agge>3"}, "no column 'agge'. Did you mean 'age'"),
    "no condition": (3, {"where": "age"}, "cannot be read"),
    "no number": (3, {"where": "age>old"}, "compared with 'old'; expected a number"),
    "no text": (3, {"where": "age~3"}, "the column 'age' holds none"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_refuses_in_a_sentence(customers, case):
    queries, options, told = REFUSED[case]
    with pytest.raises(NearspaceError, match=told):
        neighbours(customers, queries, **options)


def test_refuses_vectors_of_another_encoder_of_the_same_dimension(customers):
    other = embed(SAMPLES["customers"](), "onehot | pca(dim=6, random_state=1)")
    recipe = dataclasses.replace(other.recipe, fingerprint="0123")
    with pytest.raises(NearspaceError, match=r"another encoder, .* fingerprint 0123"):
        neighbours(customers, dataclasses.replace(other, recipe=recipe))
    with pytest.raises(NearspaceError, match="no encoder"):
        encoder_of(dataclasses.replace(customers, made_by=None))


def test_conditions_follow_the_types_of_columns():
    known = pa.table(
        {
            "age": [9, 10, None, 30],
            "text": ["A Cat", "dog", None, "cat = cat"],
            "day": [datetime.datetime(2024, m, 1) for m in (1, 2, 3, 4)],
            "old": [False, True, None, True],
            "number as text": ["9", "10", "2", ""],
            "date": pa.array([datetime.date(2024, m, 1) for m in (1, 2, 3)] + [None]),
            "zone": pa.array(
                [datetime.datetime(2024, m, 1) for m in (1, 2, 3, 4)],
                pa.timestamp("ns", "Europe/Berlin"),
            ),
            "price": [Decimal("9.10"), Decimal("10.00"), None, Decimal("100.05")],
            "large": [2**60, 2**60 + 1, None, 1],
            "tags": [["x", "Sea"], [], None, ["xx"]],
            "sizes": [[1, 20], [3], [None], None],
        }
    )
    space = Space(
        np.eye(4, dtype=np.float32), np.array(["a", "b", "c", "d"]), np.array([1, 2, 2, 10]),
        Recipe("x", "f"), meta=known,
    )  # fmt: skip
    wanted = {
        ("age>=10",): "bd",  # as numbers, not as text
        ("age != 10",): "ad",  # what is missing meets nothing
        ("age<1e1", "old=false"): "a",
        ("text~CAT",): "ad",
        ("text = cat = cat",): "d",
        ("day>=2024-02-01", "day<2024-03-15"): "bc",
        ("old=true",): "bd",
        ("label>2",): "d",
        ("label==2", "id!=b"): "c",
        ("number as text=",): "d",
        ("number as text=10",): "b",
        ("date>=2024-02-01",): "bc",
        ("date=2024-02",): "b",
        ("zone>2024-01-31T23:30", "zone<2024-04-01"): "bc",
        ("price=9.1",): "a",
        ("price>10",): "d",
        (f"large={2**60 + 1}",): "b",
        ("tags=x",): "a",  # in the list, not in a text of it
        ("tags!=x",): "bd",
        ("tags~x",): "ad",
        ("tags~sea",): "a",
        ("sizes>=3",): "ab",
        ("sizes!=3",): "ac",
        (): "abcd",
    }
    for where, ids in wanted.items():
        assert "".join(space.ids[matching(space, where)]) == ids, where
    found = neighbours(space, [1.0, 2, 3, 4], k=10, metric="dot", where=["label=2"])
    assert found.ids.tolist() == [["c", "b"]]
    assert neighbours(space, "b", where="label=2", exclude_self=True).ids.tolist() == [["c"]]
    assert neighbours(space, "b", where="age>99").ids.shape == (1, 0)
    for wrong in ("date>soon", "day>", "zone=31.05.2024", "day=5", "sizes=x", "price=x"):
        with pytest.raises(NearspaceError, match=r"expected a (date such as 2024|number)"):
            matching(space, [wrong])
    with pytest.raises(NearspaceError, match=r"text, such as '9'.*alphabet is not that of numbers"):
        matching(space, ["number as text<2"])


def test_one_long_text_does_not_make_the_others_as_long():
    texts = ["A Cat"] + ["dog"] * 5000 + ["long " * 10_000]
    space = Space(
        np.zeros((5002, 1), np.float32), np.arange(5002), None, Recipe("x", "f"),
        meta=pa.table({"text": texts}),
    )  # fmt: skip
    tracemalloc.start()
    found = [int(matching(space, [where]).sum()) for where in ("text~cat", "text=dog", "text>e")]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found == [1, 5000, 1]
    assert peak < 10e6  # 5,002 texts of 50,000 characters are 1,000 MB


@pytest.fixture(params=[np.asarray, sparse.csr_array], ids=["dense", "sparse"])
def words(request):
    return Space(request.param(VECTORS), WORDS, None, Recipe("vectors", "0", "words"))


@pytest.mark.parametrize("metric", ["cosine", "dot", "euclidean"])
def test_the_queen_is_found_and_none_that_was_given(words, metric):
    found = analogy(words, "man", "woman", "king", k=3, metric=metric)
    assert found.ids[0, 0] == "queen"
    assert not {"man", "woman", "king"} & set(found.ids[0].tolist())
    assert analogy(words, "man", "woman", "king", k=50, metric=metric).ids.shape == (1, 3)


def test_items_and_vectors_may_be_mixed(words):
    by_vector = analogy(words, VECTORS[0], "woman", VECTORS[2].tolist(), k=1)
    assert by_vector.ids.tolist() == [["queen"]]
    np.testing.assert_array_equal(vectors_at(words, ["king", VECTORS[0]]), VECTORS[[2, 0]])


def test_lengths_do_not_count_under_cosine(words):
    plain = analogy(words, VECTORS[0], VECTORS[1], VECTORS[2], k=6)
    longer = analogy(words, VECTORS[0], 7 * VECTORS[1], 100 * VECTORS[2], k=6)
    assert plain.ids.tolist() == longer.ids.tolist()
    np.testing.assert_allclose(plain.scores, longer.scores, atol=1e-6)


def test_what_does_not_fit_is_refused(words):
    with pytest.raises(NearspaceError, match="Did you mean 'queen'"):
        analogy(words, "man", "woman", "quen")
    with pytest.raises(NearspaceError, match="a vector of 4 finite numbers, got float64 of shape"):
        analogy(words, "man", "woman", np.ones(3))
    with pytest.raises(NearspaceError, match="4 finite numbers"):
        vectors_at(words, [np.full(4, np.nan)])
    with pytest.raises(NearspaceError, match="Did you mean 'cosine'"):
        analogy(words, "man", "woman", "king", metric="cosin")
