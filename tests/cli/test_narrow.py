"""Every table in a terminal of 80 columns, and of 60: no cell is broken in its midst."""

import inspect
import re
import shlex
import sys
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

import nearspace
from nearspace import embed, load
from nearspace.cli.answers import print_answers
from nearspace.cli.app import COMMANDS
from nearspace.cli.map import _group
from nearspace.cli.terminal import beginning, ending, print_table
from nearspace.data import SAMPLES
from nearspace.space.formats import save
from nearspace.space.map.landmarks import Alike

from .children import forking
from .every_command import ARGUMENTS, copy_of, make_inputs

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
    print_answers("", [row], "cosine", "")
    text = capsys.readouterr().out
    assert name in text
    assert "Also known of each: label, camera; --json tells all." in text
    print_answers("", [{"id": name, "label": "sea"}], "", "")
    assert capsys.readouterr().out.split("\n")[0].split() == ["id", "label"]


def test_ends_of_ids_and_beginnings_of_texts():
    assert ending("a/long/path/to/1.jpg", 9) == "…to/1.jpg"
    assert beginning("a long text", 7) == "a long…"
    assert ending("日本語/一.jpg", 7) == "…一.jpg"
    assert cell_len(beginning("日本語" * 5, 8)) <= 8


TAIL = "of the year, taken by somebody"  # of the ids, most of a line long, one in wide signs
CLASSES = ["airplane of war", "car", "鳥 (bird)", "cat, long-haired", *"456789"]
TERMINAL = {  # what is run beside `ARGUMENTS`, or instead, with long names and ten labels
    "add": "add long.npz --labels labels --to long.space --ids ids --replace",
    "analogy": "analogy long.space 0001 0002 0003",
    "compare": "compare long.npz --labels labels --ids ids --kind image --with raw,pca:dim=3 "
    "--folds 1 --no-cache -o out --save-best best.space",
    "decode": "decode long.space --id 0001 -o d.png",
    "diff": "diff long.space other.space",
    "export": "export long.space -o w.parquet",
    "info": "info long.space",
    "interpolate": "interpolate long.space 0001 0002 -o way.png",
    "map": "map long.space",
    "remove": "remove named.space 'bottle 7'",
    "search": "search long.space --id 0001 -k 12",
    "transfer": "transfer wine --with pca:dim=2 --labelled 20 --seeds 1 --no-cache",
    "search --where": "search long.space --where label=car",
}


@pytest.fixture(scope="module")
def inputs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("inputs")
    make_inputs(folder)
    digits = SAMPLES["digits"]()
    rows = np.r_[:240, :4]  # some twice: near-duplicates on the map
    ids = np.array([f"写真/{'photograph' * (at % 2)} {at:04d} {TAIL}" for at in range(len(rows))])
    labels = np.array(CLASSES)[digits.labels[rows]]
    np.savez(folder / "long.npz", images=digits.items[rows], ids=ids, labels=labels)
    data = load(digits.items[rows], ids=ids, labels=labels)
    for name, spec in (("long", "pca(dim=3)"), ("other", "raw")):
        save(embed(data, spec), folder / f"{name}.space")
    return folder


@pytest.fixture(scope="module")
def in_terminal(tmp_path_factory):
    with forking(tmp_path_factory.mktemp("cache")) as run:
        yield lambda folder, line: run(folder, *shlex.split(line), columns=80)


@pytest.fixture(scope="module")
def known_words():
    """All words in the code, the names of options and samples among them, and in our inputs."""
    inputs = Path(__file__).with_name("every_command.py")
    files = [*Path(inspect.getfile(nearspace)).parent.rglob("*.py"), Path(__file__), inputs]
    return OF_HELP | {word for file in files for word in WORD.findall(file.read_text().lower())}


WORD = re.compile(r"[^\W\d_]+")
CUT = re.compile(r"\S*…\S*|fingerprint \w+")  # what is shortened on purpose; what is no word
SLOW = ("layers", "rates", "sinks", "transfer")  # whose tables are tested above
OF_HELP = {"usage", "options", "command", "args", "arguments"}  # as Typer writes it


def check_lines(printed, known_words):
    """Check that lines fit a terminal of 80 columns, and that none ends within a word."""
    lines = printed.replace("\r", "").split("\n")
    wide = [line for line in lines if cell_len(line) > 80]
    assert not wide, "\n".join(wide)
    broken = {*WORD.findall(CUT.sub("", printed).lower())} - known_words
    assert not broken, (broken, printed)


def test_ids_of_near_duplicates_are_whole_each_on_a_line_of_its_own(monkeypatch):
    ids = np.array([f"{'写真' * at}/the {at}th photograph of this summer.jpg" for at in range(9)])
    for wide in (120, 80, 40):
        told = _group(ids, Alike(tuple(range(6)), 0.25), wide)
        assert max(map(cell_len, told.split("\n"))) <= wide
        assert told.startswith("    0.25  ")
        assert told.endswith(" and 2 more")
    assert _group(ids, Alike((0, 1), 0.0), 120).count("\n") == 0
    lines = _group(ids, Alike((1, 2), 0.0), 80).split("\n")
    assert lines == [f"   equal  {ids[1]}", f"       =  {ids[2]}"]


def test_every_command_is_run_in_a_terminal():
    assert {line.split()[0] for line in LINES} == set(sum(COMMANDS.values(), ()))


LINES = [
    *(TERMINAL.get(name, line) for name, line in ARGUMENTS.items()),
    TERMINAL["search --where"],
]


@pytest.mark.skipif(sys.platform == "win32", reason="there are no pseudo-terminals")
@pytest.mark.parametrize(
    "line",
    [pytest.param(line, marks=[pytest.mark.full] * line.startswith(SLOW)) for line in LINES],
)
def test_lines_in_a_terminal_are_no_longer_than_it_is(
    line, inputs, in_terminal, known_words, tmp_path
):
    done = in_terminal(copy_of(inputs, tmp_path), line)
    assert done.returncode == 0, done.stdout
    assert done.stdout.strip()
    check_lines(done.stdout, known_words)


@pytest.mark.parametrize("name", ["", *sum(COMMANDS.values(), ())])
def test_the_help_fits_a_terminal(name, command, known_words):
    done = command(*filter(None, [name]), "--help", columns=80)
    assert done.returncode == 0
    check_lines(done.stdout, known_words)
