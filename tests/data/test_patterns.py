"""What names of files tell: patterns, by naive code, and on folders as people have them."""

import itertools
import random

import numpy as np
import pytest
from PIL import Image as Pillow

from nearspace import load
from nearspace.data.patterns import read_pattern
from nearspace.errors import DataError


def by_trying(literals, fields, name):
    """Return what the fields hold by trying all of their lengths, the shortest first."""
    spare = len(name) - sum(map(len, literals))
    for lengths in itertools.product(range(1, spare + 1), repeat=len(fields)):
        if sum(lengths) != spare:
            continue
        place, cells = len(literals[0]), []
        for length, literal in zip(lengths, literals[1:], strict=True):
            cells.append(name[place : place + length])
            place += length + len(literal)
        built = literals[0] + "".join(map("".join, zip(cells, literals[1:], strict=True)))
        if built == name:
            return {field: cell for field, cell in zip(fields, cells, strict=True) if field}
    return {} if not fields and name == literals[0] else None


def test_fields_are_those_that_trying_all_lengths_finds():
    draw = random.Random(0)
    fits = 0
    for _ in range(3000):
        fields = [draw.choice(["a", ""])] + [""] * draw.randrange(2) + ["c"] * draw.randrange(2)
        between = ["".join(draw.choices("_-x", k=draw.randint(1, 2))) for _ in fields[1:]]
        literals = [draw.choice(["", "x"]), *between, draw.choice(["", "_", ".w"])]
        text = literals[0] + "".join(
            f"{{{field}}}{literal}" for field, literal in zip(fields, literals[1:], strict=True)
        )
        if not any(fields):
            continue
        name = "".join(draw.choices("_-x", k=draw.randint(0, 7))) + draw.choice(["", ".w"])
        expected = by_trying(literals, fields, name)
        assert read_pattern(text).match(f"folder/{name}") == expected, (text, name)
        fits += expected is not None
    assert fits > 200


def test_a_pattern_with_a_slash_is_one_of_paths():
    pattern = read_pattern("{group}/{chapter}/{}-{}-{id}.flac")
    match = pattern.match("84/121/84-121-0003.flac")
    assert match == {"group": "84", "chapter": "121", "id": "0003"}
    assert pattern.match("dev/84/121/84-121-0003.flac") is None
    assert read_pattern("{label}.wav").match("a/b/c.wav") == {"label": "c"}


def test_literal_text_has_no_signs_of_its_own():
    assert read_pattern("a.*({label})+$").match("a.*(7)+$") == {"label": "7"}
    assert read_pattern("a.{label}").match("ab7") is None


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        ("{label_{}.wav", "has a brace without its other one"),
        ("label}_{x}.wav", "has a brace without its other one"),
        ("{label}_{label}.wav", "{label} twice"),
        ("{label}{group}.wav", "nothing between them"),
        ("{}_{}.wav", "no field with a name"),
        ("", "is what names of files look like"),
        (7, "got 7"),
        ("/{label}.wav", "a slash with nothing before or after it"),
        ("{label}//{}.wav", "a slash with nothing before or after it"),
        ("{labels}_{}.wav", "write {label}"),
        ("{Group}_{}.wav", "write {group}"),
        ("{label:d}.wav", "fields have no format"),
        ("{ speaker}.wav", "fields have no format"),
    ],
)
def test_what_is_no_pattern_is_refused(pattern, words):
    with pytest.raises(DataError) as error:
        load("digits", pattern=pattern)
    assert words in str(error.value)


@pytest.fixture
def pictures(tmp_path):
    folder = tmp_path / "pictures"
    for label, speaker, take in itertools.product(("cat", "dog"), ("ann", "bob"), range(2)):
        place = folder / f"take{take}" / f"{label}_{speaker}_{take}.png"
        place.parent.mkdir(parents=True, exist_ok=True)
        Pillow.new("L", (4, 4), 40 * take + len(speaker)).save(place)
    return folder


def test_fields_are_roles_or_columns(pictures):
    data = load(pictures, pattern="{label}_{speaker}_{take}.png", groups="speaker")
    assert data.labels.tolist() == ["cat", "cat", "dog", "dog"] * 2
    assert data.groups.tolist() == ["ann", "bob"] * 4
    assert data.meta.to_pydict() == {"speaker": ["ann", "bob"] * 4, "take": [0] * 4 + [1] * 4}
    assert data.ids[0] == "take0/cat_ann_0.png"
    assert any("labels {label}, groups {speaker}, {take}." in note for note in data.notes)
    by_name = load(pictures, pattern="{}_{speaker}_{}.png", labels="speaker")
    assert by_name.labels.tolist() == ["ann", "bob"] * 4
    folders = load(pictures, pattern="{}_{group}_{}.png")
    assert folders.labels.tolist() == ["take0"] * 4 + ["take1"] * 4
    paths = load(pictures, pattern="take{take}/{}_{group}_{}.png")
    assert paths.labels is None
    assert any("Folders are no labels" in note for note in paths.notes)


def test_every_role_is_read_from_names(tmp_path):
    for name in ("007_a_train_2024-05-31", "008_1.5_test_2024-06-01"):
        (tmp_path / f"{name}.txt").write_text(name)
    data = load(tmp_path, pattern="{id}_{label}_{split}_{time}.txt")
    assert data.ids.tolist() == ["007", "008"]
    assert data.labels.tolist() == ["a", "1.5"]
    assert data.split.tolist() == ["train", "test"]
    assert data.time.astype("datetime64[D]").astype(str).tolist() == ["2024-05-31", "2024-06-01"]
    assert data.meta is None


def test_names_that_do_not_fit_are_left_out_and_named(pictures):
    Pillow.new("L", (4, 4), 9).save(pictures / "cover.png")
    data = load(pictures, pattern="{label}_{group}_{}.png")
    assert len(data) == 8
    assert data.left_out == {"cover.png": "whose name does not fit the pattern"}
    assert any("1 file whose name does not fit the pattern was left out" in n for n in data.notes)
    with pytest.raises(DataError) as error:
        load(pictures, pattern="{label}-{}.jpg")
    assert "no name of a file fits the pattern '{label}-{}.jpg'; the first are" in str(error.value)
    assert "'cover.png', 'take0/cat_ann_0.png', 'take0/cat_bob_0.png'." in str(error.value)


def test_a_pattern_is_of_lists_and_archives_too(pictures, tmp_path):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "all"), "zip", tmp_path, "pictures")
    for source in (archive, sorted(pictures.rglob("*.png"))):
        data = load(source, pattern="{label}_{group}_{}.png")
        assert np.unique(data.groups).tolist() == ["ann", "bob"]
        assert np.unique(data.labels).tolist() == ["cat", "dog"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"labels": [1] * 8, "pattern": "{label}_{}.png"}, "and labels= is given too"),
        ({"labels": "speakr", "pattern": "{label}_{}.png"}, "and labels= is given too"),
        ({"groups": "speakr", "pattern": "{label}_{speaker}_{}.png"}, "Did you mean 'speaker'?"),
        ({"groups": "speaker"}, "has no named columns"),
        ({"pattern": "{label}_{id}_{}.png"}, "the id 'ann' stands 4 times"),
    ],
)
def test_roles_are_given_in_one_way(pictures, options, words):
    with pytest.raises(DataError) as error:
        load(pictures, **options)
    assert words in str(error.value)


def test_a_pattern_is_refused_where_there_are_no_files():
    for source in (["near means alike"], np.eye(3)):
        with pytest.raises(DataError, match="pattern= reads the names of files"):
            load(source, pattern="{label}_{}.txt")
    with pytest.raises(DataError, match="A Dataset cannot be read with pattern="):
        load(load(["a", "b"]), pattern="{label}.txt")
