"""Tables whose cells are the names of files."""

import pandas as pd
import pytest
from PIL import Image as Pillow

from nearspace import load
from nearspace.errors import DataError

NAMES = [f"{label}_{number}.png" for label in ("cat", "dog") for number in range(3)]


def write(root, folder):
    """Write pictures into a folder, and a table of them into another."""
    for place in (root / folder, root / "meta"):
        place.mkdir(parents=True, exist_ok=True)
    for shade, name in enumerate(NAMES):
        Pillow.new("L", (4, 4), 40 * shade).save(root / folder / name)
    table = root / "meta" / "list.csv"
    rows = [f"{name},{name[:3]},{number % 2}" for number, name in enumerate(NAMES)]
    table.write_text("\n".join(["filename,what,fold", *rows]))
    return table


@pytest.mark.parametrize("folder", ["meta", "meta/clips", "audio", "."])
def test_files_are_looked_for_where_people_put_them(tmp_path, monkeypatch, folder):
    table = write(tmp_path, folder)
    if folder == ".":
        monkeypatch.chdir(tmp_path)
    column = "filename" if folder == "audio" else None  # beside the folder of the table
    data = load(table, column=column, labels="what", groups="fold")
    assert data.kind.name == "image"
    assert data.items[:, 0, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]
    assert data.ids.tolist() == NAMES
    assert (data.labels.tolist(), data.groups.tolist()) == (["cat"] * 3 + ["dog"] * 3, [0, 1] * 3)
    assert data.meta.column_names == ["what", "fold"]
    assert load(table, column="filename").kind == data.kind
    by_name = load(table, column=column, pattern="{label}_{take}.png")
    assert by_name.labels.tolist() == data.labels.tolist()
    assert by_name.meta.column_names == ["what", "fold", "take"]
    with pytest.raises(DataError, match="'fold' is a column and a field of the pattern"):
        load(table, column=column, pattern="{label}_{fold}.png")


def test_files_in_several_folders_are_found_by_their_names(tmp_path):
    table = write(tmp_path, "pictures/fold1")
    (tmp_path / "pictures" / "fold2").mkdir()
    for name in NAMES[3:]:
        (tmp_path / "pictures" / "fold1" / name).rename(tmp_path / "pictures" / "fold2" / name)
    (tmp_path / "pictures" / "fold1").rename(tmp_path / "pictures" / "fold0")
    data = load(table, column="filename", labels="what")
    assert data.ids.tolist()[2:4] == ["pictures/fold0/cat_2.png", "pictures/fold2/dog_0.png"]
    assert data.items[:, 0, 0, 0].tolist() == [0, 40, 80, 120, 160, 200]
    Pillow.new("L", (4, 4)).save(tmp_path / "pictures" / "fold2" / NAMES[0])
    with pytest.raises(DataError, match="names files of which none is there"):
        load(table, column="filename")


def test_the_folder_that_has_most_of_the_files_is_theirs(tmp_path):
    table = write(tmp_path, "meta/clips")
    (tmp_path / "meta" / "another").mkdir()
    Pillow.new("L", (4, 4)).save(tmp_path / "meta" / "another" / NAMES[0])
    assert any(note.endswith("/meta/clips.") for note in load(table).notes)


def test_rows_without_a_file_are_told(tmp_path):
    table = write(tmp_path, "meta")
    table.write_text(table.read_text().replace("dog_1.png,", ","))
    data = load(table, labels="what")
    assert len(data) == 5
    assert any("1 row without a file was left out: 4" in note for note in data.notes)
    (tmp_path / "meta" / "dog_2.png").unlink()
    with pytest.raises(DataError, match=r"1 of the 5 files is not there: '.*dog_2\.png'"):
        load(table)


def test_names_of_files_that_are_nowhere_are_names(tmp_path):
    table = tmp_path / "list.csv"
    names = [f"nowhere/{name}" for name in NAMES]
    table.write_text("filename,size\n" + "\n".join(f"{name},{len(name)}" for name in names))
    assert load(table).kind.name == "table"
    with pytest.raises(DataError, match=r"'filename' names files of which none is there, such as"):
        load(table, column="filename")
    assert load(table, column="filename", kind="text").items == names


def test_a_frame_names_files_from_the_current_folder(tmp_path, monkeypatch):
    write(tmp_path, "meta")
    monkeypatch.chdir(tmp_path)
    frame = pd.DataFrame({"file": [f"meta/{name}" for name in NAMES]})
    assert load(frame).ids.tolist() == [f"meta/{name}" for name in NAMES]
