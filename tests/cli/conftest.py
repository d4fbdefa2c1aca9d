"""Commands run in this process, which saves the seconds that a new one takes to import."""

import dataclasses

import pytest
from typer.testing import CliRunner

from nearspace.cli.app import app
from nearspace.errors import NearspaceError


@dataclasses.dataclass
class Done:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder, with a cache of its own."""
    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments):
        found = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "150"})
        if isinstance(found.exception, NearspaceError):  # as main tells it
            return Done(2, found.stdout, f"{found.stderr}nearspace: {found.exception}\n")
        if found.exception is not None and not isinstance(found.exception, SystemExit):
            raise found.exception
        return Done(found.exit_code, found.stdout, found.stderr)

    run.folder = folder
    return run
