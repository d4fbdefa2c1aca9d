import numpy as np
import pytest

from nearspace.data import Text, kind_from_json
from nearspace.errors import DataError


@pytest.mark.parametrize(
    "items", [["a", "b"], ("a", "b"), np.array(["a", "b"]), np.array(["a", "b"], dtype=object)]
)
def test_sequences_of_str_become_lists_of_plain_str(items):
    assert Text.infer(items) == Text() == kind_from_json(Text().to_json())
    checked = Text().check(items)
    assert checked == ["a", "b"]
    assert all(type(text) is str for text in checked)


@pytest.mark.parametrize(
    ("items", "words"),
    [
        (["a", None], ["row 1", "None", "NoneType"]),
        (["a", "b", float("nan")], ["row 2", "nan", "float"]),
        (["a", 3], ["row 1", "3", "int"]),
        (["a", "\ud83d"], ["row 1", "surrogate"]),
        ("one text", ["list of str", "got str"]),
        (np.array([["a"]]), ["list of str", "ndarray"]),
    ],
)
def test_what_is_no_text_is_refused(items, words):
    with pytest.raises(DataError) as error:
        Text().check(items, "reviews")
    assert str(error.value).startswith("reviews: ")
    assert all(word in str(error.value) for word in words)


def test_features_are_shares_of_utf8_bytes():
    features = Text().features(["aab", "", "é"])
    assert features.shape == (3, 256)
    assert features.dtype == np.float32
    np.testing.assert_allclose(features.sum(axis=1), [1, 0, 1])
    assert features[2, [0xC3, 0xA9]].tolist() == [0.5, 0.5]


def test_hashes_tell_texts_apart():
    hashes = Text().hashes(["a", "b", "a", ""])
    assert hashes[0] == hashes[2]
    assert len(set(hashes.tolist())) == 3


def test_draw_escapes_and_cuts():
    assert Text().draw("<b>&") == "<q>&lt;b&gt;&amp;</q>"
    assert len(Text().draw("x" * 1000)) < 220
    assert Text().draw("x" * 1000).endswith("…</q>")
