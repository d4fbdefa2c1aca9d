import gzip
import struct

import numpy as np
import pytest
from PIL import Image as Pillow

from nearspace.data import Image, Text, load
from nearspace.data.readers.folders import read_idx
from nearspace.errors import DataError

CODES = {
    "uint8": 0x08,
    "int8": 0x09,
    "int16": 0x0B,
    "int32": 0x0C,
    "float32": 0x0D,
    "float64": 0x0E,
}


def write_idx(path, array, code=None):
    code = CODES[array.dtype.name] if code is None else code
    head = struct.pack(f">BBBB{array.ndim}I", 0, 0, code, array.ndim, *array.shape)
    data = head + array.astype(array.dtype.newbyteorder(">")).tobytes()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)


@pytest.fixture
def folder(tmp_path):
    rng = np.random.default_rng(0)
    for name, n in (("train", 30), ("t10k", 10)):
        images = rng.integers(0, 256, (n, 5, 4), dtype=np.uint8)
        write_idx(tmp_path / f"{name}-images-idx3-ubyte.gz", images)
        write_idx(tmp_path / f"{name}-labels-idx1-ubyte", np.arange(n, dtype=np.uint8) % 10)
    return tmp_path


@pytest.mark.parametrize("dtype", CODES)
@pytest.mark.parametrize("name", ["a-idx2-ubyte", "a-idx2-ubyte.gz"])
def test_every_type_of_number_is_read(tmp_path, dtype, name):
    array = np.arange(12).reshape(3, 4).astype(dtype)
    write_idx(tmp_path / name, array)
    read = read_idx(tmp_path / name)
    assert read.dtype == array.dtype
    np.testing.assert_array_equal(read, array)


def test_the_published_split_is_kept(folder):
    data = load(folder)
    assert data.kind == Image((5, 4, 1))
    assert data.items.shape == (40, 5, 4, 1)
    assert data.split.tolist() == ["train"] * 30 + ["test"] * 10
    assert data.target.values.tolist() == [*range(10)] * 4
    assert data.ids[[0, 29, 30]].tolist() == ["train/0", "train/29", "test/0"]
    assert "idx files" in data.notes[0]


def test_labels_and_test_part_may_be_absent(folder):
    (folder / "t10k-labels-idx1-ubyte").unlink()
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte\.gz has no file of labels"):
        load(folder)
    (folder / "t10k-images-idx3-ubyte.gz").unlink()
    data = load(folder)
    assert len(data) == 30
    assert data.split is None
    (folder / "train-labels-idx1-ubyte").unlink()
    assert load(folder).target is None


def test_the_plain_file_is_read_where_both_are(folder):
    write_idx(folder / "train-images-idx3-ubyte", np.zeros((30, 5, 4), np.uint8))
    assert load(folder).items[:30].max() == 0


def test_lengths_are_checked(folder):
    path = folder / "train-labels-idx1-ubyte"
    whole = path.read_bytes()
    path.write_bytes(whole[:-1])
    with pytest.raises(DataError, match=r"shape \(30,\), 30 bytes, but 29 follow"):
        load(folder)
    path.write_bytes(whole[:6])
    with pytest.raises(DataError, match="ends within its header"):
        load(folder)
    write_idx(path, np.arange(29, dtype=np.uint8))
    with pytest.raises(DataError, match=r"holds 29 labels, but train-images.* 30 images"):
        load(folder)


def test_what_is_no_idx_file_is_said(folder):
    path = folder / "train-images-idx3-ubyte.gz"
    whole = path.read_bytes()
    path.write_bytes(whole[:-20])
    with pytest.raises(DataError, match=r"train-images-idx3-ubyte\.gz is damaged, truncated"):
        load(folder)
    path.write_bytes(b"<html>not found</html>")
    with pytest.raises(DataError, match=r"is no idx file: its first bytes are b'<htm'"):
        load(folder)


def test_two_data_sets_in_one_folder_are_refused(folder):
    write_idx(folder / "emnist-train-images-idx3-ubyte", np.zeros((3, 5, 4), np.uint8))
    with pytest.raises(DataError, match="a folder of its own"):
        load(folder)


@pytest.mark.data
def test_mnist(public_data):
    data = load(public_data / "mnist")
    assert data.items.shape == (70_000, 28, 28, 1)
    assert (data.split == "train").sum() == 60_000
    assert (data.split == "test").sum() == 10_000
    # As published: the first training image is a 5, the first test image a 7.
    assert data.target.values[0] == 5
    assert data.target.values[60_000] == 7
    assert np.bincount(data.target.values[:60_000]).tolist()[:3] == [5923, 6742, 5958]
    assert abs(data.items[:60_000].mean() / 255 - 0.1307) < 1e-4


def test_texts_of_several_endings_are_read_with_their_folders_as_labels(tmp_path):
    for name in ("sea/a.md", "sea/b.rst", "land/c.log", "land/deep/d.txt", "land/E.MD"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(f"the text of {name}")
    (tmp_path / ".git").mkdir()
    (tmp_path / ".git" / "hidden.txt").write_text("none of the texts")
    data = load(tmp_path)
    assert data.kind == Text()
    assert dict(zip(data.ids.tolist(), data.labels.tolist(), strict=True)) == {
        "land/E.MD": "land", "land/c.log": "land", "land/deep/d.txt": "land", "sea/a.md": "sea",
        "sea/b.rst": "sea",
    }  # fmt: skip
    assert data.items[-1] == "the text of sea/b.rst"
    assert load([tmp_path / "sea" / "a.md", tmp_path / "sea" / "b.rst"]).kind == Text()
    assert load(tmp_path / "sea").labels is None


def test_texts_beside_other_items_are_none(tmp_path):
    for name in ("a.png", "b.png"):
        Pillow.new("L", (4, 4)).save(tmp_path / name)
    for name in ("README.md", "notes.md", "run.log"):
        (tmp_path / name).write_text("about the images")
    data = load(tmp_path)
    assert data.kind == Image((4, 4, 1))
    assert any(
        "3 files that are no image by name were ignored (.log, .md)" in n for n in data.notes
    )
    with pytest.raises(DataError, match=r"one text file; .* all texts, or a \.txt of one a"):
        load(tmp_path / "run.log")
    for name in ("a.png", "b.png", "README.md", "run.log"):
        (tmp_path / name).unlink()
    with pytest.raises(DataError, match=r"No items were found among the 1 file in .*\.md"):
        load(tmp_path)
