"""The README and the pages: Python is executed, commands parse, the catalogue is the catalogue."""

import doctest
import importlib.util
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

ROOT = Path(__file__).parent.parent
DOCS = ROOT / "docs"
PAGES = [ROOT / "README.md", *sorted(DOCS.glob("*.md"))]
WITHOUT_PYTHON = {"commands.md", "index.md", "measured.md", "text_models.md", "transfer.md"}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_python_of_a_page_runs(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if page.name == "space_file.md":
        save(embed(load("digits"), "pca(dim=4)"), "digits.space")
    failures, tried = doctest.testfile(
        str(page), module_relative=False, optionflags=doctest.ELLIPSIS
    )
    assert failures == 0
    assert (tried == 0) == (page.name in WITHOUT_PYTHON)


def test_the_file_of_a_space_is_as_its_page_says():
    text = (DOCS / "space_file.md").read_text(encoding="utf-8")
    for statement in SCHEMA.values():
        table, columns = re.match(r"CREATE TABLE (\w+) \((.*)\)$", statement).groups()
        row = re.search(rf"^\| `{table}` \| (.*) \|$", text, re.M).group(1)
        names = [
            c.split()[0] for c in columns.split(", ") if not c.startswith(("PRIMARY", "piece)"))
        ]
        assert re.findall(r"`(\w+)`", row) == names


def test_the_catalogue_is_the_catalogue():
    text = (DOCS / "encoders.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| `(\w+)` \| ([\w, ]+) \| (\w+) \| (yes)? ?\| (.*) \|$", text, re.M)
    told = {
        name: (kinds.split(", "), learns, bool(yes), what)
        for name, kinds, learns, yes, what in rows
    }
    wanted = {
        name: (list(entry.kinds), entry.learns, entry.decodes, entry.summary)
        for name, entry in CATALOGUE.items()
    }
    assert told == wanted


def test_the_page_of_commands_is_what_they_say():
    spec = importlib.util.spec_from_file_location("commands_page", DOCS / "commands.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert module.PAGE.read_text(encoding="utf-8") == module.page(), "run python docs/commands.py"


def test_links_lead_somewhere():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for link, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(#[^)]*)?\)", text):
            place = page.parent / link if link else page
            assert place.is_file(), (page.name, link)
            if anchor:
                titles = re.findall(r"^#+ (.*)$", place.read_text(encoding="utf-8"), re.M)
                assert anchor[1:] in [re.sub(r"[^\w-]", "", t.lower().replace(" ", "-"))
                                      for t in titles], (page.name, link, anchor)  # fmt: skip


COMMANDS = sorted(
    {
        command
        for page in PAGES
        for command in re.findall(r"^nearspace [^#\n`]+", page.read_text(encoding="utf-8"), re.M)
    }
)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_parse(command):
    """Every option that a command uses exists; nothing is computed."""
    words = shlex.split(command.strip())[1:]
    help_text = CliRunner().invoke(app, [words[0], "--help"], env={"COLUMNS": "300"}).output
    for word in words:
        if word.startswith("--"):
            assert word in help_text
