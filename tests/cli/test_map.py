"""``nearspace map``: a page is written, the map is kept, and what is added is placed on it."""

import numpy as np
import pytest

from nearspace import embed, load
from nearspace.space.file.store import add, write_part
from nearspace.space.formats import open_space, save
from nearspace.space.map.maps import parse_map


def test_a_map_is_written_kept_and_grows(command):
    digits = load("digits")
    space = embed(digits.take(range(500)), "pca(dim=8)")
    path = save(space, command.folder / "digits.space")
    done = command("map", "digits.space", "-o", "map.html")
    assert done.returncode == 0, done.stderr
    assert "Trustworthiness 0.9" in done.stdout
    assert "clusters" in done.stdout
    assert "near-duplicates" in done.stdout
    assert "page-data" in (command.folder / "map.html").read_text(encoding="utf-8")
    kept = parse_map(open_space(path).parts["map"])
    add(path, embed(digits.take(range(500, 520)), space.encoder))
    done = command("map", "digits.space", "-o", "map.html")
    assert "20 placed since." in done.stdout
    grown = parse_map(open_space(path).parts["map"])
    np.testing.assert_array_equal(grown.places[:500], kept.places)
    write_part(path, "map", b"junk")
    done = command("map", "digits.space", "-o", "map.html")
    assert done.returncode == 0, done.stderr
    assert "cannot be read" in done.stderr
    assert parse_map(open_space(path).parts["map"]).laid_out.all()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["no.space", "-o", "map.html"], "no.space"),
        (["text.space", "-o", "map.html"], "text.space"),
        (["text.space", "-o", "map.png"], "ending .html"),
        (["text.space", "-o", "map.html", "--agian"], "--again"),
    ],
)
def test_mistakes_are_told_in_a_sentence(command, arguments, told):
    (command.folder / "text.space").write_text("this is no space")
    done = command("map", *arguments)
    assert done.returncode == 2
    assert told in done.stderr


def test_a_map_of_few_among_which_many_were_placed_says_so(command):
    digits = load("digits")
    space = embed(digits.take(range(9)), "pca(dim=4)")
    path = save(space, command.folder / "digits.space")
    assert "note" not in command("map", "digits.space", "-o", "map.html").stderr
    add(path, embed(digits.take(range(9, 200)), space.encoder))
    done = command("map", "digits.space", "-o", "map.html")
    assert "191 items were placed among the 9 that were laid out" in done.stderr
    assert "note" not in command("map", "digits.space", "-o", "map.html", "--again").stderr
