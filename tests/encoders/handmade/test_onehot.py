"""Texts one-hot by place and token, against a naive loop; what is cut or too wide is told."""

import numpy as np
import pytest
from scipy import sparse

from nearspace.data.words import words_of
from nearspace.encoders.base import Encoder
from nearspace.encoders.handmade.onehot import OneHot
from nearspace.errors import DataError

TEXTS = ["near means alike", "far means far other", "", "near"]
NEW = ["far far near means zebra alike means", "", "zebra"]


@pytest.mark.parametrize("length", [None, 2])
@pytest.mark.parametrize(("tokens", "split"), [("word", words_of), ("char", list)])
def test_texts_are_those_of_a_naive_loop(tokens, split, length):
    encoder = OneHot(tokens=tokens, length=length).fit(TEXTS)
    places = length or max(len(split(text)) for text in TEXTS)
    names = encoder.get_feature_names_out().tolist()
    wanted = np.zeros((len(NEW), len(names)), np.float32)
    for row, text in enumerate(NEW):
        for place, token in enumerate(split(text)[:places]):
            name = f"{place}={token}"
            wanted[row, names.index(name if name in names else f"{place}=other")] = 1
    vectors = encoder.transform(NEW)
    assert isinstance(vectors, sparse.csr_array)
    np.testing.assert_array_equal(vectors.toarray(), wanted)
    again = Encoder.parse(encoder.dump(), "memory")
    np.testing.assert_array_equal(again.transform(NEW).toarray(), wanted)


def test_what_is_cut_left_out_and_how_much_memory_they_take_is_told():
    encoder = OneHot(max_features=2, length=3).fit(TEXTS)
    assert encoder.notes == (
        "The vocabulary has the 2 commonest of 5 words; the others are 50.0 % of what the texts "
        "hold.",
        "Dense, the vectors of the 4 texts take 0.0 MiB.",
    )
    assert encoder.notes_on(["far far far means", "means"])[-1] == (
        "1 of 2 texts are longer than 3 tokens, and cut."
    )


def test_texts_of_too_many_columns_and_of_no_token_are_refused():
    with pytest.raises(DataError, match=r"are too many columns; set a smaller length= or max"):
        OneHot(tokens="char").fit(["".join(map(chr, range(60, 40_000))), "ab" * 150_000])
    with pytest.raises(DataError, match=r"hold no word"):
        OneHot().fit(["", "…"])
