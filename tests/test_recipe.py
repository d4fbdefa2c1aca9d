"""What made the vectors, as files keep it."""

import json

import pytest

from nearspace import embed, load
from nearspace.errors import DataError
from nearspace.recipe import Recipe

GOOD = {"spec": "a", "fingerprint": "b", "data": "c", "metric": "cosine", "kind": None}
GOOD |= {"versions": {}}


def test_the_keys_in_files_stay_as_they_are():
    written = embed(load("digits"), "pca(dim=2)").recipe.to_json()
    assert list(written) == [
        "spec", "fingerprint", "data", "metric", "kind", "roles", "versions",
    ]  # fmt: skip
    assert json.loads(json.dumps(written["kind"])) == {"kind": "image", "shape": [8, 8, 1]}
    brought = Recipe("vectors", "0", made_by="a model", left_out=("image",)).to_json()
    assert list(brought) == [*written, "made_by", "left_out"]
    assert brought["left_out"] == ["image"]


def test_what_is_written_is_read_again():
    for recipe in (
        embed(load("digits"), "pca(dim=2)").recipe,
        Recipe("vectors", "0", roles={"split": "s"}, made_by="a model", left_out=("image",)),
    ):
        again = Recipe.from_json(json.loads(json.dumps(recipe.to_json())))
        assert json.dumps(again.to_json()) == json.dumps(recipe.to_json())
    assert Recipe.from_json(GOOD) == Recipe("a", "b", "c", versions={})
    assert Recipe.from_json({**GOOD, "of a later version": 1}) == Recipe.from_json(GOOD)


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (None, "spec"),
        ([], "spec"),
        ({**GOOD, "fingerprint": 3}, "fingerprint"),
        ({**GOOD, "kind": "image"}, "kind"),
        ({**GOOD, "metric": "cosin"}, "metric"),
        ({**GOOD, "roles": None}, "roles"),
        ({**GOOD, "left_out": "image"}, "left_out"),
        *(({key: GOOD[key] for key in GOOD if key != name}, name) for name in GOOD),
    ],
)
def test_what_is_none_is_refused(value, name):
    with pytest.raises(DataError, match=f"another '{name}'"):
        Recipe.from_json(value)
