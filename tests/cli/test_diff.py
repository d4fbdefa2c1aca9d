"""``nearspace diff`` as a user meets it."""

import json

import numpy as np
import pandas as pd
import pytest

from nearspace.data import SAMPLES
from nearspace.space.formats import save
from nearspace.space.space import embed


@pytest.fixture
def spaces(command):
    sentences = SAMPLES["sentences"]()
    save(embed(sentences, "tfidf"), "a.space")
    save(embed(sentences.take(np.arange(400)), "tfidf | pca(dim=4)"), "b.space")
    save(embed(SAMPLES["wine"](), "raw"), "w.space")


def test_two_spaces_are_told_apart(command, spaces):
    done = command("diff", "a.space", "b.space", "-k", "5", "-o", "d.json")
    assert done.returncode == 0, done.stderr
    assert "400 items are in both, 200 only in a.space." in done.stdout
    assert "(cosine; by chance 1.3%)" in done.stdout
    assert "nearest in b.space" in done.stdout
    value = json.loads((command.folder / "d.json").read_text())
    assert value["shared"] == len(value["changes"]) == 400
    first = value["changes"][0]
    assert SAMPLES["sentences"]().items[first["id"]][:20] in done.stdout
    assert f"({first['label']})" in done.stdout
    done = command("diff", "a.space", "b.space", "-k", "5", "-o", "d.csv", "--show", "0")
    assert "nearest in" not in done.stdout
    frame = pd.read_csv(command.folder / "d.csv")
    assert json.loads(frame["second"][0]) == first["second"]


def test_the_same_space_is_said_to_be_the_same(command, spaces):
    done = command("diff", "b.space", "b.space")
    assert "Both were made by the same encoder, and all have the same vectors." in done.stdout
    assert "Changed most" not in done.stdout


def test_mistakes_are_told_in_a_sentence(command, spaces):
    (command.folder / "text.space").write_text("no space")
    for arguments, told in (
        (("a.space", "w.space", "-k", "500"), "lower k to at most 176"),
        (("a.space", "text.space"), "text.space"),
        (("a.space", "b.space", "-o", "d.txt"), ".json or .csv"),
        (("a.space", "b.space", "--metric", "cosin"), "Did you mean 'cosine'?"),
    ):
        done = command("diff", *arguments)
        assert done.returncode == 2
        assert told in done.stderr
