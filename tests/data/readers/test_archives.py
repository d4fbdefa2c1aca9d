"""Archives of pictures, texts and tables, as people make them and as nobody should."""

import bz2
import gzip
import io
import lzma
import os
import tarfile
import zipfile

import numpy as np
import pytest
from PIL import Image as Pillow
from tests.data.readers.test_mutations import csv_files, idx_files, idx_labels, tar_of, zip_of

from nearspace.data import load
from nearspace.data.readers import archives
from nearspace.data.traits import file_traits
from nearspace.errors import DataError


def picture(seed, form="PNG"):
    pixels = np.random.default_rng(seed).integers(0, 256, (8, 6, 3), dtype=np.uint8)
    file = io.BytesIO()
    Pillow.fromarray(pixels).save(file, form)
    return file.getvalue()


PICTURES = {
    "a/1.png": picture(1), "a/2.jpg": picture(2, "JPEG"), "b/3.png": picture(3),
    "b/4.tif": picture(4, "TIFF"), "b/5.webp": picture(5, "WEBP"),
}  # fmt: skip


PACKED = {
    "gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress,
}  # fmt: skip


def put(tmp_path, name, members):
    path = tmp_path / name
    if name.endswith(".zip"):
        path.write_bytes(zip_of(members))
    else:
        packed = PACKED.get(name.lower().split(".")[-1].removeprefix("t"), bytes)
        path.write_bytes(packed(tar_of(members)))
    return path


@pytest.mark.parametrize(
    "name", ["a.zip", "a.tar", "a.tar.gz", "A.TGZ", "a.tar.bz2", "a.tbz2", "a.TAR.xz", "a.txz"]
)
def test_an_archive_of_pictures_is_read_as_their_folder_is(name, tmp_path):
    for place, data in PICTURES.items():
        file = tmp_path / "pics" / place
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(data)
    folder = load(tmp_path / "pics")
    junk = {"__MACOSX/pics/a/._1.png": b"x", "pics/.hidden.png": b"x", "README.md": b"x"}
    for root in ("", "pics/", "/home/me/pics/", "./pics/"):
        members = {f"{root}{place}": data for place, data in PICTURES.items()}
        path = put(tmp_path, name, members | junk)
        data = load(path)
        assert data.ids.tolist() == folder.ids.tolist()
        assert data.target.values.tolist() == folder.target.values.tolist()
        np.testing.assert_array_equal(data.items, folder.items)
        assert ("is no part of the ids." in " ".join(data.notes)) == bool(root)
    assert len(load(path, limit=2, size=4).items) == 2
    traits = [[t.values.tolist() for t in file_traits(d.files, True)] for d in (data, folder)]
    assert traits[0] == traits[1]
    assert sorted(os.listdir(tmp_path)) == sorted([path.name, "pics"])  # nothing was unpacked


def test_parts_of_a_split_idx_files_texts_and_one_table_are_read(tmp_path):
    parts = {f"d/{part}/{place}": data for part in ("train", "test") for place, data in
             PICTURES.items()}  # fmt: skip
    data = load(put(tmp_path, "a.zip", parts))
    assert data.split.tolist() == ["test"] * 5 + ["train"] * 5
    assert set(data.target.values) == {"a", "b"}
    idx = {"train-images-idx3-ubyte.gz": gzip.compress(idx_files()[0])}
    idx["train-labels-idx1-ubyte"] = idx_labels()[0]
    assert load(put(tmp_path, "a.tar.gz", {f"m/{k}": v for k, v in idx.items()})).target is not None
    texts = {f"{'ab'[n % 2]}/{n}.txt": f"text {n}".encode() for n in range(6)}
    data = load(put(tmp_path, "a.tar", {**texts, "a/no.txt": b"\xff", "a/no2.txt": b" "}))
    assert data.items == ["text 0", "text 2", "text 4", "text 1", "text 3", "text 5"]
    assert data.target.values.tolist() == ["a"] * 3 + ["b"] * 3
    assert data.left_out == {
        "a/no.txt": "not in UTF-8: line 1 holds the byte 0xff ('ÿ' in Windows-1252)",
        "a/no2.txt": "without a text",
    }
    for name in ("a.zip", "a.tar.gz"):
        table = load(put(tmp_path, name, {"d/x.csv": csv_files()[0], "d/README.txt": b"x"}))
        assert table.items.shape == (24, 3)
        assert table.name == name
        assert "It is x.csv in the archive." in table.notes
        lines = load(put(tmp_path, name, {"x.txt.gz": gzip.compress(b"one\ntwo")}))
        assert lines.items == ["one", "two"]


def test_folders_of_texts_are_read_and_texts_beside_pictures_are_not(tmp_path):
    for name, text in {"a/1.txt": "one", "b/2.txt": "two"}.items():
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).write_text(text)
    data = load(tmp_path)
    assert (data.items, data.target.values.tolist()) == (["one", "two"], ["a", "b"])
    (tmp_path / "a" / "1.png").write_bytes(picture(1))
    assert len(load(tmp_path).items) == 1


def test_members_that_harm_or_mislead_are_left_out_and_told(tmp_path):
    hostile = {"../../a/6.png": picture(6), "C:\\x\\7.png": picture(7), **PICTURES}
    data = load(put(tmp_path, "a.zip", hostile))
    assert len(data) == 5
    assert "2 members with a path that leads out of the archive were left out." in data.notes
    path = tmp_path / "a.tar"
    with tarfile.open(path, "w") as archive:
        for kind in (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.CHRTYPE, tarfile.FIFOTYPE, None):
            for name, content in PICTURES.items():
                member = tarfile.TarInfo(name if kind is None else f"{kind.decode()}/{name}")
                member.type, member.linkname = kind or tarfile.REGTYPE, "/etc/passwd"
                member.size = len(content) if kind is None else 0
                archive.addfile(member, io.BytesIO(content))
    data = load(path)
    assert len(data) == 5
    assert "20 members without own bytes, such as links, were left out." in data.notes
    with tarfile.open(path, "a") as archive:
        member = tarfile.TarInfo("a/1.png")
        member.size = len(PICTURES["b/3.png"])
        archive.addfile(member, io.BytesIO(PICTURES["b/3.png"]))
    twice = load(path)
    np.testing.assert_array_equal(twice.items[0], data.items[2])
    assert any("later" in note for note in twice.notes)


def refused(path, *words):
    with pytest.raises(DataError) as error:
        load(path)
    text = str(error.value)
    assert text.startswith(path.name)
    assert "\n" not in text
    assert all(word in text for word in words), text


@pytest.mark.parametrize("ending", ["gz", "bz2", "xz"])
def test_packed_tars_that_are_cut_off_or_not_packed_are_refused(ending, tmp_path):
    path = put(tmp_path, f"a.tar.{ending}", PICTURES)
    for data in (path.read_bytes()[:-40], b"not packed", b""):
        path.write_bytes(data)
        with pytest.raises(DataError, match=rf"a\.tar\.{ending} is (damaged|empty)"):
            load(path)


def test_arrays_beside_a_table_are_told_and_alone_refused(tmp_path):
    file = io.BytesIO()
    np.save(file, np.eye(3))
    table, array = {"t.csv": b"a,b\n1,2\n3,4\n"}, file.getvalue()
    for name in ("a.zip", "a.tar.xz"):
        data = load(put(tmp_path, name, table | {"x.npy": array, "y.npz": array}))
        assert len(data.items) == 2
        assert any("arrays were ignored (x.npy, y.npz): unpack" in note for note in data.notes)
        assert not any("ignored" in note for note in load(put(tmp_path, name, table)).notes)
        with pytest.raises(DataError, match=r"holds x\.npy; unpack it, and give the file"):
            load(put(tmp_path, name, {"x.npy": array}))


def test_archives_without_what_can_be_read_are_refused(tmp_path):
    for name in ("a.zip", "a.tar", "a.tar.gz"):
        refused(put(tmp_path, name, {}), "is empty; expected images, sounds, texts or a table")
        refused(put(tmp_path, name, {"b.zip": b"PK", "c.doc": b""}), "archives within it are not")
        two = {"train.csv": b"a\n1\n", "test.csv": b"a\n1\n"}
        refused(put(tmp_path, name, two), "holds test.csv, train.csv; unpack it")
        refused(put(tmp_path, name, {"x.npy": b""}), "holds x.npy; unpack it")
        bad = put(tmp_path, name, {"x.csv": b"a,b\n1,2\n3\n"})
        with pytest.raises(DataError, match=r"x\.csv: line 3 has 1 field"):
            load(bad)
        path = tmp_path / name
        path.write_bytes(b"no archive" * 100)
        refused(path, "is damaged")


def test_encrypted_lying_and_damaged_members_are_named(tmp_path):
    whole = zip_of(PICTURES)
    at = whole.index(b"PK\1\2")
    path = tmp_path / "a.zip"
    path.write_bytes(whole[: at + 8] + b"\1" + whole[at + 9 :])
    refused(path, "is encrypted (a/1.png); unpack it with its password")
    lie = (2**31).to_bytes(4, "little")
    path.write_bytes(whole[: at + 24] + lie + whole[at + 28 :])
    data = load(path)
    assert len(data) == 4
    assert "MB, more than 512" in data.left_out["a/1.png"]
    path.write_bytes(whole[: at + 24] + (10**8).to_bytes(4, "little") + whole[at + 28 :])
    assert "cannot be in the" in load(path).left_out["a/1.png"]
    path.write_bytes(zip_of(PICTURES, zipfile.ZIP_BZIP2))
    with pytest.raises(DataError, match="packed by a method that is not known here"):
        load(path)
    stored = zip_of(PICTURES, zipfile.ZIP_STORED)
    inside = stored.index(PICTURES["a/1.png"]) + 60
    path.write_bytes(stored[:inside] + b"\0\1\2" + stored[inside + 3 :])
    assert "Bad CRC-32" in load(path).left_out["a/1.png"]


def test_tars_that_are_cut_off_or_damaged_are_refused_and_bombs_bounded(tmp_path, monkeypatch):
    whole = tar_of(PICTURES)
    path = tmp_path / "a.tar"
    path.write_bytes(whole[:700])
    refused(path, "is damaged, truncated")
    second = whole.index(b"a/2.jpg")
    path.write_bytes(whole[:second])
    assert any("may have been cut off" in note for note in load(path).notes)
    path.write_bytes(whole[: second + 100] + b"\xff" + whole[second + 101 :])
    refused(path, "what follows its first 1 files is no header")
    path = put(tmp_path, "a.tar.gz", PICTURES)
    path.write_bytes(path.read_bytes()[:-20])
    refused(path, "is damaged, truncated")
    monkeypatch.setattr(archives, "free_memory", lambda: 2**10)
    refused(put(tmp_path, "a.tar.gz", PICTURES), "takes more memory than is free")
