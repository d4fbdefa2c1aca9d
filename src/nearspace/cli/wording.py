"""Sentences of the library in the words of the command line: ``--ids`` for ``ids=``."""

from __future__ import annotations

import re
import shlex

__all__ = ["PARAMETERS", "in_options"]

# Parameters of the library that are options of commands, under the same name.
PARAMETERS = (
    "also_without_groups", "append", "cache", "chunks", "column", "ends", "exclude_self",
    "folds", "groups", "hold_out", "how", "ids", "items", "kind", "labels", "likes", "limit",
    "made_by", "metric", "minutes", "near_duplicates", "overlap", "pattern", "per", "qrels",
    "queries", "random_state", "rank_by", "rate", "ratio", "replace", "scale", "scores",
    "seeds", "side", "size", "split", "task", "test", "test_size", "time", "types", "vectors",
    "without", "words",
)  # fmt: skip
# A parameter alone, ids=, or with a value, how='linear', but not in quotes, where a name from
# elsewhere stands, nor in the brackets of an encoder.
SENTENCE_PART = re.compile(
    r"(?<!\w)'[^']*'|\"[^\"]*\"|(?<![\w.-])(?<!\w\()(?<!, )(?P<name>"
    + "|".join(PARAMETERS)
    + r")=(?:(?P<open>\[)?'(?P<text>[^']*)'(?(open)\])|(?P<number>\d[\d.]*\b)|(?=[\s,;.:)]|$))"
)


# What then stands twice, as sentences of the library name the option beside the parameter.
TWICE = re.compile(r"(?P<option>--[\w-]+(?: [\w.]+)?)(?: \((?P=option)\)|, (?P=option)(?=\)))")


def in_options(sentence: str) -> str:
    """Return a sentence whose parameters of the library are written as options.

    Examples
    --------
    >>> in_options("Name it by ids=, or ask for task='numbers'; there is no column 'ids='.")
    "Name it by --ids, or ask for --task numbers; there is no column 'ids='."
    >>> in_options("Rank by rank_by='knn' (--rank-by knn), in one part (folds=1, --folds 1).")
    'Rank by --rank-by knn, in one part (--folds 1).'
    >>> in_options("Say by left= and right= where they stand.")
    'Say by --pairs where they stand.'
    """
    # The two columns of pairs are one option.
    sentence = sentence.replace("left= and right=", "--pairs")
    return TWICE.sub(r"\g<option>", SENTENCE_PART.sub(_option, sentence))


def _option(part: re.Match[str]) -> str:
    if part["name"] is None:
        return part[0]
    option, value = f"--{part['name'].replace('_', '-')}", part["text"] or part["number"]
    return f"{option} {shlex.quote(value)}" if value else option
