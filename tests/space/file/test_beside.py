"""Reading, verifying and repairing a file while other processes write to it: no false alarm."""

import collections
import contextlib
import multiprocessing
import os
import sqlite3
import subprocess
import sys
import time

import numpy as np
import pytest

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError, ReplacedError
from nearspace.recipe import Recipe
from nearspace.space.file import database
from nearspace.space.file.checking import verify
from nearspace.space.file.repair import repair
from nearspace.space.file.saving import check_replaceable
from nearspace.space.file.store import add, remove, write_part
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, embed

# Children come from a server that has imported what they need, and no thread has run in it.
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PROCESSES.set_forkserver_preload(["nearspace.space.formats"])


def items(recipe, numbers, version):
    """Return items of one version: every vector and picture of a state of the file tells of it."""
    vectors = np.full((len(numbers), 6), version, dtype=np.float32)
    pictures = [f"{version} of {number}".encode() * 50 for number in numbers]
    return Space(vectors, np.array(numbers), None, recipe, thumbnails=pictures)


def keep_changing(path, recipe, ended, said):
    """Add, replace, remove, map and index, again and again."""
    turn = 0
    while not ended.is_set():
        turn += 1
        add(path, items(recipe, range(1000, 1200), 7), replace=True)
        write_part(path, "map", bytes([turn % 256]) * 100_000)
        with contextlib.suppress(NearspaceError):  # what another has saved meanwhile has no such
            remove(path, range(1000, 1000 + turn % 200 + 1))
        write_part(path, "index.cosine", bytes([turn % 256]) * 70_000)
    said.send(("changes", turn))


def keep_saving(path, encoder, ended, said):
    """Save over it, again and again."""
    turn = 0
    while not ended.is_set():
        turn += 1
        space = items(Recipe("pca", encoder.fingerprint, "digits"), range(900), turn)
        save(Space(**{**vars(space), "made_by": encoder}), path)
        time.sleep(0.05)
    said.send(("saves", turn))


def keep_reading(path, turns, said):
    """Verify, open and repair it, and read all that it holds, counting what is said."""
    seen = collections.Counter()
    for _ in range(turns):
        seen[f"verify: {' '.join(verify(path))}"] += 1
        space = open_space(path)
        assert len(set(space.vectors[:900, 0].tolist())) == 1
        for name, read in {
            "thumbnails": lambda space: list(space.thumbnails),
            "parts": lambda space: dict(space.parts),
            "encoder": lambda space: space.encoder.fingerprint,
        }.items():
            try:
                read(space)
                seen[f"{name}: "] += 1
            except ReplacedError:
                seen[f"{name} of another file, told"] += 1
            except NearspaceError as error:
                seen[f"{name}: {error}"] += 1
        mended = path.with_name(f"{os.getpid()}.space")
        mended.unlink(missing_ok=True)
        seen[f"repair: {repair(path, mended).lost}"] += 1
    said.send(("reads", seen))


def tell(job, *given):
    """Do a job, and send what went wrong in it."""
    try:
        job(*given)
    except Exception as error:
        given[-1].send(("failed", f"{job.__name__}: {error!r}"))


@pytest.mark.parametrize("reads", [4, pytest.param(300, marks=pytest.mark.full)])
def test_nothing_is_wrong_with_a_file_that_others_write(reads, tmp_path):
    encoder = embed(SAMPLES["digits"]().take(range(100)), "pca(dim=6)").encoder
    recipe = Recipe("pca", encoder.fingerprint, "digits")
    path = tmp_path / "s.space"
    save(Space(**{**vars(items(recipe, range(900), 0)), "made_by": encoder}), path)
    receiver, sender = PROCESSES.Pipe(duplex=False)
    ended = PROCESSES.Event()
    jobs = [
        (keep_reading, path, reads, sender),
        (keep_reading, path, reads, sender),
        (keep_changing, path, recipe, ended, sender),
        (keep_saving, path, encoder, ended, sender),
    ]
    workers = [PROCESSES.Process(target=tell, args=job) for job in jobs]
    for worker in workers:
        worker.start()
    for worker in workers[:2]:
        worker.join()
    ended.set()
    said = [receiver.recv() for _ in workers]
    for worker in workers:
        worker.join()
    seen = sum((counts for what, counts in said if what == "reads"), collections.Counter())
    print(dict(seen), [each for each in said if each[0] != "reads"])
    assert [each for each in said if each[0] == "failed"] == []
    sound = {"verify: ", "thumbnails: ", "parts: ", "encoder: ", "repair: ()"}
    alarms = {what for what in seen if not what.endswith(", told")} - sound
    assert not alarms
    assert seen["verify: "] == 2 * reads
    assert verify(path) == []


WRITE = """
import sqlite3, sys
db = sqlite3.connect(sys.argv[1], timeout=0, isolation_level=None)
db.execute("BEGIN IMMEDIATE")
"""


@pytest.mark.skipif(
    os.name != "posix", reason="locks of other systems are of a file, not a process"
)
def test_looking_at_a_file_does_not_let_go_of_its_locks(tmp_path):
    path = save(items(Recipe("raw", "00", "test"), range(5), 1), tmp_path / "s.space")
    with database.writing(path):
        check_replaceable(path)  # as another thread does that is about to save over it
        write = [sys.executable, "-c", WRITE, str(path)]
        done = subprocess.run(write, capture_output=True, text=True, check=False)
    assert "locked" in done.stderr


def test_what_a_file_that_is_gone_left_beside_does_not_spoil_the_next(tmp_path):
    recipe, path = Recipe("raw", "00", "test"), tmp_path / "s.space"
    save(items(recipe, range(900), 1), path)
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute("UPDATE items SET label = 'half done'")
        stale = path.with_name("s.space-journal").read_bytes()
        db.execute("ROLLBACK")
    db.close()
    path.unlink()
    path.with_name("s.space-journal").write_bytes(stale)
    save(items(recipe, range(300), 2), path)
    assert set(open_space(path).vectors[:, 0].tolist()) == {2}
    assert verify(path) == []
