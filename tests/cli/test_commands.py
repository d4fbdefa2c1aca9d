"""The command line as a user meets it: what it prints, writes and refuses, with its exit codes."""

import json
import os
import re
import signal
import struct
import subprocess
import sys
import time

import numpy as np
import pandas as pd
import pytest
from PIL import Image

MAIN = "from nearspace.cli import main; main()"


def start(folder, *arguments):
    """Start the command in a process of its own, with a cache of its own in the folder."""
    return subprocess.Popen(
        [sys.executable, "-c", MAIN, *arguments],
        cwd=folder, env={**os.environ, "XDG_CACHE_HOME": str(folder / "cache"), "COLUMNS": "150"},
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


def test_compare_writes_the_report(command):
    done = command("compare", "wine", "--with", "pca(dim=4), raw | l2")
    assert done.returncode == 0, done.stderr
    assert re.search("^(Use|Best guess: ).* 5-NN accuracy", done.stdout, re.MULTILINE)
    report = json.loads((command.folder / "report.json").read_text())
    assert report["protocol"]["command"].startswith("nearspace compare wine --with")
    assert {row["spec"] for row in report["rows"]} == {
        "chance",
        "raw",
        "raw | scale",
        "raw | l2",
        "pca(dim=4)",
    }
    page = (command.folder / "report.html").read_text(encoding="utf-8")
    assert "plotly" in page
    assert "<pre>nearspace compare wine --with" in page
    assert " ".join(done.stdout.split()).count("(--folds 1).") == 1


def test_an_error_is_one_sentence_and_exit_code_2(tmp_path):
    process = start(tmp_path, "compare", "digts")
    out, error = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert error.startswith("nearspace: ")
    assert error.count("\n") == 1


def test_compare_reads_what_users_have(command):
    random = np.random.default_rng(0)
    y = np.arange(80) % 2
    x = random.normal(size=(80, 3)) + 2 * y[:, None]
    np.savez(command.folder / "v.npz", vectors=x, y=y, farm=np.arange(80) // 4)
    done = command("compare", "v.npz", "--labels", "y", "--groups", "farm", "--with", "l2")
    assert done.returncode == 0, done.stderr
    frame = pd.DataFrame({"text": [f"a{v} word {v}" for v in y], "stars": y, "size": x[:, 0]})
    frame.loc[3, "size"] = np.nan
    frame.to_csv(command.folder / "r.csv", index=False)
    done = command("compare", "r.csv", "--column", "text", "--labels", "stars", "--with", "bow")
    assert done.returncode == 2  # two texts in 80 rows: nothing to split
    assert "equal" in done.stderr
    done = command("compare", "r.csv", "--labels", "stars", "--with", "onehot")
    assert done.returncode == 0, done.stderr


def test_compare_takes_a_folder_of_odd_pictures(command):
    random = np.random.default_rng(0)
    for label, brightest in (("dark", 90), ("light", 256)):
        folder = command.folder / "photos" / label
        folder.mkdir(parents=True)
        for index in range(20):
            pixels = random.integers(0, brightest, (12, 9, 4), dtype=np.uint8)
            pixels[..., 3] = 255
            picture = Image.fromarray(pixels).convert(["RGB", "RGBA", "L", "P"][index % 4])
            picture.save(folder / f"{index}.{'gif' if index % 4 == 3 else 'png'}")
        deep = random.integers(0, 256 * brightest, (12, 9)).astype(np.uint16)
        Image.fromarray(deep).save(folder / "deep.png")
        Image.fromarray(pixels[:1, :1]).save(folder / "one pixel.png")
    head = b"BM" + struct.pack("<IHHI", 0, 0, 0, 54)
    bomb = struct.pack("<IiiHHIIiiII", 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0)
    (command.folder / "photos" / "light" / "bomb.bmp").write_bytes(head + bomb + bytes(99))
    done = command("compare", "photos", "--size", "12", "--with", "colour_histogram, hog@conv1")
    assert done.returncode == 2
    assert "has no layers" in done.stderr
    done = command("compare", "photos", "--size", "12", "--with", "cnn@conv9")
    assert done.returncode == 2, done.stderr
    assert "Cannot use 'cnn@conv9': The network has no layer 'conv9'." in done.stderr
    done = command("compare", "photos", "--size", "12", "--with", "colour_histogram")
    assert done.returncode == 0, done.stderr
    assert "bomb.bmp" in done.stdout + done.stderr
    assert "a decompression bomb" in done.stdout + done.stderr
    rows = json.loads((command.folder / "report.json").read_text())["rows"]
    assert {"raw", "hog", "colour_histogram", "chance"} == {r["spec"] for r in rows}


WRONG = {
    ("compare", "digits", "--with", "autoencodr"): "Did you mean 'autoencoder'?",
    ("compare", "digits", "--with", "pca(dimm=3)"): "Did you mean 'dim'?",
    ("compare", "digts"): "Did you mean 'digits'?",
    ("compare", "t.csv", "--labels", "specis"): "Did you mean 'species'?",
    ("compare", "t.csv", "--column", "txt"): "Did you mean 'text'?",
    ("compare", "digits", "--with", "raw", "--rank-by", "prob"): "Did you mean 'probe'?",
    ("compare", "digits", "--with", "pca(dim=0)"): "'dim' parameter of PCA must be",
    ("compare", "digits", "--with", "mlp(hidden=(0,))"): "'hidden' parameter of MLP must be",
    ("compare", "broken.npz"): "broken.npz",
    ("compare", "empty"): "empty",
    ("compare", "nan.npz"): "row 1, column 2",
    ("compare", "wine", "-k", "500"): "lower k",
    ("embed", "digits", "--with", "pca", "-o", "x.txt"): "ending .space, .parquet or .npz",
    ("embed", "digits", "--with", "cnn(epochs=1)@conv7", "-o", "x.npz"): "no layer 'conv7'",
    ("compare", "digits", "--wth", "raw"): "--with",
    ("compare", "pictures", "--column", "txt"): "so --column txt finds nothing",
    ("compare", "digits", "--task", "clases"): "Did you mean 'classes'?",
    ("map", "no.space", "-o", "x.html"): "no.space does not exist",
    ("layers", "digits", "--with", "pca"): "'pca' has no layers",
    ("layers", "digits", "--with", "cnn | l2"): "'cnn | l2' has no layers",
    ("layers", "wine", "--with", "mlp", "--pool", "none"): "no pool 'none'",
    ("layers", "wine", "--with", "mlp(epochs=1)", "--layer", "fc9"): "no layer 'fc9'",
    ("compar", "digits"): "compare",
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.items(), ids=lambda v: v[-1])
def test_mistakes_are_told_in_a_sentence(command, arguments, told):
    folder = command.folder
    (folder / "t.csv").write_text("text,species\n" + "a word,x\nother word,y\n" * 9)
    (folder / "broken.npz").write_bytes(b"this is no archive")
    (folder / "empty").mkdir()
    for label in ("a", "b"):
        (folder / "pictures" / label).mkdir(parents=True)
        Image.new("L", (4, 4)).save(folder / "pictures" / label / "x.png")
    vectors = np.zeros((9, 3))
    vectors[1, 2] = np.nan
    np.savez(folder / "nan.npz", vectors=vectors)
    done = command(*arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    ("option", "told"),
    [
        (["--task", "clases"], "Did you mean 'classes'?"),
        (["--rank-by", "prob"], "Did you mean 'probe'?"),
        (["--test-size", "1"], "--test-size must be between 0 and 1"),
    ],
)
def test_wrong_settings_are_told_before_any_data_is_read(command, option, told):
    done = command("compare", "digits", *option)
    assert done.returncode == 2
    assert told in done.stderr
    assert "1,797" not in done.stderr


def test_embed_writes_what_compare_reads(command):
    for name in ("d.npz", "d.parquet"):
        done = command("embed", "wine", "--with", "pca(dim=4)", "-o", name)
        assert done.returncode == 0, done.stderr
    archive = np.load(command.folder / "d.npz")
    assert archive["vectors"].shape == (178, 4)
    frame = pd.read_parquet(command.folder / "d.parquet")
    np.testing.assert_allclose(np.stack(frame["vector"]), archive["vectors"])
    done = command("compare", "d.npz", "--with", "l2")
    assert done.returncode == 0, done.stderr
    assert "chance" in done.stdout  # its labels were found


@pytest.mark.trains
def test_layers_writes_its_page(command):
    done = command(
        "layers", "wine", "--with", "mlp(epochs=2)", "--layer", "fc1", "--layer", "fc2", "-o", "new"
    )
    assert done.returncode == 0, done.stderr
    assert "fc1 + fc2" in done.stdout
    assert "mlp(epochs=2)@fc" in done.stdout
    value = json.loads((command.folder / "new" / "layers.json").read_text())
    assert [row["name"] for row in value["rows"]] == ["raw", "fc1", "fc2"]
    assert value["protocol"]["command"].startswith("nearspace layers wine")
    assert "plotly" in (command.folder / "new" / "layers.html").read_text(encoding="utf-8")


@pytest.mark.trains
@pytest.mark.parametrize("width", [80, 100, 130])
def test_a_layer_stands_on_one_line(command, width):
    done = command(
        "layers", "wine", "--with", "mlp(epochs=2)", "--layer", "fc1", "-o", "new", columns=width
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if line.startswith("fc1"))
    assert re.search(r"(best|tied with best|worse)( ★)?$", lines[at].rstrip())
    assert lines[at - 1].startswith("raw")
    assert lines[at].count("[") == (1 if width == 80 else 2)


def test_encoders_lists_the_catalogue(command):
    done = command("encoders")
    assert done.returncode == 0
    assert "autoencoder" in done.stdout
    assert "images" in done.stdout


@pytest.mark.trains
@pytest.mark.skipif(sys.platform != "linux", reason="signals and cache folders are Linux's here")
def test_ctrl_c_writes_a_report_of_what_is_done(tmp_path):
    process = start(
        tmp_path, "compare", "wine", "--folds", "1", "--with", "l2, autoencoder(epochs=50000)"
    )
    rows = tmp_path / "cache" / "nearspace" / "rows"
    for _ in range(400):  # until the floor is judged and the long training has begun
        time.sleep(0.25)
        if rows.is_dir() and len([row for row in rows.iterdir() if row.name[0] != "."]) == 3:
            break
    time.sleep(1)
    process.send_signal(signal.SIGINT)
    out, error = process.communicate(timeout=60)
    assert process.returncode == 130, error
    report = json.loads((tmp_path / "report.json").read_text())
    assert {"raw", "raw | scale", "l2", "chance"} == {
        row["spec"] for row in report["rows"] if "scores" in row
    }
    assert report["protocol"]["command"].startswith("nearspace compare wine --folds 1")
    assert "Interrupted while judging autoencoder(epochs=50000). What was done until" in out


def test_what_cannot_be_written_or_learnt_is_told_before_computing(command):
    (command.folder / "file").touch()
    for arguments in (
        ["embed", "digits", "--with", "simclr"],
        ["transfer", "digits", "--with", "hog"],
    ):
        ending = ".npz" if arguments[0] == "embed" else ".json"
        done = command(*arguments, "-o", f"file/x{ending}")
        assert done.returncode == 2
        assert f"-o file/x{ending} cannot be written" in done.stderr.replace("\\", "/")
        assert "1,797" not in done.stderr  # nothing was read
    np.save(command.folder / "flat.npy", np.zeros((30, 8, 8), np.uint8))
    for name, *options in (["embed", "-o", "x.npz"], ["layers"]):
        done = command(name, "flat.npy", "--with", "cnn", *options)
        assert done.returncode == 2
        assert "flat.npy has no labels, from which this encoder learns: sort" in done.stderr
    assert not (command.folder / "x.npz").exists()
