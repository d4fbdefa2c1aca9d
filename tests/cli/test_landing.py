"""Rows of a comparison as they land: a table on a terminal, lines elsewhere."""

import os
import re

import pytest

from nearspace.cli import terminal

NAMES = ["pca(dim=3)", "\x1b[31mred\x1b[0m | l2", "日本語 [bold]"]


def land_all(monkeypatch, **environment):
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    with terminal.rows_as_they_land() as (tell, land):
        for at, name in enumerate(NAMES):
            tell(at / 3, f"{name}: epoch 1 of 3, about 8 s left")
            land({"encoder": name, "5-NN accuracy": f"{at}7.1 [96, 98]", "fit": "3 ms"}, at)
        land({"encoder": "hog", "": "failed: it needs the extra 'images'"}, -1)


def test_piped_rows_are_lines_on_standard_error_in_the_order_they_land(monkeypatch, capfd):
    land_all(monkeypatch)
    out, error = capfd.readouterr()
    assert out == ""
    lines = error.splitlines()
    assert lines[0] == "pca(dim=3):  07.1 [96, 98] 5-NN accuracy,  3 ms fit"
    assert lines[3] == "hog:  failed: it needs the extra 'images'"
    assert len(lines) == 4  # what is being done is told now and then, not every epoch
    assert "\x1b" not in error


def test_what_takes_long_is_told_now_and_then(monkeypatch, capfd):
    clock = iter([0.0, 3.0, 11.0, 15.0, 30.0])
    monkeypatch.setattr(terminal.time, "monotonic", lambda: next(clock))
    with terminal.rows_as_they_land() as (tell, _):
        for share in (0.1, 0.2, 0.3, 0.4):
            tell(share, "simclr: epoch 1 of 3")
    assert capfd.readouterr().err == (
        "  20% after 0:11, simclr: epoch 1 of 3\n  40% after 0:30, simclr: epoch 1 of 3\n"
    )


def test_on_a_terminal_the_best_so_far_stands_first_and_all_is_taken_away(monkeypatch, capfd):
    land_all(monkeypatch, FORCE_COLOR="1", TERM="xterm", COLUMNS="80")
    out, error = capfd.readouterr()
    assert out == ""
    assert "\x1b[31mred" not in error  # what a name would do to the terminal
    shown = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", error)
    last = shown[shown.rindex("encoder") :]
    assert last.index("日本語 [bold]") < last.index("pca(dim=3)") < last.index("failed: it needs")
    assert error.endswith("\x1b[1A\x1b[2K") or "\x1b[2K" in error[-80:]


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="there is no terminal to open")
def test_a_dumb_terminal_gets_lines(monkeypatch, capfd):
    land_all(monkeypatch, FORCE_COLOR="1", TERM="dumb")
    assert len(capfd.readouterr().err.splitlines()) == 4


def test_compare_tells_each_row_and_prints_the_table_once(command):
    done = command("compare", "wine", "--with", "pca(dim=3), l2")
    landed = [line.partition(":")[0] for line in done.stderr.splitlines() if line.endswith(" fit")]
    assert landed == ["raw", "pca(dim=3)", "l2", "raw | scale"]
    assert all("5-NN accuracy" in line for line in done.stderr.splitlines()[2:])
    assert done.stdout.count("pca(dim=3) ") == 1


def test_all_that_is_wrong_with_encoders_is_told_before_data_are_read(command):
    done = command("compare", "nowhere.npz", "--with", "pcs, raw", "--with", "hgo")
    assert done.returncode == 2
    assert "Did you mean 'pca'?" in done.stderr
    assert "Did you mean 'hog'?" in done.stderr
    assert "nowhere" not in done.stderr
    done = command("compare", "digits", "--with", "tfidf, cnn@conv9, pca", "--minutes", "2")
    assert done.returncode == 2
    told = done.stderr.splitlines()[-1]
    assert "takes texts; got images" in told
    assert "Did you mean 'conv2'?" in told
    assert not list(command.folder.iterdir())


def test_minutes_are_a_time(command):
    done = command("compare", "wine", "--minutes", "0")
    assert (done.returncode, done.stdout) == (2, "")
    assert "nearspace: --minutes must be a number above 0; got 0.0." in done.stderr
    done = command("compare", "wine", "--with", "pca", "--minutes", "0.00001")
    assert done.returncode == 2  # nothing was judged
    assert "Left out, as there was no time for them in 1e-05 min: raw (about" in done.stdout
