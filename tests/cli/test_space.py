"""The file of a space, from the command line."""

import re

import numpy as np
import pandas as pd
import pyarrow.compute as pc
import pytest
from PIL import Image as Pillow

from nearspace import open_space


def put_images(folder, names, value=0):
    folder.mkdir(parents=True, exist_ok=True)
    for number, name in enumerate(names):
        pixels = np.random.default_rng(number + value).integers(0, 256, (12, 12, 3), np.uint8)
        Pillow.fromarray(pixels).save(folder / name)


def test_a_folder_becomes_a_space_that_grows(command):
    put_images(command.folder / "photos", [f"{i}.png" for i in range(12)])
    done = command("embed", "photos", "--with", "pca(dim=3)", "-o", "p.space")
    assert done.returncode == 0, done.stderr
    assert "12 vectors of 3 dimensions" in done.stdout
    put_images(command.folder / "more", ["0.png", "new.png"])
    put_images(command.folder / "more", ["1.png"], value=99)
    done = command("add", "more", "--to", "p.space")
    assert done.returncode == 2
    assert "1 of its 3 items would replace others" in done.stderr
    assert "(1.png), and nothing was added" in done.stderr
    assert "by --replace." in done.stderr
    done = command("add", "more", "--to", "p.space", "--replace")
    assert "1 new, 1 changed, 1 unchanged; 13 items" in done.stdout, done.stderr
    done = command("add", "more", "--to", "p.space")
    assert "0 new, 0 changed, 3 unchanged" in done.stdout, done.stderr
    space = open_space(command.folder / "p.space")
    assert len(space) == len(space.thumbnails) == 13
    assert "13 items and 2 parts are as written" in command("verify", "p.space").stdout
    assert "colour images of 12 × 12 pixels" in command("info", "p.space").stdout
    done = command("embed", "more", "--with", "p.space", "-o", "more.npz")
    assert done.returncode == 0, done.stderr
    row = np.load(command.folder / "more.npz")["vectors"][2]
    np.testing.assert_allclose(row, space.vectors[space.position("new.png")], rtol=1e-5)
    assert "2 removed; 11 items" in command("remove", "p.space", "new.png", "3.png").stdout


def test_items_without_ids_do_not_take_the_places_of_others(command):
    (command.folder / "a.txt").write_text("\n".join(f"word{i} and word{i % 3}" for i in range(9)))
    assert command("embed", "a.txt", "--with", "tfidf", "-o", "t.space").returncode == 0
    (command.folder / "b.txt").write_text("word1 alone\nword2 too\n")
    done = command("add", "b.txt", "--to", "t.space")
    assert done.returncode == 2
    assert "b.txt: 2 of its 2 items would replace others" in done.stderr
    assert "row numbers: name the column of ids by --ids, number them on by --append" in done.stderr
    done = command("add", "b.txt", "--to", "t.space", "--append")
    assert "2 new, 0 changed, 0 unchanged; 11 items" in done.stdout, done.stderr
    assert open_space(command.folder / "t.space").ids.tolist() == list(range(11))


def test_ids_that_the_data_has_are_kept(command):
    np.savez(command.folder / "a.npz", X=np.eye(40, 8), ids=np.arange(100, 140))
    assert command("embed", "a.npz", "--with", "pca(dim=2)", "-o", "a.space").returncode == 0
    np.savez(command.folder / "b.npz", X=np.eye(3, 8), ids=np.arange(900, 903))
    done = command("add", "b.npz", "--to", "a.space")
    assert "3 new" in done.stdout, done.stderr
    assert open_space(command.folder / "a.space").ids[-3:].tolist() == [900, 901, 902]
    done = command("add", "b.npz", "--to", "a.space", "--append")
    assert "--append has nothing to do" in done.stderr


def test_odd_names_are_shown_as_they_are(command):
    folder = command.folder / "w[" / "x]"
    np.savez(command.folder / "a.npz", X=np.eye(9, 8), ids=[f"[/id{i}]" for i in range(9)])
    path = folder / "[red].space"
    assert command("embed", "a.npz", "--with", "raw", "-o", path).returncode == 0
    done = command("info", path)
    assert "[/id0] … [/id8]" in done.stdout
    assert "[red].space" in command("search", path, "--id", "[/id3]").stderr
    assert command("remove", path, *(f"[/id{i}]" for i in range(9))).returncode == 0
    done = command("search", path, "--id", "[/id3]")
    assert "no item '[/id3]'" in done.stderr


def test_other_columns_are_known_of_each_text(command):
    frame = pd.DataFrame(
        {"review": [f"word{i % 4} and {i}" for i in range(30)], "stars": np.arange(30) % 5,
         "brand": ["x", "y"] * 15, "key": [f"r{i}" for i in range(30)]}
    )  # fmt: skip
    frame.loc[2, "review"] = None  # left out, with all that is known of it
    frame.to_csv(command.folder / "r.csv", index=False)
    options = ["--column", "review", "--ids", "key", "--labels", "brand"]
    done = command("embed", "r.csv", *options, "--with", "tfidf", "-o", "r.space")
    assert done.returncode == 0, done.stderr
    space = open_space(command.folder / "r.space")
    assert space.meta.column_names == ["text", "stars", "brand"]
    assert space.meta["stars"][space.position("r7")].as_py() == 2
    done = command("search", "r.space", "word3", "--where", "stars<=1", "--where", "brand=y")
    assert done.returncode == 0, done.stderr
    assert len(space.meta.filter(pc.field("brand") == "y")) == 15


def test_an_added_csv_keeps_the_types_of_the_space(command):
    texts = [f"word{i % 4} and {i}" for i in range(24)]
    frame = pd.DataFrame({"t": texts, "key": [f"k{i}" for i in range(24)], "stars": range(24)})
    frame["vip"] = [i % 4 == 0 for i in range(24)]
    frame.to_csv(command.folder / "a.csv", index=False)
    options = ["--column", "t", "--ids", "key"]
    command("embed", "a.csv", *options, "--with", "tfidf", "-o", "a.space")
    frame = pd.DataFrame({"t": texts[:2], "key": ["n1", "n2"], "stars": ["7", "unknown"],
                          "vip": ["true", "unknown"], "colour": "red"})  # fmt: skip
    frame.to_csv(command.folder / "b.csv", index=False)
    done = command("add", "b.csv", *options, "--to", "a.space")
    assert "2 new" in done.stdout, done.stderr
    assert "New to the space, and missing in its other items: 'colour'." in done.stderr
    done = command("search", "a.space", "word1", "--where", "vip=true", "-k", "30", "--json")
    assert done.stdout.count('"rank"') == 7
    done = command("search", "a.space", "word1", "--where", "stars>=20", "-k", "30", "--json")
    assert done.stdout.count('"rank"') == 4
    told = " ".join(command("info", "a.space").stdout.split())
    assert "stars (whole numbers), vip (true or false), colour (text)" in told
    frame.assign(key=["n3", "n4"], vip=["true", "maybe"]).to_csv("c.csv", index=False)
    done = command("add", "c.csv", *options, "--to", "a.space")
    assert done.returncode == 2
    assert "the column 'vip' holds true or false, and the item 'n4' has 'maybe'" in done.stderr
    assert len(open_space(command.folder / "a.space")) == 26


def test_a_table_may_have_other_columns_when_it_is_added(command):
    frame = pd.DataFrame({"a": np.arange(30.0), "b": list("xyz") * 10, "kind": list("mn") * 15})
    frame.to_csv(command.folder / "t.csv", index=False)
    options = ["--labels", "kind", "--with", "onehot", "-o", "t.space"]
    assert command("embed", "t.csv", *options).returncode == 0
    done = command("add", "t.csv", "--to", "t.space", "--append")
    assert "30 new" in done.stdout, done.stderr
    assert "Not of the table, and left out: 'kind'." in done.stderr


def test_a_space_is_not_replaced_unless_by_force(command):
    assert command("embed", "wine", "--with", "raw", "-o", "w.space").returncode == 0
    done = command("embed", "digits", "--with", "raw", "-o", "w.space")
    assert done.returncode == 2
    assert "w.space is there already" in done.stderr
    assert len(open_space(command.folder / "w.space")) == 178
    done = command("embed", "digits", "--with", "raw", "-o", "w.space", "--force")
    assert done.returncode == 0, done.stderr
    assert len(open_space(command.folder / "w.space")) == 1797


def test_compare_keeps_the_winner(command):
    done = command("compare", "wine", "--with", "pca(dim=4)", "--save-best", "best.space")
    assert done.returncode == 0, done.stderr
    space = open_space(command.folder / "best.space")
    starred = re.search(r"★, |Use (.*?): ", done.stdout)
    assert starred
    assert f"{space.recipe.spec}{' ★' * (starred[1] is None)}" in done.stdout
    assert len(space) == 178


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["verify", "nothing.space"], "does not exist"),
        (["info", "text.space"], "is not a space"),
        (["add", "digits", "--to", "text.space"], "is not a space"),
        (["remove", "text.space", "a"], "is not a space"),
        (["embed", "digits", "--with", "text.space", "-o", "x.npz"], "is not a space"),
        (["embed", "customers", "--with", "pca", "-o", "x.space"], "pca takes images or vectors"),
        (["embed", "digits", "--with", "raw", "-o", "x.spce"], "ending .space, .parquet or .npz"),
        (["compare", "wine", "--save-best", "best.npz"], "--save-best best.npz: expected a file"),
    ],
)
def test_mistakes_are_told_in_a_sentence(command, arguments, words):
    (command.folder / "text.space").write_text("this is a text, not a space\n" * 99)
    done = command(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_damage_is_listed(command):
    assert command("embed", "wine", "--with", "raw", "-o", "w.space").returncode == 0
    path = command.folder / "w.space"
    data = bytearray(path.read_bytes())
    at = data.index(open_space(path).vectors[17].tobytes())
    data[at] ^= 1
    path.write_bytes(data)
    done = command("verify", "w.space")
    assert done.returncode == 1
    assert "Row 18 of the items does not match its checksum" in done.stderr
    assert "row 18 of the items does not match" in command("info", "w.space").stderr


def test_many_that_are_left_out_for_one_reason_are_named_in_one_line(command):
    (command.folder / "t.txt").write_text("near\n\n" * 60)
    done = command("embed", "t.txt", "--with", "raw", "-o", "t.space")
    (line,) = [line for line in done.stderr.splitlines() if line.startswith("  left out: ")]
    assert line.startswith("  left out: 1, 3, 5, ")
    assert line.endswith(", 119 (without a text)")


def test_what_is_left_out_is_named_in_full_where_standard_error_is_kept(command):
    folder = command.folder / "photos"
    folder.mkdir()
    for at in range(9):
        Pillow.fromarray(np.full((5, 5), 300 + 9 * at, np.uint16)).save(folder / f"{at}.png")
        (folder / f"bad{at}.png").write_text("no")
    done = command("embed", "photos", "--with", "pca(dim=99)", "-o", "p.space")
    assert done.returncode == 0, done.stderr
    assert "and 4 more." in done.stderr
    assert all(f"left out: bad{at}.png (not an image)" in done.stderr for at in range(9))
    assert "values from 300 to 372: by one scale for all 300 is black and 372 white" in done.stderr
    assert "note: pca(dim=99): It has 9 dimensions, as many as the data allow" in done.stderr
    assert "It has 9 dimensions" in command("info", "p.space").stdout
    for asked in (("add", "photos", "--to", "p.space"),
                  ("pack", "photos", "--with", "p.space", "-o", "p.codes")):  # fmt: skip
        done = command(*asked)
        assert done.returncode == 0, done.stderr
        assert "bad8.png (not an image)" in done.stderr
        assert "by the scale of the others 300 is black and 372 white" in done.stderr
    assert "9 unchanged" in command("add", "photos", "--to", "p.space").stdout
    done = command("search", "p.space", "photos/3.png", "-k", "1")
    assert "3.png" in done.stdout


def test_what_is_whole_of_a_damaged_file_is_kept(command):
    assert command("embed", "digits", "--with", "pca(dim=4)", "-o", "d.space").returncode == 0
    path = command.folder / "d.space"
    space = open_space(path)
    data = bytearray(path.read_bytes())
    data[data.index(space.vectors[17].tobytes())] ^= 1
    data[data.index(b'"fitted"')] ^= 1
    path.write_bytes(data)
    done = command("verify", "d.space")
    assert done.returncode == 1
    assert "2 things are wrong" in done.stderr
    assert "nearspace verify d.space --repair -o mended.space" in done.stderr
    done = command("verify", "d.space", "--repair", "-o", "mended.space")
    assert done.returncode == 1
    assert "1 item is lost, that in row 18." in done.stderr
    assert "The part 'encoder.json' is lost." in done.stderr
    assert "mended.space: 1,796 items, 1,796 thumbnails and 0 parts of d.space." in done.stdout
    assert path.read_bytes() == data
    assert "1,796 items and 0 parts are as written" in command("verify", "mended.space").stdout
    mended = open_space(command.folder / "mended.space")
    assert mended.ids.tolist() == [name for name in space.ids.tolist() if name != 17]
    assert mended.thumbnails[17] == open_space(path.with_name("mended.space")).thumbnails[17] != b""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--repair"], "--repair needs -o"),
        (["-o", "new.space"], "-o needs --repair"),
        (["--repair", "-o", "w.space"], "w.space is there already; give a new name"),
        (["--repair", "-o", "link.space"], "link.space is there already; give a new name"),
        (["--repair", "-o", "new.npz"], "expected a file ending .space"),
    ],
)
def test_repair_never_writes_over_anything(command, arguments, words):
    assert command("embed", "wine", "--with", "raw", "-o", "w.space").returncode == 0
    (command.folder / "link.space").symlink_to("w.space")
    before = (command.folder / "w.space").read_bytes()
    done = command("verify", "w.space", *arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert (command.folder / "w.space").read_bytes() == before
    assert not (command.folder / "new.space").exists()


def test_a_command_begins_again_where_its_file_was_replaced_meanwhile(command, monkeypatch):
    from nearspace.space import formats

    assert command("embed", "digits", "--with", "pca(dim=4)", "-o", "d.space").returncode == 0
    other = open_space(command.folder / "d.space")
    command("embed", "wine", "--with", "raw", "-o", "w.space")
    open_now, opened = formats.open_space, []

    def open_before_it_is_replaced(path, **options):
        space = open_now(path, **options)
        opened.append(len(space))
        if len(opened) == 1:
            formats.save(formats.dataclasses.replace(other, vectors=other.vectors + 1), path)
        return space

    monkeypatch.setattr(formats, "open_space", open_before_it_is_replaced)
    done = command("export", "d.space", "-o", "d.parquet")
    assert done.returncode == 0, done.stderr
    assert len(opened) == 2
    written = pd.read_parquet(command.folder / "d.parquet")
    np.testing.assert_array_equal(np.stack(written["vector"]), other.vectors + 1)


def test_a_parameter_that_no_encoder_can_have_is_told_in_a_sentence(command):
    done = command("embed", "vowels", "--with", "mfcc:n_mfcc=50", "-o", "v.space")
    assert done.returncode == 2
    assert "The 'n_mfcc' parameter of MFCC must be an int in the range [1, 40]" in done.stderr
