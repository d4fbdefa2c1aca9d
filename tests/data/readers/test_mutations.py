"""Mutated files: whatever they hold, what comes is data or one sentence, and within bounds."""

import gzip
import io
import struct
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from tests.mutations import Reader, attack

from nearspace.data import load
from nearspace.encoders.borrowed.elsewhere import Vectors
from nearspace.recipe import Recipe
from nearspace.space.file.checking import verify
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space

ROWS = 24
# A page of Parquet says in 32 bits how large it will be, and Arrow asks for that before it looks.
PAGE = 2**31


def written(write, *what, **more):
    """Return the bytes that a function writes into an open file."""
    file = io.BytesIO()
    write(file, *what, **more)
    return file.getvalue()


def vectors():
    return np.random.default_rng(0).normal(size=(ROWS, 3)).astype(np.float32)


def npy_files():
    x = vectors()
    arrays = [x, x.astype(">f8"), np.asfortranarray(x), (x * 9).astype(np.int16)]
    arrays.append(np.arange(ROWS * 16, dtype=np.uint8).reshape(ROWS, 4, 4))
    arrays.append(np.array([f"text {n}" for n in range(ROWS)]))
    return [written(np.save, array) for array in arrays]


def matrix_files():
    return npy_files()[:4]


def npz_files():
    arrays = {"vectors": vectors(), "ids": np.arange(ROWS), "labels": np.array(["a", "b"] * 12)}
    return [written(write, **arrays) for write in (np.savez, np.savez_compressed)]


def zipped(member, compression=zipfile.ZIP_DEFLATED):
    """Return an archive whose array of items is a file of some bytes."""
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        archive.writestr("vectors.npy", member)
        archive.writestr("ids.npy", written(np.save, np.arange(ROWS)))
    return file.getvalue()


def idx_file(array, code):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + (
        array.tobytes()
    )  # fmt: skip


def idx_files():
    pixels = np.arange(ROWS * 16, dtype=np.uint8).reshape(ROWS, 4, 4)
    return [idx_file(pixels, 0x08), idx_file(pixels.astype(">f4"), 0x0D)]


def idx_labels():
    labels = np.arange(ROWS, dtype=np.uint8) % 3
    return [idx_file(labels, 0x08), idx_file(labels.astype(">i4"), 0x0C)]


def with_images(path):
    """Return what is read of labels in an idx file beside whole images."""
    path.with_name("train-images-idx3-ubyte").write_bytes(idx_files()[0])
    return load(path.parent)


def csv_files():
    rows = [f"{n},{n / 7:.3f},{'ab'[n % 2]},2024-05-{n + 1:02}" for n in range(ROWS)]
    euros = [f'"name {n}";{n},5 €;"of a\nline"' for n in range(ROWS)]
    return [
        "\n".join(["id,size,label,day", *rows]).encode(),
        "\n".join(["name;price;note", *euros]).encode(),
        "\n".join(["a\tb", *[f"{n}\tx{n}" for n in range(ROWS)]]).encode("utf-16"),
    ]


def gzipped_files():
    return [gzip.compress(data) for data in csv_files()]


def text_files():
    return ["\n".join(f"text {n} of é" for n in range(ROWS)).encode()]


def table():
    x = vectors()
    columns = {
        "id": pa.array([f"i{n}" for n in range(ROWS)]),
        "label": pa.array(["a", None] * (ROWS // 2)).dictionary_encode(),
        "size": pa.array([None, *range(1, ROWS)]),
        "day": pa.array(np.arange(ROWS), pa.timestamp("s")),
        "vector": pa.FixedSizeListArray.from_arrays(pa.array(x.ravel()), x.shape[1]),
    }
    return pa.table(columns).replace_schema_metadata({"nearspace.recipe": "{}"})


def parquet_files():
    plain = table().drop_columns("vector")
    return [
        written(lambda file: pq.write_table(table(), file)),
        written(lambda file: pq.write_table(plain, file, compression="zstd")),
        written(lambda file: pq.write_table(plain, file, use_dictionary=False, version="1.0")),
        written(lambda file: plain.to_pandas().to_parquet(file, compression="gzip")),
    ]


def saved(ending):
    """Return the file in which a space is saved with an ending."""
    space = Space(
        vectors(),
        np.array([f"i{n}" for n in range(ROWS)]),
        np.array(["a", "b"] * (ROWS // 2)),
        Recipe("raw", "00ff", versions={}),
        meta=table().select(["size", "day"]),
    )
    with tempfile.TemporaryDirectory() as folder:
        return [save(space, Path(folder) / f"a{ending}").read_bytes()]


def fitted(path):
    """Return the encoder of vectors in a file, which has read them."""
    return Vectors(str(path)).fit_on(load([f"text {n}" for n in range(ROWS)]))


def open_whole(path):
    """Return a space, all of which has been read, and what is wrong with its file."""
    verify(path)
    space = open_space(path)
    return space.encoder, list(space.thumbnails or ()), dict(space.parts)


def load_folder(path):
    return load(path.parent)


NPY = (
    b"'|O'", b"'<U9999999'", b"'<f8'", b"'|S0'", b"'<V8'", b"[('a','<f4')]", b"'<M8[s]'", b"'<c16'",
    b"(24, 3)", b"()", b"(0,)", b"(24,)", b"(-1,)", b"(3000000000000,)", b"(2, 0, 2)",
    b"(99999999999999999999,)", b"(1.5,)", b"('a',)", b"(24, 3", b"(((((((((", b"[" * 200,
    b"(1," * 40 + b")", b"1" * 5000, b"0x", b"\xff\xfe", b"\0", b"\\N{x}", b"'", b"'''", b"f'{x}'",
    b"\n", b"True", b"False", b"None", b"}", b"{'descr'", b"__import__", b"1_", b"1e", b"01", b"#",
    b"\x93NUMPY\x01\x00", b"\x93NUMPY\x02\x00", b"\x93NUMPY\x03\x00", b"\x93NUMPY\x09\x00",
)  # fmt: skip
ZIP = (
    b"PK\x01\x02", b"PK\x03\x04", b"PK\x05\x06", b"PK\x06\x06", b"PK\x06\x07", b"PK\x07\x08",
    b"vectors.npy", b"vectors.txt", b"\x01\x00\x00\x00", b"\x00\x00\x08\x00", b"\x00\x00\x0c\x00",
    b"\x00\x00\x0e\x00", b"\x00\x00\x63\x00", b"\x14\x00\x01\x00", b"\x08\x00", b"../a",
)  # fmt: skip
CSV = (
    b",", b";", b"\t", b"|", b'"', b'""', b"\n", b"\r", b"\r\n", b"\0", b"#", b"# a,b\n", b"sep=;",
    b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff", b"\xff\xfe\0\0", b"\xff", b"\xed\xa0\x80",
    b"1" * 5000,
    b"-" + b"9" * 4301, b"1e999", b"1e-999", b"9" * 20, b"nan", b"inf", b"-inf", b"0x1F", b"007",
    b"1.234", b"1,234.5", b"1'234", b"(5)", b"\xe2\x82\xac", b"2024-13-45", b"99999-01-01",
    b"0000-00-00", b"31.12.9999", b"2024-05-31T25:61", b"2024-05-31 10:00 +99:99", b"train", b"id",
    b"," * 3000, b"\xc2\xa0", b"\xe2\x80\xae", b" ", b"a" * 70_000, b"\xd9\xa1\xd9\xa2", b"1_000",
)  # fmt: skip
PARQUET = (
    b"PAR1", b"PARE", b"ARROW:schema", b"nearspace.recipe", b"pandas", b"\xff\xff\xff\xff\x0f",
    b"\0",
    b"[" * 500, b"{}", b"null", b'"a"', b"\xff", b"\x80", b"\x15\x80",
    b"\xff\xff\xff\xff\xff\xff\x7f",
)  # fmt: skip
SPACE = (
    b"SQLite format 3\0",
    b"items",
    b"CREATE TABLE",
    b"{}",
    b"[" * 500,
    b"null",
    b"1e999",
    b"\xff",
)

# fmt: off
READERS = [
    Reader("npy", "a.npy", load, npy_files, NPY),
    Reader("npz", "a.npz", load, npz_files, ZIP),
    Reader("npz of a mutated npy", "a.npz", load, npy_files, NPY, zipped),
    Reader("idx", "train-images-idx3-ubyte", load_folder, idx_files),
    Reader("idx.gz", "train-images-idx3-ubyte.gz", load_folder, idx_files, (), gzip.compress),
    Reader("idx labels", "train-labels-idx1-ubyte", with_images, idx_labels),
    Reader("csv", "a.csv", load, csv_files, CSV),
    Reader("csv.gz", "a.csv.gz", load, gzipped_files),
    Reader("tsv.gz of a mutated csv", "a.tsv.gz", load, csv_files, CSV, gzip.compress),
    Reader("txt", "a.txt", load, text_files, CSV),
    Reader("txt.gz", "a.txt.gz", load, text_files, CSV, gzip.compress),
    Reader("parquet", "a.parquet", load, parquet_files, PARQUET, reserved=PAGE),
    Reader("npy as a space", "a.npy", open_space, matrix_files, NPY),
    Reader("npz as a space", "a.npz", open_space, partial(saved, ".npz"), ZIP),
    Reader("npz of a mutated npy as a space", "a.npz", open_space, matrix_files, NPY, zipped),
    Reader("parquet as a space", "a.parquet", open_space, partial(saved, ".parquet"), PARQUET,
           reserved=PAGE),
    Reader("space", "a.space", open_whole, partial(saved, ".space"), SPACE),
    Reader("npy as an encoder", "a.npy", fitted, matrix_files, NPY),
    Reader("npz as an encoder", "a.npz", fitted, npz_files, ZIP),
]
# fmt: on


@pytest.mark.parametrize(
    "count", [40, pytest.param(20_000, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
@pytest.mark.parametrize("reader", READERS, ids=str)
def test_mutated_files_are_read_or_refused_in_a_sentence(reader, count, tmp_path):
    failures = attack(reader, count, tmp_path)
    assert not failures, f"{len(failures)} of {count}, in {tmp_path}: {failures[:20]}"
