"""Words of texts in any script: where they stand, and as terms that can be counted."""

from itertools import pairwise

import pytest

from nearspace.data.words import terms_of, word_spans

HINDI, PERSIAN = "हिन्दी", "می‌خواهم"


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("", []),
        ("I a 1999 3.5 😀 _", []),  # what is no word
        ("Don't STOP: re-read mp3s", ["don't", "stop", "re", "read", "mp3s"]),
        ("<p class='x'>one<br/>two</p><!-- no --> if 1 < two", ["one", "two", "if", "two"]),
        ("fish &amp; chips&nbsp;now", ["fish", "chips", "now"]),
        ("see https://t.co/Abc?d=e or www.a.org/x", ["see", "or"]),
        (f"{HINDI} {PERSIAN} שלום Straße", [HINDI, PERSIAN, "שלום", "straße"]),
        ("大阪 x 京", ["大阪", "京"]),
        ("한국어 문장", ["한국어", "문장"]),
        ("東京都", ["東京", "京都", "東京都"]),
        ("y" * 300_000, []),
    ],
)
def test_terms_are_words_in_any_script_and_neither_markup_nor_numbers(text, terms):
    assert terms_of(text) == terms


def test_spans_lie_in_order_and_between_them_are_blanks_alone():
    text = f"  Don't, zip!\t{HINDI} 読む…  👩‍👩‍👧 a_b"
    spans = word_spans(text)
    parts = [text[start:end] for start, end in spans]
    assert parts[:5] == ["Don't", ",", "zip", "!", HINDI]
    assert parts[5:8] == ["読", "む", "…"]
    assert parts[8] == "👩‍👩‍👧"
    assert not "".join(text[end:start] for (_, end), (start, _) in pairwise(spans)).strip()
    assert word_spans("   ") == []
