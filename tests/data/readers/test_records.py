"""Files of JSON as people write them: what is read, what is told, and what is refused."""

import gzip
import json
import lzma

import numpy as np
import pandas as pd
import pytest

from nearspace.data import Table, Text, load, memory
from nearspace.data.readers import records
from nearspace.errors import DataError

ROWS = [{"id": f"i{n}", "size": n / 4, "label": "ab"[n % 2]} for n in range(8)]
LINES = "\n".join(map(json.dumps, ROWS))
FRAME = pd.DataFrame(ROWS)


def read(tmp_path, name, content, **options):
    path = tmp_path / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return load(path, **options)


@pytest.mark.parametrize(
    ("name", "content", "note"),
    [
        ("a.jsonl", LINES, ""),
        ("a.NDJSON", LINES + "\n", ""),
        ("a.ndjson.gz", gzip.compress(LINES.encode(), mtime=0), ""),
        ("a.jsonl.XZ", lzma.compress(LINES.encode()), ""),
        ("a.jsonl", "\ufeff" + LINES.replace("\n", "\r\n"), ""),
        ("a.jsonl", LINES.encode("utf-16"), "In UTF-16."),
        ("a.json", LINES, "It holds a value a line, as files that end in .jsonl do."),
        ("a.jsonl", json.dumps(ROWS, indent=1), "It holds one value, as files that end in .json"),
        ("a.json", json.dumps(ROWS), ""),
        (
            "a.json",
            json.dumps({"data": ROWS, "n": 8}),
            "list 'data', and what is beside it was",
        ),
        ("a.json", json.dumps({"rows": ROWS}), "The records are the list 'rows'."),
        ("a.json", json.dumps(FRAME.to_dict("list")), ""),
        ("a.json", FRAME.to_json(), ""),
        ("a.json", FRAME.to_json(orient="records"), ""),
        ("a.jsonl", FRAME.to_json(orient="records", lines=True), ""),
        ("a.json", FRAME.to_json(orient="table", index=False), ""),
    ],
)
def test_records_are_read_like_the_rows_of_a_table(name, content, note, tmp_path):
    data = read(tmp_path, name, content, labels="label", ids="id")
    assert data.ids.tolist() == [row["id"] for row in ROWS]
    assert data.target.values.tolist() == [row["label"] for row in ROWS]
    assert data.items["size"].tolist() == [row["size"] for row in ROWS]
    assert note in " ".join(data.notes)
    assert note or len(data.notes) == 1


@pytest.mark.parametrize("orient", ["split", "table", "index", "columns"])
def test_tables_are_read_in_each_form_that_pandas_writes(orient, tmp_path):
    shuffled, by_id = FRAME.sample(frac=1, random_state=0), FRAME.set_index("id")
    for frame in (FRAME, shuffled, by_id, by_id[:2]):
        data = read(tmp_path, "a.json", frame.to_json(orient=orient), labels="label")
        assert data.labels.tolist() == frame["label"].tolist()
        assert data.items["size"].tolist() == frame["size"].tolist()
        of_index = [
            note for note in data.notes if note.startswith("The index 'index' was left out")
        ]
        assert len(of_index) == (frame is not FRAME and "index" not in data.items and (
            orient != "table" or frame is shuffled
        ))  # fmt: skip
    name = "id" if orient == "table" else "index"
    data = read(tmp_path, "a.json", by_id.to_json(orient=orient), labels="label", ids=name)
    assert data.ids.tolist() == by_id.index.tolist()
    numbers = pd.DataFrame(np.arange(6.0).reshape(3, 2))
    data = read(tmp_path, "a.json", numbers.to_json(orient=orient))
    if orient != "index":
        np.testing.assert_array_equal(data.items.to_numpy(), numbers.to_numpy())
    told = "Its rows and columns are numbers: read column by column" in " ".join(data.notes)
    assert told == (orient in ("index", "columns"))


def test_records_by_name_may_lack_keys(tmp_path):
    by_name = {"a": {"x": 1, "y": 2}, "b": {"x": 2}, "c": {"x": 3, "y": 4}}
    data = read(tmp_path, "a.json", json.dumps(by_name), ids="index")
    assert data.ids.tolist() == ["a", "b", "c"]
    assert data.items["x"].tolist() == [1, 2, 3]


def test_texts_and_vectors_may_be_plain_lists(tmp_path):
    assert read(tmp_path, "a.json", '["a text", "another"]').items == ["a text", "another"]
    assert read(tmp_path, "a.jsonl", '"a text"\n"another"').items == ["a text", "another"]
    assert read(tmp_path, "a.json", "[[1, 2], [3, 4.5]]").items.tolist() == [[1, 2], [3, 4.5]]
    data = read(tmp_path, "a.jsonl", '{"id": 1, "vector": [0.5, 1]}\n{"id": 2, "vector": [2, 3]}')
    assert data.items.tolist() == [[0.5, 1], [2, 3]]
    with pytest.raises(DataError, match="has no named columns, so labels='x' finds nothing"):
        read(tmp_path, "a.json", '["a text", "another"]', labels="x")


def test_the_lists_of_a_published_split_are_its_parts(tmp_path):
    data = read(tmp_path, "a.json", json.dumps({"train": ROWS[:6], "test": ROWS[6:]}))
    assert data.split.tolist() == ["train"] * 6 + ["test"] * 2
    assert "The lists 'train', 'test' are the parts of a published split." in data.notes


def test_objects_in_objects_and_missing_keys_are_columns_and_told(tmp_path):
    lines = [
        '{"n": 1, "user": {"name": "x", "at": {"lat": 1.5}}, "tags": ["a", "b"]}',
        "",
        '{"n": 2, "user": null, "tags": []}',
        '{"n": 3, "user": {"name": "y"}}',
    ]
    data = read(tmp_path, "a.jsonl", "\n".join(lines))
    assert list(data.items) == ["n", "user.name", "user.at.lat", "tags"]
    assert data.items["user.name"].fillna("-").tolist() == ["x", "-", "y"]
    assert data.items["tags"].fillna("-").tolist() == ['["a", "b"]', "[]", "-"]
    assert data.notes[1:] == (
        "1 line that holds nothing was left out.",
        "Objects in objects became columns: 'user.name', 'user.at.lat'.",
        "Keys that some objects lack count as missing: 'user.name' (1), 'user.at.lat' (2), "
        "'tags' (1).",
        "'tags' holds lists, which are read as they are written.",
    )


def test_columns_of_several_types_are_told(tmp_path):
    cells = [1.5, "n/a", 2.5, "3.5", 4, 5, 6, 7, 8, 9, 10, 11]
    rows = [{"a": cell, "b": [True, 0, "no"][n % 3], "c": 1} for n, cell in enumerate(cells)]
    data = read(tmp_path, "a.json", json.dumps(rows))
    assert data.items["a"].isna().tolist() == [cell == "n/a" for cell in cells]
    assert data.items["b"].tolist() == ["true", "0", "no"] * 4
    assert "'b' holds numbers and texts and truth values, which are" in " ".join(data.notes)


def test_whole_numbers_stay_exact_and_what_is_no_number_is_told_or_refused(tmp_path):
    ids = [1413617112501850121, 1413617112501850122, 2**70 + 1]
    lines = "\n".join(f'{{"id": {each}, "b": {n}.5}}' for n, each in enumerate(ids))
    assert read(tmp_path, "a.jsonl", lines, ids="id").ids.tolist() == [str(each) for each in ids]
    first = read(tmp_path, "a.jsonl", "\n".join(lines.split("\n")[:2]), ids="id")
    assert first.ids.tolist() == ids[:2]
    data = read(tmp_path, "a.jsonl", '{"a": NaN, "b": 1}\n{"a": 2, "b": 1}')
    assert np.isnan(data.items["a"][0])
    assert "'a': NaN (1) counts as missing." in data.notes
    for number in ("Infinity", "1e999"):
        with pytest.raises(DataError, match="row 0, column 'a' is inf, expected a finite number"):
            read(tmp_path, "a.jsonl", f'{{"a": {number}}}\n{{"a": 2}}')


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("a.jsonl", '{"a": 1}\n{"a": 2\n{"a": 3}', ["line 2 is no JSON", "column 8", "mend it"]),
        ("a.jsonl", '{"a": 1}\n\n{"a": 2', ["line 3 is no JSON"]),
        ("a.jsonl", "{'a': 1}", ["line 1 is no JSON", "double quotes"]),
        ("a.jsonl", '{"a": 1}\n{"a": 2,\n"b": 3}\n', ["begins in line 2 ends in line 3", ".json"]),
        ("a.json", '{\n"a": 1}\n{\n"a": 2}', ["begins in line 1 ends in line 2"]),
        ("a.json", '[{"a": 1},\n {"a": 2', ["is no JSON (", "line 2, column 9"]),
        ("a.jsonl", '{"a": 1}\n{"b": 1, "b": 2}', ["line 2", "the key 'b' stands twice"]),
        ("a.jsonl", '{"a": 1}\nnull', ["line 2 is null, not an object"]),
        ("a.json", '[{"a": 1}, 5]', ["item 1 is a number, not an object"]),
        ("a.json", '{"a": 1, "b": {"c": 2}}', ["holds one object, of 'a', 'b'"]),
        ("a.json", '{"x": [{"a": 1}], "y": [{"a": 1}]}', ["several lists of objects, 'x', 'y'"]),
        ("a.json", '{"x": [1, 2], "y": [3]}', ["differ in length ('x' of 2, 'y' of 1)"]),
        ("a.json", "[[1, 2], [3]]", ["lists of numbers differ in length"]),
        ("a.json", '{"a": {"x": 1, "y": 2}, "b": {"x": 3, "y": 4}}', ["may stand a row or a col"]),
        ("a.json", '{"a": {"x": 1}, "b": {"y": 2}}', ["holds one object, of 'a', 'b'"]),
        ("a.json", '{"columns": ["x", "y"], "data": [[1, 2], [3]]}', ["row 1 of its 'data' has 1"]),
        ("a.json", '{"columns": ["x"], "index": [1], "data": [[1], [3]]}', ["names 1 rows"]),
        ("a.json", '{"columns": ["x", "x"], "data": [[1, 2]]}', ["column 'x' stands twice"]),
        ("a.jsonl.xz", b"no xz", ["a.jsonl.xz is damaged"]),
        ("a.json", "", ["is empty"]),
        ("a.json", "null", ["a.json holds null alone"]),
        ("a.jsonl.gz", gzip.compress(b"\n\n", mtime=0), ["is empty"]),
        ("a.json", "[" * 100_000, ["nested too deeply"]),
        ("a.jsonl", '{"a.b": 1, "a": {"b": 2}}', ["line 1 has two values for 'a.b'"]),
        ("a.jsonl", '{"a": "\\ud800"}', ["row 0 of the column 'a'", "surrogate"]),
        ("a.jsonl", f'{{"a": {"9" * 5000}}}', ["line 1", "4300 digits"]),
        ("a.jsonl", b'{"a": 1}\n\n{"a": "\xe9"}', ["not in UTF-8: line 3 holds the byte 0xe9"]),
        ("a.json", b'[{"a": 1}]\n\0', ["is no text: line 2 holds a zero"]),
        ("a.jsonl.bz2", b"no bzip2", ["a.jsonl.bz2 is damaged"]),
    ],
)  # fmt: skip
def test_what_is_no_list_of_records_is_refused_in_a_sentence(name, content, words, tmp_path):
    with pytest.raises(DataError) as error:
        read(tmp_path, name, content)
    text = str(error.value)
    assert text.startswith(name)
    assert text.endswith(".")
    assert "\n" not in text
    assert all(word in text for word in words), text


def test_what_records_take_is_bounded_before_they_are_parsed(tmp_path, monkeypatch):
    content = b"[" + b",".join([b"{}"] * 10_000) + b"]"
    monkeypatch.setattr(memory, "free_memory", lambda: 2**21)
    with pytest.raises(DataError, match=r"a\.json takes about 0\.0 GiB of memory"):
        read(tmp_path, "a.json", content)
    monkeypatch.undo()
    monkeypatch.setattr(records, "free_memory", lambda: 2**21)
    sparse = "\n".join(json.dumps({f"key {n}": n}) for n in range(1000))
    with pytest.raises(DataError, match="more than 87 different keys"):
        read(tmp_path, "a.jsonl", sparse)


def test_long_texts_are_the_items_and_several_columns_of_them_are_asked_about(tmp_path):
    text = "a text of quite a few words, the one with the number {}"
    rows = [{**row, "text": text.format(n)} for n, row in enumerate(ROWS)]
    data = read(tmp_path, "a.jsonl", "\n".join(map(json.dumps, rows)), labels="label")
    assert data.kind == Text()
    assert data.meta.column_names == ["id", "size", "label"]
    assert "The column 'text' holds long texts: they are the items" in data.notes[1]
    path = tmp_path / "a.csv"
    pd.DataFrame(rows).to_csv(path, index=False)
    assert load(path).items == data.items
    assert isinstance(load(path, kind="table").kind, Table)
    assert isinstance(load(path, like=load(path, kind="table").kind).kind, Table)
    assert load(path, column="id").items == [row["id"] for row in ROWS]
    pd.DataFrame(rows).assign(more=data.items).to_csv(path, index=False)
    with pytest.raises(DataError, match=r"columns of long texts, 'text', 'more': say by column="):
        load(path)
    assert load(path, without=["more"]).items == data.items
    names = pd.DataFrame({"name": [f"Mr. Owen Harris {n}" for n in range(8)], "n": range(8)})
    assert isinstance(load(names).kind, Table)
    assert load(names, kind="text").items[0] == "Mr. Owen Harris 0"
    chinese = pd.DataFrame({"t": [f"这是第{n}个句子,它没有空格,但它很长很长" for n in range(8)]})
    assert load(chinese).kind == Text()
