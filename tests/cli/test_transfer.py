"""``nearspace transfer`` as a user meets it."""

import functools
import html
import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nearspace.cli.app import app
from nearspace.encoders.trainable import Schedule
from nearspace.errors import NearspaceError
from nearspace.judge.studies.transfer import transfer

pytestmark = pytest.mark.trains


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Run the command in an empty folder with a cache of its own."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        return CliRunner().invoke(app, ["transfer", *arguments], env={"COLUMNS": "150"})

    return run


@pytest.fixture
def short(monkeypatch):
    """Let the command train for a few steps."""
    few = functools.partial(transfer, schedule=Schedule(fewest_steps=20, passes=1))
    monkeypatch.setattr("nearspace.judge.studies.transfer.transfer", few)


def test_it_prints_a_table_and_writes_a_page_and_json(run, tmp_path, short):
    arguments = ["--with", "autoencoder(dim=4, epochs=1)", "--labelled", "20,900", "--seeds", "1"]
    done = run("wine", *arguments)
    assert done.exit_code == 0, done.output
    for words in ("minus from scratch", "last part fine-tuned", "The last part is", "Time: "):
        assert words in done.stdout
    assert "900 labels are left out" in done.stdout
    assert done.stdout.splitlines()[-1] == "Report: transfer.html"
    study = json.loads((tmp_path / "transfer.json").read_text())
    assert len(study["rows"]) == 5
    assert study["protocol"]["command"].startswith("nearspace ")
    (used,) = (row["way"] for row in study["rows"] if row["recommended"])
    assert f"{used} ★" in done.stdout
    assert f"With 20 labels: {used} ★, " in done.stdout
    page = (tmp_path / "transfer.html").read_text(encoding="utf-8")
    assert study["protocol"]["command"] in html.unescape(page)


def test_the_ending_says_what_is_written(run, tmp_path):
    few = ["wine", "--with", "random(dim=2)", "--labelled", "20", "--seeds", "1"]
    for place, names in {"a/t.html": ["a/t.html"], "t.json": ["t.json"]}.items():
        assert run(*few, "-o", place).stdout.endswith(f"Report: {place}\n")
        assert [name for name in names if (tmp_path / name).is_file()] == names
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "cache", "t.json"]


def test_an_encoder_without_a_network_is_held_against_the_plain_one(run):
    done = run("wine", "--with", "random(dim=1)", "--labelled", "20", "--seeds", "4")
    assert done.exit_code == 0, done.output
    assert "minus linear head on raw" in done.stdout
    closing = done.stdout.splitlines()[-4]
    assert closing.startswith("20 labels: random(dim=1) did not help: the linear head on it is ")
    assert "points below the linear head on raw [−" in closing
    table = done.stdout.split("note:")[0]
    assert "−" in table
    assert "-" not in table


def test_ctrl_c_prints_what_is_done(run, short, monkeypatch):
    def stop(*args):
        raise KeyboardInterrupt

    monkeypatch.setattr("nearspace.judge.studies.transfer.linear_head", stop)
    arguments = ["--with", "autoencoder(dim=4, epochs=1)", "--labelled", "20"]
    done = run("wine", *arguments, "-o", "t.json")
    assert done.exit_code == 130
    assert "Interrupted" in done.stdout
    assert len(json.loads(Path("t.json").read_text())["rows"]) == 1


WRONG = {
    ("wine", "--with", "simcrl"): "Did you mean 'simclr'?",
    ("wine", "--with", "mlp"): "learns from labels",
    ("wine", "--with", "pca", "--labelled", "ten"): "whole numbers with commas",
    ("wine", "--with", "pca", "--labelled", "2"): "at least 3, got 2",
    ("wine", "--with", "pca", "-o", "t.csv"): "ending .html or .json",
    ("wine", "--with", "pca", "-o", "t.json", "--open"): "--open shows a page",
}


@pytest.mark.parametrize(("arguments", "told"), WRONG.items(), ids=lambda v: v[-1])
def test_mistakes_are_told_in_a_sentence(run, arguments, told):
    done = run(*arguments)
    assert isinstance(done.exception, NearspaceError)
    assert told in str(done.exception)
