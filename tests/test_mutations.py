"""The attack on readers tells each way in which one can fail, and keeps the file."""

import os
import time
import zlib

import numpy as np

from nearspace.errors import DataError
from tests.mutations import MIB, Reader, attack, mutated

WHOLE = b"a whole file"


def misread(path):
    """Fail in a way that the bytes of the file choose."""
    way = zlib.crc32(path.read_bytes()) % 11
    if path.read_bytes() == WHOLE or way > 7:
        return
    if way == 0:
        raise KeyError("bare")
    if way == 1:
        raise DataError("words " * 1000)
    if way == 2:
        np.ones(100 * MIB, np.uint8)
    if way == 3:
        try:
            np.empty(2**40, np.uint8)
        except MemoryError:
            raise DataError("a.bin is too large.") from None
    if way == 4:
        os._exit(3)
    if way == 5:
        time.sleep(60)
    if way == 6:
        began = time.process_time()
        while time.process_time() < began + 0.2:
            pass
    if way == 7:
        raise DataError("a.bin is damaged.")


def whole_files():
    return [WHOLE]


def test_each_way_of_failing_is_told_and_the_file_is_kept(tmp_path):
    reader = Reader("misread", "a.bin", misread, whole_files, memory=50 * MIB)
    failures = attack(reader, 19, tmp_path, seconds=0.1)
    said = " ".join(failure.what for failure in failures)
    for words in (
        "builtins.KeyError: 'bare'", "no sentence: 'words", "took 100 MiB", "asked for memory",
        "exit code 3", "took more than 2 s", "took 0.",
    ):  # fmt: skip
        assert words in said, said
    assert "damaged" not in said
    for failure in failures:
        kept = (tmp_path / f"{failure.number} a.bin").read_bytes()
        assert kept == mutated(reader, [WHOLE], failure.number)
