"""`nearspace cache`, and commands whose cache is not as it should be."""

import random
import re


def test_the_cache_is_shown_and_cleared(command, tmp_path):
    folder = tmp_path / "cache" / "nearspace"
    empty = command("cache", columns=300)
    assert (empty.returncode, empty.stdout) == (0, f"The cache in {folder} is empty.\n")
    assert not folder.exists()
    assert command("compare", "wine", "--folds", "1", "--with", "pca(dim=3)").returncode == 0
    (folder / "fits" / "mine.txt").write_text("mine")
    told = command("cache", columns=300).stdout.splitlines()
    assert re.fullmatch(
        rf"The cache in {folder} holds 3 fitted encoders and 3 judged rows, [\d.]+ kB, of at most "
        r"4\.3 GB\.",
        told[0],
    )
    assert re.fullmatch(r"They were used between \d{4}-\d\d-\d\d \d\d:\d\d and .*\.", told[1])
    assert len(told) == 2
    for path in sorted((folder / "rows").iterdir())[:1]:
        path.write_bytes(random.Random(0).randbytes(2000))
    assert command("cache").stdout.splitlines()[-1].startswith("Damaged: 1, made again when next")
    named = command("cache", "--cache", folder, "--clear", columns=300)
    assert named.stdout.startswith(f"Removed from {folder}: 3 fitted encoders and 3 judged rows, ")
    assert [path.name for path in folder.rglob("*") if path.is_file()] == ["mine.txt"]
    assert command("cache", "--clear").stdout.rstrip().endswith("0 judged rows, 0 B.")


def told(done):
    """Return an exit code, the table and advice without times, and notes on the cache."""
    lines = [line for line in done.stdout.splitlines() if not line.startswith("note: ")]
    timeless = [re.sub(r"[\d.]+ (µs|ms|s|min)\b", "t", line) for line in lines]
    notes = [line for line in done.stdout.splitlines() if "the cache in" in line.lower()]
    return done.returncode, [re.sub(r" +", " ", line) for line in timeless], notes


def test_a_comparison_says_the_same_with_any_cache(command, tmp_path):
    line = ("compare", "wine", "--with", "pca(dim=3)")
    wanted = told(command(*line, "--no-cache", columns=400))
    assert wanted[0] == 0
    folder = tmp_path / "cache" / "nearspace"
    folder.parent.mkdir()
    folder.write_text("mine")
    code, lines, notes = told(command(*line, columns=1000))  # the note on one line
    assert (code, len(notes)) == (0, 1)
    assert "Not a directory" in notes[0] or "not a folder" in notes[0]
    folder.unlink()
    assert told(command(*line, columns=400)) == wanted
    for path in folder.rglob("*"):
        if path.is_file():
            path.write_bytes(path.read_bytes()[:-1])
    code, lines, notes = told(command(*line, columns=400))
    assert (code, lines, len(notes)) == (0, wanted[1], 1)
    assert told(command(*line, columns=400)) == wanted
