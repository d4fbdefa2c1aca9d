"""The cache never decides a result: what a name in it depends on, damage, bad folders, races."""

import dataclasses
import json
import multiprocessing
import os
import pickle
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from scipy import sparse
from tests.one_part import compare

from nearspace import recipe
from nearspace.data import load
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.judge import cache, row_judge, sources
from nearspace.judge.cache import Cache
from nearspace.judge.scores import SCORES
from nearspace.judge.studies.layers import compare_layers
from nearspace.judge.studies.rates import measure_rates
from nearspace.judge.studies.transfer import transfer

# Children come from a server that has imported what they need, and no thread has run in it.
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PROCESSES.set_forkserver_preload(["nearspace.judge.cache"])
posix = pytest.mark.skipif(os.name != "posix", reason="needs signals and limits of POSIX")
KEY, OTHER = "0123456789abcdef" * 2, "f" * 32


# Names.


@pytest.fixture
def key():
    """Return a function that makes one key after the source and the libraries are read again."""

    def make():
        sources.own_code.cache_clear()
        return cache.make_key("one")

    yield make
    sources.own_code.cache_clear()


@pytest.mark.parametrize("library", ["torch", "pillow", "scikit-image", "transformers", "scipy"])
def test_another_version_of_a_library_gives_another_key(library, key, monkeypatch):
    before = key()
    for module in (recipe, sources.importlib.metadata):
        installed = module.version
        monkeypatch.setattr(
            module, "version", lambda name, of=installed: "0.0.1" if name == library else of(name)
        )
    assert key() != before
    monkeypatch.undo()
    assert key() == before


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    def absent(name):
        raise recipe.PackageNotFoundError(name)

    monkeypatch.setattr(recipe, "version", absent)
    assert recipe.versions()["transformers"] == ""


def test_what_is_added_from_outside_counts_by_its_source(tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    keys = []
    for sign in ("+", "-", "+"):
        sources._source.cache_clear()
        sys.modules.pop("added_by_me", None)
        (tmp_path / "added_by_me.py").write_text(f"class Mine:\n    sign = {sign}1\n")
        module = sources.importlib.import_module("added_by_me")
        keys.append(cache.make_key("one", by=[module.Mine]))
    assert keys[0] == keys[2] != keys[1]
    # What stands in no file may be anything the next time.
    (nowhere := type("Typed", (), {})).__module__ = "typed_in_a_notebook"
    first = cache.make_key("one", by=[nowhere])
    assert first == cache.make_key("one", by=[nowhere])
    sources._source.cache_clear()
    assert first != cache.make_key("one", by=[nowhere])


def test_a_score_that_was_added_is_measured_of_rows_that_were_kept(few, tmp_path, monkeypatch):
    compare(few, encoders=[], cache=tmp_path)
    added = dataclasses.replace(SCORES["knn"], name="added", measure=SCORES["knn"].measure)
    monkeypatch.setitem(SCORES, "added", added)
    again = compare(few, encoders=[], cache=tmp_path)
    assert "added" in again.leader.scores


# Entries: whatever happens to one, what comes back is what was stored, or nothing.


def content():
    """Return arrays and facts of all sorts that rows have."""
    rng = np.random.default_rng(0)
    words = sparse.random_array((9, 40), density=0.1, random_state=0, format="csr")
    arrays = {
        "train": words.astype(np.float32),
        "test": rng.normal(size=(60, 12)).astype(np.float32),
        "score-knn": np.array([0.0, 1.0, np.nan]),
        "layout": np.empty((0, 2)),
    }
    return arrays, {"metric": "cosine", "notes": ["ü"], "elbo": None, "cost": {"a": float("nan")}}


def assert_is_content(loaded):
    (arrays, facts), (wanted, told) = loaded, content()
    assert json.dumps(facts) == json.dumps(told)
    assert arrays.keys() == wanted.keys()
    for name, array in wanted.items():
        assert type(arrays[name]) is type(array)
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape
        plain = [
            each.toarray() if sparse.issparse(each) else each for each in (arrays[name], array)
        ]
        np.testing.assert_array_equal(*plain)
        assert sparse.issparse(array) or arrays[name].flags.writeable


def changed(path, change):
    data = bytearray(path.read_bytes())
    change(data)
    path.write_bytes(data)


def flip(path, rng, low=0.0, high=1.0):
    def change(data):
        at = rng.randrange(int(low * len(data)), max(1, int(high * len(data))))
        data[at] ^= 1 << rng.randrange(8)

    changed(path, change)


def nan_in_numbers(path, rng):
    at = rng.randrange(8, 100) * 8
    changed(path, lambda data: data.__setitem__(slice(-at, 8 - at), np.array([np.nan]).tobytes()))


def exchanged(path, rng):
    other = path.with_name(OTHER)
    path.rename(path.with_name("beside"))
    other.rename(path)
    path.with_name("beside").rename(other)


def of_the_other_part(path, rng):
    part = "rows" if path.parent.name == "fits" else "fits"
    path.write_bytes(max((path.parent.parent / part).iterdir()).read_bytes())


def of_a_format_to_come(path, rng):
    """Let all be as it should but for the number of the format."""
    digest, data = cache.hashlib.blake2b, path.read_bytes()
    data = data.replace(b"nearspace cache 1", b"nearspace cache 2")[: -cache.DIGEST]
    path.write_bytes(data + digest(data, digest_size=cache.DIGEST).digest())


def endless(path, rng):
    """Let the head be deeper than any reader goes, under a checksum that is right."""
    digest, head = cache.hashlib.blake2b, b"[" * 200_000
    data = cache.BEGINS + len(head).to_bytes(8, "little") + head
    path.write_bytes(data + digest(data, digest_size=cache.DIGEST).digest())


def instead(make):
    def damage(path, rng):
        path.unlink()
        make(path)

    return damage


def full_folder(path):
    path.mkdir()
    (path / "facts.json").write_text("{}")


DAMAGE = {
    "a bit": flip,
    "a bit of the head": lambda path, rng: flip(path, rng, 0.0, 0.1),
    "a bit of the end": lambda path, rng: flip(path, rng, 0.9),
    "the checksum": lambda path, rng: flip(path, rng, 1 - 30 / path.stat().st_size),
    "NaN": nan_in_numbers,
    "half": lambda path, rng: os.truncate(path, path.stat().st_size // 2),
    "cut anywhere": lambda path, rng: os.truncate(path, rng.randrange(path.stat().st_size)),
    "a byte less": lambda path, rng: os.truncate(path, path.stat().st_size - 1),
    "a byte more": lambda path, rng: path.write_bytes(path.read_bytes() + b"\0"),
    "empty": lambda path, rng: path.write_bytes(b""),
    "zeros": lambda path, rng: path.write_bytes(bytes(path.stat().st_size)),
    "noise": lambda path, rng: path.write_bytes(rng.randbytes(path.stat().st_size)),
    "a terabyte": lambda path, rng: os.truncate(path, 2**40),
    "a picture": lambda path, rng: path.write_bytes(b"\x89PNG\r\n\x1a\n"),
    "a pickle": lambda path, rng: path.write_bytes(pickle.dumps({"train": np.zeros(3)})),
    "JSON": lambda path, rng: path.write_text('{"seconds": {}}'),
    "exchanged": exchanged,
    "of the other part": of_the_other_part,
    "of a format to come": of_a_format_to_come,
    "endless": endless,
    "a folder": instead(Path.mkdir),
    "a full folder": instead(full_folder),
    "a link in a circle": instead(lambda path: path.symlink_to(path)),
    "a link to another": instead(lambda path: path.symlink_to(path.with_name(OTHER))),
    "a device": instead(lambda path: path.symlink_to("/dev/zero")),
    "a pipe": instead(os.mkfifo),
    "a link to nowhere": instead(lambda path: path.symlink_to("/nowhere/at/all")),
    "gone": instead(lambda path: None),
}
NOT_THERE = ("gone", "a link to nowhere")


@pytest.fixture(scope="module")
def fitted():
    return make("pca(dim=3)").fit(load("wine").items)


def same_fit(loaded, fitted):
    return loaded is not None and loaded[1] == 1.5 and loaded[0].fingerprint == fitted.fingerprint


@posix
@pytest.mark.parametrize("times", [3, pytest.param(300, marks=pytest.mark.full)])
@pytest.mark.parametrize("damage", DAMAGE)
def test_damage_costs_an_entry_and_one_note(damage, times, fitted, tmp_path):
    good = Cache(tmp_path / "good")
    for name in (KEY, OTHER):
        good.store_row(name, *content())
        good.store_fit(name, fitted, 1.5)
    for seed in range(times):
        shutil.rmtree(tmp_path / "here", ignore_errors=True)
        shutil.copytree(tmp_path / "good", tmp_path / "here")
        here = Cache(tmp_path / "here")
        for part in ("fits", "rows"):
            DAMAGE[damage](here.folder / part / KEY, random.Random(seed))
        assert here.load_row(KEY) is None
        assert here.load_fit(KEY) is None
        here.store_row(KEY, *content())
        here.store_fit(KEY, fitted, 1.5)
        assert_is_content(here.load_row(KEY))
        assert same_fit(here.load_fit(KEY), fitted)
        notes = here.close()
        if damage in NOT_THERE:
            assert notes == ()
        else:
            assert len(notes) == 1
            assert notes[0].startswith("2 entries of the cache in ")
        after = Cache(tmp_path / "here")  # the next run finds all as it should be
        assert_is_content(after.load_row(KEY))
        assert same_fit(after.load_fit(KEY), fitted)
        assert after.close() == ()


def test_an_entry_that_cannot_be_read_is_made_again(tmp_path, monkeypatch):
    Cache(tmp_path).store_row(KEY, *content())
    for error in (PermissionError(13, "Permission denied"), OSError(5, "Input/output error")):
        here = Cache(tmp_path)
        with monkeypatch.context() as patch:
            patch.setattr(
                cache, "_bytes_of", lambda path, error=error: (_ for _ in ()).throw(error)
            )
            assert here.load_row(KEY) is None
        here.store_row(KEY, *content())
        assert here.close()[0].startswith("An entry of the cache")
        assert_is_content(Cache(tmp_path).load_row(KEY))


def test_what_is_not_the_caches_stays(tmp_path):
    here = Cache(tmp_path)
    here.store_row(KEY, *content())
    mine = tmp_path / "rows" / "mine.csv"
    mine.write_text("a,b\n")
    (tmp_path / "rows" / "deadbeef").mkdir()
    assert [entry.path.name for entry in here.clear()] == [KEY]
    assert sorted(path.name for path in mine.parent.iterdir()) == ["deadbeef", "mine.csv"]


def test_what_was_used_longest_ago_goes_first(tmp_path, monkeypatch):
    here = Cache(tmp_path)
    keys = [str(i) * 32 for i in range(4)]
    for at, name in enumerate(keys):
        here.store_row(name, *content())
        os.utime(tmp_path / "rows" / name, (at, at))
    here.load_row(keys[0])
    size = here.entries()[0].size
    monkeypatch.setattr(cache, "LARGEST_CACHE", 2 * size)
    assert here.close() == ()
    assert {entry.path.name for entry in here.entries()} == {keys[0], keys[3]}
    with monkeypatch.context() as patch:  # nothing is kept that would be removed at once
        patch.setattr(cache, "LARGEST_CACHE", size - 1)
        here.store_row(KEY, *content())
    assert not here.has_row(KEY)


def test_no_folder_and_no_name_of_one(few):
    nothing = Cache(None)
    nothing.store_row(KEY, *content())
    assert (nothing.load_row(KEY), nothing.entries(), nothing.clear(), nothing.close()) == (
        None, [], [], (),
    )  # fmt: skip
    with pytest.raises(NearspaceError, match=r"cache= takes a folder .*; got True"):
        compare(few, encoders=[], cache=True)


# Comparisons: with a cache of any sort the same figures as without.


@pytest.fixture(scope="module")
def few():
    wine = load("wine")
    return wine.take(np.random.default_rng(0).permutation(len(wine))[:60])


@pytest.fixture
def no_maps(monkeypatch):
    """Leave out the maps, which take longer than all else."""
    monkeypatch.setattr(row_judge, "tsne", lambda vectors, *more: np.zeros((vectors.shape[0], 2)))


def figures(study):
    """Return all that a study found but for times, for the star, which goes by them among equals,
    and for what is told of the cache.
    """
    told = json.loads(study.to_json())
    notes = [note for note in told["notes"] if "the cache in" not in note.lower()]
    rows = []
    for row in told.get("rows", []):
        cost = row.pop("cost", None) or {}
        rows.append([row, cost.get("bytes_per_vector")])
    more = {name: told.get(name) for name in ("curves", "equals", "hybrids", "cka", "floor")}
    for row, _ in rows:
        row.pop("seconds", None)
        row.pop("recommended", None)
    return json.dumps([rows, notes, more], sort_keys=True)


def cache_notes(study):
    return [note for note in study.notes if "the cache in" in note.lower()]


@posix
@pytest.mark.parametrize("every", [7, pytest.param(1, marks=pytest.mark.full)])
def test_much_damage_at_once_changes_no_figure(every, few, no_maps, tmp_path):
    kinds = list(DAMAGE)[::every]
    specs = [
        f"pca(dim={1 + i % 12}, random_state={i})" for i in range(len(kinds) - 2)
    ]  # and the floor
    wanted = figures(compare(few, encoders=specs))
    board = compare(few, encoders=specs, cache=tmp_path)
    assert (figures(board), cache_notes(board)) == (wanted, [])
    for part in ("fits", "rows"):
        entries = sorted((tmp_path / part).iterdir())
        assert len(entries) == len(kinds)
        other = tmp_path / part / OTHER
        shutil.copy(entries[-1], other)
        for path, damage in zip(entries, kinds, strict=True):
            DAMAGE[damage](path, random.Random(1))
        if part == "fits":
            shutil.rmtree(tmp_path / "rows")
        board = compare(few, encoders=specs, cache=tmp_path)
        assert figures(board) == wanted
        assert len(cache_notes(board)) == 1
        again = compare(few, encoders=specs, cache=tmp_path)
        assert (figures(again), cache_notes(again)) == (wanted, [])


def a_file(path):
    path.write_text("mine")
    return path


def a_link(path, target):
    path.symlink_to(target)
    return path


def halves_that_are_files(path):
    path.mkdir()
    (path / "fits").write_text("")
    (path / "rows").write_text("")
    return path


FOLDERS = {
    "a file": (a_file, 1),
    "under a file": (lambda path: a_file(path) / "deep" / "er", 1),
    "a link to nowhere": (lambda path: a_link(path, "/nowhere/at/all"), 1),
    "a link in a circle": (lambda path: a_link(path, path), 1),
    "files in it": (halves_that_are_files, 1),
    "too long": (lambda path: path / ("x" * 300), 1),
    "no name": (lambda path: f"{path}\0", 1),
    "the system's": (lambda path: Path("/dev/null/nearspace"), 1),
    "to be made": (lambda path: path / "deep" / "er", 0),
    "text": (str, 0),
}


@posix
@pytest.mark.parametrize("name", FOLDERS)
def test_a_folder_that_cannot_be_used_changes_no_figure(name, few, no_maps, tmp_path):
    prepare, notes = FOLDERS[name]
    folder = prepare(tmp_path / "there")
    board = compare(few, encoders=["pca(dim=3)"], cache=folder)
    assert figures(board) == figures(compare(few, encoders=["pca(dim=3)"]))
    assert len(cache_notes(board)) == notes
    assert name != "a file" or folder.read_text() == "mine"


@posix
@pytest.mark.parametrize("room", [0, 400, 1500])
def test_a_full_disk_changes_no_figure(room, few, no_maps, tmp_path, monkeypatch):
    import resource

    # Python would leave half of what it compiles for those that come later.
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    wanted = figures(compare(few, encoders=["pca(dim=3)"]))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    try:
        resource.setrlimit(resource.RLIMIT_FSIZE, (room, limits[1]))
        board = compare(few, encoders=["pca(dim=3)"], cache=tmp_path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert figures(board) == wanted
    assert len(cache_notes(board)) == 1
    assert "File too large" in cache_notes(board)[0]
    left = [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    assert left == []
    board = compare(few, encoders=["pca(dim=3)"], cache=tmp_path)
    assert (figures(board), cache_notes(board)) == (wanted, [])


@posix
@pytest.mark.skipif(os.name == "posix" and os.geteuid() == 0, reason="root may read and write all")
def test_without_rights_no_figure_changes(few, no_maps, tmp_path):
    wanted = figures(compare(few, encoders=["pca(dim=3)"], cache=tmp_path / "c"))
    for rights, entry, notes in ((0o555, 0o444, 0), (0o755, 0o000, 1), (0o000, 0o644, 1)):
        for part in ("fits", "rows"):
            for path in (tmp_path / "c" / part).iterdir():
                path.chmod(entry)
            (tmp_path / "c" / part).chmod(rights)
        board = compare(few, encoders=["pca(dim=3)"], cache=tmp_path / "c")
        for part in ("fits", "rows"):
            (tmp_path / "c" / part).chmod(0o755)
        assert (figures(board), len(cache_notes(board))) == (wanted, notes)


def test_a_cache_that_vanishes_meanwhile_changes_no_figure(few, no_maps, tmp_path):
    wanted = figures(compare(few, encoders=["pca(dim=3)"], cache=tmp_path / "c"))
    board = compare(
        few, encoders=["pca(dim=3)"], cache=tmp_path / "c",
        progress=lambda *told: shutil.rmtree(tmp_path / "c", ignore_errors=True),
    )  # fmt: skip
    assert figures(board) == wanted


STUDIES = {
    "layers": lambda few, folder: compare_layers(few, "mlp(epochs=1)", layers="fc2", cache=folder),
    "transfer": lambda few, folder: transfer(
        few, "pca(dim=2)", labelled=[12], seeds=1, cache=folder
    ),
    "rates": lambda few, folder: measure_rates(
        load("digits").take(np.arange(60)), ["pca(dim=4)"], cache=folder
    ),
}


@posix
@pytest.mark.trains
@pytest.mark.parametrize("study", STUDIES)
def test_every_study_does_without(study, few, tmp_path):
    ask = STUDIES[study]
    wanted = figures(ask(few, None))
    for folder, notes in (
        (tmp_path / "c", 0), (a_file(tmp_path / "file"), 1)
    ):  # fmt: skip
        board = ask(few, folder)
        assert (figures(board), len(cache_notes(board))) == (wanted, notes)
    for path in (tmp_path / "c" / "fits").iterdir():
        flip(path, random.Random(0), 0.5)
    board = ask(few, tmp_path / "c")
    assert (figures(board), len(cache_notes(board))) == (wanted, 1)


# Other processes.


def use_it(folder, seed, rounds, most):
    """Store, load and prune at random, and check all that comes back."""
    rng = random.Random(seed)
    for _ in range(rounds):
        here, name = Cache(folder), str(rng.randrange(4)) * 32
        if (loaded := here.load_row(name)) is not None:
            assert_is_content(loaded)
        else:
            here.store_row(name, *content())
        here.entries()
        here.clear(most)
        assert here.close() == ()


@posix
@pytest.mark.parametrize(
    ("processes", "rounds"), [(3, 5), pytest.param(6, 3000, marks=pytest.mark.full)]
)
def test_many_processes_share_and_prune_it(processes, rounds, tmp_path):
    most = 3 * len(b"".join(map(bytes, cache._packed(*content(), KEY))))
    workers = [
        PROCESSES.Process(target=use_it, args=(tmp_path, seed, rounds, most))
        for seed in range(processes)
    ]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0] * processes
    assert all(entry.whole for entry in Cache(tmp_path).entries())
    assert [path for path in tmp_path.rglob("*") if path.name.startswith(".")] == []


def store_for_ever(folder, sender):
    here, rng = Cache(folder), np.random.default_rng(0)
    arrays = {"train": rng.normal(size=(200_000, 4))}
    sender.send("begun")
    while True:
        for at in range(8):
            here.store_row(str(at) * 32, arrays, {})


@posix
@pytest.mark.parametrize("kills", [2, pytest.param(200, marks=pytest.mark.full)])
def test_what_a_killed_process_leaves_goes_and_what_a_living_one_writes_stays(kills, tmp_path):
    command = [sys.executable, "-c", LIVES, str(tmp_path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as living:
        assert living.stdout.readline() == "begun\n"
        mine = [path for path in (tmp_path / "rows").iterdir() if path.name.startswith(".")]
        assert len(mine) == 1
        for seed in range(kills):
            receiver, sender = PROCESSES.Pipe(duplex=False)
            process = PROCESSES.Process(target=store_for_ever, args=(tmp_path, sender))
            process.start()
            receiver.recv()
            time.sleep(random.Random(seed).uniform(0, 0.1))
            os.kill(process.pid, (signal.SIGKILL, signal.SIGINT)[seed % 2])
            process.join()
            here = Cache(tmp_path)
            assert [entry for entry in here.entries() if not entry.whole] == []
            here.close()
            left = [path for path in (tmp_path / "rows").iterdir() if path.name.startswith(".")]
            assert left == mine
        living.kill()
    Cache(tmp_path).close()
    assert not mine[0].exists()


LIVES = """
import sys, time
from pathlib import Path
from nearspace.writing import replacing
with replacing(Path(sys.argv[1]) / "rows" / ("a" * 32)):
    print("begun", flush=True)
    time.sleep(7200)  # longer than any test
"""


def compare_again(folder, rounds, most, sender):
    cache.LARGEST_CACHE = most
    few = load("wine").take(np.arange(0, 178, 3))
    boards = [compare(few, encoders=["pca(dim=3)"], cache=folder) for _ in range(rounds)]
    sender.send([(figures(board), cache_notes(board)) for board in boards])


@posix
@pytest.mark.full
def test_comparisons_that_share_a_cache_find_the_same(tmp_path):
    receivers, workers = [], []
    for _ in range(4):
        receiver, sender = PROCESSES.Pipe(duplex=False)
        receivers.append(receiver)
        workers.append(PROCESSES.Process(target=compare_again, args=(tmp_path, 50, 60_000, sender)))
        workers[-1].start()
    told = [each for receiver in receivers for each in receiver.recv()]
    for worker in workers:
        worker.join()
    few = load("wine").take(np.arange(0, 178, 3))
    assert told == [(figures(compare(few, encoders=["pca(dim=3)"])), [])] * 200
