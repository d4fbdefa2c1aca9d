"""Every command where standard output, error or input is closed, full, or read by nobody."""

import errno
import io
import os
import subprocess
import sys

import pytest

from nearspace.cli.streams import Outlet

from .every_command import ARGUMENTS, contents, copy_of, make_inputs

MAIN = "from nearspace.cli import main; main()"
# How the shell runs a command, what its exit code is, and whether it says why.
WAYS = {
    "full": ('"$@" >/dev/full', 2),
    "closed": ('"$@" >&-', 2),
    "broken": ('"$@" | true; exit ${PIPESTATUS[0]}', 141),
    "errors full": ('"$@" 2>/dev/full', 0),
    "errors closed": ('"$@" 2>&-', 0),
    "errors broken": ('"$@" 2> >(true)', 0),
    "both broken": ('"$@" 2>&1 | true; exit ${PIPESTATUS[0]}', 141),
    "nothing to read": ('"$@" <&-', 0),
    "all closed": ('"$@" <&- >&- 2>&-', 2),
}
pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /dev/full and bash")


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def run(name, way, folder, unbuffered=False):
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache")}
    environment["PYTHONUNBUFFERED"] = "1" if unbuffered else ""
    command = ["bash", "-c", WAYS[way][0], "bash", sys.executable, "-c", MAIN]
    return subprocess.run(
        [*command, *ARGUMENTS[name].split()], cwd=folder, env=environment, capture_output=True,
        text=True, timeout=120, stdin=subprocess.DEVNULL,
    )  # fmt: skip


def check(name, way, inputs, place, whole):
    """Check that a command does all it has to, and says in a sentence what it could not."""
    folder = copy_of(inputs, place)
    done = run(name, way, folder, unbuffered=way == "full" and name == "info")
    assert "Traceback" not in done.stderr
    assert "Exception ignored" not in done.stderr
    assert done.returncode == WAYS[way][1], done.stderr
    told = done.stderr.count("nearspace: standard output cannot be written (")
    assert told == (way in ("full", "closed"))
    assert set(contents(folder)) == whole


@pytest.mark.parametrize(
    ("name", "ways"),
    [
        ("export", ["full", "broken"]),
        *(pytest.param(name, list(WAYS), marks=pytest.mark.full) for name in ARGUMENTS),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_a_command_writes_does_not_hang_on_who_listens(name, ways, inputs, tmp_path):
    folder = copy_of(inputs, tmp_path)
    done = run(name, "nothing to read", folder)
    assert done.returncode == 0, done.stderr
    assert done.stdout
    whole = set(contents(folder))
    for way in ways:
        check(name, way, inputs, tmp_path, whole)


def test_a_stream_drops_what_cannot_be_written_and_keeps_why():
    class Full(io.RawIOBase):
        def writable(self):
            return True

        def fileno(self):
            return 1

        def write(self, data):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    outlet = Outlet(io.TextIOWrapper(Full(), write_through=True))
    stream = io.TextIOWrapper(io.BufferedWriter(outlet))
    for _ in range(3):
        print("x" * 9999, file=stream, flush=True)
    assert outlet.error.errno == errno.ENOSPC
    closed = Outlet(None)
    assert closed.write(b"1234") == 4
    assert closed.error.errno == errno.EBADF
    assert not closed.isatty()


def test_a_pipe_that_others_made_non_blocking_is_waited_for():
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    code = f"import os, time; time.sleep(.3)\nwhile os.read({reading}, 9999): pass"
    with subprocess.Popen([sys.executable, "-c", code], pass_fds=[reading]) as reader:
        os.close(reading)
        outlet = Outlet(open(writing, "w"))  # noqa: SIM115
        stream = io.TextIOWrapper(io.BufferedWriter(outlet))
        print("x" * 300_000, file=stream, flush=True)
        assert outlet.error is None
        outlet.stream.close()
        assert reader.wait(20) == 0
