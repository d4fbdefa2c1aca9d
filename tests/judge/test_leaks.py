"""What gives labels away is found by name, honest values are not accused, and it is told first."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.one_part import compare

from nearspace import load
from nearspace.data import Numbers
from nearspace.judge.ceiling import ceiling_notes
from nearspace.judge.leaks import find_leaks
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.transfer import transfer
from nearspace.judge.tasks import set_task
from nearspace.report.page import render


def names(data):
    """Return what is accused, without the articles."""
    task = set_task(data, Protocol())
    return [leak.name.removeprefix("the ") for leak in task.leaks]


def passengers(n=500, seed=0):
    """A table in which nothing but chance tells more than most of ``survived``."""
    rng = np.random.default_rng(seed)
    survived = rng.integers(2, size=n)
    sex = np.where(rng.random(n) < 0.8, survived, 1 - survived)
    age = rng.normal(30, 12, size=n).round(1)
    return pd.DataFrame({"survived": survived, "sex": np.array(["m", "f"])[sex], "age": age})


def changed(values, share, seed=1):
    rng = np.random.default_rng(seed)
    return np.where(rng.random(len(values)) < share, 1 - values, values)


LEAKS = {
    "copy": lambda y: y,
    "in words": lambda y: np.array(["no", "yes"])[y],
    "of two in a hundred another": lambda y: np.array(["no", "yes"])[changed(y, 0.02)],
    "amount": lambda y: np.exp(3 * y + np.random.default_rng(2).random(len(y))),
    "seconds since 1970": lambda y: 1.7e9 + 2 * y + np.random.default_rng(2).random(len(y)),
    "boat, for those who survived": lambda y: np.where(y, np.arange(len(y)) % 16, np.nan),
    "file": lambda y: [f"{'ab'[value]}_{row:04d}.png" for row, value in enumerate(y)],
    "place in a sorted file": lambda y: np.argsort(np.argsort(y, kind="stable")),
    "cabin, many of each": lambda y: np.random.default_rng(3).integers(40, size=len(y)) * 2 + y,
}


@pytest.mark.parametrize("name", LEAKS)
def test_a_column_that_gives_the_answer_away_is_named(name):
    table = passengers()
    table[name] = LEAKS[name](table["survived"].to_numpy())
    types = {"file": "category"} if name == "file" else None  # else it names the row
    (leak,) = set_task(load(table, labels="survived", types=types), Protocol()).leaks
    assert leak.column == name
    assert name in leak.name
    assert leak.score > 0.97
    assert leak.guess < 0.6
    assert f"--without '{name}'" in leak.told


def test_honest_columns_are_not_accused():
    rng = np.random.default_rng(0)
    table = passengers()
    y = table["survived"].to_numpy()
    table["row"] = np.arange(len(table))
    table["name"] = [f"{value:08x}" for value in rng.integers(2**32, size=len(table))]
    table["95 % told"] = changed(y, 0.05)
    table["rare"] = np.where((y == 1) & (rng.random(len(y)) < 0.5), "only there", None)
    assert names(load(table, labels="survived")) == []


def test_the_rarest_class_counts_as_much_as_another():
    rng = np.random.default_rng(0)
    rare = (rng.random(4000) < 0.02).astype(int)
    noise = rng.random(4000)
    data = load(pd.DataFrame({"x": noise, "y": rare, "copy": changed(rare, 0.005)}), labels="y")
    assert names(data) == ["column 'copy'"]
    half = np.where(rng.random(4000) < 0.5, rare, 0)  # 99 % are told, but half of the rare ones
    assert names(load(pd.DataFrame({"x": noise, "y": rare, "half": half}), labels="y")) == []


@pytest.mark.parametrize("name", ["iris", "wine", "breast_cancer"])
def test_easy_tasks_are_no_leaks(name):
    from sklearn import datasets

    data = getattr(datasets, f"load_{name}")(as_frame=True)
    assert names(load(data.data, labels=data.target.to_numpy())) == []


@pytest.mark.parametrize("name", ["digits", "sentences", "customers", "wine"])
def test_the_samples_have_no_leak(name):
    assert names(load(name)) == []


def test_numbers_that_give_numbers_away():
    rng = np.random.default_rng(0)
    price = rng.lognormal(size=400)
    table = pd.DataFrame({"size": price * rng.lognormal(0, 0.5, 400), "price": price})
    for name, column in {
        "other currency": 1.1 * price,
        "logarithm": np.log(price),
        "rounded": price.round(1),
    }.items():
        assert names(load(table.assign(**{name: column}), labels="price")) == [f"column '{name}'"]
    assert names(load(table, labels="price")) == []


def test_a_label_left_among_the_numbers_of_vectors_is_found():
    rng = np.random.default_rng(0)
    y = rng.integers(4, size=300)
    vectors = rng.standard_normal((300, 5))
    vectors[:, 3] = y / 4
    assert names(load(vectors, labels=y)) == ["number 3 of the vectors"]
    # Classes that lie apart are an easy task: each number tells them, but none is a code.
    apart = rng.standard_normal((300, 5)) + 20 * y[:, None]
    assert names(load(apart, labels=y)) == []


@pytest.mark.parametrize(
    ("texts", "name"),
    [
        (["word " * (2 + label) for label in range(2)], "length of the texts"),
        (["__label__a it is so", "__label__b it is so"], "first word of the texts"),
        (["it is so .", "it is so !"], "last word of the texts"),
        (["It IS SO", "It is so"], "share of capitals in the texts"),
    ],
)
def test_texts_may_give_themselves_away(texts, name):
    rng = np.random.default_rng(0)
    y = rng.integers(2, size=200)
    cut = [texts[label].split(" ") for label in y]
    own = [[*words[:1], str(rng.integers(100, 999)), *words[1:]] for words in cut]
    assert name in names(load([" ".join(words) for words in own], labels=y))


def test_the_size_of_picture_files_is_told_and_their_names_are_a_note(tmp_path):
    rng = np.random.default_rng(0)
    for row in range(80):
        for side, label in ((12, "cat"), (16, "dog")):
            (tmp_path / label).mkdir(exist_ok=True)
            pixels = rng.integers(256, size=(side, 14), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / label / f"{label}_{row:03d}.png")
    task = set_task(load(tmp_path, size=8), Protocol())
    accused = {leak.name for leak in task.leaks}
    assert accused == {"the size of the files in bytes", "the height of the picture files"}
    assert "check how the items were gathered" in task.leaks[0].told
    assert any("the first word of the file names alone tells 100.0 %" in n for n in task.notes)
    for path in tmp_path.rglob("*.png"):
        Image.open(path).resize((14, 12)).save(path.with_name(path.name[4:]), format="bmp")
        path.unlink()
    task = set_task(load(tmp_path, size=8), Protocol())
    assert task.leaks == ()
    assert not any("names alone" in note for note in task.notes)


def test_a_value_shared_by_a_group_tells_nothing_of_other_groups():
    rng = np.random.default_rng(0)
    patient = np.repeat(np.arange(60), 5)
    table = pd.DataFrame({"x": rng.random(300), "patient": patient, "bed": patient * 7 % 61})
    y = np.repeat(rng.integers(2, size=60), 5)
    assert names(load(table, labels=y)) == ["column 'patient'", "column 'bed'"]
    assert names(load(table, labels=y, groups="patient")) == []


def test_a_leak_is_told_above_the_verdict(tmp_path, command):
    table = passengers(200)
    table["alive"] = np.array(["no", "yes"])[table["survived"]]
    table.to_csv(tmp_path / "titanic.csv", index=False)
    source = ["compare", tmp_path / "titanic.csv", "--labels", "survived", "--with", "onehot"]
    told = " ".join(command(*source, "-o", tmp_path, "--no-cache").stdout.split())
    assert told.index("The column 'alive' alone tells 100.0 %") < min(
        told.index(word) for word in (" Use ", " Best guess") if word in told
    )
    assert "--without 'alive'" in told
    (leak,) = json.loads((tmp_path / "report.json").read_text())["leaks"]
    assert (leak["column"], leak["score"]) == ("alive", 1.0)
    page = (tmp_path / "report.html").read_text()
    box = page[page.index('<div class="verdict">') :]
    assert box.index("alone tells 100.0 %") < box.index('class="use')
    board = compare(load(table.drop(columns="alive"), labels="survived"), encoders=["onehot"])
    assert board.leaks == ()
    assert 'class="leak"' not in render(board)


@pytest.mark.trains
def test_other_studies_tell_of_it_too():
    table = passengers(200)
    table["alive"] = table["survived"] + 0.5
    study = transfer(load(table, labels="survived"), "raw", labelled=[20])
    assert study.notes[0].startswith("The column 'alive' alone tells 100.0 %")


def test_equal_items_with_different_labels_are_counted_and_cap_the_accuracy():
    rows = np.repeat(np.random.default_rng(0).random((100, 4)), 2, axis=0)
    (note,) = [
        n
        for n in set_task(load(rows, labels=["a", "b"] * 100), Protocol()).notes
        if "equal another" in n
    ]
    assert note == (
        "200 of 200 items equal another one of another label, such as '0' (a) and '1' (b): no "
        "encoder can have an accuracy above 50.0 % on all of them."
    )
    texts = ["one", "one", "one", "two"]
    content = np.array([0, 0, 0, 1])
    data = load(texts, labels=["a", "a", "b", "b"], ids=["p", "q", "r", "s"])
    (note,) = ceiling_notes(data, content)
    assert note.startswith(
        "3 of 4 items equal another one of another label, such as 'p' (a) and 'r' (b)"
    )
    assert "above 75.0 %" in note
    assert ceiling_notes(load(texts, labels=["a", "a", "a", "b"]), content) == []
    assert ceiling_notes(load(texts), content) == []


def test_equal_items_with_different_numbers_cap_r2():
    data = load(["one", "one", "two", "six"], labels=[1.0, 2.0, 5.5, 6.0])
    assert isinstance(data.target, Numbers)
    (note,) = ceiling_notes(data, np.array([0, 0, 1, 2]))
    assert "'0' (1) and '1' (2): no encoder can have an R² above 0.973 on all" in note


def test_labels_that_only_test_items_have_are_left_out_of_the_question():
    table = passengers(100)
    y = table["survived"].to_numpy().copy()
    y[90:] = 7
    data = load(table.assign(copy=y), labels=y)
    leaks, _ = find_leaks(data, np.arange(70), np.arange(70, 100))
    assert {"the column 'copy'", "the column 'survived'"} == {leak.name for leak in leaks}


def test_real_data_are_not_accused_but_for_what_is_one_thing_twice(public_data):
    humor = load(public_data / "humor" / "dev.csv.gz", column="text", labels="humor", limit=4000)
    assert names(humor) == []
    assert names(load(public_data / "tables" / "penguins.csv", labels="species")) == []
    adult = pd.read_csv(public_data / "tables" / "adult.data.gz", header=None, nrows=8000)
    adult.columns = [f"column {at}" for at in adult.columns]
    assert names(load(adult, labels="column 14")) == []
    assert names(load(adult, labels="column 3")) == ["column 'column 4'"]  # years of education
