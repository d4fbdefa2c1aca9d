"""Maps: what is near stays near, a new point's place depends on nothing else, and they are kept."""

import dataclasses
import signal
import threading

import numpy as np
import pytest
from scipy import sparse
from sklearn.manifold import trustworthiness as peers_trustworthiness

from nearspace import embed, load
from nearspace.errors import NearspaceError
from nearspace.metrics.geometry import neighbour_ranks, preservation, trustworthiness
from nearspace.metrics.similarity import neighbour_overlap
from nearspace.space.map.maps import Placer, layout, parse_map
from nearspace.space.map.tsne import TOLD, tsne, tsne_facts


@pytest.fixture(scope="module")
def digits():
    return embed(load("digits"), "pca(dim=16)")


@pytest.fixture(scope="module")
def part(digits):
    """The first 900 digits."""
    return rows_of(digits, slice(0, 900))


@pytest.fixture(scope="module")
def mapped(part):
    return layout(part)


def rows_of(space, rows, **changes):
    return dataclasses.replace(
        space, vectors=space.vectors[rows], ids=space.ids[rows], labels=space.labels[rows],
        thumbnails=None, parts={}, **changes,
    )  # fmt: skip


def test_tsne_keeps_clusters_apart_and_stands_anything():
    random = np.random.default_rng(0)
    centres = np.repeat(10 * np.eye(3, 20), 30, axis=0)
    places = tsne((centres + random.normal(size=centres.shape)).astype(np.float32))
    assert np.abs(places).max() <= 1
    told = []
    tsne(centres.astype(np.float32), progress=told.append)
    assert told == [step / 3 for step in range(1, 4)]
    middle = places.reshape(3, 30, 2).mean(axis=1)
    spread = np.linalg.norm(places.reshape(3, 30, 2) - middle[:, None], axis=2).max()
    gaps = np.linalg.norm(middle[:, None] - middle[None], axis=2)[np.triu_indices(3, 1)]
    assert gaps.min() > spread
    collapsed = np.tile([[0.1, 0.7, 1.3]], (50, 1))
    stamps = 1.7e9 + np.zeros((50, 3))
    for odd in (collapsed, stamps, np.ones((30, 4)), np.zeros((3, 2)), random.normal(size=(40, 1))):
        assert np.isfinite(tsne(odd.astype(np.float32))).all()


def test_larger_maps_never_take_fewer_steps_and_progress_ends_at_the_last():
    facts = [tsne_facts(n, "euclidean", 0) for n in range(8, 40_000, 492)]
    steps = [made["steps"] for made in facts]
    assert steps == sorted(steps)
    assert {sum(each) % TOLD for each in steps} == {0}
    assert steps[:3] == [[50, 100], [50, 100], [250, 250]]
    assert steps[-1] == [250, 550]
    assert [made["method"] for made in facts] == sorted(made["method"] for made in facts)


def test_hundreds_keep_as_many_neighbours_in_a_third_of_the_steps(monkeypatch):
    random = np.random.default_rng(0)
    centres = 2 * random.normal(size=(12, 40))
    vectors = (centres[np.arange(400) % 12] + random.normal(size=(400, 40))).astype(np.float32)
    short = neighbour_overlap(vectors, tsne(vectors))
    monkeypatch.setattr("nearspace.space.map.tsne.STEPS_OF_HUNDREDS", (250, 250))
    assert short > neighbour_overlap(vectors, tsne(vectors)) - 0.02


def test_trustworthiness_is_that_of_scikit_learn():
    random = np.random.default_rng(0)
    vectors = random.normal(size=(300, 8)).astype(np.float32)
    places = (vectors[:, :2] + random.normal(size=(300, 2)) / 2).astype(np.float32)
    for given in (vectors, sparse.csr_array(vectors)):
        ranks = neighbour_ranks(given, places, k=10)
        expected = peers_trustworthiness(vectors, places, n_neighbors=10)
        assert trustworthiness(ranks, 300) == pytest.approx(expected, abs=1e-5)
        kept = preservation(vectors, places, k=10).mean()
        assert (ranks <= 10).mean() == pytest.approx(kept)
    sampled = trustworthiness(neighbour_ranks(vectors, places, 10, max_queries=100), 300)
    assert sampled == pytest.approx(expected, abs=0.02)
    assert np.isnan(trustworthiness(neighbour_ranks(vectors[:12], places[:12], k=10), 12))


def test_a_map_says_how_far_to_trust_it_and_round_trips(mapped):
    assert len(mapped) == 900
    assert mapped.trustworthiness > 0.97
    assert 0.4 < mapped.preservation < 1
    assert mapped.queries == 900
    assert mapped.made_by["library"] == "openTSNE"
    again = parse_map(mapped.to_bytes())
    for field in dataclasses.fields(mapped):
        np.testing.assert_array_equal(getattr(again, field.name), getattr(mapped, field.name))


def test_a_kept_map_that_is_broken_is_told(mapped):
    data = mapped.to_bytes()
    odd = np.array([{"a": 1}] * 900, dtype=object)
    changes = (
        {"places": mapped.places * np.float32(np.inf)}, {"places": mapped.places * 3},
        {"ids": mapped.ids[:5]}, {"ids": odd}, {"ids": np.array(3)}, {"ids": mapped.ids * 0.5},
        {"made_by": {}}, {"made_by": []}, {"queries": float("inf")}, {"trustworthiness": 10**400},
    )  # fmt: skip
    crafted = [dataclasses.replace(mapped, **change).to_bytes() for change in changes]
    for broken in (b"", b"junk", data[:-9], data[:40], *crafted):
        with pytest.raises(NearspaceError, match="The map kept with the space"):
            parse_map(broken)


def test_long_ids_and_zeros_at_their_end_are_kept(mapped):
    names = ["a", "a\0", "x" * 100_000, *map(str, range(897))]
    ids = np.empty(900, dtype=object)
    ids[:] = names
    again = parse_map(dataclasses.replace(mapped, ids=ids).to_bytes())
    assert again.ids.tolist() == names
    assert again.ids.nbytes < 10**5


def test_a_new_point_has_the_same_place_alone_and_among_thousands(digits, part, mapped):
    place = Placer(part.vectors, mapped.places).place
    new = digits.vectors[900:]
    among = place(new)
    extent = np.ptp(mapped.places, axis=0).max()
    for rows in (slice(0, 1), slice(7, 8), slice(100, 140), slice(None, None, -1)):
        assert np.abs(place(new[rows]) - among[rows]).max() < 1e-6 * extent
    noise = np.random.default_rng(0).normal(size=new.shape) * 1e-6 * np.abs(new)
    assert np.abs(place((new + noise).astype(np.float32)) - among).max() < 1e-4 * extent
    assert np.abs(place(part.vectors) - mapped.places).max() < 1e-4 * extent  # known ones
    right = part.labels[np.linalg.norm(among[:, None] - mapped.places, axis=2).argmin(axis=1)]
    assert (right == digits.labels[900:]).mean() > 0.93


def two_clusters(random, n):
    return 0.1 * random.normal(size=(n, 32)) + np.where(random.random((n, 1)) < 0.5, 1e4, -1e4)


def one_far_item(random, n):
    return random.normal(size=(n, 32)) + 1e8 * (np.arange(n) == 0)[:, None]


def one_unscaled_column(random, n):
    income = random.normal(0, 1e6, n).round(-5)
    return np.column_stack([income, random.normal(size=(n, 6))])


def on_a_sphere_and_a_query_at_its_centre(random, n):
    vectors = random.normal(size=(n, 32))
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) * (np.arange(n) > 0)[:, None]


@pytest.mark.parametrize(
    "made",
    [two_clusters, one_far_item, one_unscaled_column, on_a_sphere_and_a_query_at_its_centre],
)
def test_a_place_depends_on_no_other_whatever_the_vectors(made):
    random = np.random.default_rng(0)
    known, new = (made(random, n).astype(np.float32) for n in (3000, 620))
    known = known[known.any(axis=1)]
    places = random.normal(size=(len(known), 2))
    place = Placer(known, places).place
    among = place(new)
    alone = np.concatenate([place(new[row : row + 1]) for row in range(0, 620, 10)])
    np.testing.assert_allclose(alone, among[::10], atol=1e-6)
    np.testing.assert_allclose(place(new[::-1])[::-1], among, atol=1e-6)
    far = np.linalg.norm(new[::10, None].astype(np.float64) - known, axis=2)
    for row, near in enumerate(np.sort(np.argsort(far, axis=1)[:, :16], axis=1)):
        by_the_nearest = Placer(known[near], places[near]).place(new[10 * row : 10 * row + 1])
        np.testing.assert_allclose(by_the_nearest[0], among[10 * row], atol=1e-6)


def test_a_map_from_before_items_went_or_changed_places_by_those_that_are_left(part, mapped):
    some = rows_of(part, np.r_[100:900, :100])
    some.vectors[5] += 1
    ids = np.r_[100:900, 1000:1100]  # the last are new
    again = layout(dataclasses.replace(some, ids=ids, parts={"map": mapped.to_bytes()}))
    stayed = np.delete(np.arange(800), 5)
    np.testing.assert_array_equal(again.places[stayed], mapped.places[100:][stayed])
    expected = Placer(some.vectors[stayed], mapped.places[100:][stayed]).place(part.vectors[:100])
    np.testing.assert_array_equal(again.places[800:], expected)


def test_places_of_sparse_and_of_equally_far_vectors_are_finite():
    known = np.eye(40, dtype=np.float32)
    places = np.random.default_rng(0).normal(size=(40, 2))
    dense = Placer(known, places).place(known)
    thin = Placer(sparse.csr_array(known), places).place(sparse.csr_array(known))
    np.testing.assert_allclose(dense, places, atol=1e-4)
    np.testing.assert_allclose(thin, dense, atol=1e-6)
    assert np.isfinite(Placer(known, places).place(np.zeros((1, 40), dtype=np.float32))).all()
    assert Placer(known[:1], places[:1]).place(known[:2]).tolist() == 2 * [
        places[0].astype(np.float32).tolist()
    ]


def test_what_is_added_moves_nothing_and_its_order_does_not_matter(digits, part, mapped):
    kept = {"map": mapped.to_bytes()}
    same = layout(dataclasses.replace(part, parts=kept))
    np.testing.assert_array_equal(same.places, mapped.places)
    grown = layout(dataclasses.replace(rows_of(digits, slice(0, 1000)), parts=kept))
    np.testing.assert_array_equal(grown.places[:900], mapped.places)
    assert grown.laid_out.tolist() == [True] * 900 + [False] * 100
    assert grown.trustworthiness > 0.95
    once = layout(dataclasses.replace(rows_of(digits, slice(0, 950)), parts=kept))
    twice = layout(
        dataclasses.replace(rows_of(digits, slice(0, 1000)), parts={"map": once.to_bytes()})
    )
    np.testing.assert_allclose(twice.places, grown.places, atol=1e-6)

    order = np.arange(900)[::-1][:800]  # another order, some gone, one changed
    other = rows_of(digits, order)
    other.vectors[3] = digits.vectors[1200]
    changed = layout(dataclasses.replace(other, parts=kept))
    stayed = np.delete(np.arange(800), 3)
    np.testing.assert_array_equal(changed.places[stayed], mapped.places[order[stayed]])
    assert np.flatnonzero(~changed.laid_out).tolist() == [3]


@pytest.mark.parametrize("n", [0, 1, 2, 7, 9])
def test_few_items_have_a_map_too(part, n):
    few = layout(rows_of(part, slice(0, n)))
    assert few.places.shape == (n, 2)
    assert np.isfinite(few.places).all()
    assert np.isnan(few.trustworthiness)
    assert len(np.unique(few.places, axis=0)) == n
    kept = {"map": few.to_bytes()}
    grown = layout(dataclasses.replace(rows_of(part, slice(0, 200)), parts=kept))
    assert grown.laid_out.all() == (n < 8)
    assert grown.places.std(axis=0).min() > 0.1


def test_a_map_at_one_point_is_made_anew(part):
    equal = rows_of(part, np.zeros(20, dtype=int))
    equal.ids[:] = np.arange(20)
    kept = layout(equal)
    grown = np.concatenate([equal.vectors, part.vectors[:100]])
    ids = np.arange(120)
    found = layout(
        dataclasses.replace(
            part, vectors=grown, ids=ids, labels=None, parts={"map": kept.to_bytes()}
        )
    )
    assert found.laid_out.all()
    assert np.ptp(found.places) > 1


def test_a_map_of_other_vectors_is_made_anew(part, mapped):
    other = dataclasses.replace(part, vectors=part.vectors + 1, parts={"map": mapped.to_bytes()})
    assert layout(other).laid_out.all()


def test_ctrl_c_while_places_are_sought_never_reaches_the_library():
    """What a handler raises in the midst of its tree would be a segmentation fault."""
    told = []

    def interrupt(share):
        told.append(share)
        assert threading.current_thread() is not threading.main_thread()
        signal.raise_signal(signal.SIGINT)

    vectors = np.random.default_rng(0).normal(size=(1500, 4)).astype(np.float32)
    handler = signal.signal(signal.SIGINT, signal.default_int_handler)
    try:
        with pytest.raises(KeyboardInterrupt):
            tsne(vectors, progress=interrupt)
    finally:
        signal.signal(signal.SIGINT, handler)
    assert told[-1] < 0.5  # it was not computed to the end
