"""Tables in terminals of all widths."""

import json
import sys
import time

import pytest
from rich.cells import cell_len

from nearspace.cli.answers import print_answers
from nearspace.cli.terminal import echo, print_table, progress_bar, show_page, waiting
from nearspace.foreign import printable, printable_json

SPECS = ["simclr(dim=64, epochs=5) | l2", "tfidf | pca(dim=64)", "raw"]


def table(width, monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", str(width))
    rows = [
        {
            "encoder": spec,
            "accuracy": "97.1 [96.0, 98.2]",
            "one item": "3.1 ms",
            "vector": "256 B",
            "verdict": "best",
        }
        for spec in SPECS
    ]
    print_table([*rows, {"encoder": "chance", "verdict": "floor"}], "encoder", spare=("vector",))
    return [line.rstrip() for line in capsys.readouterr().out.splitlines()]


def test_all_stands_on_one_line_where_there_is_room(monkeypatch, capsys):
    lines = table(120, monkeypatch, capsys)
    assert len(lines) == 5
    assert lines[0].split() == ["encoder", "accuracy", "one", "item", "vector", "verdict"]
    assert [line for line in lines if line.startswith(SPECS[0])]
    assert lines[4].split() == ["chance", "floor"]


@pytest.mark.parametrize(("width", "vector"), [(69, True), (61, False)])
def test_an_encoder_is_not_broken_in_its_brackets(monkeypatch, capsys, width, vector):
    lines = table(width, monkeypatch, capsys)
    assert max(map(len, lines)) <= width
    firsts = [line[:24].rstrip() for line in lines]
    at = firsts.index("simclr(dim=64, epochs=5)")
    assert firsts[at + 1] == "| l2"
    assert any("vector" in line.split() for line in lines) == vector


def test_a_narrow_terminal_shows_all_there_is_of_a_name(monkeypatch, capsys):
    lines = table(44, monkeypatch, capsys)
    assert max(map(len, lines)) <= 44
    assert not any("97.1 [96.0" in line for line in lines)  # the interval stands below it
    wide = next(line.index("[96.0") for line in lines if "[96.0" in line)
    assert "simclr(dim=64,epochs=5)|l2" in "".join(line[:wide] for line in lines).replace(" ", "")


WIDE = ["日本語のエンコーダ", "e\u0301te\u0301 | pca", "👩\u200d🚀 (dim=2)", "raw"]


def test_columns_stand_below_each_other_whatever_the_signs_take(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "80")
    print_table([{"encoder": name, "verdict": "best"} for name in WIDE], "encoder")
    rows = [{"rank": 1, "score": 1.0, "id": name, "label": "x"} for name in WIDE]
    print_answers("", rows, "cosine", "")
    lines = capsys.readouterr().out.splitlines()
    for column, part in (("best", lines[1:5]), ("x ", lines[6:])):
        assert len(part) == 4
        assert len({cell_len(line[: line.rindex(column)]) for line in part}) == 1


def test_a_name_too_wide_for_the_terminal_is_broken_and_whole(monkeypatch, capsys):
    monkeypatch.setenv("COLUMNS", "40")
    print_table([{"encoder": "日本語" * 20, "verdict": "best"}], "encoder")
    text = capsys.readouterr().out
    assert text.count("日") == text.count("語") == 20
    assert max(map(cell_len, text.splitlines())) <= 40


def test_columns_that_have_no_room_are_named(monkeypatch, capsys):
    assert table(61, monkeypatch, capsys)[-1] == "No room here for vector."
    rows = [{"rank": 1, "score": 1.0, "id": "a", **{f"c{at}": at for at in range(14)}}]
    print_answers("", rows, "cosine", "")
    told = " ".join(capsys.readouterr().out.split())
    assert "Also known of each: c4, c5, c6, c7, c8, c9, c10, c11 and 2 more; --json" in told


ENGLAND = "🏴\U000e0067\U000e0062\U000e0065\U000e006e\U000e0067\U000e007f"
KEPT = [
    "Zürich", "日本語", "한국어", "שלום", "سلام", "नमस्ते", "مى\u200cخواهم", "ශ්\u200dරී",
    "👩\u200d👩\u200d👧", "🏳\ufe0f\u200d🌈", "1\ufe0f\u20e3", "❤\ufe0f", ENGLAND, "葛\U000e0100",
    "e\u0301", "−1 × ★",
]  # fmt: skip


def test_lawful_text_stays_as_it_is():
    for text in KEPT:
        assert printable(text) == text
        assert printable_json([text]) == json.dumps([text], ensure_ascii=False)


def test_whatever_moves_hides_or_turns_is_shown_and_stays_exact_in_json():
    signs = [*map(chr, range(0x20)), *map(chr, range(0x7F, 0xA0)), "\xad", "\ud800", "\udfff"]
    signs += [
        *"\u061c\u200b\u200e\u200f\u2028\u2029\u202a\u202e\u2060\u2066\u2069\u3164\ufeff\ufff9"
    ]
    signs += ["\u200d", "\ufe0f", "\U000e0041", "\U000e0100", "\U0001d173"]
    for sign in signs:
        text = f"a{sign}b"
        shown = printable(text)
        assert shown == f"a{sign.encode('unicode_escape').decode()}b"
        assert printable(shown) == shown
        assert json.loads(printable_json([text], indent=1)) == [text]
        assert sign not in printable_json([text])
    flood = "e" + "\u0301" * 20
    assert printable(flood).count("\u0301") == 8
    assert json.loads(printable_json(flood)) == flood


def test_a_name_writes_no_line_of_its_own_and_is_no_markup(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")
    name = "[red]a[/]:smile:\nnearspace: all is well"
    for options in ({}, {"wrap": True}, {"style": "bold"}, {"err": True}):
        echo(name, **options)
        done = capsys.readouterr()
        assert (done.err if options.get("err") else done.out).count("\n") == 1
        assert (done.out + done.err).strip() == name.replace("\n", "\\n")


def test_where_nobody_sees_a_bar_a_line_now_and_then_tells_how_far_it_is(monkeypatch, capsys):
    clock = iter([0.0, 1.0, 9.9, 12.0, 13.0, 75.0])
    monkeypatch.setattr("nearspace.cli.terminal.time.monotonic", lambda: next(clock))
    with progress_bar() as tell:
        for step in range(5):
            tell(step / 5, f"step {step}")
    assert capsys.readouterr().err == "  40% after 0:12, step 2\n  80% after 1:15, step 4\n"


def test_what_was_told_last_is_told_again_where_nothing_new_comes(monkeypatch, capsys):
    monkeypatch.setattr("nearspace.cli.terminal.LONG_QUIET", 0.04)
    for name, tell_of in (("TERM", "dumb"), ("FORCE_COLOR", "")):
        monkeypatch.setenv(name, tell_of)
    with progress_bar() as tell:
        tell(0.25, "simclr, epoch 1")
        time.sleep(0.2)
    with waiting("Laying out 9 items") as say:
        time.sleep(0.2)
        say("Writing map.html")
    with waiting("Reading a.csv"):
        pass
    lines = capsys.readouterr().err.splitlines()
    assert {*lines} == {"  25% after 0:00, simclr, epoch 1", "  after 0:00, Laying out 9 items"}
    assert len(lines) < 12


def test_a_page_is_shown_or_where_it_is_is_told(monkeypatch, capsys, tmp_path):
    opened = []
    monkeypatch.setattr("webbrowser.open", lambda address: not opened.append(address))
    monkeypatch.setenv("BROWSER", "a browser")
    show_page(tmp_path / "a b.html")
    assert opened == [(tmp_path / "a b.html").as_uri()]
    assert capsys.readouterr().err == ""
    monkeypatch.setattr("webbrowser.open", lambda address: False)
    show_page(tmp_path / "c.html")
    assert "no browser can be opened here; open " in capsys.readouterr().err
    monkeypatch.setattr("webbrowser.open", lambda address: time.sleep(60))
    monkeypatch.setattr("nearspace.cli.terminal.LONGEST_START", 0.01)
    show_page(tmp_path / "c.html")  # does not wait for it


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there always is a display")
def test_without_a_display_no_browser_takes_the_terminal(monkeypatch, capsys, tmp_path):
    for name in ("BROWSER", "DISPLAY", "WAYLAND_DISPLAY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("webbrowser.open", lambda address: pytest.fail("opened"))
    show_page(tmp_path / "c.html")
    assert "no browser" in capsys.readouterr().err
