"""A folder and a table that tells of its files, and links by ids, as pairs."""

import zipfile

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from nearspace.data.load import load
from nearspace.data.pair_reading import load_pairs
from nearspace.data.pair_split import linked_components, split_pairs
from nearspace.errors import DataError


@pytest.fixture
def folder(tmp_path):
    """Return a folder of 24 pictures in two folders below it."""
    random = np.random.default_rng(0)
    for at in range(24):
        path = tmp_path / "pictures" / f"part{at % 2}" / f"{at}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(random.integers(0, 255, (8, 8, 3), np.uint8)).save(path)
    return tmp_path / "pictures"


def table(names, **columns):
    return pd.DataFrame({"file_name": names, **columns})


NAMES = [f"part{at % 2}/{at}.png" for at in range(24)]
SAYS = [f"picture number {at}" for at in range(24)]


@pytest.mark.parametrize(
    "call",
    [str, lambda name: f"/data/{name}", lambda name: name.rpartition("/")[2],
     lambda name: name.rpartition("/")[2].partition(".")[0], lambda name: name.replace("/", "\\")],
)  # fmt: skip
def test_files_are_told_by_the_end_of_a_path_or_their_name(folder, call, tmp_path):
    names = [call(name) for name in NAMES]
    table(names, caption=SAYS).to_csv(tmp_path / "captions.csv", index=False)
    pairs = load_pairs((folder, tmp_path / "captions.csv"))
    got = {(pairs.left.ids[one], pairs.right.items[other]) for one, other in pairs.links}
    assert got == {*zip(NAMES, SAYS, strict=True)}
    other_way = load_pairs((tmp_path / "captions.csv", folder))
    assert other_way.left.kind.name == "image"
    assert other_way.links.tolist() == pairs.links.tolist()


def test_what_is_missing_is_named_and_several_texts_are_of_one_picture(folder):
    frame = table(
        [*NAMES, NAMES[0], "none.png", NAMES[1], NAMES[2]],
        text=[*SAYS, "the first one", "nothing", " ", None],
    ).drop(index=5)
    pairs = load_pairs((folder, frame))
    assert len(pairs) == 24
    assert np.bincount(pairs.links[:, 0]).max() == 2
    told = " ".join(pairs.notes)
    assert "1 row of a file that is not there was left out: 'none.png'." in told
    assert "2 rows without a text in 'text' were left out." in told
    assert "without a row in data was left out: 'part1/5.png'." in told
    # A text that stands in two rows is one item, of both pictures.
    same = load_pairs((folder, table(NAMES, text=["this", "this", *SAYS[2:]])))
    assert len(same.right) == 23
    part = linked_components(same)
    both = [part[same.links[:, 0] == [*same.left.ids].index(name)][0] for name in NAMES[:2]]
    assert both[0] == both[1]


def test_columns_are_told_where_they_are_not_plain(folder):
    frame = table(NAMES, words=SAYS, who=["me"] * 24)
    with pytest.raises(DataError, match="got 'words', 'who'; say by left= and right="):
        load_pairs((folder, frame))
    assert len(load_pairs((folder, frame), "file_name", "words")) == 24
    with pytest.raises(DataError, match="no column 'word'"):
        load_pairs((folder, frame), "file_name", "word")
    with pytest.raises(DataError, match="none of the 24 files named in 'words' is in pictures"):
        load_pairs((folder, frame), "words", "file_name")
    with pytest.raises(DataError, match="a column with names of files of pictures"):
        load_pairs((folder, frame[["words", "who"]]))
    with pytest.raises(DataError, match="expected a row with a text"):
        load_pairs((folder, table(NAMES, caption=[""] * 24)))


def test_groups_of_a_table_are_kept_on_one_side(folder):
    group = [f"g{at // 2}" for at in range(24)]
    frame = table(NAMES, caption=SAYS, group=group)
    for pairs in (
        load_pairs((folder, frame), groups="group"),
        load_pairs(frame, "file_name", "caption", groups="group"),
    ):
        parts = split_pairs(pairs, 0.5)
        sides = [{*part.left.groups} for part in parts]
        assert sides[0].isdisjoint(sides[1])
        assert len(sides[0] | sides[1]) == 12


def test_groups_that_share_an_item_are_one_and_a_missing_group_is_told(folder):
    frame = table([*NAMES, NAMES[0]], caption=[*SAYS, "once more"], group=[*"abcd" * 6, "b"])
    pairs = load_pairs((folder, frame), groups="group")
    of = dict(zip(pairs.left.ids, pairs.left.groups, strict=True))
    # The first picture is of group a and of b: both are one, c and d are not.
    assert len({of[NAMES[at]] for at in (0, 1, 4, 5)}) == 1
    assert len({*of.values()}) == 3
    frame.loc[7, "group"] = None
    with pytest.raises(DataError, match="row 7 and 0 others have no group in 'group'"):
        load_pairs((folder, frame), groups="group")
    with pytest.raises(DataError, match="row 7 and 0 others have no group in 'group'"):
        load_pairs(frame, "file_name", "caption", groups="group")


def test_links_name_items_by_their_ids(folder, tmp_path):
    pieces = ["a cat", "a dog", "a cow"]
    links = [(NAMES[3], 0), (NAMES[3], 2), (NAMES[5], "1"), (NAMES[3], 0)]
    pairs = load_pairs((folder, pieces), links=links)
    got = {(pairs.left.ids[one], pairs.right.items[other]) for one, other in pairs.links}
    assert got == {(NAMES[3], "a cat"), (NAMES[3], "a cow"), (NAMES[5], "a dog")}
    told = " ".join(pairs.notes)
    assert "22 items of pictures that is in no pair" in told
    assert "1 pair that stood there before was left out." in told
    frame = pd.DataFrame(links, columns=["picture", "text"])
    assert load_pairs((folder, pieces), links=frame).links.tolist() == pairs.links.tolist()
    with pytest.raises(DataError, match="name 1 items that pictures does not have, as 'part1/33"):
        load_pairs((folder, pieces), links=[("part1/33.png", 0), (NAMES[1], 0)])
    with pytest.raises(DataError, match="rows of two ids"):
        load_pairs((folder, pieces), links=[1, 2])


def test_an_archive_of_files_is_as_its_folder(folder, tmp_path):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name in NAMES:
            archive.write(folder / name, f"all/{name}")
    frame = table(NAMES, caption=SAYS)
    pairs, same = load_pairs((path, frame)), load_pairs((folder, frame))
    assert [*pairs.left.ids] == [*same.left.ids]
    assert pairs.links.tolist() == same.links.tolist()
    frame.to_csv(tmp_path / "captions.csv", index=False)
    other_way = load_pairs((tmp_path / "captions.csv", path))
    assert other_way.links.tolist() == same.links.tolist()


def test_what_is_judged_on_may_be_named_by_another_table(folder):
    frame = table(NAMES, caption=SAYS)
    pairs = load_pairs((folder, frame[:16]), test=(folder, frame[16:]))
    assert pairs.split.tolist() == ["train"] * 16 + ["test"] * 8
    said = [pairs.right.items[at] for at in pairs.links[:, 1]]
    assert sorted(said[:16]) == sorted(SAYS[:16])
    assert sorted(said[16:]) == sorted(SAYS[16:])
    pictures = load(folder)
    for (left, _), text in zip(pairs.links, said, strict=True):
        at = [*pictures.ids].index(NAMES[SAYS.index(text)])
        assert np.array_equal(pairs.left.items[left], pictures.items[at])
    with pytest.raises(DataError, match="leave one of them out"):
        load_pairs((folder, frame[:16]), test=(folder, frame[16:]), groups="file_name")
