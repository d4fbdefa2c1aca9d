import gzip
import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image as Pillow

from nearspace.data import Dataset, Image, Table, Text, Vector, infer_kind, load
from nearspace.data.readers.files import read_file
from nearspace.data.sources import Asked
from nearspace.errors import DataError

X = np.random.default_rng(0).normal(size=(20, 3))
Y = np.arange(20) % 2


def refused(*words, **options):
    """Check that load refuses with all of the words in one sentence."""
    with pytest.raises(DataError) as error:
        load(**options)
    text = str(error.value)
    assert all(word in text for word in words), text
    assert "\n" not in text


def put_image(path, value=0, size=(8, 6)):
    path.parent.mkdir(parents=True, exist_ok=True)
    Pillow.new("L", size, value).save(path)


# Sources in memory


@pytest.mark.parametrize(
    ("items", "kind", "reason"),
    [
        (np.zeros((4, 28, 28), np.uint8), Image((28, 28, 1)), "uint8 array of shape (n, 28, 28)"),
        (np.zeros((4, 8, 8, 3)), Image((8, 8, 3)), "float64 array of shape (n, 8, 8, 3)"),
        (X, Vector(3), "float64 array of shape (n, 3)"),
        ([[1, 2], [3, 4]], Vector(2), "int64 array of shape (n, 2)"),
        (["a", "b"], Text(), "list of str"),
        (np.array(["a", "b"]), Text(), "array of str"),
        (pd.Series(["a", "b"]), Text(), "array of str"),
        (
            pd.DataFrame({"a": [1], "b": ["x"]}),
            Table((("a", "number"), ("b", "category"))),
            "2 columns: numbers ('a'); categories ('b')",
        ),
    ],
)
def test_the_kind_is_seen_and_the_reason_said(items, kind, reason):
    assert infer_kind(items) == (kind, reason)
    data = load(items)
    assert data.kind == kind
    assert data.notes[0] == f"Read as {kind.name}: {reason}."


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (np.zeros(5), ["shape (5,)", "reshape(-1, 1)"]),
        (np.zeros((2, 3, 4, 5, 6)) - 7, ["another kind"]),
        (5, ["got one int"]),
        (None, ["got one NoneType"]),
        (np.zeros((3, 0)), ["(3, 0)"]),
        ([], ["at least one item"]),
        ([[1, 2], [3]], ["several shapes"]),
        (["a", None], ["row 1", "NoneType"]),
        ({"a": 1}, ["dict of columns"]),
    ],
)
def test_what_is_of_no_kind_is_refused(items, words):
    refused("data: ", *words, source=items)


def test_kind_overrules():
    images = np.zeros((4, 28, 28), np.uint8)
    data = load(images, kind="vector")
    assert data.kind == Vector(784)
    assert "as asked" in data.notes[0]
    assert load(X, kind="table").kind.columns[1] == ("column 1", "number")
    frame = pd.DataFrame({"a": [1.0, 2.0], "b": [3, 4], "y": ["u", "v"]})
    data = load(frame, kind="vector", labels="y")
    np.testing.assert_array_equal(data.items, [[1, 3], [2, 4]])
    refused("'y' holds no numbers", source=frame, kind="vector")
    frame.loc[1, "a"] = np.nan
    refused("row 1, column 'a' is missing", source=frame, kind="vector", labels="y")
    refused("shape (n, height, width)", "(20, 3)", source=X, kind="image")
    refused("list of str", source=X, kind="text")
    refused("no kind 'imge'", "Did you mean 'image'?", source=X, kind="imge")


def test_a_dataset_is_returned_as_it_is():
    data = Dataset(X, Vector(3))
    assert load(data) is data
    refused("A Dataset", "limit", source=data, limit=3)


def test_images_are_resized_and_floats_noted():
    data = load(np.full((3, 10, 10), 0.5), size=4)
    assert data.kind == Image((4, 4, 1))
    assert (data.items == 128).all()
    assert any("Float images" in note for note in data.notes)
    assert any("4 × 4 pixels" in note for note in data.notes)
    refused("size= is for images", source=X, size=4)


# Labels, groups, time, ids


def test_roles_may_be_arrays():
    days = np.arange("2024-01-01", "2024-01-21", dtype="datetime64[D]")
    ids = [f"item {i}" for i in range(20)]
    data = load(X, labels=list(Y), groups=pd.Series(Y), time=days.astype(str), ids=ids)
    assert data.target.values.tolist() == Y.tolist()
    assert data.groups.tolist() == Y.tolist()
    assert (data.time == days).all()
    assert data.ids.tolist() == ids


def test_roles_are_columns_of_any_type():
    frame = pd.DataFrame({"a": [1, 2, 3], 7: pd.array([1, None, 2], dtype="Int64")})
    frame["when"] = pd.to_datetime(["2020", "2021", "2022"], utc=True)
    data = load(frame, labels="7", time="when")
    assert data.labels.tolist() == [1, None, 2]
    assert data.time.astype("datetime64[Y]").astype(str).tolist() == ["2020", "2021", "2022"]
    kinds = pd.Categorical(["u", None, "v"])
    assert load(frame[["a"]].assign(y=kinds), labels="y").target.values.tolist() == ["u", "v"]


def test_items_without_a_label_stay_and_are_told():
    labels = np.array(["a", None, "b", float("nan"), ""] * 4, dtype=object)
    data = load(X, labels=labels)
    assert data.labels.tolist() == ["a", None, "b", None, None] * 4
    assert data.target.values.tolist() == ["a", "b"] * 4
    np.testing.assert_array_equal(data.items, X)
    assert "12 of the 20 items have no label." in data.notes
    labelled = data.labelled_only()
    assert labelled.ids[:4].tolist() == [0, 2, 5, 7]
    np.testing.assert_array_equal(labelled.items, X[labelled.ids])
    one = np.r_[np.nan, Y[1:]]
    data = load(X, labels=one)
    assert "1 of the 20 items has no label." in data.notes
    assert data.target.values.dtype == np.int64
    data = load(X, labels=[None] * 20)
    assert data.labels is data.target is None
    assert "None of the 20 items has a label." in data.notes


def test_labels_with_gaps_are_taken_joined_and_drawn_with_their_items():
    labels = [None if i % 3 else i * 10**16 + 1 for i in range(20)]  # 17 digits and more
    data = load(X, labels=labels)
    some = data.take([19, 3, 0, 18])
    assert some.labels.tolist() == [None, labels[3], 1, labels[18]]
    assert data.take(np.arange(20) % 3 == 1).labels is None
    assert data.take(np.arange(20) % 3 == 0).labelled is None
    assert data.fingerprint != load(X, labels=labels[::-1]).fingerprint
    frame = pd.DataFrame({"a": np.arange(20.0), "y": [None, "u", "v", ""] * 5})
    both = load(frame, labels="y", test=frame)
    assert both.labels.tolist() == [None, "u", "v", None] * 10
    assert (both.split == "test").sum() == 20


def test_what_else_is_known_of_two_parts_goes_together_or_is_told():
    frame = pd.DataFrame({"t": ["near", "far"], "m": [1, 2]})
    whole = load(frame, column="t", test=frame.assign(m=[0.5, None], n="x"))
    assert whole.meta.to_pydict() == {"m": [1, 2, 0.5, None], "n": [None, None, "x", "x"]}
    whole = load(frame, column="t", test=frame.assign(m="word"))
    assert whole.meta is None
    assert any("other columns of the two parts do not go together" in note for note in whole.notes)


@pytest.mark.parametrize(
    ("roles", "words"),
    [
        ({"labels": Y[:19]}, ["expected 20 labels", "got 19"]),
        ({"groups": np.arange(21)}, ["expected 20 groups", "got 21"]),
        ({"labels": np.r_[X[:19, 0], np.inf]}, ["label of row 19 is inf", "finite"]),
        ({"labels": np.eye(20)}, ["labels as one value", "(20, 20)"]),
        ({"labels": "y"}, ["ndarray has no named columns", "labels='y'"]),
        ({"groups": [*range(19), None]}, ["without a group: 1", "row 19"]),
        ({"ids": Y}, ["the id", "stands 10 times"]),
        ({"time": ["2024-01-01"] * 19 + ["yesterday"]}, ["2024-05-31", "yesterday"]),
    ],
)
def test_roles_that_do_not_fit_are_refused(roles, words):
    refused(*words, source=X, **roles)


# Limit and test set


def test_limit_draws_in_proportion_and_keeps_the_order(tmp_path):
    split = np.repeat(["train", "test"], [150, 50])
    np.savez(tmp_path / "a.npz", X=np.arange(200.0)[:, None], split=split)
    data = load(tmp_path / "a.npz", limit=40)
    assert (data.split == "train").sum() == 30
    assert (data.split == "test").sum() == 10
    assert (np.diff(data.ids) > 0).all()
    assert (data.items[:, 0] == data.ids).all()
    assert "40 of 200 items were drawn at random." in data.notes
    again = load(tmp_path / "a.npz", limit=40)
    other = load(tmp_path / "a.npz", limit=40, random_state=1)
    assert (again.ids == data.ids).all()
    assert (other.ids != data.ids).any()
    assert len(load(tmp_path / "a.npz", limit=500)) == 200
    refused("at least 1", source=X, limit=0)


def test_limit_is_drawn_before_images_are_decoded(tmp_path):
    for number in range(30):
        put_image(tmp_path / f"{number:02}.png", number)
    seen = []
    data = load(tmp_path, limit=7, progress=lambda done, total: seen.append(total))
    assert len(data) == 7
    assert seen == [7]
    assert [f"{value:02}.png" for value in data.items[:, 0, 0, 0]] == data.ids.tolist()


def test_a_test_set_of_ones_own(tmp_path):
    pd.DataFrame({"a": range(30), "b": "x", "y": 1}).to_csv(tmp_path / "train.csv", index=False)
    pd.DataFrame({"y": [2.0, 1.0], "b": ["z", None], "a": [5, 6]}).to_csv(
        tmp_path / "test.csv", index=False
    )
    data = load(tmp_path / "train.csv", test=tmp_path / "test.csv", labels="y")
    assert data.split.tolist() == ["train"] * 30 + ["test"] * 2
    assert data.ids[[0, 30, 31]].tolist() == ["train/0", "test/0", "test/1"]
    assert data.target.values[-2:].tolist() == [2, 1]
    assert list(data.items.columns) == ["a", "b"]
    assert data.items["b"].tolist()[-2:] == ["z", None]
    assert data.name == "train.csv"
    limited = load(tmp_path / "train.csv", test=tmp_path / "test.csv", labels="y", limit=16)
    assert (limited.split == "test").tolist() == [False] * 15 + [True]
    refused(
        "the column 'y' is missing",
        source=tmp_path / "train.csv",
        test=pd.DataFrame({"a": [1], "b": ["x"]}),
    )


def test_test_images_are_read_at_the_size_of_training(tmp_path):
    put_image(tmp_path / "a" / "1.png", 10, size=(9, 7))
    Pillow.new("RGB", (50, 40), "white").save(tmp_path / "test.png")
    (tmp_path / "b").mkdir()
    (tmp_path / "test.png").rename(tmp_path / "b" / "test.png")
    data = load(tmp_path / "a", test=tmp_path / "b")
    assert data.kind == Image((7, 9, 1))
    assert data.items[1].min() == 255
    data = load(np.zeros((4, 7, 9), np.uint8), test=np.full((2, 14, 18), 9, np.uint8))
    assert data.items.shape == (6, 7, 9, 1)


@pytest.mark.parametrize(
    ("test", "options", "words"),
    [
        (["a", "b"], {}, ["expected vectors", "got texts"]),
        (np.zeros((3, 4)), {}, ["(n, 3)", "(3, 4)"]),
        (X, {"labels": Y}, ["named, not given as arrays"]),
    ],
)
def test_a_test_set_of_another_kind_is_refused(test, options, words):
    refused(*words, source=X, test=test, **options)


def test_a_test_set_needs_the_same_roles(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y)
    np.savez(tmp_path / "b.npz", X=X)
    refused("b.npz has no labels", source=tmp_path / "a.npz", test=tmp_path / "b.npz")


# Folders of images


def test_subfolders_are_labels(tmp_path):
    for name in ("cat/1.png", "cat/deep/er/2.PNG", "dog/3.jpg", ".hidden/4.png", "dog/.5.png"):
        put_image(tmp_path / name)
    put_image(tmp_path / "stray.png")
    (tmp_path / "notes.md").write_text("x")
    data = load(tmp_path)
    assert data.ids.tolist() == ["stray.png", "cat/1.png", "cat/deep/er/2.PNG", "dog/3.jpg"]
    assert data.labels.tolist() == [None, "cat", "cat", "dog"]
    assert data.kind == Image((6, 8, 1))
    assert data.name == tmp_path.name
    notes = " ".join(data.notes)
    assert "a folder of 4 image files" in notes
    assert "8 × 6 pixels, grey: the own size of all." in notes
    assert "1 of the 4 items has no label" in notes
    assert "(.md)" in notes


def test_a_flat_folder_has_no_labels(tmp_path):
    put_image(tmp_path / "a.png")
    put_image(tmp_path / "b.png")
    assert load(tmp_path).target is None
    refused("labels='y'", source=tmp_path, labels="y")
    refused("not as kind 'text'", source=tmp_path, kind="text")


def test_a_lone_subfolder_is_a_class_and_what_systems_leave_is_none(tmp_path):
    put_image(tmp_path / "holiday" / "a.png")
    put_image(tmp_path / "holiday" / "b.png")
    put_image(tmp_path / "__MACOSX" / "holiday" / "a.png")
    put_image(tmp_path / ".thumbnails" / "a.png")
    (tmp_path / "empty" / "nested").mkdir(parents=True)
    for name in ("holiday/.DS_Store", "holiday/Thumbs.db", "desktop.ini", "._a.png"):
        (tmp_path / name).write_bytes(b"x")
    data = load(tmp_path)
    assert data.labels.tolist() == ["holiday"] * 2
    assert data.notes[0] == "Read as image: a folder of 2 image files."
    assert "The only subfolder, 'holiday', is the class of all." in data.notes


def test_folders_of_a_published_split(tmp_path):
    for part in ("Train", "val", "test"):
        for label in ("cat", "dog"):
            put_image(tmp_path / part / label / "1.png")
    put_image(tmp_path / "extra" / "1.png")
    data = load(tmp_path)
    assert data.split.tolist() == ["train"] * 2 + [""] + ["test"] * 2 + ["validation"] * 2
    assert data.labels.tolist() == ["cat", "dog", None, *["cat", "dog"] * 2]
    assert any("1 image outside" in note for note in data.notes)


def test_linked_folders_are_followed_once(tmp_path):
    put_image(tmp_path / "far" / "1.png")
    put_image(tmp_path / "here" / "cat" / "1.png")
    (tmp_path / "here" / "dog").symlink_to(tmp_path / "far")
    (tmp_path / "here" / "cat" / "loop").symlink_to(tmp_path / "here")
    assert load(tmp_path / "here").target.values.tolist() == ["cat", "dog"]


def test_broken_images_are_named_and_the_rest_goes_on(tmp_path):
    for number in range(12):
        put_image(tmp_path / f"{number % 2}" / f"{number:02}.png", number)
    for number in range(7):
        path = tmp_path / f"{number % 2}" / f"{number:02}.png"
        path.write_bytes(path.read_bytes()[:40])
    data = load(tmp_path)
    assert data.target.values.tolist() == ["0", "0", "1", "1", "1"]
    assert data.items[:, 0, 0, 0].tolist() == [8, 10, 7, 9, 11]
    note = next(note for note in data.notes if "could not be read" in note)
    assert note.startswith("7 files that could not be read were left out: 0/00.png (")
    assert note.endswith(", and 2 more.")
    assert "1/03.png" not in note


def test_folders_without_images(tmp_path):
    refused("is empty", source=tmp_path)
    (tmp_path / "reviews.csv").write_text("a\n1\n")
    refused("No items were found among the 1 file", "reviews.csv?", source=tmp_path)


def test_paths_that_do_not_exist(tmp_path):
    put_image(tmp_path / "photos" / "1.png")
    refused("phtos", "Did you mean 'photos'?", source=tmp_path / "phtos")
    refused("Did you mean 'digits'?", source="digts")
    refused("'customers', 'digits'", source=tmp_path / "no" / "where")
    refused("There is no file", source="")
    refused("There is no file", source="a text in place of a path " * 100)


# Files


def test_npy(tmp_path):
    np.save(tmp_path / "v.npy", X)
    data = load(tmp_path / "v.npy", labels=Y)
    np.testing.assert_array_equal(data.items, X)
    assert data.name == "v.npy"
    refused("labels='y'", "no named columns", source=tmp_path / "v.npy", labels="y")
    (tmp_path / "cut.npy").write_bytes((tmp_path / "v.npy").read_bytes()[:300])
    refused("cut.npy", "truncated", source=tmp_path / "cut.npy")
    (tmp_path / "no.npy").write_bytes(b"hello, world")
    refused("no.npy is no .npy file", "b'hello,'", source=tmp_path / "no.npy")
    np.save(tmp_path / "objects.npy", np.array([{}, None]), allow_pickle=True)
    refused("objects.npy", "pickled", "never loaded", source=tmp_path / "objects.npy")


def test_a_large_npy_stays_on_disk(tmp_path):
    shape = (2**14, 2**15 + 1)  # a little more than two GiB, of which the file holds no block
    np.lib.format.open_memmap(tmp_path / "v.npy", "w+", np.dtype(np.float32), shape)
    items = read_file(tmp_path / "v.npy", Asked()).items
    assert isinstance(items, np.memmap)
    assert items.shape == shape
    items[0] = 1
    assert not np.load(tmp_path / "v.npy", mmap_mode="r")[0].any()
    np.save(tmp_path / "small.npy", X)
    assert not isinstance(read_file(tmp_path / "small.npy", Asked()).items, np.memmap)


def test_npz_roles_are_picked_up_by_name_and_length(tmp_path):
    np.savez(tmp_path / "a.npz", X=X, y=Y, groups=np.arange(3), ids=np.arange(20) * 2, extra=[1])
    data = load(tmp_path / "a.npz")
    assert data.target.values.tolist() == Y.tolist()
    assert data.groups is None
    assert data.ids[1] == 2
    assert "The array 'y' was taken for the labels of the items." in data.notes
    assert "'X'" in data.notes[0]


def test_npz_arrays_are_named(tmp_path):
    path = tmp_path / "a.npz"
    np.savez(path, first=X, second=-X, farm=Y, split=np.repeat("train", 20))
    refused("several arrays, first, second, farm", "column=", source=path)
    data = load(path, column="second", labels="farm", groups="farm")
    np.testing.assert_array_equal(data.items, -X)
    assert data.groups.tolist() == Y.tolist()
    refused("no array 'frm'", "Did you mean 'farm'?", source=path, column="first", labels="frm")
    np.savez(path, first=X, three=[1, 2, 3])
    refused("expected 20 labels, one for each item, got 3", source=path, labels="three")


def test_npz_names_row_and_column_of_nan(tmp_path):
    broken = X.copy()
    broken[7, 2] = np.nan
    np.savez(tmp_path / "a.npz", vectors=broken)
    refused("a.npz: row 7, column 2 is nan", source=tmp_path / "a.npz")


def test_npz_that_is_none(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", X=X)
    whole = (tmp_path / "a.npz").read_bytes()
    (tmp_path / "no.npz").write_text("hello")
    refused("no.npz is no .npz archive", source=tmp_path / "no.npz")
    (tmp_path / "cut.npz").write_bytes(whole[:-30])
    refused("cut.npz is no .npz archive, or a truncated one", source=tmp_path / "cut.npz")
    (tmp_path / "flip.npz").write_bytes(whole[:90] + b"\0\1\2\3" * 5 + whole[110:])
    refused("flip.npz: the array 'X' is damaged", source=tmp_path / "flip.npz")
    np.savez(tmp_path / "objects.npz", X=np.array([{}], dtype=object), allow_pickle=True)
    refused("'X' holds pickled", source=tmp_path / "objects.npz", column="X")
    with zipfile.ZipFile(tmp_path / "empty.npz", "w"):
        pass
    refused("holds no array of items, only nothing", source=tmp_path / "empty.npz")


@pytest.mark.parametrize("name", ["a.txt", "a.txt.gz"])
def test_txt_is_a_text_a_line(tmp_path, name):
    data = "\ufeffone\u2028still one\r\n\ntwo  \n   \nthrée".encode()
    (tmp_path / name).write_bytes(gzip.compress(data) if name.endswith("gz") else data)
    read = load(tmp_path / name)
    assert read.items == ["one\u2028still one", "two  ", "thrée"]
    assert read.ids.tolist() == [0, 2, 4]
    assert "2 lines without a text were left out: 1, 3." in read.notes


def test_txt_that_cannot_be_read(tmp_path):
    (tmp_path / "a.txt").write_bytes(b"here\n" * 3000 + "née\n".encode("latin-1"))
    words = "line 3001 holds the byte 0xe9 ('é' in Windows-1252); save it as UTF-8"
    refused("a.txt is not in UTF-8", words, source=tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes("near".encode("utf-16") + b"\0")
    refused("a.txt is not in UTF-16, as its first bytes say", source=tmp_path / "a.txt")
    (tmp_path / "a.txt").write_bytes(b"near\nal\0ike\n")
    refused("a.txt is no text: line 2 holds a zero byte", source=tmp_path / "a.txt")
    (tmp_path / "b.txt").write_text(" \n\n")
    refused("b.txt is empty", source=tmp_path / "b.txt")
    (tmp_path / "c.txt.gz").write_bytes(gzip.compress(b"one\ntwo\n" * 100)[:-20])
    refused("c.txt.gz is damaged", source=tmp_path / "c.txt.gz")


def test_csv_is_a_table_of_what_has_no_role(tmp_path):
    frame = pd.DataFrame(
        {"a": [1.0, None, 3], "b": ["x", "NA", "y"], "species": [0, 1, 0], "farm": list("pqp")}
    )
    for name in ("a.csv", "a.csv.gz"):
        frame.to_csv(tmp_path / name)
        data = load(tmp_path / name, labels="species", groups="farm")
        # The index that pandas wrote along is no column of the table.
        assert data.kind == Table((("a", "number"), ("b", "category")))
        assert data.items["b"].tolist() == ["x", None, "y"]
        assert data.target.values.tolist() == [0, 1, 0]
        assert data.groups.tolist() == ["p", "q", "p"]
    frame.to_csv(tmp_path / "a.tsv", sep="\t", index=False)
    assert len(load(tmp_path / "a.tsv").kind.columns) == 4
    frame.to_csv(tmp_path / "semicolon.csv", sep=";", index=False)
    assert len(load(tmp_path / "semicolon.csv").kind.columns) == 4
    frame.to_parquet(tmp_path / "a.parquet")
    assert load(tmp_path / "a.parquet", labels="species").target.values.tolist() == [0, 1, 0]
    refused("no column 'speces'", "'species'", source=tmp_path / "a.csv", labels="speces")
    refused("no column is left", source=frame[["a"]], labels="a")


def test_a_column_that_names_the_rows_is_noted():
    frame = pd.DataFrame({"name": [f"row {i}" for i in range(30)], "size": list("SML") * 10})
    notes = [note for note in load(frame).notes if "in every row" in note]
    assert len(notes) == 1
    assert "'name'" in notes[0]
    assert not any("in every row" in note for note in load(frame, ids="name").notes)


def test_csv_column_of_texts(tmp_path):
    (tmp_path / "a.csv").write_text('text,stars\n"None, NA",5\n,4\nnull,\nlast,1\n')
    data = load(tmp_path / "a.csv", column="text", labels="stars")
    assert data.kind == Text()
    # Words are words, even those that would stand for a gap in a table.
    assert data.items == ["None, NA", "null", "last"]
    assert data.labels.tolist() == [5, None, 1]
    assert data.ids.tolist() == [0, 2, 3]
    assert any("1 row without a text was left out" in note for note in data.notes)
    refused("'stars' holds numbers", "texts", source=tmp_path / "a.csv", column="stars")
    refused("Did you mean 'text'?", source=tmp_path / "a.csv", column="txt")


def test_a_split_column_is_the_published_split(tmp_path):
    frame = pd.DataFrame({"a": range(4), "split": ["train", "train", "val", "TEST"]})
    data = load(frame)
    assert data.split.tolist() == ["train", "train", "validation", "test"]
    assert data.kind == Table((("a", "number"),))
    assert any("'split'" in note for note in data.notes)
    assert len(load(frame.assign(split=["banana", "x", "y", "z"])).kind.columns) == 2


def test_a_parquet_column_of_vectors(tmp_path):
    frame = pd.DataFrame({"vector": list(X), "y": Y})
    frame.to_parquet(tmp_path / "a.parquet")
    data = load(tmp_path / "a.parquet", column="vector", labels="y")
    np.testing.assert_array_equal(data.items, X)
    frame.at[3, "vector"] = np.zeros(2)
    refused("differ in length", source=frame, column="vector")


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.csv", b"", ["a.csv is empty"]),
        ("a.csv", b"a,b\n", ["empty table"]),
        ("a.csv", b"a,b\n1,2\n1,2,3,4\n", ["a.csv: line 3 has 4 fields", "expected 2"]),
        ("a.csv", "a\né\n".encode("latin-1"), ["a.csv is not in UTF-8"]),
        ("a.csv.gz", b"a,b\n1,2\n", ["a.csv.gz is damaged"]),
        ("a.parquet", b"a,b\n1,2\n", ["a.parquet is damaged"]),
        ("a.xlsx", b"", ["ends in '.xlsx'", ".npz", ".parquet"]),
        ("a.png", b"", ["one image file", "folder"]),
    ],
)
def test_files_that_are_not_what_they_say(tmp_path, name, content, words):
    (tmp_path / name).write_bytes(content)
    refused(*words, source=tmp_path / name)


def test_a_sample_by_name_and_the_folder_of_that_name(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert load("digits", limit=50, size=4).items.shape == (50, 4, 4, 1)
    put_image(tmp_path / "digits" / "1.png")
    assert any("./digits" in note for note in load("digits").notes)
    assert len(load("./digits")) == 1
    refused("The sample 'wine'", "labels='y'", source="wine", labels="y")
