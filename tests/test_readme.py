"""The README: its Python is executed, its commands exist, its catalogue is the catalogue."""

import doctest
import re
import shlex
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nearspace import embed, load
from nearspace.cli.app import app
from nearspace.encoders import CATALOGUE
from nearspace.space.file.database import SCHEMA
from nearspace.space.formats import save

pytestmark = pytest.mark.trains

README = Path(__file__).parent.parent / "README.md"
TEXT = README.read_text(encoding="utf-8")


def test_its_python_runs():
    failed, tried = doctest.testfile(
        str(README), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert tried >= 8
    assert failed == 0


def test_the_file_of_a_space_is_as_its_page_says(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    save(embed(load("digits"), "pca(dim=4)"), "digits.space")
    page = README.parent / "docs" / "space_file.md"
    failed, tried = doctest.testfile(str(page), module_relative=False, optionflags=doctest.ELLIPSIS)
    assert (failed, tried) == (0, 4)
    text = page.read_text(encoding="utf-8")
    for statement in SCHEMA.values():
        table, columns = re.match(r"CREATE TABLE (\w+) \((.*)\)$", statement).groups()
        row = re.search(rf"^\| `{table}` \| (.*) \|$", text, re.M).group(1)
        names = [
            c.split()[0] for c in columns.split(", ") if not c.startswith(("PRIMARY", "piece)"))
        ]
        assert re.findall(r"`(\w+)`", row) == names


def test_its_catalogue_is_the_catalogue():
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (\w+) \| (yes)? ?\| (.*) \|$", TEXT, re.M)
    found = {
        name: (kinds.split(", "), learns, bool(yes), what)
        for name, kinds, learns, yes, what in rows
    }
    wanted = {
        name: (list(entry.kinds), entry.learns, entry.decodes, entry.summary)
        for name, entry in CATALOGUE.items()
    }
    assert found == wanted


COMMANDS = sorted(set(re.findall(r"^nearspace [^#\n`]+", TEXT, re.M)))


@pytest.mark.parametrize("command", COMMANDS)
def test_its_commands_parse(command):
    """Every option that a command of the README uses exists; nothing is computed."""
    words = shlex.split(command.strip())[1:]
    help_text = CliRunner().invoke(app, [words[0], "--help"], env={"COLUMNS": "300"}).output
    for word in words:
        if word.startswith("--"):
            assert word in help_text
