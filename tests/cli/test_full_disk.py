"""Every command that writes: on a full disk, and where something odd stands in its place."""

import contextlib
import os
import shlex
import shutil
import socket
import sqlite3
import stat
from pathlib import Path

import numpy as np
import pytest
from tests.sketches import sketches
from tests.text_models import save_planted

from nearspace.cli.app import COMMANDS
from nearspace.data import SAMPLES
from nearspace.data.pair_reading import load_pairs
from nearspace.encoders.spec import make
from nearspace.space.codec.codec import pack, with_codec
from nearspace.space.file.checking import verify
from nearspace.space.formats import open_space, save, written_endings
from nearspace.space.space import embed

from .children import forking

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs limits and pipes of POSIX")
ONLY_READ = {"analogy", "cache", "encoders", "info", "zero-shot"}
# What they write, after the command; what they change is a space that is there.
CASES = {
    "embed wine --with raw --force -o w.space": ["w.space"],
    "embed wine --with raw -o w.parquet": ["w.parquet"],
    "embed wine --with raw -o w.npz": ["w.npz"],
    "pair texts.txt texts.txt --with 'shared(tfidf)' --force -o w.space": ["w.space"],
    "imagine sketches.space one -o w.png": ["w.png"],
    "mine sides.space texts.txt more.txt -o w.csv": ["w.csv"],
    "re-embed d.space --items digits --with raw --force -o w.space": ["w.space"],
    "align d.space --to x.space --force -o w.space": ["w.space"],
    "import v.npz --force -o w.space": ["w.space"],
    "export d.space -o w.parquet": ["w.parquet"],
    "export d.space -o w.npz": ["w.npz"],
    "search d.space --vectors q.npy -k 40 -o w.csv": ["w.csv"],
    "recommend r.space 003 004 005 006 -k 40 -o w.csv": ["w.csv"],
    "decode d.space --vectors q.npy -o w.png": ["w.png"],
    "decode d.space --vectors q.npy -o w.npy": ["w.npy"],
    "decode d.space --vectors q.npy -o w.npz": ["w.npz"],
    "sample d.space -o w.png": ["w.png"],
    "sample d.space -o w.npy": ["w.npy"],
    "sample d.space -o w.npz": ["w.npz"],
    "interpolate d.space 3 7 -n 40 -o w.png": ["w.png"],
    "interpolate d.space 3 7 -n 40 -o w.npy": ["w.npy"],
    "interpolate d.space 3 7 -n 40 -o w.npz": ["w.npz"],
    "diff d.space e.space -o w.json": ["w.json"],
    "diff d.space e.space -o w.csv": ["w.csv"],
    "map d.space -o w.html": ["w.html"],
    "map d.space -o w.csv": ["w.csv"],
    "pack digits --with d.space -o w.codes": ["w.codes"],
    "unpack d.codes --with d.space -o w.npz": ["w.npz"],
    "unpack d.codes --with d.space -o new": [],
    "verify d.space --repair -o new.space": [],
    "split d.space --force": ["d.encoder.space", "d.decoder.space"],
    "words glove.txt --force -o w.space": ["w.space"],
    "column customers plan --with 'entity(epochs=1)' --force -o w.space": ["w.space"],
    "compare wine --with raw -o out": ["out/report.html", "out/report.json"],
}
CHANGES = {
    "add wine --to w.space": "w.space",
    "remove w.space 5 7": "w.space",
    "import v.npz --to v.space --replace": "v.space",
    "index v.space": "v.space",
    "map e.space -o new.html": "e.space",
    "pack digits --limit 9 --with e.space -o new.codes": "e.space",
}
SLOW = {
    "compare wine --with raw --save-best w.space --force -o out": ["w.space", "out/report.html"],
    "layers wine --with 'mlp(epochs=1)' --layer fc1 -o out": ["out/layers.html", "out/layers.json"],
    "rates digits --limit 120 --with 'pca(dim=3)' -o out": ["out/rates.html", "out/rates.json"],
    "sinks texts.txt --with pretrained:./model -o out": ["out/sinks.html", "out/sinks.json"],
    "transfer wine --with 'pca(dim=2)' --labelled 20 --seeds 1 -o w.json": ["w.json"],
}
FULL = pytest.mark.full


def once(lines, count=1):
    """Mark for the full length all but the first of each command."""
    seen = [line.split()[0] for line in lines]
    few = [seen[:at].count(name) < count for at, name in enumerate(seen)]
    return [pytest.param(x, marks=() if one else FULL) for x, one in zip(lines, few, strict=True)]


TOO_LITTLE = 50  # bytes, which no file that a command writes fits in
ROOMS = (0, TOO_LITTLE, 700, 5000, 20_000, 66_000, 140_000, 300_000, 1_000_000, 5_000_000)
OLD = b"what was there before\n" * 9


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with all that the commands read, and old files where they write."""
    folder = tmp_path_factory.mktemp("prepared")
    random = np.random.default_rng(0)
    digits = SAMPLES["digits"]().take(np.arange(60))
    space = embed(digits, "pca(dim=3)")
    save(space, folder / "e.space")
    save(embed(digits, "raw"), folder / "x.space")
    space = with_codec(space)
    save(space, folder / "d.space")
    (folder / "d.codes").write_bytes(pack(space, digits.items, digits.ids))
    wine = embed(SAMPLES["wine"]().take(np.arange(100)), "raw")
    for name in ("w.space", "d.encoder.space", "d.decoder.space"):
        save(wine, folder / name)
    np.save(folder / "q.npy", space.vectors[:40])
    rows = enumerate(random.normal(size=(1500, 8)).tolist())
    (folder / "glove.txt").write_text(
        "".join(f"word{n} {' '.join(map(str, row))}\n" for n, row in rows)
    )
    np.savez(folder / "v.npz", vectors=random.normal(size=(1500, 8)), ids=np.arange(1500))
    save(open_space(folder / "v.npz"), folder / "v.space")
    np.savez(folder / "v.npz", vectors=random.normal(size=(1700, 8)), ids=np.arange(1700))
    (folder / "out").mkdir()
    save_planted(folder / "model", "[SEP]")
    (folder / "texts.txt").write_text("near means alike\nfar\nthe sea is calm\n")
    (folder / "more.txt").write_text("near means like\nfar away\na calm sea\n")
    pairs = load_pairs((str(folder / "texts.txt"), str(folder / "more.txt")))
    save(embed(pairs, make("shared(tfidf(analyzer='char'))")), folder / "sides.space")
    save(sketches(), folder / "sketches.space")
    save(embed(SAMPLES["readers"](), "popularity"), folder / "r.space")
    for name in {name for names in (*CASES.values(), *SLOW.values()) for name in names}:
        if not name.endswith(".space"):
            (folder / name).write_bytes(OLD)
    return folder


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("cache")) as run:
        yield run


def written(line):
    """Return the names of the files that a command writes, beside the spaces that it changes."""
    return (CASES | SLOW).get(line, [])


@pytest.fixture
def device():
    """The path of a device that is not lost even to a command that replaces it, as /dev/null is."""
    ends = os.openpty()
    yield os.ttyname(ends[1])
    for end in ends:
        os.close(end)


def content(folder):
    """Return what every file holds, by its name, hidden ones and folders too."""
    return {
        str(path.relative_to(folder)): path.read_bytes() if path.is_file() else None
        for path in folder.rglob("*")
    }


def test_every_command_that_writes_is_in_the_table():
    lines = [*CASES, *CHANGES, *SLOW]
    commands = {name for names in COMMANDS.values() for name in names}
    assert {line.split()[0] for line in lines} == commands - ONLY_READ
    endings = {name[name.index(".") :] for names in CASES.values() for name in names}
    assert endings >= set(written_endings())


@pytest.mark.parametrize("line", [*once([*CASES, *CHANGES]), *once(SLOW, 0)])
@pytest.mark.parametrize("rooms", [(TOO_LITTLE,), pytest.param(ROOMS, marks=FULL)], ids=len)
def test_on_a_full_disk_the_old_content_stays(child, prepared, tmp_path, line, rooms):
    for room in rooms:
        folder = tmp_path / str(room)
        shutil.copytree(prepared, folder)
        before = content(folder)
        done = child(folder, *shlex.split(line), room=room)
        after = content(folder)
        if done.returncode == 0:
            assert room > TOO_LITTLE
            new = after.keys() - before.keys()
            assert all(name.split("/")[0] in line for name in new), new
            continue
        assert done.refused, done
        if line.startswith(("compare", "layers", "rates", "sinks", "transfer", "diff")):
            assert done.stdout.count("\n") > 2  # what took its time is seen all the same
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        if changed:  # what was finished before the disk was full
            assert room > TOO_LITTLE
            assert changed < {*written(line), CHANGES.get(line)}
            for name in changed:
                assert not name.endswith(".space") or verify(folder / name) == []


def state(path):
    """Return all that tells whether something was touched."""
    told = path.lstat()
    read = path.read_bytes() if path.is_file() else None
    return told.st_ino, told.st_mode, told.st_size, told.st_mtime_ns, read


def make_odd(what, path):
    """Put something at a path that no command may replace."""
    if what == "pipe":
        os.mkfifo(path)
    elif what == "socket":
        with socket.socket(socket.AF_UNIX) as end:
            end.bind(os.path.relpath(path))
    elif what == "folder":
        path.mkdir()
    elif what == "read-only":
        path.write_bytes(b"")
        path.chmod(0o444)
    elif what == "text":
        path.write_text("dear diary")
    elif what == "database":
        with contextlib.closing(sqlite3.connect(path)) as database:
            database.execute("CREATE TABLE customers (name TEXT)")
    else:
        there = Path(what).resolve() if Path(what).exists() else None
        path.symlink_to(there or what.replace("*", path.suffix).replace("self", path.name))


TOLD = {
    "pipe": "is a named pipe",
    "socket": "is a socket",
    "folder": "is a folder",
    "read-only": "may only be read",
    "gone*": "is a link that leads nowhere (to gone",
    "self": "is a link that leads nowhere",
    "v.npz": "another kind of file",
    "folder/": "another kind of file",
}
NO_SPACES = {"text": "and is not a space", "database": "and is not a space"}


@pytest.mark.parametrize("line", once([*CASES, *SLOW]))
def test_what_is_no_file_of_the_kind_is_refused_at_once(command, prepared, device, line):
    folder = command.folder
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    (folder / "folder").mkdir()
    for name in written(line):
        path = folder / name
        path.unlink()
        odd = {
            **TOLD,
            device: f"is a link to {device}",
            **(NO_SPACES if path.suffix == ".space" else {}),
        }
        if path.suffix == ".npz":
            del odd["v.npz"]
        before = content(folder)
        for what, words in odd.items():
            make_odd(what, path)
            stands = state(path)
            done = command(*shlex.split(line))
            assert done.returncode == 2, (what, done)
            assert words in done.stderr, (what, done)
            assert "items" not in done.stderr  # nothing was read
            assert stands == state(path)
            path.rmdir() if what == "folder" else path.unlink()
            assert content(folder) == before
        (folder / name).write_bytes(b"")


def test_images_go_into_a_new_folder_only(command, prepared):
    folder = command.folder
    shutil.copytree(prepared, folder, dirs_exist_ok=True)
    for what, words in {"pipe": "not a folder", "gone*": "nowhere", "out": "not empty"}.items():
        make_odd(what, folder / "new")
        before = content(folder)
        done = command("unpack", "d.codes", "--with", "d.space", "-o", "new")
        assert (done.returncode, words in done.stderr) == (2, True), done
        assert content(folder) == before
        (folder / "new").unlink()


LINKED = [
    "embed wine --with raw --force -o w.space",
    "export d.space -o w.parquet",
    "search d.space --vectors q.npy -k 40 -o w.csv",
    "sample d.space -o w.png",
    "diff d.space e.space -o w.json",
]
OTHERS = [pytest.param(line, marks=FULL) for line in {**CASES, **SLOW} if line not in LINKED]


@pytest.mark.parametrize("line", [*LINKED, *OTHERS])
def test_a_link_stays_and_rights_stay(child, prepared, tmp_path, line):
    folder = tmp_path / "work"
    shutil.copytree(prepared, folder)
    kept = {}
    for name in written(line):
        path, place = folder / name, tmp_path / f"elsewhere{len(kept)}{(folder / name).suffix}"
        path.rename(place)
        path.symlink_to(place)
        place.chmod(0o640)
        kept[path] = place.read_bytes()
    done = child(folder, *shlex.split(line))
    assert done.returncode == 0, done
    for path, old in kept.items():
        assert path.is_symlink()
        assert path.read_bytes() != old
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        assert f"{path.name} is a link to {path.resolve()}" in done.stderr
    assert not [name for name in content(tmp_path) if ".part" in name]


def test_what_is_read_is_never_written(command, prepared):
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    (command.folder / "q.csv").write_text("id,pixels\n1,2\n")
    (command.folder / "again.npy").symlink_to("q.npy")
    before = content(command.folder)
    for line in (
        "embed v.npz --with raw -o v.npz",
        "decode d.space --vectors q.npy -o q.npy",
        "decode d.space --vectors q.npy -o again.npy",
        "search d.space q.csv -o q.csv",
    ):
        done = command(*line.split())
        assert done.returncode == 2
        assert "is what the command reads; give another name" in done.stderr
        assert content(command.folder) == before


def test_a_command_that_fails_has_touched_nothing(command, prepared):
    shutil.copytree(prepared, command.folder, dirs_exist_ok=True)
    before = {path: state(path) for path in [command.folder, *command.folder.rglob("*")]}
    for line in ("embed no.csv --with raw -o", "export no.space -o"):
        for name in ("w.npz", "new/deep/w.npz"):
            assert command(*line.split(), name).returncode == 2
    done = command("compare", "digts", "-o", "new/report")
    assert done.returncode == 2
    assert {path: state(path) for path in [command.folder, *command.folder.rglob("*")]} == before
