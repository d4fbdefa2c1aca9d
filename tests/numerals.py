"""Numbers in words of two languages: pairs that can be learnt, of which no word is in both."""

import numpy as np

from nearspace.data import load
from nearspace.data.pairs import Pairs

# fmt: off
ENGLISH = [
    "zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven",
    "twelve", "thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen",
]
GERMAN = [
    "null", "ein", "zwei", "drei", "vier", "fünf", "sechs", "sieben", "acht", "neun", "zehn", "elf",
    "zwölf", "dreizehn", "vierzehn", "fünfzehn", "sechzehn", "siebzehn", "achtzehn", "neunzehn",
]
ENGLISH_TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]
GERMAN_TENS = [
    "zwanzig", "dreißig", "vierzig", "fünfzig", "sechzig", "siebzig", "achtzig", "neunzig",
]
# fmt: on


def english(n):
    if n >= 100:
        return f"{ENGLISH[n // 100]} hundred" + f" and {english(n % 100)}" * (n % 100 > 0)
    if n < 20:
        return ENGLISH[n]
    return ENGLISH_TENS[n // 10 - 2] + f" {ENGLISH[n % 10]}" * (n % 10 > 0)


def german(n):
    if n >= 100:
        return f"{GERMAN[n // 100]} hundert" + f" {german(n % 100)}" * (n % 100 > 0)
    if n < 20:
        return GERMAN[n]
    return f"{GERMAN[n % 10]} und " * (n % 10 > 0) + GERMAN_TENS[n // 10 - 2]


def numerals(numbers):
    """Return pairs of the words for numbers below 1,000, German on the left."""
    numbers = [int(number) for number in numbers]
    left, right = (load([say(n) for n in numbers]) for say in (german, english))
    return Pairs(left, right, np.arange(len(numbers))[:, None].repeat(2, axis=1), name="numerals")
