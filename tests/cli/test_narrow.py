"""Every table in a terminal of 80 columns, and of 60: no cell is broken in its midst."""

import fcntl
import os
import pty
import struct
import subprocess
import sys
import termios

import numpy as np
import pytest
from rich.cells import cell_len

from nearspace import embed
from nearspace.cli.diff import _begin, _end
from nearspace.cli.terminal import print_found, print_table
from nearspace.data import SAMPLES
from nearspace.space.formats import save

MAIN = "from nearspace.cli import main; main()"
WHOLE = {  # what stands in cells, by the command; of each number and interval every line has all
    "layers": ["effect of L2", "97.7 [87.5, 99.6]", "tied with best ★", "fc1", "8,192"],
    "transfer": ["last part fine-tuned", "94.3 [60.7, 99.4]", "−2.3 [−100.0, +100.0]", "684 ms"],
    "rates": ["autoencoder(dim=16)", "12.71", "WebP, one mosaic: ≥ 1,104", "33,000"],
    "compare": ["simclr(dim=64)", "97.7 [87.5, 99.6]", "1,024", "12 ms", "euclidean", "worse"],
}
SPARE = {
    "layers": ["effect of L2"],
    "transfer": ["684 ms"],
    "rates": ["33,000"],
    "compare": ["euclidean", "12 ms"],
}


@pytest.mark.parametrize("width", [80, 60, 45])
@pytest.mark.parametrize("command", WHOLE)
def test_a_cell_is_whole_or_its_interval_is_below_it(command, width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    cells = WHOLE[command]
    rows = [{f"head {at}": cell for at, cell in enumerate(cells)}] * 3
    names = "head 0"
    spare = [f"head {cells.index(cell)}" for cell in SPARE[command] if cells.index(cell)]
    print_table(rows, names, words=[f"head {at}" for at, c in enumerate(cells) if " with " in c],
                spare=spare)  # fmt: skip
    text = capsys.readouterr().out
    assert max(map(cell_len, text.splitlines())) <= width
    left_out = text.partition("No room here for ")[2]
    for at, cell in enumerate(cells[1:], start=1):
        if f"head {at}" in left_out:
            continue
        for part in [cell] if cell in text else cell.replace(" [", "\n[").split("\n"):
            assert part in text or all(word in text for word in part.split()), (part, text)


def test_an_id_is_not_broken_to_show_more_of_an_item(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "60")
    name = "photographs/2024 summer/IMG_00003_edited.jpg"
    row = {"rank": 1, "score": 0.5, "id": name, "label": "sea", "camera": "a make of cameras"}
    print_found("", [row], "cosine", "")
    text = capsys.readouterr().out
    assert name in text
    assert "Also known of each: label, camera; --json tells all." in text
    print_found("", [{"id": name, "label": "sea"}], "", "")
    assert capsys.readouterr().out.split("\n")[0].split() == ["id", "label"]


def test_ends_of_ids_and_beginnings_of_texts():
    assert _end("a/long/path/to/1.jpg", 9) == "…to/1.jpg"
    assert _begin("a long text", 7) == "a long…"
    assert _end("日本語/一.jpg", 7) == "…一.jpg"
    assert cell_len(_begin("日本語" * 5, 8)) <= 8


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
def test_lines_in_a_terminal_are_no_longer_than_it_is(tmp_path):
    sentences = SAMPLES["sentences"]()
    ids = np.array([f"collected/sentences of the year/number {n:05d}.txt" for n in range(600)])
    for name, spec in (("a", "tfidf"), ("b", "tfidf | pca(dim=4)")):
        space = embed(sentences, spec)
        save(
            type(space)(space.vectors, ids, space.labels, space.recipe), tmp_path / f"{name}.space"
        )
    for arguments in (["diff", "a.space", "b.space"], ["search", "a.space", "--id", "00007"]):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        environment = {key: text for key, text in os.environ.items() if key != "COLUMNS"}
        process = subprocess.Popen(
            [sys.executable, "-c", MAIN, *arguments], cwd=tmp_path, stdout=theirs,
            stderr=subprocess.DEVNULL, env={**environment, "TERM": "dumb"},
        )  # fmt: skip
        os.close(theirs)
        printed = b""
        while True:
            try:
                some = os.read(ours, 65536)
            except OSError:  # the other end is closed
                break
            printed += some
            if not some:
                break
        os.close(ours)
        assert process.wait(60) == 0
        lines = printed.decode().replace("\r", "").splitlines()
        assert max(map(cell_len, lines)) <= 80, printed.decode()
        assert any("00007" in line for line in lines) or arguments[0] == "diff"
