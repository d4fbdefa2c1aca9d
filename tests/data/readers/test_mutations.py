"""Mutated files: whatever they hold, what comes is data or one sentence, and within bounds."""

import bz2
import gzip
import io
import json
import lzma
import struct
import tarfile
import tempfile
import zipfile
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image as Pillow
from tests.mutations import Reader, attack

from nearspace.data import load
from nearspace.data.readers.word_vectors import read_word_vectors
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


def json_lines():
    rows = [{"id": n, "of": {"size": n / 7, "day": f"2024-05-{n + 1:02}"}} for n in range(ROWS)]
    mixed = [{"a": [n, "é", None, 2.5, True, [1], {}][n % 7], f"b{n % 3}": n} for n in range(ROWS)]
    vectors = [{"id": f"i{n}", "vector": [n, n / 7], "label": "ab"[n % 2]} for n in range(ROWS)]
    return ["\n".join(map(json.dumps, values)).encode() for values in (rows, mixed, vectors)]


def json_documents():
    rows = [json.loads(line) for line in json_lines()[0].splitlines()]
    columns = {"a": [n / 7 for n in range(ROWS)], "b": [f"x{n % 3}" for n in range(ROWS)]}
    cells = {name: {str(row): cell for row, cell in enumerate(columns[name])} for name in columns}
    documents = [rows, {"data": rows, "n": ROWS}, columns, cells, columns["b"], vectors().tolist()]
    documents.append({"train": rows, "test": rows})
    return [json.dumps(each, indent=n % 2 or None).encode() for n, each in enumerate(documents)]


def aligned_files():
    rows = [f'{n:3}  {n / 7:8.3f}\t "name {n}"' for n in range(ROWS)]
    return ["\n".join(rows).encode(), csv_files()[0]]


def members():
    """Return pictures, by their paths in an archive."""
    pixels = np.random.default_rng(0).integers(0, 256, (6, 4, 4), dtype=np.uint8)
    pictures = [written(Pillow.fromarray(each).save, format="PNG") for each in pixels]
    return {f"p/{'ab'[n % 2]}/{n}.png": data for n, data in enumerate(pictures)}


def zip_of(members, compression=zipfile.ZIP_DEFLATED):
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", compression) as archive:
        for name, data in members.items():
            archive.writestr(zipfile.ZipInfo(name), data, compression)
    return file.getvalue()


def tar_of(members, form=tarfile.GNU_FORMAT):
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w", format=form) as archive:
        for name, data in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))
    return file.getvalue()


def zip_files():
    return [
        zip_of(members()),
        zip_of(members(), zipfile.ZIP_STORED),
        zip_of({"a.csv": csv_files()[0], "readme.txt": b"x"}),
        zip_of({f"{'ab'[n % 2]}/{n}.txt": b"a text" for n in range(6)}),
        zip_of({"m/train-images-idx3-ubyte": idx_files()[0]}),
    ]


def tar_files():
    long = {f"p/{'x' * 120}/{name}": data for name, data in members().items()}
    return [
        tar_of(members()),
        tar_of(long),
        tar_of({f"é{name}": data for name, data in long.items()}, tarfile.PAX_FORMAT),
        tar_of({"a.jsonl": json_lines()[0]}),
    ]


def word_files(binary):
    rows = [(f"word{n} ".encode(), row) for n, row in enumerate(vectors())]
    if binary:
        return [b"24 3\n" + b"".join(word + row.tobytes() for word, row in rows)]
    lines = b"".join(word + " ".join(map(str, row.tolist())).encode() + b"\n" for word, row in rows)
    return [lines, b"24 3\n" + lines]


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


def sound_files(form, subtype=None, channels=1):
    """Return short sounds in a format."""
    import soundfile

    wave = np.sin(np.arange(600 * channels) / 9).reshape(600, channels) * 0.5
    return [
        written(soundfile.write, wave[:count], 8000, format=form, subtype=subtype)
        for count in (600, 300)
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
VEC = (
    b" ", b"  ", b"\n", b"24 3\n", b"3 24\n", b"24 3000000000\n", b"9" * 18 + b" 3\n", b"nan",
    b"inf", b"1e39", b"1_0", b"\0", b"\xff", b"\t", b"-", b"0x1",
)  # fmt: skip
JSON = (
    b"{", b"}", b"[", b"]", b",", b":", b'"', b"\\", b"\n", b"\r", b"\0", b"null", b"true", b"NaN",
    b"Infinity", b"-Infinity", b"1e999", b"-0", b"9" * 20, b"9" * 5000, b"01", b"'", b"{}", b"[]",
    b"[" * 2000, b'{"a":' * 2000, b'"id"', b'"of.size"', b'{"size": 1}', b"\\ud800", b"\\u0000",
    b"\xff", b"\xef\xbb\xbf", b"\xff\xfe", b'""', b"a" * 70_000, b'"train"', b'"split"', b"// a",
    b"\xed\xa0\x80", b"\xe2\x80\xa8", b"1.5", b'"2024-05-31"', b"[1, 2]", b"[1, [2]]", b"\t",
)  # fmt: skip
TAR = (
    b"ustar\x0000", b"ustar  \0", b"./././@LongLink", b"../", b"/", b"\xff" * 8, b"x" * 512,
    b"\x80" + bytes(10) + b"\x01", b"77777777777", b"00000000000", b"-0000000001", b"L", b"K", b"x",
    b"g", b"S", b"V", b"1", b"2", b"3", b"5", b"path=", b"30 GNU.sparse.major=1\n",
    b"size=99999999\n", b"22 GNU.sparse.map=0,9\n", b"9999999999 path=", bytes(512), bytes(1024),
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

SOUND = (
    b"RIFF", b"WAVE", b"fmt ", b"data", b"LIST", b"RF64", b"fLaC", b"OggS", b"vorbis", b"OpusHead",
    b"ID3", b"\xff\xfb", b"Xing", b"Info", b"FORM", b"AIFF", b"COMM", b"SSND", b".snd",
    b"\x01\x00\x01\x00", b"\xfe\xff", b"\x11\x00", b"\x03\x00", b"\x00\x00", b"\xff\xff\xff\xff",
    b"\x40\x1f\x00\x00", b"\x10\x00\x00\x00",
)  # fmt: skip

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
    Reader("data", "a.data", load, aligned_files, CSV),
    Reader("csv.bz2", "a.csv.bz2", load, csv_files, CSV, bz2.compress),
    Reader("csv.xz", "a.csv.xz", load, csv_files, CSV, lzma.compress),
    Reader("jsonl", "a.jsonl", load, json_lines, JSON),
    Reader("ndjson.gz of a mutated jsonl", "a.ndjson.gz", load, json_lines, JSON, gzip.compress),
    Reader("json", "a.json", load, json_documents, JSON),
    Reader("zip", "a.zip", load, zip_files, ZIP),
    Reader("tar", "a.tar", load, tar_files, TAR),
    Reader("tar.gz of a mutated tar", "a.tar.gz", load, tar_files, TAR, gzip.compress),
    Reader("tar.bz2 of a mutated tar", "a.tar.bz2", load, tar_files, TAR, bz2.compress),
    Reader("txt", "a.txt", load, text_files, CSV),
    Reader("txt.gz", "a.txt.gz", load, text_files, CSV, gzip.compress),
    Reader("wav", "a.wav", load, partial(sound_files, "WAV"), SOUND),
    Reader("wav of floats", "a.wav", load, partial(sound_files, "WAV", "FLOAT", 2), SOUND),
    Reader("flac", "a.flac", load, partial(sound_files, "FLAC", None, 2), SOUND),
    Reader("ogg", "a.ogg", load, partial(sound_files, "OGG"), SOUND),
    Reader("opus", "a.opus", load, partial(sound_files, "OGG", "OPUS"), SOUND),
    Reader("mp3", "a.mp3", load, partial(sound_files, "MP3"), SOUND),
    Reader("aiff", "a.aiff", load, partial(sound_files, "AIFF"), SOUND),
    Reader("au", "a.au", load, partial(sound_files, "AU"), SOUND),
    Reader("words", "a.vec", read_word_vectors, partial(word_files, binary=False), VEC),
    Reader("binary words", "a.bin", read_word_vectors, partial(word_files, binary=True), VEC),
    Reader("words.gz", "a.txt.gz", read_word_vectors, partial(word_files, binary=False), VEC,
           gzip.compress),
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
