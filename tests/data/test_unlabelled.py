"""Items without a label: read, embedded and kept like all others, and left out of judging alone."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tests.one_part import compare

from nearspace import embed, load, open_space, save
from nearspace.data import Dataset, Vector
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.errors import DataError
from nearspace.judge.protocol import Protocol
from nearspace.judge.tasks import set_task
from nearspace.report.map import map_page
from nearspace.space.dataset import as_dataset
from nearspace.space.map.landmarks import landmarks
from nearspace.space.map.maps import layout

RANDOM = np.random.default_rng(0)


def put_images(folder, count):
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        pixels = RANDOM.integers(0, 256, (8, 8), np.uint8)
        Pillow.fromarray(pixels).save(folder / f"{number:02}.png")


def test_twenty_pictures_beside_a_subfolder_of_two_reach_every_door(command):
    put_images(command.folder / "p", 20)
    put_images(command.folder / "p" / "cats", 2)
    done = command("embed", "p", "--with", "pca(dim=3)", "-o", "p.space")
    assert "22 vectors" in done.stdout, done.stderr
    assert "20 of the 22 items have no label." in done.stderr
    assert "1: cats; 20 items have none" in " ".join(command("info", "p.space").stdout.split())
    done = command("search", "p.space", "--id", "00.png", "-k", "22")
    assert "None" not in done.stdout
    assert done.stdout.count("cats/") == 2
    space = open_space(command.folder / "p.space")
    assert space.labels.tolist().count(None) == 20
    places = layout(space)
    page = map_page(space, places, landmarks(space, places.places))
    assert page.data["colourings"]["label"]["names"] == ["cats"]
    assert page.data["colourings"]["label"]["missing"] == 20
    for ending in ("npz", "parquet"):
        assert command("export", "p.space", "-o", f"p.{ending}").returncode == 0
        assert open_space(f"p.{ending}").labels.tolist() == space.labels.tolist()
        done = command("import", f"p.{ending}", "--made-by", "me", "-o", f"{ending}.space")
        assert open_space(f"{ending}.space").labels.tolist() == space.labels.tolist()
    done = command("pack", "p", "--with", "p.space", "-o", "p.codes")
    assert done.returncode == 0, done.stderr
    done = command("unpack", "p.codes", "--with", "p.space", "-o", "out")
    assert "22 items" in done.stdout, done.stderr
    assert len(list((command.folder / "out").rglob("*.png"))) == 22


def test_a_folder_of_one_subfolder_is_added_with_its_class(command):
    for name in ("cats", "dogs"):
        put_images(command.folder / "p" / name, 6)
    put_images(command.folder / "more" / "birds", 3)
    put_images(command.folder / "flat", 2)
    command("embed", "p", "--with", "pca(dim=2)", "-o", "p.space")
    done = command("add", "more", "--to", "p.space")
    assert "birds" in done.stderr, done.stderr
    done = command("add", "flat", "--to", "p.space")
    labels = open_space(command.folder / "p.space").labels.tolist()
    assert labels == ["cats"] * 6 + ["dogs"] * 6 + ["birds"] * 3 + [None] * 2
    told = " ".join(command("info", "p.space").stdout.split())
    assert "3: birds, cats, dogs; 2 items have none" in told


def test_a_flat_test_folder_is_told_embedded_and_not_judged_by(tmp_path):
    for name in ("a", "b"):
        put_images(tmp_path / "train" / name, 12)
    put_images(tmp_path / "test", 8)
    data = load(tmp_path)
    assert (len(data), data.labels.tolist().count(None)) == (32, 8)
    assert any("expected test/<class>/" in note for note in data.notes)
    assert len(embed(data, "pca(dim=2)")) == 32
    task = set_task(data, Protocol())
    assert (len(task.train), len(task.test)) == (18, 6)
    notes = " ".join(task.notes)
    assert "8 items without a label were left out." in notes
    assert "that split was given up" in notes
    with pytest.raises(DataError, match=r"test has no labels.*a subfolder for each class"):
        load(tmp_path / "train", test=tmp_path / "test")
    (tmp_path / "test").rename(tmp_path / "x")
    (tmp_path / "train").rename(tmp_path / "test")
    (tmp_path / "x").rename(tmp_path / "train")
    with pytest.raises(DataError, match="none of the training items of the published split"):
        set_task(load(tmp_path), Protocol())


def with_gaps(labels, every=4):
    return [None if number % every == 1 else label for number, label in enumerate(labels)]


@pytest.mark.parametrize("numbers", [False, True])
def test_judging_leaves_the_unlabelled_out_and_keeps_rows_and_labels_together(numbers):
    items = RANDOM.normal(size=(120, 4))
    labels = items[:, 0] if numbers else np.where(items[:, 0] > 0, "high", "low")
    data = load(items, labels=with_gaps(labels), groups=np.arange(120) // 2)
    task = set_task(data, Protocol())
    assert len(task.dataset) == 90
    assert "30 items without a label were left out." in task.notes
    for side in (task.train, task.test):
        assert side.target.values.tolist() == labels[side.ids].tolist()
        np.testing.assert_allclose(side.items, items[side.ids], rtol=1e-6)
    board = compare(items, with_gaps(labels), encoders=["pca(dim=2)"])
    assert board.protocol["items"] == 90
    assert compare(data, encoders=["pca(dim=2)"], task="unlabelled").protocol["items"] == 120


def test_empty_cells_not_numbers_and_missing_values_are_no_label(tmp_path, command):
    frame = pd.DataFrame({"a": RANDOM.normal(size=40), "b": RANDOM.normal(size=40)})
    frame["y"] = with_gaps(["u", "v"] * 20)
    frame.to_csv(command.folder / "t.csv", index=False)
    done = command("embed", "t.csv", "--labels", "y", "--with", "onehot", "-o", "t.space")
    assert "40 vectors" in done.stdout, done.stderr
    assert open_space(command.folder / "t.space").labels.tolist() == with_gaps(["u", "v"] * 20)
    numbered = np.array(with_gaps([1.0, 2.0] * 20), dtype=float)  # NaN for None
    np.savez(tmp_path / "t.npz", X=frame[["a", "b"]].to_numpy(), y=numbered)
    for data in (load(tmp_path / "t.npz"), load(frame.assign(y=numbered), labels="y")):
        assert data.labels.tolist() == with_gaps([1, 2] * 20)
        space = embed(data, "raw" if data.kind.name == "vector" else "onehot")
        again = open_space(save(space, tmp_path / "t.space"))
        assert again.labels.tolist() == with_gaps([1, 2] * 20)
        assert as_dataset(again).labels.tolist() == with_gaps([1, 2] * 20)
        assert space.to_frame()["label"].tolist() == with_gaps([1, 2] * 20)


def test_what_learns_from_labels_learns_from_those_there_are_and_embeds_all():
    items = RANDOM.normal(size=(60, 4)).astype(np.float32)
    data = Dataset(items, Vector(4), target=with_gaps(np.where(items[:, 0] > 0, "high", "low")))
    learner = FromSklearn(LinearDiscriminantAnalysis())
    fitted = learner.fit_on(data).transform(items)
    alone = learner.fit_on(data.labelled_only()).transform(items)
    np.testing.assert_array_equal(fitted, alone)
    whole = embed(Dataset(items, Vector(4)), "pca(dim=2)")
    np.testing.assert_array_equal(embed(data, "pca(dim=2)").vectors, whole.vectors)
