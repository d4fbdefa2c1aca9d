"""Tables in terminals of all widths."""

import pytest

from nearspace.cli.terminal import print_table

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
    assert any("vector" in line for line in lines) == vector


def test_a_narrow_terminal_shows_all_there_is_of_a_name(monkeypatch, capsys):
    lines = table(44, monkeypatch, capsys)
    assert max(map(len, lines)) <= 44
    assert "simclr(dim=64,epochs=5)|l2" in "".join(line[:8] for line in lines).replace(" ", "")
