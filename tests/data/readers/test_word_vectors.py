"""Files of word vectors: every format, packed or not, and whatever is wrong with them."""

import gzip
import struct

import numpy as np
import pytest

from nearspace.data.readers.word_vectors import read_word_vectors
from nearspace.errors import DataError

WORDS = ["the", "cat's", "Paris", "读", "3", ",", "new_york", "naïve"]
VECTORS = np.random.default_rng(0).normal(size=(8, 5)).astype(np.float32)


def lines(words=WORDS, vectors=VECTORS, end="\n"):
    rows = zip(words, vectors.tolist(), strict=True)
    return "".join(f"{word} {' '.join(map(repr, row))}{end}" for word, row in rows)


def binary(words=WORDS, vectors=VECTORS, head=None, end=b"\n"):
    head = f"{len(words)} {vectors.shape[1]}\n" if head is None else head
    rows = zip(words, vectors, strict=True)
    return head.encode() + b"".join(
        word.encode() + b" " + row.astype("<f4").tobytes() + end for word, row in rows
    )


FILES = {
    "glove.txt": lines().encode(),
    "fast.vec": f"8 5\n{lines(end=' ' + chr(10))}".encode(),
    "windows.txt": lines(end="\r\n").encode(),
    "last.txt": lines().rstrip().encode(),
    "google.bin": binary(),
    "plain.bin": binary(end=b""),
    "glove.txt.gz": gzip.compress(lines().encode()),
    "google.bin.gz": gzip.compress(binary()),
}


@pytest.mark.parametrize("name", FILES)
def test_every_format_gives_words_and_vectors(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FILES[name])
    read = read_word_vectors(path)
    assert (read.words, read.notes) == (WORDS, ())
    assert read.vectors.dtype == np.float32
    np.testing.assert_array_equal(read.vectors, VECTORS)
    few = read_word_vectors(path, most=3)
    assert few.words == WORDS[:3]
    np.testing.assert_array_equal(few.vectors, VECTORS[:3])
    assert few.notes == (f"Of the words in {name} the first 3 were read.",)
    assert read_word_vectors(path, most=8).notes == ()


def test_thousands_of_words_come_in_parts(tmp_path):
    rng = np.random.default_rng(1)
    words, vectors = [f"w{n}" for n in range(9000)], rng.normal(size=(9000, 3)).astype(np.float32)
    for name, data in (
        ("a.txt", lines(words, vectors).encode()),
        ("a.bin", binary(words, vectors)),
    ):
        (tmp_path / name).write_bytes(data)
        read = read_word_vectors(tmp_path / name)
        assert read.words == words
        np.testing.assert_array_equal(read.vectors, vectors)


def test_words_that_stand_twice_keep_their_first_vector(tmp_path):
    path = tmp_path / "twice.txt"
    path.write_bytes(lines(["a", "b", "a", "b"], VECTORS[:4]).encode() + b"\xff\xfe 1 2 3 4 5\n")
    read = read_word_vectors(path)
    assert read.words == ["a", "b"]
    np.testing.assert_array_equal(read.vectors, VECTORS[:2])
    assert read.notes == (
        "2 words of the file stand there again, such as 'a': their first vectors are used.",
        "1 word is no UTF-8, and was left out.",
    )


def test_words_with_blanks_in_them_are_read_from_the_right(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 2\n. . 3 4\n")
    assert read_word_vectors(path).words == ["the", ". ."]


LIES = struct.pack("<5f", *VECTORS[0])
WRONG = {
    "uneven.txt": (b"a 1 2 3\nb 1 2 3\nc 1 2\n", "line 3 has a vector of 2 numbers, expected 3"),
    "long.txt": (b"a 1 2\nb 1 2 3\n", "line 2 has a vector of 3 numbers, expected 2"),
    "nan.txt": (b"a 1 2\nb 1 nan\n", "line 2 holds 'nan', expected a finite number"),
    "big.txt": (b"a 1 2\nb 1 1e99\n", "line 2 holds '1e99'"),
    "word.txt": (b"a 1 2\nb x 2\n", "line 2 holds 'x'"),
    "texts.txt": (b"hello\nworld\n", "expected a word and its numbers in line 1"),
    "empty.txt": (b"", "expected a word and its numbers in line 1"),
    "none.txt": (b"0 5\n", "holds no word vectors"),
    "short.vec": (f"9 5\n{lines()}".encode(), "ends after 8 words, and .* that there are 9"),
    "long.vec": (f"7 5\n{lines()}".encode(), "says that there are 7 words, and there are more"),
    "wide.vec": (f"8 6\n{lines()}".encode(), "line 2 has a vector of 5 numbers, expected 6"),
    "cut.bin": (binary()[:-9], "ends after 7 words, and .* that there are 8"),
    "more.bin": (binary(head="7 5\n"), "there is more"),
    "infinite.bin": (binary(["a", "b"], np.array([[1], [np.inf]], "f4")), "vector of 'b' holds"),
    "huge.bin": (b"1 99999999999\nthe " + LIES, "vectors have 99,999,999,999 numbers"),
    "many.bin": (b"999999999999999 5\nthe " + LIES, "ends after 1 words"),
    "cut.txt.gz": (gzip.compress(lines().encode())[:-20], "cut.txt.gz is damaged, truncated"),
    "no.txt.gz": (lines().encode(), "no.txt.gz cannot be read|is damaged"),
}


@pytest.mark.parametrize("name", WRONG)
def test_what_is_wrong_is_said_in_a_sentence(tmp_path, name):
    path = tmp_path / name
    data, told = WRONG[name]
    path.write_bytes(data)
    with pytest.raises(DataError, match=told):
        read_word_vectors(path)


def test_a_file_that_is_not_there_is_said_in_a_sentence(tmp_path):
    with pytest.raises(DataError, match=r"a\.txt cannot be read: No such file"):
        read_word_vectors(tmp_path / "a.txt")
