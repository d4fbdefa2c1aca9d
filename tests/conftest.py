"""What several tests share: where the public data sets are, and small sample data of each kind."""

import dataclasses
import os
import sys
from pathlib import Path

import pytest

from nearspace.data import SAMPLES
from nearspace.errors import NearspaceError

SAMPLE_OF_KIND = {
    "audio": "vowels",
    "image": "digits",
    "series": "gestures",
    "table": "customers",
    "text": "sentences",
    "vector": "wine",
}


def refuse_to_train(*args, **options):
    pytest.fail("this test trains a network: mark it with pytest.mark.trains")


class TrainsOnlyIfMarked:
    """Keeps -m 'not trains' quick: a test without the mark fails once it trains a network."""

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item):
        if item.get_closest_marker("trains"):
            return (yield)
        # Not above, since the process that only hands tests out reads this file too.
        from nearspace.learning.optimizer import AdamW

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(AdamW, "step", refuse_to_train)
            return (yield)


def pytest_configure(config):
    config.pluginmanager.register(TrainsOnlyIfMarked())


def pytest_collection_modifyitems(config, items):
    """Mark examples in docstrings that train; leave out what takes hours, unless asked for."""
    for item in items:
        if isinstance(item, pytest.DoctestItem) and any(
            word in example.source
            for example in item.dtest.examples
            for word in ("epochs", "optimizer.step", "imagine(")
        ):
            item.add_marker(pytest.mark.trains)
    if "full" not in config.option.markexpr:
        left_out = [item for item in items if item.get_closest_marker("full")]
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]


@pytest.fixture(autouse=True)
def same_numbers_whatever_ran_before():
    """Let what a test draws at random be the same in whatever order tests run."""
    if "torch" in sys.modules:  # which takes seconds to import
        sys.modules["torch"].manual_seed(0)


@pytest.fixture
def public_data():
    folder = os.environ.get("NEARSPACE_DATA")
    if not folder:
        pytest.skip("NEARSPACE_DATA does not say where the public data sets are")
    return Path(folder)


@pytest.fixture(scope="session")
def samples():
    """The sample data set of each kind."""
    return {kind: SAMPLES[name]() for kind, name in SAMPLE_OF_KIND.items()}


@dataclasses.dataclass
class Done:
    """What a command printed, and its exit code."""

    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def command(tmp_path, monkeypatch):
    """Return a function that runs a command in an empty folder, with a cache of its own.

    It runs in this process, which saves the seconds that a new one takes to import.
    """
    from typer.testing import CliRunner

    from nearspace.cli.app import app

    folder = tmp_path / "work"
    folder.mkdir()
    monkeypatch.chdir(folder)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(*arguments, columns=150):
        monkeypatch.setattr(sys, "argv", ["nearspace", *map(str, arguments)])  # what reports quote
        done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": str(columns)})
        if isinstance(done.exception, NearspaceError):  # as main tells it
            return Done(2, done.stdout, f"{done.stderr}nearspace: {done.exception}\n")
        if done.exception is not None and not isinstance(done.exception, SystemExit):
            raise done.exception
        return Done(done.exit_code, done.stdout, done.stderr)

    run.folder = folder
    return run
