"""Numbers that arrive as text: decimal comma, thousands, units, currency, words for missing."""

from __future__ import annotations

import dataclasses
import itertools
import re
from collections import Counter
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

__all__ = [
    "AGREE",
    "LARGEST_EXACT",
    "MISSING_WORDS",
    "Numerals",
    "Undecided",
    "cells_of",
    "count_cells",
    "parse_numbers",
    "spread",
]

# What people and programs write where there is no value, in lower case and without brackets.
# fmt: off
MISSING_WORDS = (
    "", ".", "..", "…", "...", "-", "--", "---", "–", "—", "*", "?", "??", "na", "n/a", "n.a.",
    "n. a.", "#n/a", "#na", "nan", "-nan", "null", "nil", "none", "<na>", "nd", "n.d.", "n/d",
    "tbd", "unknown", "missing", "not available", "not applicable", "no data", "unbekannt",
    "k.a.", "k. a.",
    "(blank)", "(null)", "#value!", "#div/0!", "#ref!", "#name?", "#null!", "#num!",
)
# fmt: on
AGREE = 0.95  # the share of the cells that are there which have to be numbers
LARGEST_EXACT = 2**53  # beyond it float64 does not tell whole numbers apart
SHOWN = 40  # characters of a cell
TRIED = 500  # cells, spread over a column, by which the ways of writing are ranked
BLANK = "[ \u00a0\u2009\u202f]"
SIGN = "[+\u2212-]?"
CURRENCY = (
    "[€$£¥₹₩₽]|(?:US|CA|A|NZ|R)\\$|EUR|USD|GBP|CHF|JPY|CNY|INR|KRW|SEK|NOK|DKK|PLN|CZK|HUF|AUD|"
    "CAD|NZD|BRL|MXN|ZAR|TRY|RUB|kr|Fr\\."
)
UNIT = "[%‰]|°[CFK]?|[A-Za-zµμΩ]{1,10}[²³23]?(?:/[A-Za-zµμ]{1,6}[²³23]?)?"
# What stands before and after the digits; the digits themselves are left to `_body`.
AROUND = re.compile(
    rf"\(?{SIGN}(?P<before>{CURRENCY})?{BLANK}?{SIGN}"
    rf"(?P<body>[\d.,'’]+(?:{BLANK}[\d.,]+)*(?:[eE][+-]\d+)?){BLANK}?"
    rf"(?P<after>{CURRENCY}|{UNIT})?\)?"
)
# Decimal mark and thousands separators, the plainest first.
WAYS = tuple((mark, between) for between in ("", ",", ".", " ", "'") for mark in ".,")
WAYS = tuple(way for way in WAYS if way[0] != way[1])
BETWEEN = {"": "", ",": ",", ".": "[.]", " ": BLANK, "'": "['’]"}
BETWEEN_WORDS = {",": "','", ".": "'.'", " ": "a blank", "'": "an apostrophe"}
# As whole numbers are written in codes, such as 007, 0x1F and 10e3.
CODE = r"^\s*[+-]?(0\d+|0[xX][0-9a-fA-F]+|\d+[eE]\d+)\s*$"
BOTH_WAYS = r"^[+-]?[1-9]\d{0,2}[.,]\d{3}$"  # 1.234: a thousand, or a decimal fraction
MARKS = rf"[.,'’]|\d{BLANK}\d"


@dataclasses.dataclass(frozen=True, eq=False)
class Numerals:
    """The numbers that a column of text holds, and how they are written.

    Attributes
    ----------
    values : ndarray of shape (n,)
        int64 where all are whole and none is missing, else float64 with NaN.
    way : str
        How the numbers are written, in words; nothing for plain ones.
    ambiguous : bool
        Whether each number could as well be one with the other decimal mark, such as 1.234.
    missing : dict of str to int
        Words that stand for a missing number, and how often.
    wrong : dict of str to int
        Other cells that are no numbers, which count as missing too.
    decimal : {".", ","} or None
        The decimal mark, where some number shows which it is.
    """

    values: np.ndarray
    way: str = ""
    ambiguous: bool = False
    missing: dict[str, int] = dataclasses.field(default_factory=dict)
    wrong: dict[str, int] = dataclasses.field(default_factory=dict)
    decimal: str | None = None


@dataclasses.dataclass(frozen=True)
class Undecided:
    """Why a column that looks like numbers, or like dates, is read as text: a half-sentence."""

    reason: str


def parse_numbers(
    column: pd.Series | pa.Array | list[str | None],
    decimal: str | None = None,
    agree: float = AGREE,
) -> Numerals | Undecided | None:
    """Read a column of text as numbers, however they are written.

    The whole column decides: it is numbers where nearly all cells that are there are, in one way
    of writing and with one unit. What is left is missing, and counted. Codes with leading zeros,
    such as 007 or 10e3, and whole numbers too large for float64 are none.

    Parameters
    ----------
    column : Series, Array or list
        Cells of ``str``; None or NaN where there is none.
    decimal : {".", ","}, optional
        The decimal mark where each number could be read either way; the point by default, and
        the comma as separator of thousands.
    agree : float, default=0.95
        The share of cells that have to be numbers, of those that are there and no word for
        missing.

    Returns
    -------
    Numerals, Undecided or None
        The numbers; why it is text all the same; or None for any other text.

    Examples
    --------
    >>> read = parse_numbers(["1.234,50 €", "99,95 €", "unknown", None])
    >>> read.values.tolist(), read.way, read.missing
    ([1234.5, 99.95, nan, nan], "a decimal comma and '.' between thousands and the unit '€'", \
{'unknown': 1})
    >>> parse_numbers(["007", "010"]).reason
    "holds codes such as '007'"
    """
    import pyarrow.compute as pc

    cells = cells_of(column)
    present = len(cells) - cells.null_count
    if not present:
        return None
    tried = spread(cells)
    if sum(map(_like_number, tried)) < 0.5 * len(tried):
        return None
    plain = _cast(cells, tried)
    if plain is not None:
        return _plain(cells, plain, decimal, {})
    if any(cell != cell.strip() for cell in tried):
        cells = pc.utf8_trim_whitespace(cells)
    words = pc.is_in(pc.utf8_lower(cells), value_set=_words())
    missing = count_cells(cells.filter(words))
    if missing:
        cells = pc.if_else(words, None, cells)
        plain = _cast(cells, spread(cells))
    if cells.null_count == len(cells):
        return None
    if plain is not None:
        return _plain(cells, plain, decimal, missing)
    return _with_comma(cells, missing) or _written(
        pc.utf8_trim_whitespace(cells), missing, decimal, agree
    )


def cells_of(column: Any) -> pa.Array:
    """Return cells as an Arrow array of text."""
    import pyarrow as pa

    array = column if isinstance(column, pa.Array | pa.ChunkedArray) else None
    if array is None:
        array = pa.array(column, from_pandas=True)
    if isinstance(array, pa.ChunkedArray):
        array = array.combine_chunks()
    return array.cast(pa.string()) if array.type != pa.string() else array


def _words() -> pa.Array:
    import pyarrow as pa

    return pa.array(MISSING_WORDS)


def _cast(cells: pa.Array, tried: list[str]) -> pa.Array | None:
    """Return cells that are all plain numbers as such; None where one is not.

    Some are tried before all, since a cast that fails takes long.
    """
    import pyarrow as pa
    import pyarrow.compute as pc

    for kind in (pa.int64(), pa.float64()):
        try:
            pc.cast(pa.array(tried, pa.string()), kind)
            return pc.cast(cells, kind)
        except pa.ArrowInvalid:
            continue
    return None


def _plain(
    cells: pa.Array, numbers: pa.Array, decimal: str | None, missing: dict[str, int]
) -> Numerals | Undecided:
    """Return plain numbers as they are, unless they are codes or could be thousands."""
    import pyarrow as pa
    import pyarrow.compute as pc

    if pa.types.is_integer(numbers.type):
        # A code is none as a number is written.
        same = pc.all(pc.equal(pc.cast(numbers, pa.string()), cells)).as_py()
        code = None if same else _first(cells, CODE)
    else:
        code = _code_among(cells)
    if code is not None:
        return Undecided(f"holds codes such as '{_example(code)}'")
    values = numbers.to_numpy(zero_copy_only=False)
    if pa.types.is_integer(numbers.type):
        if not numbers.null_count:
            return _exact(Numerals(values, missing=missing), numbers)
        return _exact(Numerals(values.astype(np.float64), missing=missing), numbers)
    long = pc.max(pc.binary_length(cells)).as_py() >= len(str(LARGEST_EXACT))
    huge = _first(cells, r"^[+-]?\d{16,}$") if long else None
    # Python makes no whole number of thousands of digits.
    if huge is not None and (len(huge) > 30 or abs(int(huge)) > LARGEST_EXACT):
        return Undecided(f"holds whole numbers too large to be exact, such as {_example(huge)}")
    pointed = [cell for cell in spread(cells) if "." in cell]
    ambiguous = _either(cells, pointed)
    if ambiguous and decimal == ",":
        return _numerals(cells, (",", "."), ("", ""), Numerals(values, "", True, missing))
    mark = "." if pointed and not ambiguous else None
    return Numerals(values, "", ambiguous, missing, decimal=mark)


def _code_among(cells: pa.Array) -> str | None:
    """Return the first code among plain numbers; None where there is none."""
    import pyarrow.compute as pc

    zeros, fractions = (pc.sum(pc.starts_with(cells, text)).as_py() or 0 for text in ("0", "0."))
    if zeros == fractions and not pc.any(pc.match_substring(cells, "e", ignore_case=False)).as_py():
        return None
    return _first(cells, CODE)


def _either(cells: pa.Array, marked: list[str]) -> bool:
    """Return whether all cells with a mark, such as 1.234, may be thousands or fractions."""
    import pyarrow.compute as pc

    if not marked or not all(re.match(BOTH_WAYS, cell) for cell in marked):
        return False
    without = pc.invert(pc.match_substring_regex(cells, "[.,]"))
    return bool(pc.all(pc.or_kleene(without, _matching(cells, BOTH_WAYS))).as_py())


def _with_comma(cells: pa.Array, missing: dict[str, int]) -> Numerals | None:
    """Return cells that are all plain numbers but for a decimal comma; None for all others."""
    import pyarrow as pa
    import pyarrow.compute as pc

    marked = [cell for cell in spread(cells) if "," in cell]
    if not marked or _either(cells, marked) or pc.any(pc.match_substring(cells, ".")).as_py():
        return None
    pointed = pc.replace_substring(cells, ",", ".")
    numbers = _cast(pointed, spread(pointed))
    if numbers is None or not pa.types.is_floating(numbers.type) or _code_among(pointed):
        return None
    values = numbers.to_numpy(zero_copy_only=False)
    return Numerals(values, "a decimal comma", missing=missing, decimal=",")


def _exact(numerals: Numerals, numbers: pa.Array) -> Numerals | Undecided:
    """Return whole numbers, unless float64 does not tell them apart."""
    import pyarrow.compute as pc

    bounds = pc.min_max(numbers).as_py()
    for bound in (bounds["min"], bounds["max"]):
        if abs(bound) > LARGEST_EXACT:
            return Undecided(f"holds whole numbers too large to be exact, such as {bound}")
    return numerals


def _written(
    cells: pa.Array, missing: dict[str, int], decimal: str | None, agree: float
) -> Numerals | Undecided | None:
    """Return trimmed cells, of which not all are plain, as numbers in the way that fits most."""
    import pyarrow.compute as pc

    tried = spread(cells)
    units = Counter(unit for unit in map(_around, tried) if unit is not None)
    if not units:
        return None
    unit = units.most_common(1)[0][0]
    counts = {way: sum(bool(re.match(_cell(way, unit), cell)) for cell in tried) for way in WAYS}
    best = tuple(way for way in WAYS if counts[way] == max(counts.values()))
    marked = pc.any(_matching(cells, MARKS)).as_py()
    if not marked:
        best = WAYS[:1]
    present = len(cells) - cells.null_count
    # Ways that fit the cells that were tried alike are told apart by all.
    fits = {way: _matching(cells, _cell(way, unit)) for way in best}
    numbers = {way: pc.sum(fit).as_py() or 0 for way, fit in fits.items()}
    if max(numbers.values()) < agree * present:
        fits |= {way: _matching(cells, _cell(way, unit)) for way in WAYS if way not in fits}
        numbers = {way: pc.sum(fit).as_py() or 0 for way, fit in fits.items()}
    most = max(numbers.values())
    if not most or most < agree * present:
        return _not_agreed(cells, units, most, present)
    code = _first(cells, CODE)
    if code is not None:
        return Undecided(f"holds codes such as '{_example(code)}'")
    fitting = [way for way in WAYS if numbers.get(way) == most]
    reads, marks = fitting[0], {mark for mark, _ in fitting}
    # Without a mark in any number, or with numbers such as 1,234 throughout, either mark fits.
    ambiguous = len(marks) > 1 and any(re.search("[.,]", cell) for cell in tried)
    if ambiguous:
        grouped = next((way for way in fitting if way[1] and _has(cells, way[1])), reads)
        other = next((way for way in fitting if way[0] == (decimal or ".")), reads)
        # No currency has thousandths.
        reads = grouped if any(re.fullmatch(CURRENCY, text) for text in unit) else other
    wrong = count_cells(cells.filter(pc.fill_null(pc.invert(fits[reads]), False)))
    shown = reads[0] if marked and len(marks) == 1 else None
    blank = Numerals(np.empty(0), "", ambiguous, missing, wrong, shown)
    return _numerals(pc.if_else(fits[reads], cells, None), reads, unit, blank)


def _numerals(
    cells: pa.Array, way: tuple[str, str], unit: tuple[str, str], told: Numerals
) -> Numerals | Undecided:
    """Return cells that are all written in one way as numbers, with what is told of them."""
    import pyarrow.compute as pc

    decimal, thousands = way
    before, after = unit
    power = pc.any(_matching(cells, r"\d[eE][+-]\d")).as_py()
    digits = pc.replace_substring(cells, "−", "-")
    negative = _matching(digits, r"^\(|^[^0-9]*-")
    for text in (before, f"{after}s", after):
        digits = pc.replace_substring(digits, text, "") if text.strip("s") else digits
    digits = pc.replace_substring_regex(digits, f"[^0-9{decimal}eEiInNfF{'-' * power}]", "")
    numbers = pc.cast(pc.replace_substring(digits, ",", "."), "float64")
    values = numbers.to_numpy(zero_copy_only=False).astype(np.float64)
    sign = np.where(pc.fill_null(negative, False).to_numpy(zero_copy_only=False), -1.0, 1.0)
    values = sign * np.abs(values)
    finite = values[np.isfinite(values)]
    whole = bool((finite == np.trunc(finite)).all())
    largest = np.abs(finite).max(initial=0)
    if whole and not power and largest >= LARGEST_EXACT:
        return Undecided(f"holds whole numbers too large to be exact, such as {largest:.0f}")
    words = ["a decimal comma"] if decimal == "," and _has(cells, ",", r"\d*") else []
    if thousands and _has(cells, thousands):
        words.append(f"{BETWEEN_WORDS[thousands]} between thousands")
    if any(unit):
        words.append(f"the unit '{before or after}'")
    if whole and len(finite) == len(values):
        values = values.astype(np.int64)
    return dataclasses.replace(told, values=values, way=" and ".join(words))


def _has(cells: pa.Array, mark: str, after: str = r"\d{3}") -> bool:
    """Return whether a mark stands between digits anywhere."""
    import pyarrow.compute as pc

    return bool(pc.any(_matching(cells, rf"\d{BETWEEN[mark]}{after}")).as_py())


def _not_agreed(
    cells: pa.Array, units: Counter[tuple[str, str]], numbers: int, present: int
) -> Undecided | None:
    """Return why cells are read as text though many of them are numbers."""
    if len(units) > 1 and sum(units.values()) >= AGREE * len(spread(cells)):
        names = sorted({"".join(unit) or "none" for unit in units})
        if len(names) > 1:
            shown = ", ".join(names[:5]) + (", …" if len(names) > 5 else "")
            return Undecided(f"holds numbers in several units ({shown})")
        return Undecided("holds numbers written in several ways")
    if numbers < 0.5 * present:
        return None
    return Undecided(f"holds numbers in only {numbers:,} of {present:,} cells")


def _around(cell: str) -> tuple[str, str] | None:
    """Return what stands before and after the digits of a number; None where it is none."""
    parts = AROUND.fullmatch(cell)
    if parts is None:
        return None
    after = parts["after"] or ""
    # One day and two days are of one unit.
    return parts["before"] or "", after[:-1] if len(after) > 2 and after.endswith("s") else after


def _body(cell: str) -> str:
    parts = AROUND.fullmatch(cell)
    return parts["body"] if parts else ""


def _like_number(cell: str) -> bool:
    cell = cell.strip()
    return cell.lower() in MISSING_WORDS or AROUND.fullmatch(cell) is not None


def _cell(way: tuple[str, str], unit: tuple[str, str]) -> str:
    """Return the expression for a whole cell with a number in one way of writing."""
    decimal, thousands = way
    before, after = (re.escape(text) for text in unit)
    between = BETWEEN[thousands]
    whole = rf"(?:[1-9]\d{{0,2}}(?:{between}\d{{3}})+|\d+)" if between else r"\d+"
    mark = re.escape(decimal)
    number = rf"(?:{whole}(?:{mark}\d*)?|{mark}\d+)(?:[eE][+-]\d+)?|(?i:inf(?:inity)?)"
    before = f"(?:{before}{BLANK}?)" if before else ""
    after = f"{BLANK}?{after}s?" if len(after) > 1 else f"{BLANK}?{after}" if after else ""
    return rf"^(?:{SIGN}{before}{SIGN}(?:{number}){after}|\({before}(?:{number}){after}\))$"


def _matching(cells: pa.Array, expression: str) -> pa.Array:
    import pyarrow.compute as pc

    return pc.match_substring_regex(cells, expression)


def _first(cells: pa.Array, expression: str) -> str | None:
    """Return the first cell that an expression fits; None where it fits none."""
    import pyarrow.compute as pc

    fits = pc.index(pc.match_substring_regex(cells, expression), value=True).as_py()
    return None if fits < 0 else cells[fits].as_py().strip()


def _example(cell: str) -> str:
    """Return a cell as a sentence shows it."""
    return cell if len(cell) <= SHOWN else f"{cell[: SHOWN - 1]}…"


def spread(cells: pa.Array) -> list[str]:
    """Return some of the cells that are there, from all over the column."""
    import pyarrow.compute as pc

    there = pc.drop_null(cells)
    step = max(1, len(there) // TRIED)
    return there.take(np.arange(0, len(there), step)).to_pylist()


def count_cells(cells: pa.Array) -> dict[str, int]:
    """Return how often each different cell stands there, the commonest first."""
    import pyarrow.compute as pc

    counts = pc.value_counts(pc.drop_null(cells)).to_pylist()
    ordered = sorted(counts, key=lambda each: -each["counts"])
    return {each["values"]: each["counts"] for each in itertools.islice(ordered, 1000)}
