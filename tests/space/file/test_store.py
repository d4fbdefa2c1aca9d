"""The file of a space: what it keeps, what it refuses, and what it survives."""

import dataclasses
import datetime
import json
import multiprocessing
import os
import random
import signal
import sqlite3
import subprocess
import sys
import time
import zlib

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from nearspace.data import SAMPLES, Dataset, Vector
from nearspace.errors import NearspaceError, ReplacedError
from nearspace.recipe import Recipe
from nearspace.space.file.checking import verify
from nearspace.space.file.repair import repair
from nearspace.space.file.rows import ITEM, checksums
from nearspace.space.file.store import Added, add, remove, write_part
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, embed

RECIPE = Recipe("raw", "00ff", "test", versions={})
# Children come from a server that has imported what they need, and no thread has run in it.
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PROCESSES.set_forkserver_preload(["nearspace.space.formats"])
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and limits of POSIX")


def space_of(ids, value=0.0, dim=4, **more):
    """Return a space whose vectors all hold one value."""
    vectors = np.full((len(ids), dim), value, dtype=np.float32)
    return Space(vectors, np.array(ids), more.pop("labels", None), RECIPE, **more)


def assert_same(one, other):
    """Check that two spaces hold the same, down to the types."""
    if sparse.issparse(one.vectors):
        assert (one.vectors != other.vectors).nnz == 0
    else:
        np.testing.assert_array_equal(one.vectors, other.vectors)
    assert one.vectors.dtype == other.vectors.dtype == np.float32
    assert one.ids.tolist() == other.ids.tolist()
    assert (one.labels is None) == (other.labels is None)
    if one.labels is not None:
        assert one.labels.tolist() == other.labels.tolist()
        assert one.labels.dtype.kind == other.labels.dtype.kind
    assert json.dumps(one.recipe.to_json()) == json.dumps(other.recipe.to_json())
    assert (one.meta is None) == (other.meta is None)
    assert one.meta is None or one.meta.to_pydict() == other.meta.to_pydict()
    assert list(one.thumbnails or []) == list(other.thumbnails or [])


EMBED_AGAIN = """
import sys
from nearspace import open_space
from nearspace.data import SAMPLES
for path, sample in zip(sys.argv[1::2], sys.argv[2::2]):
    space = open_space(path)
    print(abs(space.encoder.transform(SAMPLES[sample]().items) - space.vectors).max())
"""


def test_everything_comes_back_and_embeds_in_a_new_process(tmp_path):
    specs = {"digits": "pca(dim=4)", "sentences": "tfidf", "customers": "onehot", "wine": "l2"}
    arguments = []
    for sample, spec in specs.items():
        space = embed(SAMPLES[sample](), spec)
        path = save(space, tmp_path / f"{sample} b#?.space")
        assert verify(path) == []
        again = open_space(path)
        assert_same(space, again)
        assert_same(space, open_space(save(again, tmp_path / f"copy of {sample}.space")))
        arguments += [str(path), sample]
    command = [sys.executable, "-c", EMBED_AGAIN, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    differences = [float(line) for line in done.stdout.splitlines()]
    assert len(differences) == len(specs)
    assert max(differences) < 1e-5


@pytest.mark.parametrize(
    "labels",
    [
        ["a", "", None, "é\0"],
        [1, -(2**63), 2**63 - 1, 0],
        [0.5, -1e300, 0.1, 3.0],
        [True, False] * 2,
    ],
)
def test_odd_ids_labels_and_metadata_round_trip(labels, tmp_path):
    ids = np.array(["line\nbreak", "😀 ' \" \0", "x" * 10_000, ""], dtype=object)
    meta = pa.table({"n": [1, None, 3, 4], "when": ["a", "b", None, "\x1f"], "f": [0.1, 2, 3, 1e9]})
    array = np.array(labels, dtype=object if None in labels else None)
    space = space_of(ids, 1.5, labels=array, meta=meta, thumbnails=[b"1", b"", b"\0\xff", b"4"])
    again = open_space(save(space, tmp_path / "odd.space"))
    assert_same(space, again)
    assert [again.position(name) for name in ids] == [0, 1, 2, 3]
    assert add(tmp_path / "odd.space", space) == Added(0, 0, 4)


def test_add_is_an_upsert_by_id(tmp_path):
    path = save(space_of(["a", "b"], 1, thumbnails=[b"A", b"B"]), tmp_path / "s.space")
    write_part(path, "map", b"of two")
    later = space_of(["b", "c"], 2, labels=np.array(["x", "y"]), thumbnails=[b"BB", b"C"])
    with pytest.raises(NearspaceError, match=r"1 of its 2 items would replace others .* \(b\)"):
        add(path, later)
    told = ("The items that were in the space have no label.",)
    assert add(path, later, replace=True) == Added(new=1, changed=1, unchanged=0, notes=told)
    before = path.read_bytes()
    assert add(path, later) == Added(new=0, changed=0, unchanged=2)
    space = open_space(path)
    assert space.ids.tolist() == ["a", "b", "c"]
    assert space.vectors[:, 0].tolist() == [1, 2, 2]
    assert space.labels.tolist() == [None, "x", "y"]
    assert list(space.thumbnails) == [b"A", b"BB", b"C"]
    assert space.thumbnails[1:] == [b"BB", b"C"]
    assert dict(space.parts) == {"map": b"of two"}
    assert verify(path) == []
    assert path.read_bytes() == before


def test_removed_items_are_gone_and_their_row_is_free(tmp_path):
    path = save(space_of(["a", "b", "c"], 1, thumbnails=[b"A", b"B", b"C"]), tmp_path / "s.space")
    with pytest.raises(NearspaceError, match="no item 'd'; nothing was removed"):
        remove(path, ["a", "d"])
    remove(path, ["a", "c"])
    add(path, space_of(["e"], 2))
    space = open_space(path)
    assert (space.ids.tolist(), list(space.thumbnails)) == (["b", "e"], [b"B", b""])
    assert verify(path) == []


def test_a_vector_is_the_same_up_to_the_rounding_of_another_batch(tmp_path):
    path = save(space_of(["a"], 1), tmp_path / "s.space")
    assert add(path, space_of(["a"], 1 + 4e-6)) == Added(0, 0, 1)
    assert open_space(path).vectors[0, 0] == 1
    assert add(path, space_of(["a"], 1 + 4e-5), replace=True) == Added(0, 1, 0)
    rows = sparse.csr_array(np.array([[0, 1, 0, 0]], np.float32))
    path = save(Space(rows, np.array(["a"]), None, RECIPE), tmp_path / "t.space")
    moved = sparse.csr_array(np.array([[0, 0, 0, 1]], np.float32))
    space = Space(moved, np.array(["a"]), None, RECIPE)
    assert add(path, space, replace=True) == Added(0, 1, 0)
    assert open_space(path).vectors.toarray().tolist() == [[0, 0, 0, 1]]


def test_what_is_not_said_of_an_item_stays(tmp_path):
    meta = pa.table({"n": [1, 2]})
    more = {"labels": np.array(["x", "y"]), "meta": meta, "thumbnails": [b"A", b"B"]}
    path = save(space_of(["a", "b"], 1, **more), tmp_path / "s.space")
    changed = space_of(["a", "b"], 1)
    changed.vectors[1] = 5
    told = ("What is added has none of the columns of the space: n.",)
    assert add(path, changed, replace=True) == Added(0, 1, 1, told)
    space = open_space(path)
    assert (space.labels.tolist(), space.meta.to_pydict()) == (["x", "y"], {"n": [1, 2]})
    assert list(space.thumbnails) == [b"A", b""]  # that of the old vector would be wrong
    pictured = space_of(["a", "b"], 1, thumbnails=[b"A", b"BB"])
    assert add(path, pictured, replace=True) == Added(0, 1, 1, told)
    assert list(open_space(path).thumbnails) == [b"A", b"BB"]
    assert verify(path) == []


def test_missing_labels_and_huge_numbers_come_back(tmp_path):
    meta = pa.table(
        {"big": pa.array([2**64 - 1, 1], pa.uint64()), "when": np.array([1, 1], "M8[ns]")}
    )
    space = space_of(["a", "b"], labels=np.array([0.5, np.nan]), meta=meta)
    again = open_space(save(space, tmp_path / "s.space"))
    assert again.labels.tolist() == [0.5, None]
    assert again.meta.to_pydict() == {
        "big": [2**64 - 1, 1],
        "when": [datetime.datetime(1970, 1, 1)] * 2,
    }


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (dataclasses.replace(space_of(["a"]), vectors=np.full((1, 4), 1e300)), "not finite"),
        (space_of(["a", "b"], labels=np.array([["x"], ["y"]])), "needs labels, one for each"),
        (space_of(["a", "b"], thumbnails=[b"x"]), "needs thumbnails, one for each"),
        (space_of(["a"], meta=pa.table([[1], [2]], names=["n", "n"])), "names that differ"),
        (space_of(np.array(["a", None], object)), "all text or all whole numbers"),
        (space_of([0.5]), "all text or all whole numbers"),
    ],
)
def test_save_refuses_what_would_not_come_back(space, words, tmp_path):
    with np.errstate(over="ignore"), pytest.raises(NearspaceError, match=words):
        save(space, tmp_path / "s.space")
    assert list(tmp_path.iterdir()) == []


def test_sparse_rows_are_added(tmp_path):
    matrix = sparse.random_array((9, 40), density=0.1, random_state=0, format="csr")
    matrix = matrix.astype(np.float32)
    path = save(Space(matrix[:5], np.arange(5), None, RECIPE), tmp_path / "s.space")
    add(path, Space(matrix[3:], np.arange(3, 9), None, RECIPE))
    assert (open_space(path).vectors != matrix).nnz == 0


@pytest.mark.parametrize(
    ("space", "words"),
    [
        (space_of(["d"], np.nan), "'d' a vector that is not finite"),
        (space_of(["d"], -np.inf), "'d' a vector that is not finite"),
        (space_of(["d", "d"]), "'d' stands 2 times"),
        (space_of([1]), "expected ids that are text, got integer"),
        (space_of(["d"], dim=5), "vectors of 4, got vectors of 5"),
        (space_of(["d\udc80"]), "UTF-8"),
        (
            dataclasses.replace(
                space_of(["d"], 1), recipe=dataclasses.replace(RECIPE, fingerprint="1")
            ),
            "fingerprint 00ff",
        ),
    ],
)
def test_add_refuses_what_does_not_belong(space, words, tmp_path):
    path = save(space_of(["a", "b"], 1, labels=np.array(["x", "y"])), tmp_path / "s.space")
    before = path.read_bytes()
    with pytest.raises(NearspaceError, match=words):
        add(path, space)
    assert path.read_bytes() == before
    assert verify(path) == []


def test_another_encoder_of_the_same_dimension_is_refused(tmp_path):
    digits = SAMPLES["digits"]()
    path = save(embed(digits.take(range(300)), "pca(dim=4)"), tmp_path / "s.space")
    with pytest.raises(NearspaceError, match="embed items with the encoder of the space"):
        add(path, embed(digits.take(range(200, 500)), "pca(dim=4)"))
    new = embed(digits.take(range(290, 310)), open_space(path).encoder)
    assert add(path, new) == Added(10, 0, 10)


def other_files(folder):
    """Return files that are no spaces, with a word of what is said of each."""
    names = ("text", "empty", "other", "newer", "older", "cut", "unmarked")
    files = {name: folder / f"{name}.space" for name in names}
    files["text"].write_text("id,vector\n" * 1000)
    files["empty"].touch()
    with sqlite3.connect(files["other"]) as db:
        db.execute("CREATE TABLE customers (name TEXT)")
    for name in ("newer", "older", "cut", "unmarked"):
        save(space_of(range(3000), dim=64), files[name])
    with sqlite3.connect(files["newer"]) as db:
        db.execute("PRAGMA user_version = 7")
    with sqlite3.connect(files["older"]) as db:
        db.execute("PRAGMA user_version = 1")
    with sqlite3.connect(files["unmarked"]) as db:
        db.execute("PRAGMA application_id = 0")
    os.truncate(files["cut"], files["cut"].stat().st_size // 2)
    words = ["not a space", "another SQLite database", "the tables customers", "space format 7"]
    words.append("older space format 1")
    return dict(zip(files.values(), [*words, "damaged", "damaged"], strict=True))


def test_other_files_are_refused_by_name_and_left_alone(tmp_path):
    for path, words in (
        other_files(tmp_path) | {tmp_path / "none.space": "does not exist"}
    ).items():
        before = path.read_bytes() if path.exists() else None
        for use in (open_space, verify, lambda p: add(p, space_of(range(3), dim=64))):
            with pytest.raises(NearspaceError, match=words) as error:
                use(path)
            assert path.name in str(error.value)
        assert before == (path.read_bytes() if path.exists() else None)
    folder = tmp_path / "folder.space"
    folder.mkdir()
    with pytest.raises(NearspaceError, match="is a folder"):
        save(space_of([1]), folder)
    with pytest.raises(NearspaceError, match="is a folder"):
        open_space(folder)


def test_300_flipped_bytes_are_reported_or_change_nothing(tmp_path):
    digits = SAMPLES["digits"]().take(range(150))
    whole = embed(digits, "pca(dim=6)")
    path = save(whole, tmp_path / "s.space")
    add(path, embed(digits.take(range(150)), whole.encoder))  # which makes the index
    write_part(path, "map", bytes(range(256)))
    data = path.read_bytes()
    whole = open_space(path)
    # Not read later from the file that is being spoiled.
    whole = dataclasses.replace(
        whole, parts=dict(whole.parts), thumbnails=list(whole.thumbnails), made_by=whole.encoder
    )
    expected = whole.encoder.transform(digits.items)
    used = np.flatnonzero(np.frombuffer(data, np.uint8))  # most of a small file is empty pages
    rng, reported = random.Random(0), 0
    for turn in range(300):
        at = rng.choice(used) if turn % 3 else rng.randrange(len(data))
        flipped = bytearray(data)
        flipped[at] ^= 1 << rng.randrange(8) if turn % 2 else rng.randrange(1, 256)
        path.write_bytes(flipped)
        try:
            space = open_space(path)
            assert_same(space, whole)
            assert dict(space.parts) == dict(whole.parts)
            np.testing.assert_array_equal(space.encoder.transform(digits.items), expected)
        except NearspaceError:
            reported += 1
    assert reported > 150


def keep_adding(path, start, acknowledged):
    """Add batches for ever: each 40 new items, and 10 of the batch before anew."""
    number = start
    while True:
        ids = [f"{number}/{i}" for i in range(40)] + [f"{number - 1}/{i}" for i in range(10)]
        add(path, space_of(ids, number, dim=64), replace=True)
        acknowledged.send(number)
        number += 1


def survive_a_kill(path, start, rng):
    """Kill a process that adds, at a random moment; return the last batch that is there."""
    receiver, sender = PROCESSES.Pipe(duplex=False)
    process = PROCESSES.Process(target=keep_adding, args=(path, start, sender), daemon=True)
    process.start()
    sender.close()
    receiver.recv()
    time.sleep(rng.random() * 0.03)
    os.kill(process.pid, signal.SIGKILL)
    process.join()
    last = start
    while receiver.poll():
        try:
            last = receiver.recv()
        except EOFError:
            break
    space = open_space(path)
    assert verify(path) == []
    found = dict(zip(space.ids.tolist(), space.vectors[:, 0].tolist(), strict=True))
    assert len(found) == len(space)
    there = last + 1 if f"{last + 1}/0" in found else last
    expected = {f"{n}/{i}": n + (i < 10 and n < there) for n in range(there + 1) for i in range(40)}
    expected |= {f"-1/{i}": 0 for i in range(10)}
    assert found == expected
    return there


@posix
@pytest.mark.parametrize("kills", [8, pytest.param(200, marks=pytest.mark.full)])
def test_killed_while_adding_every_acknowledged_row_is_there(kills, tmp_path):
    path = save(space_of(["-1/0"], 0, dim=64), tmp_path / "s.space")
    rng, last = random.Random(0), -1
    for _ in range(kills):
        last = survive_a_kill(path, last + 1, rng)
    assert last >= kills - 1


def add_some(path, worker):
    for number in range(6):
        ids = [f"{worker}/{number}/{i}" for i in range(20)]
        add(path, space_of([*ids, "shared"], worker), replace=True)


def test_four_processes_add_at_once_and_none_loses_a_row(tmp_path):
    path = save(space_of(["shared"]), tmp_path / "s.space")
    workers = [PROCESSES.Process(target=add_some, args=(path, i)) for i in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * 4
    space = open_space(path)
    wanted = {f"{w}/{n}/{i}": w for w in range(4) for n in range(6) for i in range(20)}
    found = dict(zip(space.ids.tolist(), space.vectors[:, 0].tolist(), strict=True))
    found.pop("shared")
    assert found == wanted
    assert verify(path) == []


def write_on_a_small_disk(action, path, room, sender):
    """Save or add where no file may grow beyond ``room`` bytes; send what was said."""
    import resource

    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.dont_write_bytecode = True  # Python would leave half of it for those that come later
    resource.setrlimit(resource.RLIMIT_FSIZE, (room, room))
    try:
        action(path)
        sender.send("")
    except NearspaceError as error:
        sender.send(str(error))


def replace_it(path):
    save(space_of(range(6000), 2, dim=256), path)


def add_to_it(path):
    add(path, space_of(range(2000, 6000), 2, dim=256), replace=True)


@posix
@pytest.mark.parametrize("action", [replace_it, add_to_it])
def test_a_full_disk_is_told_and_the_old_content_stays(action, tmp_path):
    path = save(space_of(range(3000), 1, dim=256), tmp_path / "s.space")
    old = open_space(path)
    said = []
    for share in (0.0, 0.02, 0.3, 0.7, 0.95, 1.2):
        receiver, sender = PROCESSES.Pipe(duplex=False)
        room = int(share * 7_000_000)
        process = PROCESSES.Process(target=write_on_a_small_disk, args=(action, path, room, sender))
        process.start()
        said.append(receiver.recv())
        process.join()
        if said[-1]:
            assert "as it was" in said[-1], said[-1]
            assert_same(open_space(path), old)
            assert verify(path) == []
            assert sorted(os.listdir(tmp_path)) == ["s.space"]
    assert all(said[:5])
    assert said[5] == ""
    assert len(open_space(path)) == 6000


def leave_a_hot_journal(path):
    """Die in the middle of a transaction that has reached the file."""
    with sqlite3.connect(path, isolation_level=None) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute("UPDATE items SET label = 'half done'")
        os.kill(os.getpid(), signal.SIGKILL)


@posix
def test_what_a_crash_left_half_done_is_rolled_back_before_a_file_is_replaced(tmp_path):
    path = save(space_of(range(3000), dim=256), tmp_path / "s.space")
    for use in (open_space, lambda p: save(space_of(["b"]), p)):
        process = PROCESSES.Process(target=leave_a_hot_journal, args=(path,))
        process.start()
        process.join()
        assert (tmp_path / "s.space-journal").exists()
        use(path)
        assert verify(path) == []
    assert open_space(path).ids.tolist() == ["b"]


def test_row_numbers_replace_no_other_item_unless_they_are_said_to_be_ids(tmp_path):
    path = save(space_of(range(5), 1), tmp_path / "s.space")
    assert add(path, space_of(range(5), 1)) == Added(0, 0, 5)
    before = path.read_bytes()
    with pytest.raises(NearspaceError, match=r"3 of its 3 items would replace .*row numbers"):
        add(path, space_of(range(3), 2))
    assert path.read_bytes() == before
    assert add(path, space_of(range(3), 2), replace=True) == Added(0, 3, 0)
    assert add(path, space_of(range(3), 2), append=True) == Added(3, 0, 0)
    assert open_space(path).ids.tolist() == list(range(8))
    with pytest.raises(NearspaceError, match="append= has nothing to do"):
        add(path, space_of([7, 9], 2), append=True)


def save_again(path, turns):
    for number in range(turns):
        save(space_of([*range(3000)], number, dim=16), path)


def read_again(path, turns):
    for _ in range(turns):
        space = open_space(path)
        assert len(set(space.vectors[:3000, 0].tolist())) == 1


def test_saving_adding_and_reading_at_once(tmp_path):
    path = save(space_of(range(3000), dim=16), tmp_path / "s.space")
    jobs = [(save_again, (path, 8)), (read_again, (path, 25)), (add_numbers, (path, 25))]
    workers = [PROCESSES.Process(target=job, args=given) for job, given in jobs]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0, 0]
    assert verify(path) == []


def add_numbers(path, turns):
    for _ in range(turns):
        add(path, space_of(range(30), 7, dim=16), append=True)


def test_items_numbered_on_by_two_at_once_are_all_there(tmp_path):
    path = save(space_of(range(5), dim=16), tmp_path / "s.space")
    workers = [PROCESSES.Process(target=add_numbers, args=(path, 5)) for _ in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert open_space(path).ids.tolist() == list(range(5 + 2 * 5 * 30))


def test_what_was_opened_is_not_mixed_with_what_came_after(tmp_path):
    path = save(embed(SAMPLES["digits"]().take(range(40)), "pca(dim=2)"), tmp_path / "s.space")
    write_part(path, "map", b"old")
    space, again = open_space(path), open_space(path)
    first = space.thumbnails[0]
    add(path, embed(SAMPLES["digits"]().take(range(39, 60)), space.encoder))
    assert space.thumbnails[0] == first
    write_part(path, "map", b"new")
    with pytest.raises(NearspaceError, match=r"'map' was written anew .*for other items; open it"):
        space.parts["map"]
    remove(path, [0])
    with pytest.raises(NearspaceError, match="'0' was removed since it was opened"):
        space.thumbnails[0]
    save(embed(SAMPLES["digits"]().take(range(100, 140)), "pca(dim=2)"), path)
    for use in (lambda: again.thumbnails[3], lambda: again.encoder):
        with pytest.raises(NearspaceError, match="written anew since it was opened"):
            use()


def test_a_file_that_was_written_anew_is_gone_on_with_where_it_holds_the_same(tmp_path):
    digits = SAMPLES["digits"]().take(range(40))
    path = save(embed(digits, "pca(dim=2)"), tmp_path / "s.space")
    write_part(path, "map", b"old")
    opened = open_space(path)
    write_part(path, "map", b"new")
    assert opened.parts["map"] == b"new"  # of the same items
    save(open_space(path), path)
    again = open_space(path)
    assert opened.thumbnails[3] == again.thumbnails[3]
    assert opened.encoder.fingerprint == again.encoder.fingerprint
    # Other items of the same encoder: it is read, and their thumbnails are not.
    opened = open_space(path)
    save(embed(SAMPLES["digits"]().take(range(50, 90)), again.encoder), path)
    assert opened.encoder.fingerprint == again.encoder.fingerprint
    with pytest.raises(ReplacedError, match="with other items; open it again"):
        opened.thumbnails[3]


def test_a_header_that_lies_is_damage(tmp_path):
    path = save(space_of(["a"]), tmp_path / "s.space")
    for key, value in {
        "columns": {"dim": 2**40, "sparse": False, "ids": "text", "labels": None, "meta": {}},
        "content": {"items": [10**12, 1], "thumbnails": [0, 0]},
        "recipe": [],
        "parts": {"map": 3},
        "token": 7,
    }.items():
        text = json.dumps(value)
        with sqlite3.connect(path) as db:
            (old,) = db.execute("SELECT value FROM header WHERE key = ?", (key,)).fetchone()
            for content in (text, old):
                if content is old:
                    with pytest.raises(NearspaceError, match="damaged"):
                        open_space(path)
                mark = zlib.crc32(f"{key}\x1f{content}".encode())
                db.execute(
                    "UPDATE header SET value = ?, checksum = ? WHERE key = ?", (content, mark, key)
                )
                db.commit()


@pytest.mark.parametrize(
    ("column", "value"),
    [
        ("id", 5),
        ("id", "b"),
        ("label", "x"),
        ("meta", "[1]"),
        ("meta", "{bad"),
        ("meta", "[" * 100_000),
        ("vector", np.array([0, 4], "<i4").tobytes() + np.ones(2, "<f4").tobytes()),
        ("vector", np.array([2, 1], "<i4").tobytes() + np.ones(2, "<f4").tobytes()),
        ("vector", np.array([-1], "<i4").tobytes() + np.ones(1, "<f4").tobytes()),
        ("vector", np.array([1], "<i4").tobytes() + np.array([np.nan], "<f4").tobytes()),
        ("vector", "text"),
    ],
)
def test_a_row_that_lies_is_damage_whatever_its_checksum(column, value, tmp_path):
    rows = sparse.csr_array(np.eye(2, 4, dtype=np.float32))
    path = save(Space(rows, np.array(["a", "b"]), None, RECIPE), tmp_path / "s.space")
    with sqlite3.connect(path) as db:
        row = dict(zip(ITEM, ("a", None, None, rows[[0]].indices.tobytes()), strict=True))
        row["vector"] = db.execute("SELECT vector FROM items WHERE row = 1").fetchone()[0]
        row[column] = value
        if not isinstance(row["vector"], str):
            (mark,) = checksums((1,), *((each,) for each in row.values()))
        else:
            mark = 0
        db.execute(f"UPDATE items SET {column} = ?, checksum = ? WHERE row = 1", (value, mark))
        marks = sum(each for (each,) in db.execute("SELECT checksum FROM items"))
        text = json.dumps({"items": [2, marks], "thumbnails": [0, 0]})
        mark = zlib.crc32(f"content\x1f{text}".encode())
        db.execute("UPDATE header SET value = ?, checksum = ? WHERE key = 'content'", (text, mark))
    with pytest.raises(NearspaceError, match="damaged"):
        open_space(path)
    told = {
        "text": ["Row 1 of the items does not match its checksum."],
        "b": ["The id 'b' stands twice, in the rows 1 and 2 of the items."],
    }
    lies = ["Row 1 of the items holds what none can."]
    wrong = verify(path)
    assert wrong[:1] == (told.get(value, lies) if isinstance(value, str) else lies)
    repaired = repair(path, tmp_path / "mended.space")
    assert open_space(tmp_path / "mended.space").ids.tolist() == ["b"]
    assert len(repaired.lost) == 1


def test_verify_lists_all_that_is_wrong(tmp_path):
    digits = SAMPLES["digits"]().take(range(40))
    path = save(embed(digits, "pca(dim=2)"), tmp_path / "s.space")
    changes = {
        "UPDATE thumbnails SET data = x'00' WHERE row = 7": "thumbnail of row 7",
        "DELETE FROM thumbnails WHERE row = 8": "Expected 40 thumbnails",
        "DELETE FROM items WHERE row = 9": "Expected 40 items",
        "UPDATE parts SET data = x'00' WHERE name = 'encoder.json'": "part 'encoder.json'",
    }
    for change in changes:
        with sqlite3.connect(path) as db:
            db.execute(change)
    found = "\n".join(verify(path))
    assert all(words in found for words in changes.values()), found
    other = embed(digits, "pca(dim=3)")
    with pytest.raises(NearspaceError, match="with the encoder that made it"):
        save(dataclasses.replace(other, recipe=RECIPE), path)
    forged = dataclasses.replace(other, made_by=None, parts=other.encoder.dump(), recipe=RECIPE)
    assert "not the one that made its vectors" in verify(save(forged, path))[0]


def test_what_else_is_known_of_items_is_kept(tmp_path):
    dataset = Dataset(
        np.eye(4), Vector(4), groups=np.array(list("aabb")), split=np.array(["train"] * 4)
    )
    space = open_space(save(embed(dataset, "raw"), tmp_path / "s.space"))
    assert space.meta.to_pydict() == {"group": list("aabb"), "split": ["train"] * 4}
    assert space.recipe.roles == {"groups": "group", "split": "split"}
    assert space.kind == Vector(4)
