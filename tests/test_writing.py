"""How files are written: complete or not at all, with the rights of the old, nothing left over."""

import contextlib
import errno
import json
import os
import stat
import subprocess
import sys

import pytest

from nearspace import writing
from nearspace.data import SAMPLES
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import NearspaceError
from nearspace.writing import check_place, filling, replacing, write_files

posix = pytest.mark.skipif(os.name != "posix", reason="needs rights and signals of POSIX")


def mode(path):
    return stat.S_IMODE(path.stat().st_mode)


@posix
def test_only_the_user_reads_a_file_until_it_has_the_rights_of_the_old_one(tmp_path):
    path = tmp_path / "a.csv"
    for rights in (0o600, 0o640, 0o666, 0o200):
        path.write_text("old")
        path.chmod(rights)
        with replacing(path) as beside:
            beside.write_text("new")
            assert (mode(beside), mode(beside.parent.parent)) == (0o600, 0o700)
        assert (path.read_text(), mode(path)) == ("new", rights)
    old = os.umask(0o027)
    try:
        write_files({tmp_path / "deep" / "new.csv": "new"})
    finally:
        os.umask(old)
    assert mode(tmp_path / "deep" / "new.csv") == 0o640
    with filling(tmp_path / "images") as beside:
        (beside / "1.png").write_bytes(b"")
        assert mode(beside.parent) == 0o700
    assert mode(tmp_path / "images" / "1.png") == 0o666 & ~old


@posix
def test_a_group_that_cannot_be_kept_gives_nobody_its_rights(tmp_path, monkeypatch):
    def refuse(path, user, group):
        raise PermissionError

    path = tmp_path / "a.csv"
    path.write_text("old")
    path.chmod(0o664)
    monkeypatch.setattr(os, "chown", refuse)
    write_files({path: "new"})
    assert mode(path) == 0o604


def test_files_of_one_report_are_all_written_or_none(tmp_path):
    files = {tmp_path / name: f"new {name}" for name in ("a.json", "b.html")}
    write_files(dict.fromkeys(files, "old"))
    (tmp_path / "c.css").mkdir()
    with pytest.raises(NearspaceError, match=r"c.css is a folder"):
        write_files({**files, tmp_path / "c.css": "new"})
    assert {path.read_text() for path in files} == {"old"}
    with pytest.raises(NearspaceError, match=r"b.html cannot be written .*it held before is as it"):
        write_files({tmp_path / "a.json": "new", tmp_path / "b.html": Full()})
    assert {path.read_text() for path in files} == {"old"}
    write_files(files)
    assert {path.read_text() for path in files} == {"new a.json", "new b.html"}
    assert sorted(os.listdir(tmp_path)) == ["a.json", "b.html", "c.css"]


class Full(str):
    """A text for which the disk has no room."""

    def encode(self, *args, **options):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_folders_made_for_what_was_not_written_go_again(tmp_path):
    with pytest.raises(NearspaceError, match="No space left"):
        write_files({tmp_path / "new" / "deep" / "a.json": Full()})
    with contextlib.suppress(KeyboardInterrupt), filling(tmp_path / "images") as beside:
        (beside / "1.png").write_bytes(b"")
        raise KeyboardInterrupt
    with filling(tmp_path / "kept") as beside:
        pass
    assert os.listdir(tmp_path) == ["kept"]


def test_names_as_long_as_a_system_allows_and_any_text(tmp_path):
    for name in ("x" * 251 + ".csv", "é" * 125 + ".csv", "[a]*?.csv", "lock", "new", ".csv"):
        write_files({tmp_path / name: "old"})
        write_files({tmp_path / name: "a \udc80 name"})
        assert (tmp_path / name).read_text("utf-8") == "a \\udc80 name"
        (tmp_path / name).unlink()
    assert os.listdir(tmp_path) == []
    names = {"x" * 300: "File name too long", "a\0b": "no file can", "\ud800": "no file can"}
    for name, words in names.items():
        with pytest.raises(NearspaceError, match=f"cannot be written.*{words}"):
            write_files({tmp_path / name: ""})


def test_what_the_dead_left_is_cleared_and_nothing_of_the_living(tmp_path):
    path = tmp_path / "a.csv"
    for pid in (1, os.getpid(), 4_000_000):  # a number may be another process's by now
        (tmp_path / f".a.csv.{pid}-0123abcd.part" / "new").mkdir(parents=True)
    others = [
        tmp_path / name for name in (".a.csv.part", ".b.csv.1-0123abcd.part", ".a.csv.1.part")
    ]
    for other in others:
        other.mkdir()
    with replacing(path) as first:
        first.write_text("first")
        with replacing(path) as second:  # as by another process
            second.write_text("second")
        assert path.read_text() == "second"
        assert first.read_text() == "first"
    assert path.read_text() == "first"
    assert sorted(tmp_path.iterdir()) == sorted([path, *others])


@posix
def test_a_file_system_without_locks_or_room_for_them(tmp_path, monkeypatch):
    left = tmp_path / ".a.csv.1-0123abcd.part"
    left.mkdir()

    def no_locks(file, how):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(writing.fcntl, "flock", no_locks)
    write_files({tmp_path / "a.csv": "new"})
    assert sorted(tmp_path.iterdir()) == [left, tmp_path / "a.csv"]  # who knows if it lives


@posix
def test_where_a_link_leads(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "folder").symlink_to("real")
    place = tmp_path / "real" / "a.csv"
    assert check_place(tmp_path / "folder" / "a.csv") == place
    (tmp_path / "link.csv").symlink_to("folder/a.csv")
    with pytest.raises(NearspaceError, match=r"link.csv is a link that leads nowhere"):
        check_place(tmp_path / "link.csv")
    place.write_text("old")
    write_files({tmp_path / "link.csv": "new"})
    assert place.read_text() == "new"
    assert (tmp_path / "link.csv").is_symlink()
    (tmp_path / "gone").symlink_to("nowhere")
    for write in (lambda path: write_files({path / "a.csv": ""}), check_place, make_pca):
        with pytest.raises(NearspaceError, match="gone is a link that leads nowhere"):
            write(tmp_path / "gone")
    ends = os.openpty()  # not /dev/null, which a fault would take from the whole machine
    with pytest.raises(NearspaceError, match="is a device; expected the name of a file"):
        write_files({os.ttyname(ends[1]): ""})
    for end in ends:
        os.close(end)


def make_pca(folder):
    return make("pca(dim=2)").fit(SAMPLES["wine"]().items).save(folder)


def test_an_encoder_is_saved_over_another_whole(tmp_path, monkeypatch):
    make_pca(tmp_path)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    encoder = make("pca(dim=3)").fit(SAMPLES["wine"]().items)
    dump = encoder.dump
    # As json.dumps and the like give it, but for a full disk at the last file.
    monkeypatch.setattr(
        type(encoder), "dump", lambda self: {**dump(), "weights.safetensors": Full()}
    )
    with pytest.raises(NearspaceError, match="No space left"):
        encoder.save(tmp_path)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before
    assert load_encoder(tmp_path).dim == 2


KILL = """
import json, os, random, signal, sys, time
from pathlib import Path
from nearspace.writing import replacing
folder, kills, form = Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
if form == "space":
    import numpy as np
    from nearspace.recipe import Recipe
    from nearspace.space.formats import open_space, save
    from nearspace.space.space import Space

    def write(number):
        vectors = np.full((300, 16), number, np.float32)
        save(Space(vectors, np.arange(300), None, Recipe("raw", "00", "test", versions={})), path)

    def read():
        return open_space(path).vectors
else:
    def write(number):
        with replacing(path) as beside, beside.open("w") as file:
            for _ in range(300):
                file.write(f"{number}\\n")
                file.flush()

    def read():
        lines = path.read_text().splitlines()
        return lines if len(lines) == 300 else [0, 1]
path = folder / f"w.{form}"
told = {"kills": kills, "left": 0, "torn": 0, "most": 0}
rng = random.Random(0)
write(0)
for kill in range(kills):
    child = os.fork()
    if not child:
        number = 1
        while True:
            write(number)
            number += 1
    time.sleep(rng.random() * 0.03)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    beside = [name for name in os.listdir(folder) if name.startswith(".")]
    told["left"] += bool(beside)
    told["most"] = max(told["most"], len(beside))
    told["torn"] += len({str(each) for each in read()}) != 1
write(0)
told["after"] = [name for name in os.listdir(folder) if name.startswith(".")]
print(json.dumps(told))
"""


@posix
@pytest.mark.parametrize("kills", [12, pytest.param(500, marks=pytest.mark.full)])
@pytest.mark.parametrize("form", ["csv", "space"])
def test_killed_while_writing(form, kills, tmp_path):
    command = [sys.executable, "-c", KILL, str(tmp_path), str(kills), form]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)
    assert told["torn"] == 0
    assert told["left"] > 0  # or nothing was tried
    assert told["most"] <= 1  # each that writes clears what the last one left
    assert told["after"] == []


AT_ONCE = """
import sys
from nearspace.writing import replacing
for number in range(int(sys.argv[2])):
    with replacing(sys.argv[1]) as beside:
        beside.write_text(f"{number}\\n" * 99)
    assert len(set(open(sys.argv[1]).read().split())) == 1
"""


@pytest.mark.parametrize("turns", [30, pytest.param(2000, marks=pytest.mark.full)])
def test_three_write_one_file_at_once(turns, tmp_path):
    command = [sys.executable, "-c", AT_ONCE, str(tmp_path / "a.csv"), str(turns)]
    processes = [subprocess.Popen(command, stderr=subprocess.PIPE, text=True) for _ in range(3)]
    for process in processes:
        assert process.communicate()[1] == ""
        assert process.returncode == 0
    assert os.listdir(tmp_path) == ["a.csv"]


def test_a_file_that_another_process_removes_meanwhile_is_not_there(tmp_path, monkeypatch):
    path, access = tmp_path / "a.json", os.access
    path.write_text("{}")

    def removing(what, *rest):
        path.unlink(missing_ok=True)
        return access(what, *rest)

    monkeypatch.setattr(os, "access", removing)
    assert check_place(path) == path
    assert not path.exists()
