"""Files damaged in every way that disks, crashes and hands know, then used: nothing goes on wrong.

`survey` is the harness: it damages files, opens, verifies, changes and repairs them, and returns
what was seen; a wrong vector, an exception that is no sentence, or a file that no longer opens
after a command ends it.
"""

import collections
import json
import random
import shutil
import sqlite3
import zlib
from contextlib import closing

import numpy as np
import pyarrow as pa
import pytest
from scipy import sparse

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError
from nearspace.recipe import Recipe
from nearspace.space.file.checking import verify
from nearspace.space.file.database import PAGE
from nearspace.space.file.repair import repair
from nearspace.space.file.rows import checksums
from nearspace.space.file.store import add, remove, write_part
from nearspace.space.formats import open_space, save
from nearspace.space.space import Space, embed

RECIPE = Recipe("raw", "00ff", "test", versions={})
BLOCK = 4096
VECTORS = np.random.default_rng(0).normal(size=(1000, 400))


def items(numbers, wide=False, value=0.0):
    """Return a space of items that are told apart by all they hold."""
    vectors = (VECTORS[numbers] + value).astype(np.float32)
    names = [f"item/{number:04}" for number in numbers]
    if wide:
        rows = sparse.csr_array(np.where(vectors > 1, vectors, 0).astype(np.float32))
        return Space(rows, np.array(names), None, RECIPE)
    return Space(
        vectors,
        np.array(names),
        np.array([f"class {number % 3}" for number in numbers]),
        RECIPE,
        meta=pa.table({"n": numbers, "text": [f"the text of {name}" for name in names]}),
        thumbnails=[f"picture of {name}".encode() * 20 for name in names],
    )


def undamaged(folder):
    """Return files as a user has them: added to, removed from, mapped; and what may be added."""
    dense, wide, encoded = (folder / f"{name}.space" for name in ("dense", "wide", "encoded"))
    save(items(range(300)), dense)
    write_part(dense, "map", b"an older map" * 20_000)
    add(dense, items(range(300, 310)))
    remove(dense, [f"item/{number:04}" for number in range(80, 170)])
    write_part(dense, "map", bytes(range(256)) * 300)
    save(items(range(500), wide=True), wide)
    add(wide, items(range(500, 505), wide=True))
    digits = SAMPLES["digits"]().take(range(120))
    save(embed(digits.take(range(100)), "pca(dim=6)"), encoded)
    write_part(encoded, "map", b"a map")
    return {
        dense: (items([0], value=9), items([*range(80), *range(170, 320)])),
        wide: (items([0], wide=True, value=9), items(range(510), wide=True)),
        encoded: tuple(
            embed(digits.take(rows), open_space(encoded).encoder) for rows in ([0], range(110))
        ),
    }


def contents(space):
    """Return all that is known of each item, and all else that a space holds, read in full."""
    rows = space.vectors.toarray() if sparse.issparse(space.vectors) else space.vectors
    columns = [
        [row.tobytes() for row in rows],
        [None] * len(space) if space.labels is None else space.labels.tolist(),
        [None] * len(space) if space.meta is None else space.meta.to_pylist(),
        [b""] * len(space) if space.thumbnails is None else list(space.thumbnails),
    ]
    return dict(zip(space.ids.tolist(), zip(*columns, strict=True), strict=True)), dict(space.parts)


def page_of(path, name):
    """Return where the first page of a table or index begins; 0 where there is none."""
    with closing(sqlite3.connect(path)) as db:
        sql = "SELECT rootpage FROM sqlite_schema WHERE name = ?"
        page = db.execute(sql, (name,)).fetchone()
    return (page[0] - 1) * PAGE if page else 0


def flip(data, rng, start=0, end=None, times=1):
    for _ in range(times):
        at = rng.randrange(start, end or len(data))
        data[at] ^= 1 << rng.randrange(8)


def exchange(data, rng, size):
    one, other = rng.sample(range(1, len(data) // size), 2)
    one, other = (slice(at * size, (at + 1) * size) for at in (one, other))
    data[one], data[other] = data[other], data[one]


def copy_over(data, rng, size):
    one, other = (at * size for at in rng.sample(range(1, len(data) // size), 2))
    data[other : other + size] = data[one : one + size]


def flip_used(data, rng, times=1, start=0, end=None):
    used = start + np.flatnonzero(np.frombuffer(data[start:end], np.uint8))
    for _ in range(times):
        data[int(rng.choice(used))] ^= 1 << rng.randrange(8)


def blank(data, rng, size):
    at = rng.randrange(len(data) // size) * size
    data[at : at + size] = bytes(size)


# Each changes the bytes of a file, given where its index begins, if it has one.
DAMAGE = {
    "a bit flipped anywhere": lambda data, rng, index: flip(data, rng),
    "a bit of content flipped": lambda data, rng, index: flip_used(data, rng),
    "20 bits flipped": lambda data, rng, index: flip_used(data, rng, 20),
    "a bit of the index flipped": lambda data, rng, index: flip_used(
        data, rng, 1, index, index + PAGE
    ),
    "an id of the index changed": lambda data, rng, index: rename_in_index(data, rng, index),
    "pages exchanged": lambda data, rng, index: exchange(data, rng, PAGE),
    "blocks exchanged": lambda data, rng, index: exchange(data, rng, BLOCK),
    "a page over another": lambda data, rng, index: copy_over(data, rng, PAGE),
    "a page blank": lambda data, rng, index: blank(data, rng, PAGE),
    "a block blank": lambda data, rng, index: blank(data, rng, BLOCK),
    "cut off": lambda data, rng, index: data.__delitem__(slice(rng.randrange(len(data)), None)),
    "a bit of the list of free pages": lambda data, rng, index: flip_free(data, rng),
}


def rename_in_index(data, rng, index):
    """Change a letter of an id in the index, which then looks whole."""
    at = data.find(b"item/0", index, index + PAGE)
    places = []
    while at >= 0:
        places.append(at)
        at = data.find(b"item/0", at + 1, index + PAGE)
    if places:
        data[rng.choice(places) + 8] ^= 0x40
    else:
        flip_used(data, rng)


def flip_free(data, rng):
    """Flip a bit of the page that lists which pages are free, where there are any."""
    first = int.from_bytes(data[32:36], "big")
    if first:
        start = (first - 1) * PAGE
        count = int.from_bytes(data[start + 4 : start + 8], "big")
        flip(data, rng, start, start + 8 + 4 * count)
    else:
        flip_used(data, rng)


def double_an_id(path, rng, whole):
    """Give one item the id of another, every checksum right, as if it had been added twice."""
    with sqlite3.connect(path) as db:
        db.execute("DROP INDEX IF EXISTS items_id")
        # The earlier row gives its id to the later one.
        one, other = sorted(rng.sample([row for (row,) in db.execute("SELECT row FROM items")], 2))
        sql = "SELECT id, label, meta, vector FROM items WHERE row = ?"
        (name, *_), (was, *values) = (db.execute(sql, (row,)).fetchone() for row in (one, other))
        (mark,) = checksums((other,), *((value,) for value in (name, *values)))
        db.execute("UPDATE items SET id = ?, checksum = ? WHERE row = ?", (name, mark, other))
        for (data,) in db.execute("SELECT data FROM thumbnails WHERE row = ?", (other,)).fetchall():
            mark = zlib.crc32(data, zlib.crc32(f"{other}\x1f{name}".encode()))
            db.execute("UPDATE thumbnails SET checksum = ? WHERE row = ?", (mark, other))
        tallies = {}
        for table, plus in (("items", ""), ("thumbnails", " + row")):
            marks = [mark for (mark,) in db.execute(f"SELECT checksum{plus} FROM {table}")]
            tallies[table] = [len(marks), sum(marks) % 2**63]
        text = json.dumps(tallies)
        mark = zlib.crc32(f"content\x1f{text}".encode())
        db.execute("UPDATE header SET value = ?, checksum = ? WHERE key = 'content'", (text, mark))
    rows = {**whole[0], name: whole[0][was]}
    del rows[was]
    return [(rows, whole[1])]


def leave_a_stale_journal(path, rng, whole, new):
    """Lay the journal of a transaction that was rolled back long ago beside a file."""
    journal = path.with_name(f"{path.name}-journal")
    with closing(sqlite3.connect(path, isolation_level=None)) as db:
        db.execute("PRAGMA cache_size = 1")
        db.execute("BEGIN")
        db.execute(f"UPDATE items SET label = 'half done' WHERE row > {rng.randrange(-200, 100)}")
        stale = journal.read_bytes()
        db.execute("ROLLBACK")
    add(path, new)
    later = contents(open_space(path))
    journal.write_bytes(stale)
    return [whole, later]


def attempt(action, path):
    """Return what is said when a file is used, which may be one sentence, and what came of it."""
    try:
        return "", action(path)
    except NearspaceError as error:
        return str(error), None


def check_content(space, wholes):
    """Return what is said when all is read, of which nothing may be other than was written."""
    said, content = attempt(contents, space)
    rows = space.vectors.toarray() if sparse.issparse(space.vectors) else space.vectors
    read = dict(zip(space.ids.tolist(), (row.tobytes() for row in rows), strict=True))
    vectors = [{name: cells[0] for name, cells in whole[0].items()} for whole in wholes]
    assert read in vectors, "a vector was read that nobody wrote"
    whole = wholes[vectors.index(read)]
    assert said or content == whole, "a picture, label or part was read that nobody wrote"
    return said, whole


def survive(path, wholes, replaced, new):
    """Use a damaged file, whose contents were one of ``wholes``; return what was seen of it."""
    seen = collections.Counter()
    said, space = attempt(open_space, path)
    whole = wholes[-1]
    if not said:
        said, whole = check_content(space, wholes)
    opens = not said
    said, wrong = attempt(verify, path)
    assert opens or said or wrong, "verify says that a file is whole which does not open"
    seen["opens"], seen["verify tells"] = opens, bool(said or wrong)
    first = min(whole[0])
    touched = {first, *new.ids.tolist()} - (whole[0].keys() - {first, *replaced.ids.tolist()})
    uses = {
        "add": lambda path: add(path, new),
        "add --replace": lambda path: add(path, replaced, replace=True),
        "remove": lambda path: remove(path, [first]),
        "index": lambda path: write_part(path, "index.cosine", b"an index" * 9000),
    }
    for name, use in uses.items():
        before = path.read_bytes()
        said, _ = attempt(use, path)
        seen[f"{name} refused"] = bool(said)
        assert not said or path.read_bytes() == before, f"{name} was refused, and changed the file"
        if opens:
            said, content = attempt(lambda path: contents(open_space(path)), path)
            assert not said, f"after {name} the file opens no more: {said}"
            for item in whole[0].keys() - touched:
                assert content[0][item] == whole[0][item], f"{name} changed {item}"
    before, mended = path.read_bytes(), path.with_name("mended.space")
    said, _ = attempt(lambda path: repair(path, mended), path)
    assert path.read_bytes() == before, "repair changed the file"
    seen["repaired"] = not said
    if not said:
        assert verify(mended) == []
        rows, _ = contents(open_space(mended))
        for item in rows.keys() - touched:
            cells = rows[item]
            assert cells == whole[0][item] or cells == (*whole[0][item][:3], b""), "repaired anew"
        seen["whole again"] = rows.keys() >= whole[0].keys() - touched
        mended.unlink()
    return seen


def survey(files, folder, rng):
    """Damage some files and use them; return how often what was seen, and what should not be."""
    sound = undamaged(folder)
    whole = {path: contents(open_space(path)) for path in sound}
    seen, faults = collections.defaultdict(collections.Counter), []
    ways = [*DAMAGE, "an id twice", "a stale journal"]
    for number in range(files):
        way, source = ways[number % len(ways)], list(sound)[number // len(ways) % len(sound)]
        path, wholes = folder / f"{number}.space", [whole[source]]
        shutil.copy(source, path)
        if way == "an id twice":
            wholes = double_an_id(path, rng, *wholes)
        elif way == "a stale journal":
            wholes = leave_a_stale_journal(path, rng, *wholes, sound[source][1])
        else:
            data = bytearray(path.read_bytes())
            DAMAGE[way](data, rng, page_of(path, "items_id"))
            path.write_bytes(data)
        seen[way]["files"] += 1
        try:
            seen[way] += survive(path, wholes, *sound[source])
        except Exception as error:
            faults.append(f"{number}, {source.name}, {way}: {type(error).__name__}: {error}")
        path.unlink()
    return seen, faults


@pytest.mark.parametrize("files", [42, pytest.param(1000, marks=pytest.mark.full)])
def test_damaged_files_are_told_and_lose_nothing_more(files, tmp_path):
    seen, faults = survey(files, tmp_path, random.Random(0))
    for way, counts in seen.items():
        print(f"{way:32}", dict(counts))
    assert faults == [], "\n".join(faults)
    assert sum(counts["verify tells"] for counts in seen.values()) > files / 2
