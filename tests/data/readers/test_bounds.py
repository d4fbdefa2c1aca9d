"""Files that declare or unpack to more than they hold: what is taken is bounded before it is."""

import gzip
import io
import os
import struct
import tracemalloc
import zipfile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch

from nearspace.cli.app import within_memory
from nearspace.data import encodings, load, memory
from nearspace.data.readers import delimited, dialect, files, texts
from nearspace.errors import DataError
from nearspace.space.formats import open_space

MIB = 2**20
ZEROS = bytes(MIB)


def header(descr, shape, fortran=False):
    file = io.BytesIO()
    what = {"descr": descr, "fortran_order": fortran, "shape": shape}
    np.lib.format.write_array_header_1_0(file, what)
    return file.getvalue()


def refused(path, *words, read=load):
    """Check that a file is refused in one sentence, which takes little memory; return it."""
    tracemalloc.start()
    try:
        with pytest.raises(DataError) as error:
            read(path)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    text = str(error.value)
    assert all(word in text for word in words), text
    assert "\n" not in text
    assert len(text) < 600
    assert peak < 64 * MIB
    return text


@pytest.fixture
def little(monkeypatch):
    """Return a function that says how much memory is free."""

    def set_to(nbytes):
        for module in (memory, texts):
            monkeypatch.setattr(module, "free_memory", lambda: nbytes)

    return set_to


@pytest.mark.parametrize("read", [load, open_space], ids=["load", "open_space"])
@pytest.mark.parametrize(
    ("descr", "shape", "words"),
    [
        ("<f4", (10**12, 3), "12000000000000 bytes, but 600 follow"),
        ("<f4", (2**62, 2**62), "but 600 follow"),
        ("<f4", (49, 3), "588 bytes, but 600 follow"),
        ("<U0", (50, 3), "0 bytes, but 600 follow"),
        ("<f4", (-50, -3), "but 600 follow"),
        ("|O", (50, 3), "pickled Python objects, which are never loaded"),
        ([("a", "|O"), ("b", "<f4")], (50,), "pickled Python objects, which are never loaded"),
    ],
)
def test_what_an_array_declares_is_compared_with_what_is_there(descr, shape, words, read, tmp_path):
    whole = header(descr, shape) + bytes(600)
    (tmp_path / "a.npy").write_bytes(whole)
    refused(tmp_path / "a.npy", "a.npy", words, read=read)
    with zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("vectors.npy", whole)
    refused(tmp_path / "a.npz", "a.npz: the array 'vectors'", words, read=read)


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<f4", ">f8", "<i2", "?"])
def test_arrays_come_as_numpy_reads_them(dtype, order, tmp_path, monkeypatch):
    array = np.asarray(np.arange(60).reshape(20, 3) % 7, dtype, order)
    np.save(tmp_path / "a.npy", array)
    np.savez_compressed(tmp_path / "a.npz", X=array)
    for name in ("a.npy", "a.npz"):
        np.testing.assert_array_equal(load(tmp_path / name, kind="vector").items, array)
    monkeypatch.setattr("nearspace.data.readers.arrays.ON_DISK_BYTES", 100)
    np.testing.assert_array_equal(load(tmp_path / "a.npy", kind="vector").items, array)


def test_an_array_larger_than_memory_is_opened_where_its_file_holds_it(tmp_path):
    from nearspace.data.readers.arrays import read_array

    path = tmp_path / "a.npy"
    path.write_bytes(header("<f4", (10**10, 4)))
    os.truncate(path, path.stat().st_size + 16 * 10**10)  # a file of holes
    array = read_array(path)
    assert array.shape == (10**10, 4)
    assert array[-1].tolist() == [0, 0, 0, 0]


def test_archives_that_lie_or_are_locked_are_refused(tmp_path, little):
    path = tmp_path / "a.npz"
    np.savez_compressed(path, X=np.zeros((2**14, 16)))
    assert len(load(path)) == 2**14  # 2 MiB of 2 kB: no more than DEFLATE can
    little(2**21)
    assert len(load(path)) == 2**14
    little(2**21 - 1)
    refused(path, "a.npz: the array 'X' takes about 0.0 GiB of memory")
    whole = path.read_bytes()
    at = whole.index(b"PK\1\2")
    lies = {
        24: (struct.pack("<I", 2**31), "cannot be in the"),
        8: (b"\1\0", "encrypted"),
        10: (b"\x63\0", "compression method is not supported"),
    }
    for offset, (data, words) in lies.items():
        path.write_bytes(whole[: at + offset] + data + whole[at + offset + len(data) :])
        refused(path, "a.npz", words)
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("X.npy", b"no array at all")
    refused(path, "the array 'X' is no .npy file")
    refused(path, "is no .npy file", read=open_space)


def idx(shape, data=b"", code=8):
    return bytes([0, 0, code, len(shape)]) + struct.pack(f">{len(shape)}I", *shape) + data


def test_idx_files_are_unpacked_as_far_as_they_declare(tmp_path):
    path = tmp_path / "train-images-idx3-ubyte.gz"
    bomb = gzip.compress(idx((2, 4, 4)) + 20 * ZEROS)
    for data, words in {
        bomb: "32 bytes, but more follow",
        gzip.compress(idx((2**31, 2**10, 4), ZEROS)): "more than can be in a file of",
        gzip.compress(idx((2, 4, 4), bytes(31))): "32 bytes, but 31 follow",
        gzip.compress(idx((), b"\0")): "is no idx file",
        idx((2,) * 255, b"\0"): "more than can be in a file of",
    }.items():
        path.write_bytes(data)
        refused(path, "train-images-idx3-ubyte.gz", words, read=lambda path: load(path.parent))
    path.write_bytes(gzip.compress(idx((2, 4, 4), bytes(range(32)))))
    assert load(tmp_path).items.ravel().tolist() == [*range(32)]


def test_labels_of_idx_files_keep_their_fractions(tmp_path):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx((4, 2, 2), bytes(range(16))))
    labels = np.array([0.5, 1.25, 2.0, 3.5], ">f4").tobytes()
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx((4,), labels, 13))
    assert load(tmp_path).target.values.tolist() == [0.5, 1.25, 2.0, 3.5]


@pytest.mark.parametrize("ending", [".txt", ".txt.gz"])
def test_long_lines_and_many_lines_of_text(ending, tmp_path, monkeypatch, little):
    pack = gzip.compress if ending.endswith("gz") else bytes
    path = tmp_path / f"a{ending}"
    monkeypatch.setattr(texts, "LONGEST_TEXT", 100)
    path.write_bytes(pack(b"one\n" + b"x" * 100 + b"\n"))
    assert [*map(len, load(path).items)] == [3, 100]
    path.write_bytes(pack(b"one\n" + b"x" * 101 + b"\n"))
    refused(path, f"a{ending}: line 2 is longer than 100 characters")
    path.write_bytes(pack(b"one\n" + 20 * ZEROS))
    refused(path, "line 2 is longer")
    path.write_bytes(pack(b"two words\n" * 1000))
    little(2 * 1000 * 60)
    assert len(load(path)) == 1000
    little(2 * 1000 * 58)
    refused(path, "lines take more memory than is free")


@pytest.mark.parametrize("ending", [".csv", ".csv.gz"])
def test_tables_of_text_take_no_more_than_is_free(ending, tmp_path, little):
    data = b"a,b\n" + b"1,x\n2,y\n" * 1000
    path = tmp_path / f"a{ending}"
    path.write_bytes(gzip.compress(data) if ending.endswith("gz") else data)
    little(delimited.COPIES * len(data))
    assert len(load(path)) == 2000
    little(delimited.COPIES * len(data) - 1)
    refused(path, f"a{ending}", "memory")


def test_fields_and_rows_that_are_longer_than_what_is_sampled(tmp_path, monkeypatch):
    monkeypatch.setattr(dialect, "MOST_SAMPLED", 200)
    monkeypatch.setattr(delimited, "BLOCK", 64)
    for words in ("word " * 2000, "é\n" * 3000):
        path = tmp_path / "a.csv"
        path.write_text(f'a,b\n1,"{words}"\n2,y\n', "utf-8", newline="")
        assert delimited.read_delimited(path).frame["b"].tolist() == [words, "y"]
    monkeypatch.setattr(delimited, "LARGEST_BLOCK", 1024)
    refused(path, "a.csv holds a row of more than")
    path.write_text("x" * 300, "utf-8")
    refused(path, "first line is longer than 200 characters")
    path.write_text("x,y\r" * 100, "utf-8")  # an old way to end lines
    assert list(delimited.read_delimited(path).frame.columns) == ["x", "y"]


def test_a_row_that_does_not_fit_and_is_no_text_is_not_passed_over(tmp_path, monkeypatch, capfd):
    path = tmp_path / "a.csv"
    monkeypatch.setattr(encodings, "PIECE", 8)
    path.write_bytes(b"a,b\n1,x\n2,\xe2\x82\xac\n3,\xe2\x82,4,5\n4,y\n")
    refused(path, "a.csv is not in UTF-8: line 4 holds the byte 0xe2")
    path.write_bytes("a,b\n1,x\n2,€\n3,€€€€€€€\n".encode())
    assert len(load(path)) == 3
    path.write_bytes("a,b\n1,x\n2,€\n3,€€€€€€€\n".encode()[:-2])
    refused(path, "a.csv is not in UTF-8: line 4 holds the byte 0xe2")
    assert not capfd.readouterr().err


def test_tables_with_more_columns_than_can_be_read_in_time(tmp_path, monkeypatch):
    path = tmp_path / "a.csv"
    monkeypatch.setattr(dialect, "MOST_COLUMNS", 50)
    for count in (50, 51):
        rows = [",".join(f"c{n}" for n in range(count)), *[",".join("123"[r] for _ in range(count))
                for r in range(3)]]  # fmt: skip
        path.write_text("\n".join(rows))
        if count == 50:
            assert len(load(path).kind.columns) == 50
    refused(path, "a.csv has 51 columns", "at most 50", ".npy")


@pytest.mark.parametrize("digits", ["9" * 4301, "-" + "1" * 5000, "0" * 5000, "1" * 400 + ".5"])
@pytest.mark.parametrize("role", ["header", "feature", "labels", "ids", "groups", "time"])
def test_numbers_of_thousands_of_digits(digits, role, tmp_path):
    lines = [f"{digits}1,b,c"] if role == "header" else ["a,b,c"]
    lines += [f"{n}{digits},{n},x{n}" for n in range(1, 30)]
    (tmp_path / "a.csv").write_text("\n".join(lines))
    options = {role: "a"} if role not in ("header", "feature") else {}
    try:
        data = load(tmp_path / "a.csv", **options)
    except DataError as error:
        said = [str(error)]
    else:
        assert len(data) == 29 + (
            role == "header" and any("not names" in note for note in data.notes)
        )
        said = [note for note in data.notes if role != "header"]
    assert all(len(sentence) < 600 for sentence in said)


def test_a_parquet_file_that_unpacks_to_more_than_is_free(tmp_path, monkeypatch):
    from nearspace.data.readers import parquet

    path = tmp_path / "a.parquet"
    text = "word " * 2000
    columns = {"text": pa.array([text] * 8000).dictionary_encode(), "n": np.arange(8000)}
    pq.write_table(pa.table(columns).cast(pa.schema([("text", pa.string()), ("n", "i8")])), path)
    assert path.stat().st_size < MIB  # of 80 MB
    assert parquet.read_parquet(path).num_rows == 8000
    monkeypatch.setattr(parquet, "free_memory", lambda: 4 * MIB)
    monkeypatch.setattr(memory, "free_memory", lambda: 4 * MIB)
    refused(path, "a.parquet", "of 8,000 rows) takes about")
    refused(path, "a.parquet", read=open_space)


@pytest.mark.parametrize("told", [b"\xff\xfe", b"[" * 10_000, b"[]", b'{"index_columns": 5}',
                                  b'{"index_columns": [{}, 5, "__index_level_9__"]}'])  # fmt: skip
def test_metadata_of_pandas_that_is_none_is_passed_over(told, tmp_path):
    table = pa.table({"a": [1.5, 2, 3], "b": ["x", "y", "x"]})
    path = tmp_path / "a.parquet"
    pq.write_table(table.replace_schema_metadata({"pandas": told}), path, store_schema=False)
    assert list(load(path).items.columns) == ["a", "b"]


def test_dictionaries_that_differ_between_parts_are_joined(tmp_path):
    column = pa.chunked_array(
        [pa.array(["a", "b"]).dictionary_encode(), pa.array(["c", "a"]).dictionary_encode()]
    )
    path = tmp_path / "a.parquet"
    pq.write_table(pa.table({"name": column, "n": [1.5, 2, 3, 4]}), path, row_group_size=2)
    assert load(path).items["name"].tolist() == ["a", "b", "c", "a"]


def test_memory_that_does_not_suffice_is_one_sentence(tmp_path, monkeypatch):
    np.save(tmp_path / "a.npy", np.eye(20))
    monkeypatch.setattr(files, "read_array", lambda path: np.empty(2**50))
    with pytest.raises(DataError, match=r"a\.npy takes more memory than is free \(Unable to alloc"):
        load(tmp_path / "a.npy")
    with pytest.raises(DataError, match="This takes more memory than is free"):
        within_memory(lambda: np.empty(2**50))()
    with pytest.raises(DataError, match="This takes more memory than is free"):
        within_memory(lambda: torch.empty(2**50))()
