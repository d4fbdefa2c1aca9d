"""Attack readers with mutated files: each gives what it should or one sentence, within bounds.

`READERS` of a test module are rows of one table; `attack` reads mutated files of a row in a process
of its own, and returns what went wrong. What a file number n holds depends on the row and n alone.
"""

import dataclasses
import multiprocessing
import os
import random
import shutil
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from nearspace.errors import NearspaceError

MIB = 2**20
SLOW = 5.0  # seconds of the processor that one file may take
PATIENCE = 20  # so many times longer, by the clock, is waited for a process
# Numbers that lengths and offsets are replaced by, in any width and either order of bytes.
EXTREME = (0, 1, 2, 127, 128, 255, 2**15, 2**16 - 1, 2**31 - 1, 2**31, 2**32 - 1, 2**62, 2**63 - 1)
# Children come from a server that has imported what they need, and no thread has run in it.
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PROCESSES.set_forkserver_preload(["tests.data.readers.test_mutations"])


@dataclasses.dataclass(frozen=True)
class Reader:
    """One way in for files of one form.

    Attributes
    ----------
    name : str
        What the row is called.
    file : str
        The name that each mutated file is given, in a folder of its own.
    read : callable
        From the path of that file to what is read of it.
    seeds : callable
        Returns whole files, small ones, of which mutations are made.
    words : tuple of bytes
        What stands in such files, or should not: parts are replaced by them.
    wrap : callable, optional
        From mutated bytes to those of the file, such as `gzip.compress`: what is inside is then
        read, which a checksum outside would not let through.
    memory : int
        Bytes that reading one file may take beyond what the process has.
    reserved : int
        Bytes that it may ask for and not use, beyond eight times those.
    """

    name: str
    file: str
    read: Callable[[Path], Any]
    seeds: Callable[[], list[bytes]]
    words: tuple[bytes, ...] = ()
    wrap: Callable[[bytes], bytes] = bytes
    memory: int = 64 * MIB
    reserved: int = 0

    def __str__(self) -> str:
        return self.name


@dataclasses.dataclass(frozen=True)
class Failure:
    """What went wrong with one file: an exception that is no sentence, time, memory, a crash."""

    number: int
    what: str


def mutated(reader: Reader, seeds: list[bytes], number: int) -> bytes:
    """Return the mutated file of a number."""
    rng = random.Random(f"{reader.name} {number}")
    data = bytearray(rng.choice(seeds))
    for _ in range(rng.choice((1, 1, 1, 2, 3, 8))):
        rng.choice(WAYS)(data, rng, reader.words)
    return reader.wrap(bytes(data))


def _flip(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    if data:
        data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)


def _cut_off(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    del data[rng.randrange(len(data) + 1) :]


def _leave_out(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    start, stop = _piece(data, rng)
    del data[start:stop]


def _double(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    start, stop = _piece(data, rng)
    data[stop:stop] = data[start:stop] * rng.choice((1, 1, 2, 50))


def _move(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    start, stop = _piece(data, rng)
    piece = data[start:stop]
    del data[start:stop]
    to = rng.randrange(len(data) + 1)
    data[to:to] = piece


def _random_bytes(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    start, stop = _piece(data, rng)
    data[start:stop] = rng.randbytes(min(stop - start, 64))


def _extreme(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    width = rng.choice((1, 2, 4, 8))
    number = rng.choice(EXTREME) % 256**width
    start = _place(data, rng)
    data[start : start + width] = number.to_bytes(width, rng.choice(("little", "big")))


def _word(data: bytearray, rng: random.Random, words: tuple[bytes, ...]) -> None:
    """Put a word at a place, before what stands there or over it, or for another word."""
    if not words:
        return _extreme(data, rng, words)
    word, others = rng.choice(words), [each for each in words if each in data]
    if others and rng.random() < 0.5:
        other = rng.choice(others)
        start = data.index(other)
        data[start : start + len(other)] = word
    else:
        start = _place(data, rng)
        data[start : start + rng.choice((0, len(word)))] = word
    return None


WAYS = (_flip, _flip, _cut_off, _leave_out, _double, _move, _random_bytes, _extreme, _extreme,
        _word, _word, _word)  # fmt: skip


def _place(data: bytearray, rng: random.Random) -> int:
    """Return a place in a file, as often near its ends, where headers are, as anywhere."""
    near = rng.choice((len(data), 128, -128))
    return (
        rng.randrange(min(len(data), near) + 1)
        if near >= 0
        else max(0, len(data) - rng.randrange(-near + 1))
    )


def _piece(data: bytearray, rng: random.Random) -> tuple[int, int]:
    start = _place(data, rng)
    return start, min(len(data), start + rng.choice((1, 2, 4, 8, 64, 1024)))


def attack(
    reader: Reader, count: int, folder: Path, seconds: float = SLOW, first: int = 0
) -> list[Failure]:
    """Return what goes wrong with mutated files of a reader; their bytes are kept in a folder.

    Parameters
    ----------
    reader : Reader
        Whose files.
    count : int
        How many.
    folder : Path
        Where to work, and to keep the files that something goes wrong with.
    seconds : float
        How long one file may take.
    first : int
        The number of the first.
    """
    failures: list[Failure] = []
    number, stop = first, first + count
    while number < stop:
        for answer in _answers(reader, number, stop, folder / "read", seconds):
            failures += [Failure(number, answer)] if answer else []
            number += 1
    seeds = reader.seeds()
    for failure in failures:
        kept = folder / f"{failure.number} {reader.file}"
        kept.write_bytes(mutated(reader, seeds, failure.number))
    return failures


def _answers(reader: Reader, start: int, stop: int, folder: Path, seconds: float) -> Iterator[str]:
    """Yield what went wrong with each file, or nothing, up to one that ends the process."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    arguments = (reader, range(start, stop), folder, seconds, sender)
    process = PROCESSES.Process(target=_read_all, args=arguments, daemon=True)
    process.start()
    sender.close()
    try:
        receiver.recv()  # it has read a whole file
        for _ in range(start, stop):
            if not receiver.poll(PATIENCE * seconds):
                yield f"took more than {PATIENCE * seconds:g} s"
                return
            try:
                yield receiver.recv()
            except EOFError:
                process.join()
                yield f"ended the process with exit code {process.exitcode}"
                return
    finally:
        process.kill()
        process.join()
        receiver.close()


def _read_all(reader: Reader, numbers: range, folder: Path, seconds: float, sender: Any) -> None:
    """Send for each file what went wrong with it, or nothing."""
    seeds = reader.seeds()
    for seed in seeds:  # which imports what it takes
        reader.read(_put(reader, reader.wrap(seed), folder))
    _bound_memory(8 * reader.memory + reader.reserved)
    sender.send("")
    for number in numbers:
        path = _put(reader, mutated(reader, seeds, number), folder)
        before = memory("VmRSS")
        forget_peak()
        began = time.process_time()
        answer = _answer(reader, path)
        took, grown = time.process_time() - began, memory("VmHWM") - before
        answers = [answer] if answer else []
        answers += [f"took {took:.1f} s"] if took > seconds else []
        answers += [f"took {grown / MIB:,.0f} MiB"] if grown > reader.memory else []
        sender.send(", ".join(answers))


def _put(reader: Reader, data: bytes, folder: Path) -> Path:
    """Return the path of a file of some bytes, alone in its folder."""
    shutil.rmtree(folder, ignore_errors=True)
    path = folder / reader.file
    path.parent.mkdir(parents=True)
    path.write_bytes(data)
    return path


def _answer(reader: Reader, path: Path) -> str:
    """Return what a reader should not have said of a file, or nothing."""
    try:
        reader.read(path)
    except NearspaceError as error:
        text, cause = str(error), error.__context__
        while cause is not None:
            if isinstance(cause, MemoryError):  # though it became a sentence
                return f"asked for memory that it was not given: {text}"
            cause = cause.__context__
        if not text or "\n" in text or len(text) > 2000:
            return f"no sentence: {text[:300]!r}"
        return ""
    except BaseException as error:
        return f"{type(error).__module__}.{type(error).__qualname__}: {str(error)[:300]}"
    return ""


def memory(field: str) -> int:
    """Return a figure of the memory of this process in bytes; 0 where the system tells none."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return 0
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith(f"{field}:"))


def forget_peak() -> None:
    """Make the most memory that the process ever had what it has now."""
    try:
        Path("/proc/self/clear_refs").write_text("5")
    except OSError:
        return


def _bound_memory(most: int) -> None:
    """Let the process have so many bytes beyond what it has."""
    if memory("VmSize"):
        import resource

        most += memory("VmSize")
        resource.setrlimit(resource.RLIMIT_AS, (most, most))
