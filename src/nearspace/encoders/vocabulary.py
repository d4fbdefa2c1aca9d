"""`Vocabulary`: which words, characters or pieces of words texts are read as, each by a number."""

from __future__ import annotations

import dataclasses
import functools
import itertools
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nearspace.data.words import words_of
from nearspace.encoders.blocks import text_blocks
from nearspace.encoders.fitted_value import FittedValue
from nearspace.errors import DataError, did_you_mean, need

__all__ = ["PADDING", "RESERVED", "UNITS", "UNKNOWN", "Vocabulary"]

PADDING, UNKNOWN, RESERVED = 0, 1, 2  # numbers, and how many of them are no token's
UNITS = {"word": "words", "char": "characters", "bpe": "pieces"}
N_BYTES = 256
N_SIGNS = 0x110000  # of Unicode
REPLACED = "\ufffd"  # how Unicode writes a character that is not there


@dataclasses.dataclass(frozen=True, eq=False)
class Vocabulary(FittedValue):
    r"""The tokens of texts, each with a number; 0 is padding and 1 any other token.

    Words are letters, made small, and digits, with apostrophes within, as `words_of` of
    `nearspace.data.words` finds them. Characters are those of Unicode, capitals and blanks among
    them. Pieces are runs of bytes that stand together most often, by byte pair encoding [1]_, so
    that none is unknown.

    Attributes
    ----------
    unit : {"word", "char", "bpe"}
        What a token is.
    tokens : list of str
        What has the numbers from 2 on: the commonest first, equally common ones by their text;
        pieces in the order in which they were joined.
    counts : ndarray of shape (tokens,), int64, or None
        How often each stood in the texts; None of pieces, and where nobody counted.
    seen : (int, int)
        How many different tokens there were in the texts, and how many in all: 0 where nobody
        counted.
    tokenizer : str
        Of pieces what cuts texts into them, as JSON of the library tokenizers; empty for others.

    References
    ----------
    .. [1] R. Sennrich, B. Haddow and A. Birch, "Neural machine translation of rare words with
       subword units", 2016.

    Examples
    --------
    >>> vocabulary = Vocabulary.of(["Near means alike.", "Far means: don't!"], most=3)
    >>> vocabulary.tokens
    ['means', 'alike', "don't"]
    >>> flat, offsets = vocabulary.ids(["means alike?", "near, means"])
    >>> flat.tolist(), offsets.tolist()
    ([2, 3, 1, 2], [0, 2, 4])
    >>> vocabulary.texts(flat, offsets)
    ['means alike', '\ufffd means']
    >>> vocabulary.notes[0]
    'The vocabulary has the 3 commonest of 5 words; the others are 33.3 % of what the texts hold.'
    """

    unit: str
    tokens: list[str]
    counts: NDArray[np.int64] | None = None
    seen: tuple[int, int] = (0, 0)
    tokenizer: str = ""

    @classmethod
    def of(
        cls, texts: Sequence[str], tokens: str = "word", most: int = 100_000, at_least: int = 1
    ) -> Self:
        """Return the vocabulary of texts.

        Parameters
        ----------
        texts : sequence of n str
            From which it is made.
        tokens : {"word", "char", "bpe"}, default="word"
            What a token is. Pieces of words need the extra ``pretrained``.
        most : int, default=100000
            How many there are at most, the commonest first. Of pieces there are at least 256, one
            for each byte.
        at_least : int, default=1
            How often a token stands in the texts, or a piece that is joined of two.

        Raises
        ------
        DataError
            If the texts hold no token that is common enough, or a number is out of range.
        MissingExtra
            If pieces are asked for, and the library that makes them is not installed.
        """
        if tokens not in UNITS:
            raise DataError(
                f"There are no tokens of the sort '{tokens!s:.60}'. {did_you_mean(tokens, UNITS)}"
            )
        least = N_BYTES if tokens == "bpe" else 1
        if most < least or at_least < 1:
            raise DataError(
                f"A vocabulary of {UNITS[tokens]} has at least {least}, each at least once; got "
                f"most={most} and at_least={at_least}."
            )
        if tokens == "bpe":
            return cls("bpe", *_pieces_of(texts, most, at_least))
        count = _characters_of if tokens == "char" else _words_in
        named, counts = count(texts)
        enough = np.flatnonzero(counts >= at_least)
        if not len(enough):
            often = f" that stands there {at_least:,} times" if len(counts) else ""
            raise DataError(
                f"The texts, {len(texts):,}, hold no {UNITS[tokens].removesuffix('s')}{often}, so "
                "there is no vocabulary."
            )
        order = sorted(enough.tolist(), key=lambda at: (-counts[at], named[at]))[:most]
        seen = len(counts), int(counts.sum())
        return cls(tokens, [named[at] for at in order], counts[order], seen)

    def __len__(self) -> int:
        """Return how many numbers there are, the two of no token among them."""
        return RESERVED + len(self.tokens)

    def ids(self, texts: Sequence[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the numbers of the tokens of texts, one text after the other.

        Parameters
        ----------
        texts : sequence of n str
            The texts.

        Returns
        -------
        flat : ndarray of shape (tokens,), int32
            The numbers.
        offsets : ndarray of shape (n + 1,), int64
            Where each text begins: that in row i is ``flat[offsets[i]:offsets[i + 1]]``.
        """
        parts, lengths = [np.zeros(0, np.int32)], [np.zeros(1, np.int64)]
        for _, some in text_blocks(list(texts)):
            flat, counts = self._numbers(some)
            parts.append(flat)
            lengths.append(counts)
        return np.concatenate(parts), np.cumsum(np.concatenate(lengths))

    def texts(self, flat: Any, offsets: Any = None) -> list[str]:
        r"""Return texts of numbers: characters and pieces exactly, words with blanks between.

        Parameters
        ----------
        flat : array of shape (tokens,)
            Numbers of tokens. Padding is left out, other tokens are ``"\ufffd"``.
        offsets : array of shape (n + 1,), optional
            Where each text begins; without them all is one text.

        Raises
        ------
        DataError
            If a number is not of the vocabulary.
        """
        flat = np.asarray(flat, dtype=np.int64)
        ends = np.array([0, len(flat)]) if offsets is None else np.asarray(offsets)
        wrong = flat[(flat < 0) | (flat >= len(self))]
        if len(wrong):
            raise DataError(
                f"The vocabulary has the numbers 0 to {len(self) - 1:,}, got {wrong[0]}."
            )
        return [self._text(flat[start:end]) for start, end in itertools.pairwise(ends.tolist())]

    def unknown_share(self, texts: Sequence[str]) -> float:
        """Return which share of the tokens of texts the vocabulary has no number for."""
        flat, _ = self.ids(texts)
        return float((flat == UNKNOWN).mean()) if len(flat) else 0.0

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out of the vocabulary, where something was."""
        different, total = self.seen
        if self.counts is None or different == len(self.tokens):
            return ()
        share = 1 - self.counts.sum() / total
        return (
            f"The vocabulary has the {len(self.tokens):,} commonest of {different:,} "
            f"{UNITS[self.unit]}; the others are {_percent(share)} of what the texts hold.",
        )

    def notes_on(self, texts: Sequence[str]) -> tuple[str, ...]:
        """Return what there is to say of texts: which share of their tokens is unknown."""
        share = self.unknown_share(texts)
        if not share:
            return ()
        return (f"{_percent(share)} of the {UNITS[self.unit]} of the texts are unknown to it.",)

    def check(self) -> None:
        """Raise an error unless its tokens differ, and what is known of them is of as many."""
        n = len(self.tokens)
        if self.unit not in UNITS or len(set(self.tokens)) < n:
            raise ValueError("it is no vocabulary of different tokens")
        if self.counts is not None and self.counts.shape != (n,):
            raise ValueError(f"there are counts of {self.counts.shape} for {n} tokens")
        if self.unit == "char" and any(len(token) != 1 for token in self.tokens):
            raise ValueError("it has tokens that are no characters")
        if self.unit == "bpe" and self._cutter.get_vocab_size() != n:
            raise ValueError("its tokenizer has other tokens")

    @functools.cached_property
    def numbers(self) -> dict[str, int]:
        """The number of each token; of a word by its small letters, where it has capitals."""
        at = {token: number for number, token in enumerate(self.tokens, RESERVED)}
        if self.unit != "word":
            return at
        small = dict[str, int]()
        for token, number in at.items():
            small.setdefault(token.lower(), number)
        return small | at

    @functools.cached_property
    def _cutter(self) -> Any:
        from tokenizers import Tokenizer

        try:
            return Tokenizer.from_str(self.tokenizer)
        except Exception as error:  # tokenizers raises nothing more special
            raise ValueError(f"its tokenizer cannot be read ({error})") from error

    @functools.cached_property
    def _of_signs(self) -> NDArray[np.int32]:
        """The number of every character of Unicode."""
        table = np.full(N_SIGNS, UNKNOWN, np.int32)
        table[[*map(ord, self.tokens)]] = np.arange(RESERVED, len(self))
        return table

    def _numbers(self, texts: list[str]) -> tuple[NDArray[np.int32], NDArray[np.int64]]:
        """Return the numbers of tokens, and how many there are in each text."""
        if self.unit == "char":
            lengths = np.fromiter(map(len, texts), np.int64, len(texts))
            return self._of_signs[_code_points("".join(texts))], lengths
        if self.unit == "bpe":
            read = [each.ids for each in self._cutter.encode_batch_fast(texts)]
        else:
            get = self.numbers.get
            read = [[get(word, UNKNOWN) for word in words_of(text)] for text in texts]
        lengths = np.fromiter(map(len, read), np.int64, len(texts))
        flat = np.fromiter(itertools.chain.from_iterable(read), np.int32, int(lengths.sum()))
        return (flat + np.int32(RESERVED) if self.unit == "bpe" else flat), lengths

    def _text(self, numbers: np.ndarray) -> str:
        numbers = numbers[numbers != PADDING]
        if self.unit == "bpe":
            # What is unknown comes of no text, but may come of a network.
            return self._cutter.decode((numbers[numbers != UNKNOWN] - RESERVED).tolist())
        tokens = [
            REPLACED if number == UNKNOWN else self.tokens[number - RESERVED]
            for number in numbers.tolist()
        ]
        return (" " if self.unit == "word" else "").join(tokens)


def _words_in(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    counter = Counter[str]()
    for text in texts:
        counter.update(words_of(text))
    return [*counter], np.fromiter(counter.values(), np.int64, len(counter))


def _characters_of(texts: Sequence[str]) -> tuple[list[str], NDArray[np.int64]]:
    counts = np.zeros(N_SIGNS, np.int64)
    for _, some in text_blocks(list(texts)):
        signs, often = np.unique(_code_points("".join(some)), return_counts=True)
        counts[signs] += often
    seen = np.flatnonzero(counts)
    return [chr(sign) for sign in seen.tolist()], counts[seen]


def _code_points(text: str) -> NDArray[np.uint32]:
    return np.frombuffer(text.encode("utf-32-le"), dtype="<u4")


def _pieces_of(
    texts: Sequence[str], most: int, at_least: int
) -> tuple[list[str], None, tuple[int, int], str]:
    """Return the pieces of a vocabulary of bytes that are joined, and what cuts texts into them.

    It has no token of another meaning, which a text could hold by its name.
    """
    need("pretrained", "A vocabulary of pieces of words")
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=most,
        min_frequency=at_least,
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(_parts(texts), trainer)
    named = tokenizer.get_vocab()
    return sorted(named, key=named.__getitem__), None, (0, 0), tokenizer.to_str()


def _parts(texts: Sequence[str]) -> Iterator[list[str]]:
    for _, some in text_blocks(list(texts)):
        yield some


def _percent(share: float) -> str:
    """Return a share in words: one that is not 0 is told, however small."""
    return f"{100 * share:.1f} %" if share >= 0.0005 else "less than 0.1 %"
