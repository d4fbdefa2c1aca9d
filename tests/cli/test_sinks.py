"""``nearspace sinks`` as a user meets it."""

import json

import pytest
from tests import text_models

TEXTS = "near means alike\nfar\nthe sea is calm a boat goes out\none two one two\nred . green .\n"


@pytest.fixture
def sinks(command):
    (command.folder / "texts.txt").write_text(TEXTS)
    text_models.save_planted(command.folder / "m", "[SEP]")
    return lambda *more, source="texts.txt", columns=80: command(
        "sinks", source, "--with", "pretrained:./m", *more, columns=columns
    )


def test_it_prints_a_table_of_eighty_columns(sinks, command):
    done = sinks()
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].split() == [
        *("layer", "first,", "%", "fair,", "%", "others,", "%", "a", "text", "norm"),
        *("heads", "sinks"),
    ]
    assert lines[1].split()[-3:] == ["99", "[SEP]", "5"]
    assert "Layer 1 gives them most" in " ".join(done.stdout.split())
    assert [path.name for path in command.folder.iterdir()].count("sinks.html") == 0
    for columns in (60, 45):
        narrow = sinks(columns=columns).stdout
        assert max(map(len, narrow.splitlines())) <= columns
        assert "[SEP]" in narrow


def test_json_alone_is_printed_and_files_are_written(sinks, command):
    done = sinks("--json", "--sample", "3", "-o", "out")
    told = json.loads(done.stdout)
    assert told["protocol"]["texts"] == 3
    assert told["protocol"]["command"].startswith("nearspace sinks texts.txt")
    assert told["layers"][0]["tokens"][0]["name"] == "[SEP]"
    assert json.loads((command.folder / "out/sinks.json").read_text())["layers"] == told["layers"]
    assert "[SEP]" in (command.folder / "out/sinks.html").read_text()
    assert sinks("-o", "s.html").stdout.endswith("Report: s.html\n")
    assert (command.folder / "s.html").is_file()


def test_errors_are_a_sentence(sinks, command):
    for arguments, words in {
        ("texts.txt", "--with", "tfidf"): "The encoder 'tfidf' has no attention",
        ("texts.txt", "--with", "pretrained:./nowhere"): "there is no folder ./nowhere",
        ("texts.txt", "--with", "pretrained:./m", "-o", "s.csv"): "file ending .html or .json",
        ("wine", "--with", "pretrained:./m"): "takes images or sounds or texts; got vectors",
        ("none.txt", "--with", "pretrained:./m"): "none.txt",
    }.items():
        done = command("sinks", *arguments)
        assert done.returncode == 2, done
        assert words in done.stderr
        assert done.stderr.count("nearspace: ") == 1
