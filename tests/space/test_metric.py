"""A space is searched, mapped and compared by its own metric; a zero vector has no neighbours."""

import dataclasses
import inspect

import numpy as np
import pytest
from scipy import sparse
from tests.one_part import compare

from nearspace import analogy, diff, embed, layout, load, neighbours, open_space, save
from nearspace.errors import NearspaceError
from nearspace.judge.studies.layers import compare_layers
from nearspace.recipe import Recipe
from nearspace.space.file.store import add
from nearspace.space.map.landmarks import landmarks
from nearspace.space.map.tsne import CORNER
from nearspace.space.search.index import build_index, part_name
from nearspace.space.space import Space

ZEROS = [3, 50, 51, 119]


def space_of(vectors, metric="cosine", parts=()):
    recipe = Recipe("made up", "0", metric=metric)
    return Space(vectors, np.arange(vectors.shape[0]), None, recipe, parts=dict(parts))


@pytest.fixture(scope="module")
def crowds():
    """120 vectors in three directions, of very different lengths; four are zero."""
    random = np.random.default_rng(0)
    rows = np.repeat(np.eye(3, 8), 40, axis=0) + 0.1 * random.normal(size=(120, 8))
    rows *= random.uniform(0.05, 20, (120, 1))
    rows[ZEROS] = 0
    return rows.astype(np.float32)


@pytest.mark.parametrize("ending", [".space", ".npz", ".parquet"])
@pytest.mark.parametrize(("spec", "metric"), [("tfidf", "cosine"), ("onehot", "euclidean")])
def test_the_metric_goes_into_every_file_and_out_again(tmp_path, ending, spec, metric):
    data = {"tfidf": "sentences", "onehot": "customers"}[spec]
    space = embed(load(data).take(range(50)), spec)
    again = open_space(save(space, tmp_path / f"s{ending}"))
    assert again.recipe.metric == space.recipe.metric == metric
    assert neighbours(again, space.ids[:3], 4).metric == metric
    other = "euclidean" if metric == "cosine" else "cosine"
    if ending == ".space":
        with pytest.raises(NearspaceError, match="by what metric"):
            open_space(tmp_path / "s.space", metric=other)
    else:
        assert open_space(tmp_path / f"s{ending}", metric=other).recipe.metric == other


def test_vectors_of_others_are_for_the_cosine_unless_it_is_said(tmp_path):
    np.save(tmp_path / "v.npy", np.eye(3))
    space = open_space(tmp_path / "v.npy")
    assert space.recipe.metric == "cosine"
    said = open_space(tmp_path / "v.npy", metric="euclidean")
    assert said.recipe.metric == "euclidean"
    path = save(space, tmp_path / "v.space")
    with pytest.raises(NearspaceError, match=r"compared by cosine, got .* by euclidean; say the"):
        add(path, said)
    with pytest.raises(NearspaceError, match="Did you mean 'cosine'"):
        open_space(tmp_path / "v.npy", metric="cosin")
    with pytest.raises(NearspaceError, match="no metric 'l2'"):
        Recipe("x", "0", metric="l2")


def test_no_metric_is_taken_for_granted():
    for function in (neighbours, analogy, diff, layout, landmarks, compare, compare_layers):
        assert inspect.signature(function).parameters["metric"].default is None, function
    assert inspect.signature(build_index).parameters["metric"].default is inspect.Parameter.empty


def test_search_and_analogy_go_by_the_spaces_own(crowds):
    for metric in ("cosine", "dot", "euclidean"):
        space = space_of(crowds, metric)
        found, said = neighbours(space, 0, 9), neighbours(space_of(crowds), 0, 9, metric)
        assert found.metric == said.metric == metric
        assert found.ids.tolist() == said.ids.tolist()
        assert analogy(space, 0, 41, 80).ids.tolist() == analogy(
            space_of(crowds), 0, 41, 80, metric=metric
        ).ids.tolist()  # fmt: skip
    assert not set(ZEROS) & set(neighbours(space_of(crowds), 0, 120).ids[0].tolist())


@pytest.mark.parametrize("make", [np.asarray, sparse.csr_array])
def test_an_item_that_is_zero_is_found_by_no_metric_but_where_it_lies(crowds, make):
    space = space_of(make(crowds))
    for found in (
        neighbours(space, [0, 3, 70], 200),
        neighbours(space, [0, 3, 70], 200, where="id>=0"),
    ):
        assert found.ids.shape == (3, 116)
        assert found.ids[1].tolist() == [None] * 116
        assert not set(ZEROS) & set(found.ids[[0, 2]].ravel().tolist())
    assert set(ZEROS) <= set(neighbours(space, 0, 200, "euclidean").ids[0].tolist())


def test_an_index_finds_no_zero_vector():
    pytest.importorskip("faiss")
    vectors = np.random.default_rng(0).normal(size=(1500, 6)).astype(np.float32)
    vectors[:, 0] -= 3  # so that most cosines of the queries below are negative
    vectors[100:300] = 0
    with pytest.raises(NearspaceError, match="at least 1,000 dense vectors, got 900"):
        build_index(vectors[:1100], "cosine")
    index = build_index(vectors, "cosine")
    assert index.recall > 0.9
    space = space_of(vectors, parts={part_name("cosine"): index.to_bytes()})
    asked = np.array([[1.0, 0, 0, 0, 0, 0], [0.0] * 6, [3.0, 1, 0, 0, 0, 0]])
    found, exact = neighbours(space, asked, 20), neighbours(space, asked, 20, exact=True)
    assert found.recall < exact.recall == 1
    assert found.scores[0].max() < 0
    assert not ((found.positions >= 100) & (found.positions < 300)).any()
    assert (found.positions[1] == -1).all()
    assert len(set(found.positions[0]) & set(exact.positions[0])) >= 10


def test_a_map_goes_by_the_angle_and_zeros_stand_in_a_corner(crowds):
    space = space_of(crowds)
    there = np.setdiff1d(np.arange(120), ZEROS)
    mapped, without = layout(space), layout(space_of(crowds[there]))
    assert mapped.made_by["metric"] == "cosine"
    np.testing.assert_array_equal(mapped.places[there], without.places)
    assert (mapped.places[ZEROS] == CORNER).all()
    assert mapped.trustworthiness == without.trustworthiness > 0.9
    kept = dataclasses.replace(space, parts={"map": mapped.to_bytes()})
    again = layout(kept)
    np.testing.assert_array_equal(again.places, mapped.places)
    by_length = layout(kept, metric="euclidean")
    assert by_length.made_by["metric"] == "euclidean"
    kept = dataclasses.replace(space, parts={"map": by_length.to_bytes()})
    assert layout(kept).made_by["metric"] == "euclidean"  # as it was asked for
    with pytest.raises(NearspaceError, match="the inner product is none; ask for"):
        layout(space_of(crowds, "dot"))


def test_what_is_added_to_a_map_is_placed_by_its_metric(crowds):
    first = space_of(crowds[:119])
    more = np.vstack([crowds, 100 * crowds[[60]], np.zeros((1, 8), np.float32)])
    grown = layout(dataclasses.replace(space_of(more), parts={"map": layout(first).to_bytes()}))
    np.testing.assert_allclose(grown.places[120], grown.places[60], atol=0.01)
    assert (grown.places[[119, 121]] == CORNER).all()
    assert not grown.laid_out[119:].any()


def test_zero_vectors_are_no_landmarks(crowds):
    rows = crowds.copy()
    rows[20], rows[90] = 7 * rows[21], 10 * np.eye(8)[7]  # a duplicate, and a direction of its own
    marks = landmarks(space_of(rows), np.asarray(rows[:, :2]))
    assert (marks.codes[ZEROS] == -1).all()
    assert [of.positions for of in marks.alike] == [(20, 21)]
    assert marks.outliers[0].position == 90
    assert not {of.position for of in marks.outliers} & set(ZEROS)
    assert set(ZEROS) in [
        set(of.positions) for of in landmarks(space_of(rows), rows[:, :2], metric="euclidean").alike
    ]


def test_spaces_are_held_against_each_other_each_by_its_own(crowds):
    random = np.random.default_rng(1)
    longer = (crowds * random.uniform(0.1, 9, (120, 1))).astype(np.float32)
    found = diff(space_of(crowds), space_of(longer), 5)
    assert found.metrics == ("cosine", "cosine")
    assert (found.overlap, found.without_direction) == (1, 4)
    assert len(found.changes) == 116
    assert not set(ZEROS) & {change.id for change in found.changes}
    assert not set(ZEROS) & {name for change in found.changes for name in change.first}
    mixed = diff(space_of(crowds), space_of(longer, "euclidean"), 5)
    assert mixed.metrics == ("cosine", "euclidean")
    assert mixed.overlap < 0.9
    assert diff(space_of(crowds), space_of(longer), 5, "euclidean").without_direction == 0
    few = np.zeros_like(crowds)
    few[:4] = crowds[4:8]
    with pytest.raises(NearspaceError, match="share 3 items whose vectors are not zero in either"):
        diff(space_of(few), space_of(longer), 5)
