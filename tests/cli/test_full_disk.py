"""Every command that writes, where the disk is full, and where something odd stands in its place."""

import os
import shlex
import shutil
import socket
import stat

import numpy as np
import pytest

from nearspace.cli.app import COMMANDS
from nearspace.data import SAMPLES
from nearspace.space.codec.codec import pack, with_codec
from nearspace.space.file.store import write_part
from nearspace.space.file.stored import verify
from nearspace.space.formats import open_space, save, written_endings
from nearspace.space.space import embed

from .children import forking

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs limits and pipes of POSIX")
ONLY_READ = {"analogy", "encoders", "info", "verify"}
# What they write, after the command; what they change is a space that is there.
CASES = {
    "embed wine --with raw --force -o w.space": ["w.space"],
    "embed wine --with raw -o w.parquet": ["w.parquet"],
    "embed wine --with raw -o w.npz": ["w.npz"],
    "import v.npz --force -o w.space": ["w.space"],
    "export d.space -o w.parquet": ["w.parquet"],
    "export d.space -o w.npz": ["w.npz"],
    "search d.space --vectors q.npy -k 40 -o w.csv": ["w.csv"],
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
    "pack digits --with d.space -o w.codes": ["w.codes"],
    "unpack d.codes --with d.space -o w.npz": ["w.npz"],
    "unpack d.codes --with d.space -o new": [],
    "split d.space --force": ["d.encoder.space", "d.decoder.space"],
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
    "transfer wine --with 'pca(dim=2)' --labelled 20 --seeds 1 -o w.json": ["w.json"],
}
FULL = pytest.mark.full
SOME_ROOM = (0, 1, 100, 5000, 20_000, 66_000, 140_000, 300_000, 1_000_000, 5_000_000)  # bytes
EVERY = [*CASES, *CHANGES, *SLOW]
OLD = b"what was there before\n" * 9


@pytest.fixture(scope="module")
def prepared(tmp_path_factory):
    """A folder with all that the commands read, and old files where they write."""
    folder = tmp_path_factory.mktemp("prepared")
    random = np.random.default_rng(0)
    digits = SAMPLES["digits"]().take(np.arange(60))
    space = embed(digits, "pca(dim=3)")
    save(space, folder / "e.space")
    space = with_codec(space)
    save(space, folder / "d.space")
    (folder / "d.codes").write_bytes(pack(space, digits.items, digits.ids))
    wine = embed(SAMPLES["wine"]().take(np.arange(100)), "raw")
    for name in ("w.space", "d.encoder.space", "d.decoder.space"):
        save(wine, folder / name)
    np.save(folder / "q.npy", space.vectors[:40])
    np.savez(folder / "v.npz", vectors=random.normal(size=(1500, 8)), ids=np.arange(1500))
    save(open_space(folder / "v.npz"), folder / "v.space")
    np.savez(folder / "v.npz", vectors=random.normal(size=(1700, 8)), ids=np.arange(1700))
    (folder / "out").mkdir()
    for name in {name for names in (*CASES.values(), *SLOW.values()) for name in names}:
        if not name.endswith(".space"):
            (folder / name).write_bytes(OLD)
    return folder


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("cache")) as run:
        yield run


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


@pytest.mark.parametrize("line", [*CASES, *CHANGES, *(pytest.param(x, marks=FULL) for x in SLOW)])
@pytest.mark.parametrize("rooms", [(1000,), pytest.param(SOME_ROOM, marks=FULL)], ids=str)
def test_on_a_full_disk_the_old_content_stays(child, prepared, tmp_path, line, rooms):
    for room in rooms:
        folder = tmp_path / str(room)
        shutil.copytree(prepared, folder)
        before = content(folder)
        done = child(folder, *shlex.split(line), room=room)
        after = content(folder)
        if done.returncode == 0:
            assert room > 1000
            new = after.keys() - before.keys()
            assert all(name.split("/")[0] in line for name in new), new
            continue
        assert done.refused, done
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        if changed:  # what was finished before the disk was full
            assert room > 1000
            assert changed < {*CASES.get(line, ()), *SLOW.get(line, ()), CHANGES.get(line)}
            for name in changed:
                assert not name.endswith(".space") or verify(folder / name) == []
