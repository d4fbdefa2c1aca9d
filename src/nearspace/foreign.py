"""Text from elsewhere, as ids and file names are, made safe to be shown."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Callable
from typing import Any

__all__ = ["printable", "printable_json"]

MOST_MARKS = 8  # combining marks on one letter; more would run over the lines above and below

# What moves the cursor, talks to the terminal, turns the direction of a line round, breaks it, or
# cannot be seen: C0, DEL, C1, and what Unicode calls default ignorable. Lone surrogates stand for
# the bytes of file names that are no text, and cannot be written at all.
UNSEEN = (
    r"\x00-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180e\u200b-\u200f\u2028-\u202e"
    r"\u2060-\u206f\u3164\ud800-\udfff\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    r"\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)
# Where the unseen has a meaning it stays: joiners in scripts that join and within emoji, what
# picks a form of an emoji or an ideograph, and the letters in the flags of regions.
JOINING = (
    r"\u0590-\u061b\u061d-\u115e\u1161-\u17b3\u17b6-\u180d\u180f-\u1dff\u2190-\u3163\u3165-\ud7ff"
    r"\ufe0f\U0001f000-\U0001faff"
)
MEANT = (
    "\U0001f3f4[\U000e0030-\U000e0039\U000e0061-\U000e007a]{1,6}\U000e007f"
    rf"|(?<=[{JOINING}])[\u200c\u200d](?![\u200c\u200d])"
    rf"|(?<=[#*0-9\xa9\xae{JOINING}])(?<!\ufe0f)[\ufe00-\ufe0f]"
    "|(?<=[\u3400-\u9fff\uf900-\ufaff\U00020000-\U000323af])[\U000e0100-\U000e01ef]"
)
FOUND = re.compile(f"{MEANT}|([{UNSEEN}])")
SIGNS = re.compile(rf"[^\w\s\x00-\x7f]{{{MOST_MARKS + 1},}}")  # among them runs of marks


def printable(text: object) -> str:
    r"""Return text of which nothing reaches the terminal but signs that can be seen.

    What would command the terminal, turn the line round, break it or be invisible is written as
    Python writes it, ``\x1b`` or ``\u202e``. Letters of all scripts, those from right to left
    included, and emoji stay as they are, with the joiners that they need. What is printable
    already is returned unchanged.

    Parameters
    ----------
    text : object
        One line, or what is to be told on one, as `str` gives it.

    Examples
    --------
    >>> printable("cat\x1b]0;title\x07.jpg\nall is well")
    'cat\\x1b]0;title\\x07.jpg\\nall is well'
    """
    return _visible(str(text), _as_python)


def printable_json(value: Any, **options: Any) -> str:
    r"""Return a value as JSON that may be shown in a terminal, and is exact where it is read.

    Parameters
    ----------
    value : object
        What `json.dumps` takes.
    **options : object
        Of `json.dumps`, as ``indent`` is.

    Examples
    --------
    >>> print(printable_json({"id": "é\x9b2J"}))
    {"id": "é\u009b2J"}
    """
    lines = json.dumps(value, ensure_ascii=False, **options).split("\n")
    return "\n".join(_visible(line, _as_json) for line in lines)


def _visible(text: str, escaped: Callable[[str], str]) -> str:
    """Return text with escapes in place of what cannot be seen, and of marks in floods."""
    if text.isascii() and text.isprintable():
        return text
    text = FOUND.sub(lambda at: escaped(at[1]) if at[1] else at[0], text)
    return SIGNS.sub(lambda at: _few_marks(at[0], escaped), text)


def _few_marks(signs: str, escaped: Callable[[str], str]) -> str:
    """Return signs with escapes in place of the marks that are too many in a row."""
    marks, shown = 0, []
    for sign in signs:
        marks = marks + 1 if unicodedata.category(sign) in ("Mn", "Me") else 0
        shown.append(escaped(sign) if marks > MOST_MARKS else sign)
    return "".join(shown)


def _as_python(sign: str) -> str:
    return sign.encode("unicode_escape").decode("ascii")


def _as_json(sign: str) -> str:
    return json.dumps(sign)[1:-1]
