"""Encoders fitted in other processes."""

import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from nearspace import load, make
from nearspace.encoders.base import Encoder
from nearspace.judge.workers import Job, Workers
from nearspace.learning.progress import epoch_listener

STARTS = """
import time
from nearspace import load, make
from nearspace.judge.workers import Job, Workers
with Workers([Job("a", make("pca"), load("wine"))], 1) as workers:
    print(workers.processes[0].pid, flush=True)
    time.sleep(60)
"""


@pytest.fixture(scope="module")
def digits():
    return load("digits").take(np.arange(400))


def begin(workers):
    """Ask for the first, which is left to whoever asks, and wait until the others are begun."""
    assert workers.take("first") is None
    deadline = time.monotonic() + 120
    while len(workers.waiting) and time.monotonic() < deadline:
        time.sleep(0.05)


def first(train):
    return Job("first", make("pca(dim=2)"), train)


@pytest.mark.trains
def test_what_they_fit_is_what_is_fitted_here_and_its_epochs_are_told(digits):
    specs = ["vae(dim=3, epochs=3)", "mlp(epochs=2)", "pca(dim=3)"]
    epochs = []
    with Workers([first(digits), *(Job(s, make(s), digits) for s in specs)], 1) as workers:
        begin(workers)
        with epoch_listener(lambda *each: epochs.append(each)):
            fits = [workers.take(spec) for spec in specs]
        assert workers.take(specs[0]) is None  # what was taken is with who took it
    for spec, (fitted, seconds) in zip(specs, fits, strict=True):
        here = make(spec).fit_on(digits)
        np.testing.assert_array_equal(fitted.transform(digits.items), here.transform(digits.items))
        assert fitted.notes == here.notes
        assert 0 < seconds < 60
    assert epochs[-1] in ((3, 3), (2, 2))


def test_until_the_first_is_asked_for_they_do_nothing(digits):
    with Workers([Job("a", make("pca"), digits), Job("b", make("pca"), digits)], 1) as workers:
        time.sleep(0.5)
        assert not workers.has("a")
        assert not workers.has("b")
        assert workers.take("c") is None
        assert len(workers.waiting) == 2


class Fails(Encoder):
    """An encoder that another process can make, and not fit."""

    kinds = make("pca").kinds

    def _fit(self, items, y):
        raise ZeroDivisionError

    def _transform(self, items):
        return items


class NotSent(Fails):
    """An encoder that cannot be sent."""

    def __reduce__(self):
        raise TypeError


@pytest.mark.parametrize("kind", [Fails, NotSent])
def test_what_they_cannot_fit_is_left_to_whoever_asks(kind, digits):
    with Workers([first(digits), Job("bad", kind(), digits)], 1) as workers:
        begin(workers)
        assert workers.take("bad") is None


def test_what_a_process_that_ends_was_fitting_is_left_to_whoever_asks(digits):
    jobs = [first(digits), *(Job(str(n), make("vae(epochs=500)"), digits) for n in range(2))]
    with Workers(jobs, 1) as workers:
        assert workers.take("first") is None
        deadline = time.monotonic() + 120
        while not workers.has("1") and time.monotonic() < deadline:
            time.sleep(0.05)
        workers.processes[0].kill()
        assert workers.take("1") is None
        assert workers.take("0") is None


def test_they_end_when_the_work_is_over(digits):
    with Workers([first(digits), Job("long", make("vae(epochs=500)"), digits)], 2) as workers:
        workers.take("first")
    assert all(process.poll() is not None for process in workers.processes)
    assert not any(thread.is_alive() for thread in workers.threads)


def is_there(pid):
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.skipif(os.name != "posix", reason="needs signals of POSIX")
def test_they_end_with_a_process_that_is_killed():
    with subprocess.Popen([sys.executable, "-c", STARTS], stdout=subprocess.PIPE) as process:
        pid = int(process.stdout.readline())
        assert is_there(pid)
        process.send_signal(signal.SIGKILL)
    deadline = time.monotonic() + 60
    while is_there(pid) and time.monotonic() < deadline:
        time.sleep(0.1)
    assert not is_there(pid)
