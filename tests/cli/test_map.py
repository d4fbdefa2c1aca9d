"""``nearspace map``: a page is written, the map is kept, and what is added is placed on it."""

import os
import subprocess
import sys

import numpy as np
import pytest

from nearspace import embed, load
from nearspace.space.maps import parse_map
from nearspace.space.store import add, open_space, write_part

MAIN = "from nearspace.cli import main; main()"


@pytest.fixture
def nearspace(tmp_path):
    environment = {**os.environ, "XDG_CACHE_HOME": str(tmp_path / "cache"), "COLUMNS": "150"}

    def run(*arguments):
        return subprocess.run(
            [sys.executable, "-c", MAIN, *arguments], cwd=tmp_path, env=environment,
            capture_output=True, text=True, timeout=120, check=False,
        )  # fmt: skip

    return run


def test_a_map_is_written_kept_and_grows(nearspace, tmp_path):
    digits = load("digits")
    space = embed(digits.take(range(500)), "pca(dim=8)")
    path = space.save(tmp_path / "digits.space")
    done = nearspace("map", "digits.space", "-o", "map.html")
    assert done.returncode == 0, done.stderr
    assert "Trustworthiness 0.9" in done.stdout
    assert "clusters" in done.stdout
    assert "near-duplicates" in done.stdout
    assert "page-data" in (tmp_path / "map.html").read_text(encoding="utf-8")
    kept = parse_map(open_space(path).parts["map"])
    add(path, embed(digits.take(range(500, 520)), space.encoder))
    done = nearspace("map", "digits.space", "-o", "map.html")
    assert "20 placed since." in done.stdout
    grown = parse_map(open_space(path).parts["map"])
    np.testing.assert_array_equal(grown.places[:500], kept.places)
    write_part(path, "map", b"junk")
    done = nearspace("map", "digits.space", "-o", "map.html")
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
def test_mistakes_are_told_in_a_sentence(nearspace, tmp_path, arguments, told):
    (tmp_path / "text.space").write_text("this is no space")
    done = nearspace("map", *arguments)
    assert done.returncode == 2
    assert told in done.stderr
    assert "Traceback" not in done.stderr
