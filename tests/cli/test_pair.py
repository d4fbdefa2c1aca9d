"""A translator from two files of lines, searched from either side, and what is mistyped."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from tests.numerals import numerals

from nearspace.data import SAMPLES

NAMES = ["zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine"]
SPEC = "linear_pair(tfidf | svd(dim=24), right=tfidf | svd(dim=24), dim=16)"


@pytest.fixture
def files(command):
    pairs = numerals(np.random.default_rng(0).permutation(1000)[:200])
    for name, side in (("de.txt", pairs.left), ("en.txt", pairs.right)):
        (command.folder / name).write_text("\n".join(side.items) + "\n", encoding="utf-8")
    return pairs


def test_a_translator_is_made_of_two_files_and_searched_from_either_side(command, files):
    done = command("pair", "de.txt", "en.txt", "--with", SPEC, "-o", "de-en.space", columns=80)
    assert done.returncode == 0, done.stderr
    assert "de.txt and en.txt: 200 pairs." in done.stderr
    assert "de-en.space: 400 vectors of both sides, 16 dimensions." in done.stdout
    for side, asked, wanted in (
        ("right", files.left, files.right),
        ("left", files.right, files.left),
    ):
        done = command("search", "de-en.space", asked.items[7], "--side", side, "-k", 2, "--json")
        rows = json.loads(done.stdout)[0]["neighbours"]
        assert {row["side"] for row in rows} == {side}
        assert wanted.items[7] in [row["text"] for row in rows]
    done = command("search", "de-en.space", "--id", "left-7", "--side", "right", "-k", 1, "--json")
    assert json.loads(done.stdout)[0]["neighbours"][0]["side"] == "right"
    done = command("search", "de-en.space", "--id", "left-7", "--side", "right", "--hybrid")
    assert done.returncode == 0, done.stderr


def test_two_columns_of_a_table_are_pairs_too(command, files):
    table = pd.DataFrame({"de": files.left.items, "en": files.right.items})
    table.to_csv(command.folder / "both.csv", index=False)
    done = command("pair", "both.csv", "--pairs", "de,en", "--with", "tfidf", "-o", "x.space")
    assert done.returncode == 0, done.stderr
    assert "x.space: 400 vectors of both sides" in done.stdout


def test_a_comparison_of_two_files_fits_into_80_columns(command, files):
    done = command("compare", "de.txt", "en.txt", "--with", SPEC, "--no-cache", columns=80)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "P@1" in done.stdout
    assert "Every item looks for its own among 50 on the right" in " ".join(done.stdout.split())
    assert "P@1" in (command.folder / "report.html").read_text()


MISTYPED = {
    "pair de.txt en.txt --with linear_pear -o x.space": "Did you mean 'linear_pair'?",
    "pair de.txt -o x.space": "de.txt has no pairs: give a second source, or two columns",
    "pair de.txt nothing.txt -o x.space": "There is no file, folder or sample 'nothing.txt'",
    "compare de.txt en.txt --labels y": "--labels has no meaning beside en.txt; leave it out.",
    "compare de.txt en.txt --scale 0,5": "--scale has no meaning beside en.txt; leave it out.",
    "compare de.txt short.txt": "de.txt has 200 items and short.txt 2: expected",
    "compare both.csv --pairs de": "--pairs de: expected two names with a comma",
    "search x.space nine --side middle": "There is no side 'middle'.",
    "search x.space --id left-7 --side left": "stands on the side that is searched",
    "search x.space nine": "say by --side which of them, left or right, is to be searched",
    "search wine.space --id 3 --side left": "with no two sides: leave --side out",
    "search x.space nine --side left --explain": "--explain has no meaning in a space of two sides",
}


def test_what_is_mistyped_is_told_in_a_sentence(command, files):
    (command.folder / "short.txt").write_text("one\ntwo\n")
    (command.folder / "both.csv").write_text("de,en\nHund,dog\n")
    assert command("pair", "de.txt", "en.txt", "--with", "tfidf", "-o", "x.space").returncode == 0
    assert command("embed", "wine", "--with", "raw", "-o", "wine.space").returncode == 0
    for line, message in MISTYPED.items():
        arguments = [part if part != "x.space" or "pair" not in line else "y.space"
                     for part in line.split()]  # fmt: skip
        done = command(*arguments)
        assert done.returncode == 2, line
        assert message in " ".join(done.stderr.split()), (line, done.stderr)


WORKS = [
    "info x.space", "map x.space -o m.html", "export x.space -o x.parquet", "verify x.space",
    "remove x.space left-3", "diff x.space x.space -o d.csv",
    "analogy x.space left-1 left-2 left-4",
    "search x.space --where side=left -k 2", "re-embed x.space --with shared(tfidf) -o z.space",
]  # fmt: skip
REFUSED = {
    "decode x.space --id left-0 -o d.npy": "which does not decode",
    "sample x.space -n 2 -o s.npy": "which does not decode",
    "add more.txt --to x.space": "expected pairs, like the others, got texts",
    "embed more.txt --with x.space -o y.space": "expected pairs, like the others, got texts",
    "re-embed x.space --with linear_pair -o n.space": "expected pairs to learn from, got none",
}


def test_every_command_takes_a_space_of_two_sides_or_says_why_not(command, files):
    (command.folder / "more.txt").write_text("neun\n")
    assert command("pair", "de.txt", "en.txt", "--with", SPEC, "-o", "x.space").returncode == 0
    for line in WORKS:
        done = command(*line.split())
        assert done.returncode == 0, (line, done.stderr)
    for line, message in REFUSED.items():
        done = command(*line.split())
        assert done.returncode == 2, line
        assert message in " ".join(done.stderr.split()), (line, done.stderr)


def test_two_piles_are_mined_from_a_threshold_that_held_out_pairs_tell(command, files):
    """Numbers that were not learnt from: of 80 in each pile 40 are in both."""
    numbers = np.random.default_rng(0).permutation(1000)
    names = {"held": numbers[200:320], "left": numbers[320:400], "right": numbers[360:440]}
    for name, some in names.items():
        pairs = numerals(some)
        for code, side in (("de", pairs.left), ("en", pairs.right)):
            text = "\n".join(side.items) + "\n"
            (command.folder / f"{name}.{code}").write_text(text, encoding="utf-8")
    chars = "tfidf(analyzer='char') | svd(dim=100)"
    spec = f"linear_pair({chars}, right={chars})"
    command("pair", "de.txt", "en.txt", "--with", spec, "-o", "t.space")
    held_out = "--held-out", "held.de,held.en"
    piles = "left.de", "right.en"
    done = command("mine", "t.space", *piles, *held_out, "-o", "mined.csv", columns=80)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    told = " ".join(done.stdout.split())
    assert "Of 120 held-out pairs, put among these" in told
    assert "of 80 and 80 sentences" in told
    mined = pd.read_csv(command.folder / "mined.csv")
    assert mined["score"].is_monotonic_decreasing
    both = numerals(names["left"][40:])
    wanted = {*zip(both.left.items, both.right.items, strict=True)}
    got = {*zip(mined["left"], mined["right"], strict=True)}
    assert len(got & wanted) > 30
    assert len(got - wanted) < 15
    lines = (command.folder / "left.de").read_text(encoding="utf-8").splitlines()
    assert [lines[at] for at in mined["left_id"]] == mined["left"].tolist()
    done = command("mine", "t.space", *piles, *held_out, "--precision", 0.95, "-o", "surer.csv")
    assert done.returncode == 0, done.stderr
    assert len(pd.read_csv(command.folder / "surer.csv")) < len(mined)
    done = command("mine", "t.space", *piles, "--threshold", 99, "-o", "none.csv")
    best = mined["score"].max()
    assert f"0 pairs from 99.000 on; the best scores {best:.3f}" in " ".join(done.stdout.split())
    assert (command.folder / "none.csv").read_text() == "score,left,right,left_id,right_id\n"
    (command.folder / "one.en").write_text("one\n")
    done = command("mine", "t.space", "left.de", "one.en", "-o", "one.csv")
    told = " ".join(done.stderr.split())
    assert "with the 4 nearest of the other pile: of 1 sentence it tells nothing" in told
    assert "all pairs are written, however unsure: --held-out tells" in told
    # A line that nobody has translated does not take the place of its translation.
    first = lines[40]
    with open(command.folder / "right.en", "a", encoding="utf-8") as file:
        file.write(f"{first} \n")
    done = command("mine", "t.space", *piles, *held_out, "-o", "copied.csv")
    assert "1 line stands in both piles" in " ".join(done.stderr.split())
    copied = pd.read_csv(command.folder / "copied.csv")
    assert (copied["left"] != copied["right"].str.strip()).all()
    again = {*zip(copied["left"], copied["right"], strict=True)}
    assert len((got & wanted) - again) <= 2


def test_pairs_that_were_learnt_from_tell_no_threshold(command, files):
    """Nor do those of the same text, and held-out sentences in the piles are not counted twice."""
    numbers = np.random.default_rng(0).permutation(1000)
    held = numerals(numbers[200:300])
    for code, side, learnt in (("de", held.left, files.left), ("en", held.right, files.right)):
        some = [*learnt.items[:20], "Amen", *side.items]
        (command.folder / f"held.{code}").write_text("\n".join(some), encoding="utf-8")
        (command.folder / f"pile.{code}").write_text("\n".join(side.items[::2]), encoding="utf-8")
    command("pair", "de.txt", "en.txt", "--with", SPEC, "-o", "t.space")
    mining = "mine", "t.space", "pile.de", "pile.en", "--held-out"
    done = command(*mining, "held.de,held.en", "-o", "x.csv")
    assert done.returncode == 0, done.stderr
    told = " ".join(done.stderr.split())
    assert "20 pairs left out, since the space has learnt from sentences in it." in told
    assert "1 pair of the same text on both sides left out." in told
    assert "Of 100 held-out pairs" in " ".join(done.stdout.split())
    done = command(*mining, "de.txt,en.txt", "-o", "y.csv")
    assert done.returncode == 2
    assert "no pair is left, of which the space has not learnt" in " ".join(done.stderr.split())


UNMINED = {
    "mine de.txt en.txt de.txt -o x.csv": "de.txt: expected a file of vectors",
    "mine plain.space de.txt en.txt -o x.csv": "expected a space of two sides, as nearspace pair",
    "mine t.space de.txt en.txt --precision .9 -o x.csv": "told by --held-out, which is missing",
    "mine t.space de.txt en.txt --held-out de.txt -o x.csv": "expected two names with a comma",
    "mine t.space de.txt en.txt --held-out de.txt,few.txt -o x.csv": "200 items and few.txt 2",
    "mine t.space de.txt en.txt --held-out few.txt,few2.txt -o x.csv": "30 held-out pairs or more",
    "mine t.space de.txt en.txt --held-out few.txt,few2.txt --threshold 1 -o x.csv": "which tells",
    "mine t.space de.txt de.txt -o x.csv": "expected two piles of sentences, got de.txt twice",
    "mine t.space empty.txt en.txt -o x.csv": "empty.txt",
    "mine t.space de.txt en.txt -o x.txt": "expected a file ending .csv",
}


@pytest.mark.parametrize("line", UNMINED)
def test_what_is_mistyped_of_mine_is_told_in_a_sentence(command, files, line):
    for name, text in (("few.txt", "eins\nzwei\n"), ("few2.txt", "one\ntwo\n"), ("empty.txt", "")):
        (command.folder / name).write_text(text)
    command("pair", "de.txt", "en.txt", "--with", SPEC, "-o", "t.space")
    command("embed", "de.txt", "--with", "tfidf", "-o", "plain.space")
    done = command(*line.split())
    assert done.returncode == 2
    assert UNMINED[line] in " ".join(done.stderr.split())
    assert "Traceback" not in done.stderr
    assert not (command.folder / "x.csv").exists()


@pytest.mark.trains
def test_a_picture_is_drawn_from_a_sentence_and_shown_beside_a_real_one(command):
    digits = SAMPLES["digits"]().take(np.arange(200))
    for folder in ("pictures", "captions"):
        (command.folder / folder).mkdir()
    for at, (item, label) in enumerate(zip(digits.items, digits.labels, strict=True)):
        Image.fromarray(item[..., 0]).save(command.folder / "pictures" / f"{at}.png")
        (command.folder / "captions" / f"{at}.txt").write_text(f"the digit {NAMES[int(label)]}")
    spec = "imagine(pca(dim=8), right=tfidf(analyzer='char') | svd(dim=9), steps=50)"
    done = command("pair", "pictures", "captions", "--with", spec, "-o", "digits.space")
    assert done.returncode == 0, done.stderr
    texts = "the digit three", "the digit 八"
    done = command("imagine", "digits.space", *texts, "-n", 3, "-o", "strip.png", columns=80)
    assert done.returncode == 0, done.stderr
    assert "strip.png: 6 pictures drawn for 2 texts." in done.stdout
    assert "the digit three: nearest real one left-" in done.stdout
    assert "strip.png cannot show '八', for want of a font." in done.stderr
    with Image.open(command.folder / "strip.png") as picture:
        assert picture.width > 500
    for wanted, label in (("the digit three", "3"), ("the digit seven", "7")):
        found = command("search", "digits.space", wanted, "--side", "left", "-k", 5, "--json")
        rows = json.loads(found.stdout)[0]["neighbours"]
        places = [int(row["id"].removeprefix("left-").removesuffix(".png")) for row in rows]
        assert sum(str(digits.labels[at]) == label for at in places) >= 3
    found = command(
        "search", "digits.space", "pictures/0.png", "--side", "right", "-k", 1, "--json"
    )
    assert json.loads(found.stdout)[0]["neighbours"][0]["text"] == "the digit zero"
    done = command("imagine", "digits.space", " ")
    assert (done.returncode, "expected texts" in done.stderr) == (2, True)


def test_classes_are_told_by_their_names_beside_a_linear_model(command):
    digits = SAMPLES["digits"]()
    for at in range(500):
        folder = command.folder / "classes" / f"digit_{NAMES[int(digits.labels[at])]}"
        folder.mkdir(parents=True, exist_ok=True)
        Image.fromarray(digits.items[at][..., 0]).save(folder / f"{at}.png")
    (command.folder / "taught").mkdir()
    table = ["file,caption"]
    for at in range(500, 1000):
        Image.fromarray(digits.items[at][..., 0]).save(command.folder / "taught" / f"{at}.png")
        table.append(f"{at}.png,digit {NAMES[int(digits.labels[at])]}")
    (command.folder / "captions.csv").write_text("\n".join(table))
    spec = "linear_pair(raw, right=tfidf(analyzer='char') | svd(dim=10))"
    done = command("pair", "taught", "captions.csv", "--with", spec, "-o", "digits.space")
    assert done.returncode == 0, done.stderr
    done = command("zero-shot", "classes", "--with", "digits.space", columns=80)
    assert done.returncode == 0, done.stderr
    assert all(len(line) <= 80 for line in done.stdout.splitlines())
    assert "By names less by labels (375 of them)" in done.stdout
    done = command("zero-shot", "classes", "--with", "digits.space", "--json")
    study = json.loads(done.stdout)
    assert study["rows"][0]["accuracy"] > 0.6
    assert set(study["by_class"]) == {f"digit_{name}" for name in NAMES}
    done = command("zero-shot", "classes", "--with", "digits.space", "--prompt", "a digit")
    assert (done.returncode, "prompts with {}" in done.stderr) == (2, True)
    done = command("zero-shot", "classes", "--with", "pca")
    assert (done.returncode, "into no one space" in done.stderr) == (2, True)
