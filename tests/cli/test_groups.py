"""Groups on the command line: a row a group in 80 columns, both scores, and what cannot be."""

import json

import numpy as np
import pytest


def written(folder, groups, n=240, long=""):
    rng = np.random.default_rng(0)
    who, said = rng.integers(groups, size=n), rng.integers(3, size=n)
    items = rng.normal(size=(3, 6))[said] + rng.normal(size=(groups, 6))[who]
    items += 0.5 * rng.normal(size=(n, 6))
    speakers = np.array([f"{long}s{each:02}" for each in who])
    words = np.array(["yes", "no", "stop"])[said]
    np.savez(folder / "words.npz", items=items, speaker=speakers, word=words)
    return set(speakers.tolist())


ASKED = ("words.npz", "--labels", "word", "--groups", "speaker", "--no-cache", "-o", "out")


def test_every_group_has_a_row_and_both_scores_stand_side_by_side(command):
    speakers = written(command.folder, 6)
    done = command(
        "compare", *ASKED, "--with", "raw", "--folds", "groups", "--also-without-groups", columns=80
    )
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.split("\n"))) <= 80
    assert "on each group, by encoders fitted on the others:" in done.stdout
    assert all(f"\n{name} " in done.stdout for name in speakers)
    assert "difference" in done.stdout.split("\n")[1]
    report = json.loads((command.folder / "out" / "report.json").read_text())
    assert {row["group"] for row in report["by_group"]} == speakers
    assert report["protocol"]["split without groups"].startswith("6 folds")
    assert all(row["optimism"]["value"] > 0 for row in report["rows"] if row["without_groups"])


def test_of_many_groups_the_worst_and_the_best_are_shown(command):
    written(command.folder, 14, long="a speaker with a rather long name, number ")
    done = command("compare", *ASKED, "--with", "raw", "--folds", "groups", columns=80)
    assert max(map(len, done.stdout.split("\n"))) <= 80
    assert "… 4 between" in done.stdout
    report = json.loads((command.folder / "out" / "report.json").read_text())
    assert len(report["by_group"]) == 14


@pytest.mark.parametrize(
    ("asked", "told"),
    [
        (("--folds", "group"), "--folds takes a number of folds, or 'groups' for one of every"),
        (("--folds", "0"), "expected --folds of at least 1"),
        (("--folds", "groups"), "has no groups that could be left out one by one: name the column"),
        (("--also-without-groups",), "(--groups), or leave --also-without-groups out"),
    ],
)
def test_what_cannot_be_is_one_sentence(command, asked, told):
    written(command.folder, 6)
    done = command("compare", "words.npz", "--labels", "word", "--with", "raw", *asked)
    assert done.returncode == 2
    assert told in done.stderr
