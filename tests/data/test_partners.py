"""Partners: items of two sides that belong together, by place or by name."""

import numpy as np
import pytest

from nearspace.data import Dataset, Text, load
from nearspace.data.partners import partners
from nearspace.errors import DataError


def of_files(*names):
    return Dataset(list(names), Text(), ids=np.array(names), files=np.array(names), name=names[0])


def test_names_tell_where_items_are_files():
    rows, notes = partners(of_files("b.txt", "a.txt", "c.txt"), of_files("a.md", "d.md", "b.md"))
    assert rows.tolist() == [[0, 2], [1, 0]]
    assert len(notes) == 2


@pytest.mark.parametrize(
    ("left", "right", "words"),
    [
        (of_files("a.txt", "a.md"), of_files("a.txt"), "several files are called 'a'"),
        (of_files("a.txt"), of_files("b.txt"), "such as 'a' and 'b'"),
        (load(["a", "b"]), load(["a"]), "they have 2 and 1"),
    ],
)
def test_what_has_no_partner_for_sure_is_refused(left, right, words):
    with pytest.raises(DataError, match=words):
        partners(left, right)
