"""What can be added, each in a file: a kind, an encoder, a task, a score and a format."""

import importlib
import re
import sys
from pathlib import Path

import numpy as np
import pytest

from nearspace import embed, load, open_space, save
from nearspace.data import Kind
from nearspace.encoders import CATALOGUE, Entry
from nearspace.encoders.spec import make
from nearspace.judge.scores import SCORES
from nearspace.judge.task import Task
from nearspace.judge.usual import USUAL, Usual
from nearspace.space.formats import FORMATS, Format

ROOT = Path(__file__).parents[1]
PLUGINS = ROOT / "examples" / "plugins"
NAMES = [path.stem for path in PLUGINS.glob("*.py")]

TRIADS = {"major": (0, 4, 7), "minor": (0, 3, 7), "diminished": (0, 3, 6)}


@pytest.fixture(scope="module")
def plugins():
    """The modules, in a nearspace that has a row for each that needs one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(PLUGINS)
        modules = {name: importlib.import_module(name) for name in ["chord", *NAMES]}
        usual = Usual(floor=("raw",), reference="raw", encoders=("pitch_classes",), supervised=())
        patch.setitem(USUAL, "chord", usual)
        row = Entry("pitch_classes:PitchClasses", ("chord",), "pitch classes")
        patch.setitem(CATALOGUE, "pitch_classes", row)
        patch.setitem(SCORES, "shared_notes", modules["shared_notes"].SHARED_NOTES)
        patch.setitem(
            FORMATS, ".lines", Format(modules["json_lines"].read, modules["json_lines"].write)
        )
        yield modules
    for name in modules:
        del sys.modules[name]
    del Kind.registry["chord"], Task.registry["harmony"]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder of triads, in every octave and on every root, in a folder a class."""
    folder = tmp_path_factory.mktemp("chords")
    for name, steps in TRIADS.items():
        (folder / name).mkdir()
        for root in range(36, 84):
            notes = " ".join(str(root + step) for step in steps)
            (folder / name / f"{root}.chord").write_text(notes)
    return folder


def test_a_kind_is_read_and_recognised(plugins, folder):
    chords = load(folder)
    assert chords.kind == plugins["chord"].Chord()
    assert len(chords) == 144
    assert set(chords.target.values) == set(TRIADS)
    assert load(chords.items).kind == chords.kind


def test_an_encoder_has_a_spec_and_is_read_in_again(plugins, folder, tmp_path):
    chords = load(folder)
    encoder = make("pitch_classes")
    assert encoder.fit_on(chords).spec == "pitch_classes"
    space = embed(chords, "pitch_classes | pca(dim=6)")
    again = open_space(save(space, tmp_path / "chords.space"))
    np.testing.assert_array_equal(again.encoder.transform(chords.items), space.vectors)


def test_a_format_is_written_and_read(plugins, folder, tmp_path):
    space = embed(load(folder), "pitch_classes")
    again = open_space(save(space, tmp_path / "chords.lines"))
    np.testing.assert_array_equal(again.vectors, space.vectors)
    assert again.recipe == space.recipe


def test_the_commands_take_all_five(plugins, folder, tmp_path, command):
    def run(*words):
        done = command(*words)
        assert done.returncode == 0, done.stderr
        return done.stdout

    space, page = tmp_path / "chords.space", tmp_path / "chords.html"
    assert "pitch_classes" in run("encoders")
    run("embed", folder, "--with", "pitch_classes", "-o", space)
    assert "chord" in run("info", space)
    assert "major/60.chord" in run("search", space, folder / "major" / "60.chord", "-k", "3")
    run("map", space, "-o", page)
    assert "60 64 67" in page.read_text()
    run("export", space, "-o", tmp_path / "chords.lines")
    assert "144" in run("info", tmp_path / "chords.lines")
    table = run("compare", folder, "--task", "harmony", "-o", tmp_path / "report")
    assert "shared notes" in table
    assert "pitch_classes" in table
    report = (tmp_path / "report" / "report.html").read_text()
    assert "shared notes" in report
    assert "<code>" in report


def test_the_counts_of_lines_are_as_told():
    table = (ROOT / "CONTRIBUTING.md").read_text(encoding="utf-8")
    told = dict(re.findall(r"\[(\w+)\.py\]\(examples/plugins/\w+\.py\) \| (\d+) \|", table))
    assert {name: int(lines) for name, lines in told.items()} == {
        name: code_lines(PLUGINS / f"{name}.py") for name in NAMES
    }


def code_lines(path):
    """Return how many lines are neither blank nor in docstrings."""
    source = re.sub(
        r'^ *"""(.|\n)*?"""\n', "", path.read_text(encoding="utf-8"), flags=re.MULTILINE
    )
    return sum(bool(line.strip()) for line in source.splitlines())
