"""Commands that are killed at any moment: files hold the old or the new, nothing told is lost."""

import os
import random
import signal
import time

import pytest

from nearspace.space.file.checking import verify
from nearspace.space.formats import open_space

from .children import forking
from .every_command import contents, copy_of, is_whole, make_inputs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")

# What is killed, and the file that it changes or writes.
KILLED = {
    "add more.npz --ids name --to named.space": "named.space",
    "remove w.space 3 5": "w.space",
    "embed wine --with pca(dim=2) -o new.space": "new.space",
    "embed wine --with pca(dim=3) -o v.space --force": "v.space",
    "import more.npz --ids name -o packed.space --force": "packed.space",
    "export w.space -o w.parquet": "w.parquet",
    "index many.space": "many.space",
    "map w.space -o w.html": "w.html",
    "pack wine --with v.space -o w.codes": "w.codes",
    "split v.space --force": "v.decoder.space",
}

SHORT = [line for line in KILLED if line.split()[0] in ("add", "pack")]


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("cache")) as run:
        yield run


def shape(path):
    """Return what tells the old content of a file from the new, where each is whole."""
    assert is_whole(path), f"{path.name} is not whole"
    if path.suffix != ".space":
        return "written"
    space = open_space(path)
    assert verify(path) == []
    return (tuple(space.ids.tolist()), space.vectors.shape[1], tuple(sorted(space.parts)))


def state(folder):
    """Return the shape of each file that can be seen; what is hidden beside is cleared later."""
    return {
        path.name: shape(path)
        for path in sorted(folder.iterdir())
        if path.suffix in (".space", ".parquet", ".html", ".codes") and path.name[0] != "."
    }


@pytest.mark.parametrize(
    ("line", "kills"),
    [
        *((line, 1) for line in SHORT),
        *(pytest.param(x, 50, marks=pytest.mark.full) for x in KILLED),
    ],
)
def test_a_killed_command_leaves_the_old_or_the_new(line, kills, fork, inputs, tmp_path):
    arguments, target, rng = line.split(), KILLED[line], random.Random(line)
    folder = copy_of(inputs, tmp_path)
    old, begun = state(folder), time.monotonic()
    done = fork(folder, *arguments)
    seconds = time.monotonic() - begun
    assert done.returncode == 0, done.stderr
    new, names = state(folder), set(contents(folder))
    for _ in range(kills):
        folder = copy_of(inputs, tmp_path)
        done = fork(folder, *arguments, signal=signal.SIGKILL, after=rng.uniform(0, seconds))
        left = state(folder)
        for name in old | new:
            assert left.get(name) in (old.get(name), new.get(name)), name
        assert target not in done.stdout or left.get(target) == new[target]
        again = fork(folder, *arguments)
        if again.returncode:  # what was to be new is there already, or its ids are gone
            assert left.get(target) == new[target], again.stderr
            assert "nearspace: " in again.stderr
        assert state(folder) == new
        assert set(contents(folder)) <= names | set(contents(inputs)), "leftovers"
