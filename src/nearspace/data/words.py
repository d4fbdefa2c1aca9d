"""The words of texts in any script: where they stand, and as terms that can be counted."""

from __future__ import annotations

import functools
import html
import re
import unicodedata

__all__ = ["terms_of", "word_spans", "words_of"]

# Scripts that put no blanks between words: Thai, Lao, Myanmar, Khmer, kana, the ideographs.
UNSPACED = (
    r"\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    r"\uf900-\ufaff\U00020000-\U000323af"
)
LONGEST_WORD = 40  # letters; more are no word
PLAIN_WORD = re.compile(r"[a-z0-9]+(?:'[a-z0-9]+)*")
RUNS = 2, 3, 4  # letters of such a script, which are counted in place of words
# What is no word of a text: tags, and addresses.
MARKUP = re.compile(r"</?[a-zA-Z][^<>]{0,999}>|<!--.{0,999}?-->|\b(?:https?://|www\.)\S+", re.S)


def word_spans(text: str) -> list[tuple[int, int]]:
    """Return where words and runs of other signs begin and end; blanks stand between or nothing.

    In a script without blanks between words every letter stands for itself.

    Examples
    --------
    >>> text = "don't 読む!"
    >>> [text[start:end] for start, end in word_spans(text)]
    ["don't", '読', 'む', '!']
    """
    return [(at.start(), at.end()) for at in _patterns()["part"].finditer(text)]


def terms_of(text: str) -> list[str]:
    """Return the words of a text, in small letters, without tags, addresses and mere numbers.

    Of a script without blanks between words there are runs of two to four letters instead.

    Examples
    --------
    >>> terms_of("<p>Zip&amp;zap, 1999: R2D2 reads https://a.b</p>")
    ['zip', 'zap', 'r2d2', 'reads']
    >>> terms_of("東京都")
    ['東京', '京都', '東京都']
    """
    terms: list[str] = []
    if any(sign in text for sign in ("<", "&", "://", "www.")):
        text = html.unescape(MARKUP.sub(" ", text))
    for at in _patterns()["term"].finditer(text.lower()):
        run = at["run"]
        if run is None:
            if 1 < len(at[0]) <= LONGEST_WORD and not at[0].isnumeric():
                terms.append(at[0])
        elif len(run) < RUNS[0]:
            terms.append(run)
        else:
            terms += [run[i : i + n] for n in RUNS for i in range(len(run) - n + 1)]
    return terms


def words_of(text: str) -> list[str]:
    """Return the words of a text in small letters: letters and digits, with apostrophes within.

    All other signs part words and are left out. In a script without blanks between words every
    letter stands for itself.

    Examples
    --------
    >>> words_of("The dog's well-known R2D2 isn’t 3.5 'metres' high_")
    ['the', "dog's", 'well', 'known', 'r2d2', "isn't", '3', '5', 'metres', 'high']
    >>> words_of("読む Straße")
    ['読', 'む', 'straße']
    """
    if text.isascii():  # of which most are: ten times as fast
        return PLAIN_WORD.findall(text.lower())
    return _patterns()["word"].findall(text.lower().replace("’", "'"))


@functools.cache
def _patterns() -> dict[str, re.Pattern[str]]:
    r"""Return what a part of a text is, and what a term.

    Vowel signs, as of India and Arabia, end a word by Python's ``\w``: here they are of it.
    """
    signs = map(chr, range(0x300, 0x10000))
    marks = "".join(sign for sign in signs if unicodedata.category(sign)[0] == "M")
    letter = rf"(?![{UNSPACED}])[^\W_]"
    letters = rf"{letter}(?:{letter}|[{marks}\u200c\u200d])*"
    word = rf"{letters}(?:['’]{letters})*"
    alone = rf"[{UNSPACED}][{marks}]*"
    return {
        "part": re.compile(rf"{word}|{alone}|(?:(?!{letter})[^\s{UNSPACED}])+"),
        "word": re.compile(rf"{word}|{alone}"),
        "term": re.compile(rf"(?P<run>[{UNSPACED}{marks}]+)|{word}"),
    }
