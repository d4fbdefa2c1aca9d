"""Commands in processes of their own, forked from one that has imported all: milliseconds each.

Run as a script it is that process: it reads jobs, a line of JSON each, and answers likewise.
"""

import contextlib
import dataclasses
import importlib
import json
import os
import subprocess
import sys
import tempfile
import time

LONGEST = 280  # seconds, after which a command counts as hanging, on a busy machine too


@dataclasses.dataclass(frozen=True)
class Done:
    """What a command printed, and its exit code, which is negative where a signal ended it."""

    returncode: int
    stdout: str
    stderr: str

    @property
    def refused(self):
        """Whether it ended in one sentence, and said so by its exit code."""
        lines = self.stderr.splitlines()
        odd = ("Traceback", "Exception ignored", "Error: ")
        told = any(line.startswith("nearspace: ") for line in lines[-1:])
        return self.returncode == 2 and told and not any(word in self.stderr for word in odd)


@contextlib.contextmanager
def forking(cache):
    """Yield a function that runs a command in a folder, where no file may grow beyond ``room``.

    Some seconds after it takes signals it is sent a ``signal``. With ``columns`` it prints all,
    errors too, to a terminal of so many, which knows of no colours.
    """
    with subprocess.Popen(
        [sys.executable, __file__],
        env={**os.environ, "XDG_CACHE_HOME": str(cache), "COLUMNS": "150", "OMP_NUM_THREADS": "1"},
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip

        def run(folder, *arguments, room=None, signal=0, after=0.0, columns=0):
            job = {"folder": str(folder), "arguments": [*map(str, arguments)], "room": room}
            job |= {"signal": signal, "after": after, "columns": columns}
            process.stdin.write(json.dumps(job) + "\n")
            process.stdin.flush()
            return Done(*json.loads(process.stdout.readline()))

        yield run
        process.stdin.close()


def import_all():
    """Import what commands do, so that no child has to."""
    for name in (
        "cli.app", "encoders.handmade.plain", "encoders.linear", "judge.studies.compare",
        "report.map", "report.page", "space.codec.codec", "space.decode", "space.difference",
        "space.map.landmarks", "space.pictures", "space.search.index",
    ):  # fmt: skip
        importlib.import_module(f"nearspace.{name}")
    tempfile.gettempdir()  # found while there is room: a disk fills as a command runs
    for name in ("pandas", "PIL.WebPImagePlugin", "pyarrow.parquet", "rich.progress", "rich.table"):
        importlib.import_module(name)


def become(job, out, err, begun):
    """Be the command of a job, which tells when it takes signals; never returns."""
    import resource
    import signal

    import nearspace.cli

    signal.alarm(LONGEST)
    signal.signal(signal.SIGINT, signal.default_int_handler)  # though the shell may ignore it
    os.chdir(job["folder"])
    if job["columns"]:
        del os.environ["COLUMNS"]
        os.environ["TERM"] = "dumb"
    for number, file in ((0, os.open(os.devnull, os.O_RDONLY)), (1, out), (2, err)):
        os.dup2(file, number)
    # Anew, since those that were inherited hold what the other process has read ahead.
    sys.stdin, sys.stdout, sys.stderr = map(os.fdopen, range(3), "rww")
    if job["room"] is not None:
        sys.dont_write_bytecode = True  # Python would leave half of it for those that come later
        resource.setrlimit(resource.RLIMIT_FSIZE, (job["room"], job["room"]))

    def stand():
        type(nearspace.cli.SIGNALS).stand(nearspace.cli.SIGNALS)
        os.close(begun)  # before that the process is still that of the test

    nearspace.cli.SIGNALS.stand = stand
    sys.argv = ["nearspace", *job["arguments"]]
    code = 1
    try:
        nearspace.cli.main()
    except SystemExit as error:
        code = error.code or 0
    except BaseException:
        sys.excepthook(*sys.exc_info())
    for stream in (sys.stdout, sys.stderr):
        stream.flush()
    os._exit(code)


def serve():
    """Answer jobs until there are no more."""
    import_all()
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        # Not pipes, which a command that prints much would fill; nor files, which have no room.
        beginning, begun = os.pipe()
        job = json.loads(line)
        ends = [terminal(job["columns"])] if job["columns"] else [os.pipe(), os.pipe()]
        child = os.fork()
        if not child:
            become(job, ends[0][1], ends[-1][1], begun)
        texts = []
        for _, writing in [*ends, (beginning, begun)]:
            os.close(writing)
        os.read(beginning, 1)
        os.close(beginning)
        if job["signal"]:
            time.sleep(job["after"])
            os.kill(child, job["signal"])
        for reading, _ in ends:
            texts.append(all_of(reading).decode("utf-8", errors="replace"))
            os.close(reading)
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        print(json.dumps([code, *texts, ""][:3]), file=answers, flush=True)


def terminal(columns):
    """Return both ends of a new terminal of so many columns."""
    import fcntl
    import pty
    import struct
    import termios

    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    return ours, theirs


def all_of(reading):
    """Return all that is written at the other end; that it was closed is an error of terminals."""
    pieces = []
    with contextlib.suppress(OSError):
        while piece := os.read(reading, 65536):
            pieces.append(piece)
    return b"".join(pieces)


if __name__ == "__main__":
    serve()
