"""What pages have in common: a command that can be pasted."""

import shlex

import pytest

from nearspace.report.base import shell_quoted


@pytest.mark.parametrize(
    "text",
    ["pca", "", "entity(numbers='periodic')", "a b", "it's $HOME", 'both " and \'', "back\\slash's",
     "line\nit's", "it's `ls`", "wow, it's!", "tab\tit's", "column 14", "*'s"],
)  # fmt: skip
def test_a_quoted_word_is_one_word_to_a_shell(text):
    assert shlex.split(shell_quoted(text)) == [text]
    special = {*'"$`\\!\n'} & {*text}
    assert shell_quoted(text).startswith('"') == ("'" in text and not special)
