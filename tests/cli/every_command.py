"""Every command on tiny data, run as a process of its own, and what may lie in its folder after."""

import csv
import dataclasses
import hashlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
from tests.sketches import sketches
from tests.text_models import save_planted

from nearspace.data import SAMPLES
from nearspace.data.pair_reading import load_pairs
from nearspace.encoders.spec import make
from nearspace.space.file.checking import verify
from nearspace.space.formats import open_space, save
from nearspace.space.space import embed

from .children import LONGEST, Done

# What each command is given; all that it reads is made by `make_inputs`.
ARGUMENTS = {
    "add": "add more.npz --ids name --to named.space --replace",
    "align": "align w.space --to wide.space -o aligned.space",
    "analogy": "analogy w.space 1 2 3",
    "cache": "cache --cache made-before",
    "compare": "compare wine --with raw --no-cache -o out --save-best best.space --force",
    "decode": "decode w.space --id 1 -o d.npy",
    "diff": "diff w.space v.space -o diff.csv",
    "embed": "embed wine --with pca(dim=2) -o v.space --force",
    "encoders": "encoders",
    "export": "export w.space -o w.parquet",
    "imagine": "imagine sketches.space one -o strip.png",
    "import": "import v.npz -o imported.space",
    "index": "index many.space",
    "info": "info w.space",
    "interpolate": "interpolate w.space 1 2 -o way.npy",
    "layers": "layers wine --with mlp(epochs=1) --layer fc1 --no-cache -o out",
    "map": "map w.space -o w.html --again",
    "mine": "mine sides.space texts.txt more.txt -o mined.csv",
    "pair": "pair texts.txt texts.txt --with shared(tfidf) -o paired.space",
    "pack": "pack wine --with w.space -o w.codes",
    "rates": "rates digits --limit 60 --with pca(dim=2) --no-cache -o out",
    "re-embed": "re-embed w.space --items wine --with pca(dim=3) -o anew.space",
    "recommend": "recommend readers.space 003 -o next.csv",
    "remove": "remove w.space 3",
    "sample": "sample w.space -n 4 -o s.npy",
    "search": "search w.space --id 1 -o nearest.csv",
    "sinks": "sinks texts.txt --with pretrained:./model -o out",
    "split": "split v.space --force",
    "transfer": "transfer wine --with autoencoder(dim=2,epochs=1) --labelled 20 --seeds 1 "
    "--no-cache -o t.json",
    "unpack": "unpack packed.codes --with packed.space -o u.npz",
    "verify": "verify w.space",
    "column": "column customers plan --with entity(epochs=1) -o plans.space",
    "zero-shot": "zero-shot digits --limit 200 --with sketches.space",
    "words": "words glove.txt -o words.space",
}
# As the script that pip installs; that its first line was reached is told to who started it.
MAIN = "import os; os.write({0}, b'.'); os.close({0}); from nearspace.cli import main; main()"


def make_inputs(folder):
    """Write what the commands of `ARGUMENTS` read into a folder."""
    from nearspace.space.codec.codec import PART, pack, with_codec

    wine = SAMPLES["wine"]()
    space = embed(wine, "pca(dim=2)")
    for name in ("w", "v"):
        save(space, folder / f"{name}.space")
    save(space, folder / "v.npz")
    save(embed(wine, "pca(dim=3)"), folder / "wide.space")
    names = np.array([f"bottle {number}" for number in range(len(wine))])
    save(dataclasses.replace(space, ids=names), folder / "named.space")
    more = {"vectors": wine.items[:40] + 1.0, "name": np.array([f"new {n}" for n in range(40)])}
    np.savez(folder / "more.npz", **more)
    np.savez(folder / "many.npz", vectors=np.random.default_rng(0).normal(size=(1200, 8)))
    save(open_space(folder / "many.npz"), folder / "many.space")
    (folder / "glove.txt").write_text("".join(f"word{n} {n} {n % 7}\n" for n in range(40)))
    packed = with_codec(space)
    save(packed, folder / "packed.space")
    assert PART in packed.parts
    (folder / "packed.codes").write_bytes(pack(packed, wine.items))
    save_planted(folder / "model", "[SEP]")
    (folder / "texts.txt").write_text("near means alike\nfar\nthe sea is calm\n")
    (folder / "more.txt").write_text("near means like\nfar away\na calm sea\n")
    pairs = load_pairs((str(folder / "texts.txt"), str(folder / "more.txt")))
    save(embed(pairs, make("shared(tfidf(analyzer='char'))")), folder / "sides.space")
    save(sketches(), folder / "sketches.space")
    save(embed(SAMPLES["readers"](), "als(dim=4, regularization=0.1)"), folder / "readers.space")


def alone(folder, *arguments, signal=0, after=0.0):
    """Run a command in a process of its own, whose first line is when the seconds begin.

    What it printed, and its exit code, are as those of `children.forking`.
    """
    reading, writing = os.pipe()
    environment = {**os.environ, "XDG_CACHE_HOME": str(folder.parent / "cache"), "COLUMNS": "150"}
    environment.pop("PYTHONUNBUFFERED", None)
    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as err:
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN.format(writing), *arguments], cwd=folder, env=environment,
            stdout=out, stderr=err, pass_fds=[writing], preexec_fn=take_signals,
        )  # fmt: skip
        os.close(writing)
        os.read(reading, 1)
        os.close(reading)
        if signal:
            time.sleep(after)
            process.send_signal(signal)
        code = process.wait(LONGEST)
        printed = []
        for file in (out, err):
            file.seek(0)
            printed.append(file.read().decode())
    return Done(code, *printed)


def take_signals():
    """Let Ctrl-C reach this process, though the shell that runs the tests may ignore it."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


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
        rows = list(csv.reader(path.read_text().splitlines()))
        return len(rows) > 1 and path.read_bytes().endswith(b"\n")
    if path.suffix == ".parquet":
        return pq.read_table(path).num_rows > 0
    return path.stat().st_size > 0


def copy_of(inputs, place):
    """Return a new folder with what a command reads."""
    shutil.rmtree(place, ignore_errors=True)
    return Path(shutil.copytree(inputs, place / "work"))
