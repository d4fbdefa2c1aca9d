import pytest

from nearspace import load
from nearspace.data.encodings import utf8_of

TEXT = "near means alike\nfar means other\nשלום עולם 😀\n"
CSV = "text,label\nnear means alike,a\nשלום 😀,b\n"
JSONL = '{"text": "near means alike", "label": "a"}\n{"text": "שלום 😀", "label": "b"}\n'
MARKED = ["utf-8", "utf-8-sig", "utf-16", "utf-32"]


@pytest.mark.parametrize("encoding", MARKED)
@pytest.mark.parametrize(("name", "content"), [("a.txt", TEXT), ("a.csv", CSV), ("a.jsonl", JSONL)])
def test_files_with_a_byte_order_mark_are_read_whatever_reads_them(
    name, content, encoding, tmp_path
):
    (tmp_path / name).write_bytes(content.encode(encoding))
    data = load(tmp_path / name, **({} if name == "a.txt" else {"column": "text"}))
    assert data.items == (TEXT.splitlines() if name == "a.txt" else ["near means alike", "שלום 😀"])
    told = f"In {encoding.upper()}." in data.notes
    assert told == (encoding in ("utf-16", "utf-32"))


def test_files_of_a_text_each_are_read_by_their_marks_or_named_with_the_line(tmp_path):
    for at, encoding in enumerate(MARKED):
        (tmp_path / f"{at}.txt").write_bytes(TEXT.encode(encoding))
    (tmp_path / "old.txt").write_bytes("fine\nnaïve\n".encode("cp1252"))
    (tmp_path / "zero.txt").write_bytes(b"one\ntw\0o and more\n")
    data = load(tmp_path)
    assert data.items == [TEXT] * 4
    assert data.left_out == {
        "old.txt": "not in UTF-8: line 2 holds the byte 0xef ('ï' in Windows-1252)",
        "zero.txt": "no text: line 2 holds a zero byte",
    }


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ("né".encode("utf-16")[:-1], "not in UTF-16, as its first bytes say"),
        (b"a\r\nb\r\n\x81", r"line 3 holds the byte 0x81$"),
        (b"old\rways\r\xe4", r"line 3 holds the byte 0xe4 \('ä' in Windows-1252\)"),
        ("half é\nold ".encode() + "é".encode("latin-1"), "line 2 holds the byte 0xe9"),
        ("€".encode()[:2], "line 1 holds the byte 0xe2"),
    ],
)
def test_the_line_that_is_no_text_is_told(data, words):
    with pytest.raises(ValueError, match=words):
        utf8_of(data)
