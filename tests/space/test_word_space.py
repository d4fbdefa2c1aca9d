"""Words as a space: the words, their counts or ranks, the encoder within, and refusals."""

import numpy as np
import pytest
from tests import text_models

from nearspace import analogy, make, neighbours, open_space, save, word_space
from nearspace.errors import DataError, NearspaceError

TEXTS = ["the cat sat on the mat", "the dog sat", "a dog ran", "a cat ran"] * 20


def test_learned_words_are_a_space_that_embeds_texts(tmp_path):
    space = word_space(TEXTS, "skipgram(dim=8, epochs=2)")
    assert space.ids[0] == "the"
    assert dict(zip(space.ids, space.meta["count"].to_pylist(), strict=True))["the"] == 60
    again = open_space(save(space, tmp_path / "words.space"))
    assert again.ids.tolist() == space.ids.tolist()
    vectors = again.encoder.transform(["cat", "the cat"])
    row = again.position("cat")
    np.testing.assert_array_equal(vectors[0], again.vectors[row])
    assert neighbours(again, again.vectors[[row]], 1).ids[0, 0] == "cat"
    assert again.recipe.fingerprint == again.encoder.fingerprint
    assert not {"cat", "dog", "ran"} & set(analogy(again, "cat", "dog", "ran", k=3).ids[0])
    with pytest.raises(NearspaceError, match=r"no item 'catt'\. Did you mean 'cat'\?"):
        analogy(again, "catt", "dog", "ran")
    few = make("cbow(dim=4, epochs=1)")
    assert word_space(TEXTS, few, most=3).encoder.table_.shape == (3, 4)
    assert few.max_features == 100_000
    assert word_space(TEXTS, space.encoder, most=3).shape == (3, 8)


def test_words_of_a_file_are_a_space(tmp_path):
    path = tmp_path / "glove.txt"
    path.write_text("the 1 0\nParis 0 1\n, 1 1\ncat 2 2\n")
    space = word_space(path, most=3)
    assert space.ids.tolist() == ["the", "Paris", ","]
    assert space.vectors.tolist() == [[1, 0], [0, 1], [1, 1]]
    assert space.meta["rank"].to_pylist() == [1, 2, 3]
    assert space.encoder.transform(["THE paris"]).tolist() == [[0.5, 0.5]]
    static = word_space(TEXTS, f"static({str(path)!r})")
    assert len(static) == 4


def test_what_has_no_vectors_of_words_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"'tfidf' has no vectors of words; take skipgram"):
        word_space(TEXTS, "tfidf")
    with pytest.raises(DataError, match=r"Expected a file of word vectors, got nowhere\.txt"):
        word_space("nowhere.txt")
    folder = text_models.save_static(tmp_path)
    with pytest.raises(DataError, match=r"are no words; take skipgram or cbow"):
        word_space(TEXTS, f"static({str(folder)!r})")
