"""Tables as people have them, on the command line: from reading to search."""

import json
import re

import numpy as np
from tests.one_part import compare

from nearspace import load


def german(value):
    return f"{value:,.2f}".translate({ord(","): ".", ord("."): ","})


def lines(write, separator, n=60):
    rng = np.random.default_rng(0)
    y = np.arange(n) % 3
    price = 5000 + 900 * y + rng.normal(0, 300, n)
    rows = [
        separator.join([write(p), write(p / 7), "xyz"[c]]) for p, c in zip(price, y, strict=True)
    ]
    return "\n".join([separator.join(["price", "weight", "kind"]), *rows])


def test_a_german_file_is_judged_searched_and_added_to_as_one_with_points(command):
    (command.folder / "point.csv").write_text(lines("{:.2f}".format, ","))
    (command.folder / "german.csv").write_text(lines(german, ";"))
    boards = [
        compare(load(name, labels="kind"), encoders=["onehot"])
        for name in ("point.csv", "german.csv")
    ]
    first, second = ({row.spec: row.scores for row in board.rows} for board in boards)
    assert first == second

    embedding = ("embed", "german.csv", "--labels", "kind", "--with", "onehot", "-o", "a.space")
    assert "Numbers with a decimal comma" in command(*embedding).stderr
    (command.folder / "more.csv").write_text(
        "price;weight;kind\nunknown;700,5;x\n9.999,50;1.400;y\n"
    )
    add = ("--labels", "kind", "--to", "a.space", "--append")
    done = command("add", "more.csv", *add)
    assert "2 new" in done.stdout
    assert "'price': 'unknown' (1) counts as missing." in done.stderr
    found = command("search", "a.space", "--id", "0", "--where", "price>=9999").stdout
    assert "9999.5" in found
    (command.folder / "bad.csv").write_text("price;weight;kind\nabc;700,5;x\n")
    done = command("add", "bad.csv", *add)
    assert done.returncode == 2
    assert "row 0, column 'price' is 'abc', expected a finite number" in done.stderr


def test_records_are_asked_about_and_told_in_the_words_of_the_command_line(command):
    text = "a text of quite a few words, the one with the number {}"
    rows = [{"name": f"n{n}", "one": text.format(n), "two": text.format(-n)} for n in range(8)]
    (command.folder / "a.jsonl").write_text("\n".join(map(json.dumps, rows)))
    embedding = ("embed", "a.jsonl", "--ids", "name", "--with", "tfidf", "-o", "a.space")
    done = command(*embedding)
    assert done.returncode == 2
    assert "several columns of long texts, 'one', 'two': say by --column which" in done.stderr
    assert "or by --kind table that all of it is the items" in done.stderr
    done = command(*embedding, "--without", "two")
    assert done.returncode == 0, done.stderr
    assert "the whole table is read by --kind table." in " ".join(done.stderr.split())


def accuracy(printed):
    return float(re.search(r"^ *onehot +([\d.]+)", printed, re.MULTILINE)[1])


def test_split_and_without(command):
    rng = np.random.default_rng(0)
    rows = [
        f"{rng.normal():.3f},{n % 2},{'yn'[n % 2]},{'train' if n < 60 else 'test'}"
        for n in range(80)
    ]
    (command.folder / "a.csv").write_text("\n".join(["x,survived,alive,part", *rows]))
    shared = ("compare", "a.csv", "--labels", "survived", "--with", "onehot")
    assert accuracy(command(*shared).stdout) == 100
    done = command(*shared, "--without", "alive", "--split", "part")
    assert done.returncode == 0, done.stderr
    assert accuracy(done.stdout) < 80
    assert "Did you mean 'alive'?" in command(*shared, "--without", "aliv").stderr
    assert "no part of a published split" in command(*shared, "--split", "alive").stderr
