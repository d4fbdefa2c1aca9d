"""Every command on tiny data, run as a process of its own, and what may lie in its folder after."""

import csv
import dataclasses
import hashlib
import json
import multiprocessing
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

from nearspace.data import SAMPLES
from nearspace.space.file.stored import verify
from nearspace.space.formats import open_space, save
from nearspace.space.space import embed

# What each command is given; all that it reads is made by `make_inputs`.
ARGUMENTS = {
    "add": "add more.npz --ids name --to named.space --replace",
    "analogy": "analogy w.space 1 2 3",
    "compare": "compare wine --with raw --no-cache -o out --save-best best.space --force",
    "decode": "decode w.space --id 1 -o d.npy",
    "diff": "diff w.space v.space -o diff.csv",
    "embed": "embed wine --with pca(dim=2) -o v.space --force",
    "encoders": "encoders",
    "export": "export w.space -o w.parquet",
    "import": "import v.npz -o imported.space",
    "index": "index w.space",
    "info": "info w.space",
    "interpolate": "interpolate w.space 1 2 -o way.npy",
    "layers": "layers wine --with mlp(epochs=1) --layer fc1 --no-cache -o out",
    "map": "map w.space -o w.html --again",
    "pack": "pack wine --with w.space -o w.codes",
    "rates": "rates digits --limit 60 --with pca(dim=2) --no-cache -o out",
    "remove": "remove w.space 3",
    "sample": "sample w.space -n 4 -o s.npy",
    "search": "search w.space --id 1 -o nearest.csv",
    "split": "split v.space --force",
    "transfer": "transfer wine --with autoencoder(dim=2,epochs=1) --labelled 20 --seeds 1 "
    "--no-cache -o t.json",
    "unpack": "unpack packed.codes --with packed.space -o u.npz",
    "verify": "verify w.space",
}
# As the script that pip installs; that its first line was reached is told to who started it.
MAIN = "import os; os.write({0}, b'.'); os.close({0}); from nearspace.cli import main; main()"
# Children come from a server that has imported what commands need.
PROCESSES = multiprocessing.get_context("forkserver" if os.name == "posix" else "spawn")
PROCESSES.set_forkserver_preload(
    ["nearspace.cli.app", "nearspace.judge.studies.compare", "nearspace.report.page", "torch",
     "nearspace.space.codec.codec", "nearspace.report.map", "nearspace.space.formats",
     "sklearn.decomposition", "plotly.graph_objects"]
)  # fmt: skip


def make_inputs(folder):
    """Write what the commands of `ARGUMENTS` read into a folder."""
    from nearspace.space.codec.codec import PART, pack, with_codec

    wine = SAMPLES["wine"]()
    space = embed(wine, "pca(dim=2)")
    for name in ("w", "v"):
        save(space, folder / f"{name}.space")
    save(space, folder / "v.npz")
    names = np.array([f"bottle {number}" for number in range(len(wine))])
    save(dataclasses.replace(space, ids=names), folder / "named.space")
    more = {"vectors": wine.items[:40] + 1.0, "name": np.array([f"new {n}" for n in range(40)])}
    np.savez(folder / "more.npz", **more)
    packed = with_codec(space)
    save(packed, folder / "packed.space")
    assert PART in packed.parts
    (folder / "packed.codes").write_bytes(pack(packed, wine.items))


@dataclasses.dataclass
class Ended:
    """How a command ended, what it told, and how long it ran."""

    code: int
    stdout: str
    stderr: str
    seconds: float


def in_a_fork(arguments, folder):
    """Run a command in a child that has imported all; it has what it prints in two files."""
    os.chdir(folder)
    os.environ["XDG_CACHE_HOME"] = str(folder.parent / "cache")
    signal.signal(signal.SIGINT, signal.default_int_handler)
    for number, name in ((1, "stdout"), (2, "stderr")):
        file = os.open(folder.parent / name, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(file, number)
    sys.argv = ["nearspace", *arguments]
    from nearspace.cli import main

    main()


def run_command(text, folder, *, warm, number=None, after=0.0):
    """Run a command in a folder, and send it a signal so many seconds after its first bytecode.

    Warm: in a fork of a process that has imported nearly all.
    """
    arguments = text.split()
    out, error = folder.parent / "stdout", folder.parent / "stderr"
    if warm:
        process = PROCESSES.Process(target=in_a_fork, args=(arguments, folder))
        process.start()
        pid, wait = process.pid, lambda: process.join(60) or process.exitcode
    else:
        reading, writing = os.pipe()
        environment = {**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache")}
        environment.pop("PYTHONUNBUFFERED", None)
        with out.open("wb") as stdout, error.open("wb") as stderr:
            process = subprocess.Popen(
                [sys.executable, "-c", MAIN.format(writing), *arguments], cwd=folder,
                env=environment, stdout=stdout, stderr=stderr, pass_fds=[writing],
                preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            )  # fmt: skip
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        pid, wait = process.pid, lambda: process.wait(60)
    begun = time.monotonic()
    if number is not None:
        time.sleep(after)
        try:
            os.kill(pid, number)
        except ProcessLookupError:
            pass
    code = wait()
    seconds = time.monotonic() - begun
    assert code is not None, f"{text} hangs"
    return Ended(code, out.read_text(), error.read_text(), seconds)


def contents(folder):
    """Return what a folder holds: of each file its bytes, in short."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def is_whole(path):
    """Return whether a file is all that its format promises."""
    if path.suffix == ".space":
        return verify(path) == [] and len(open_space(path)) >= 0
    if path.suffix in (".npy", ".npz"):
        array = np.load(path)
        return path.suffix == ".npy" or all(array[name] is not None for name in array.files)
    if path.suffix == ".html":
        return path.read_text().rstrip().endswith("</html>")
    if path.suffix == ".json":
        return bool(json.loads(path.read_text()))
    if path.suffix == ".csv":
        rows = list(csv.reader(path.open(newline="")))
        return len(rows) > 1 and path.read_bytes().endswith(b"\n")
    if path.suffix == ".parquet":
        return pq.read_table(path).num_rows > 0
    return path.stat().st_size > 0


def copy_of(inputs, place):
    """Return a new folder with what a command reads."""
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(inputs, place / "work"))
