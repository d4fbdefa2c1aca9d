"""Ctrl-C, SIGTERM and SIGHUP at any moment of every command."""

import contextlib
import os
import re
import signal
import sqlite3
import time

import pytest

from nearspace.cli.app import COMMANDS

from .children import forking
from .every_command import ARGUMENTS, alone, contents, copy_of, is_whole, make_inputs

pytestmark = pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")

NOISE = re.compile(r"Traceback|Exception ignored|Fatal Python|Aborted|terminate called|Error\b")
CODES = {signal.SIGINT: 130, signal.SIGTERM: 143, signal.SIGHUP: 129}
WORDS = {signal.SIGINT: "interrupted", signal.SIGTERM: "terminated", signal.SIGHUP: "hung up"}
KEPT = ("compare", "transfer")  # what is done is printed and written, rather than one line


@pytest.fixture(scope="session")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    return folder


def test_the_table_has_every_command():
    assert sorted(ARGUMENTS) == sorted(name for names in COMMANDS.values() for name in names)


def faults(name, done, number, before, whole, folder):
    """Return what is wrong with how a command ended after a signal."""
    after, wrong = contents(folder), []
    if done.returncode not in (0, CODES[number]):
        wrong.append(f"exit code {done.returncode}")
    if noise := NOISE.search(done.stderr):
        wrong.append(f"'{noise[0]}' on standard error")
    if done.returncode == CODES[number] and (name not in KEPT or number != signal.SIGINT):
        *_, last = done.stderr.splitlines() or [""]
        if f"nearspace: {WORDS[number]}; " not in last:
            wrong.append("not told in one line")
    if "nothing was written" in done.stderr and after != before:
        wrong.append("'nothing was written', but it was")
    if "; nothing" not in done.stderr and " written" in done.stderr and after == before:
        wrong.append("'written', but nothing was")
    wrong += [f"{path} stays" for path in sorted(set(after) - set(before) - whole)]
    for path in sorted(set(after) & whole):
        if after[path] != before.get(path) and not is_whole(folder / path):
            wrong.append(f"{path} is not whole")
    wrong += [f"{path} is gone" for path in sorted(set(before) - set(after))]
    return wrong


def attack(run, name, inputs, place, moments, number=signal.SIGINT):
    """Send a command a signal at moments spread over its run; return what was wrong, by moment."""
    for _ in range(2):  # the second run finds the files of Python in memory
        folder = copy_of(inputs, place)
        before, begun = contents(folder), time.monotonic()
        done = run(folder, *ARGUMENTS[name].split())
        seconds = time.monotonic() - begun
        assert done.returncode == 0, done.stderr
    whole, found = set(contents(folder)), {}
    for moment in range(moments):
        folder = copy_of(inputs, place)
        after = seconds * (moment + 0.5) / moments
        done = run(folder, *ARGUMENTS[name].split(), signal=number, after=after)
        if wrong := faults(name, done, number, before, whole, folder):
            found[f"{name} after {after:.3f} s"] = (wrong, done.stderr[-600:])
    return found


def told(found, moments):
    """Return what was wrong at some of the moments, for a person to read."""
    lines = [f"{when}: {', '.join(wrong)}\n{words}" for when, (wrong, words) in found.items()]
    return "\n".join([f"{len(found)} of {moments} moments", *lines]) if found else ""


@pytest.fixture(scope="module")
def fork(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("cache")) as run:
        yield run


@pytest.mark.parametrize("number", CODES)
def test_a_signal_ends_a_command_in_one_line(number, fork, inputs, tmp_path):
    wrong = told(attack(fork, "map", inputs, tmp_path, 2, number), 2)
    assert not wrong, wrong


def test_ctrl_c_is_heard_while_others_write(fork, inputs, tmp_path):
    folder = copy_of(inputs, tmp_path)
    begun = time.monotonic()
    with contextlib.closing(sqlite3.connect(folder / "w.space", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        done = fork(folder, "remove", "w.space", "3", signal=signal.SIGINT, after=2)
    assert done.returncode == 130, done.stderr
    assert "nothing was written" in done.stderr
    assert time.monotonic() - begun < 30


def test_ctrl_c_while_libraries_are_imported(inputs, tmp_path):
    wrong = told(attack(alone, "encoders", inputs, tmp_path, 2), 2)
    assert not wrong, wrong


@pytest.mark.full
@pytest.mark.parametrize("name", ARGUMENTS)
def test_ctrl_c_at_a_hundred_moments_of_a_command(name, inputs, tmp_path):
    moments = int(os.environ.get("MOMENTS", 100))
    assert not (wrong := told(attack(alone, name, inputs, tmp_path, moments), moments)), wrong


@pytest.mark.full
@pytest.mark.parametrize("name", ARGUMENTS)
@pytest.mark.parametrize("number", CODES)
def test_signals_at_a_hundred_moments_after_the_imports(number, name, fork, inputs, tmp_path):
    moments = int(os.environ.get("MOMENTS", 100))
    wrong = told(attack(fork, name, inputs, tmp_path, moments, number), moments)
    assert not wrong, wrong
