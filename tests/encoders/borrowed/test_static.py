"""Static models: means of token vectors as their makers have them, and those made of a model."""

import importlib.util
import shutil

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from tests import text_models

from nearspace.encoders.borrowed.distil import rarity
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.borrowed.static import Static
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.learning.progress import embedding_listener

TEXTS = ["near means alike", "", "🚤", "far 🚤 sea", "the sea is calm a boat goes out " * 9, "far"]


def by_hand(folder, texts, dropped=(1,)):
    """Return the means of the vectors of tokens, one text after the other."""
    arrays = load_file(f"{folder}/model.safetensors")
    table = arrays.get("embeddings", arrays.get("embedding.weight")).astype(np.float64)
    vectors = np.zeros((len(texts), table.shape[1]))
    for row, text in enumerate(texts):
        ids = text_models.word_tokenizer().encode(text, add_special_tokens=False).ids
        ids = [number for number in ids if number not in dropped]
        some = table[arrays["mapping"][ids]] if "mapping" in arrays else table[ids]
        if "weights" in arrays:
            some = some * arrays["weights"][ids][:, None]
        vectors[row] = some.mean(axis=0) if ids else 0
    return vectors


@pytest.mark.parametrize("smaller", [False, True])
def test_the_format_of_model2vec_is_read(tmp_path, smaller):
    folder = text_models.save_static(tmp_path, smaller=smaller, unit=smaller)
    encoder = Static(folder).fit(TEXTS)
    vectors, wanted = encoder.transform(TEXTS), by_hand(folder, TEXTS)
    if smaller:
        wanted /= np.maximum(np.linalg.norm(wanted, axis=1, keepdims=True), 1e-9)
    np.testing.assert_allclose(vectors, wanted, atol=1e-6)
    assert not vectors[[1, 2]].any()  # nothing, and nothing that is known
    np.testing.assert_array_equal(encoder.transform(TEXTS[3:4])[0], vectors[3])
    few = Static(folder, dim=3).fit(TEXTS).transform(TEXTS)
    assert few.shape == (6, 3)
    if not smaller:
        np.testing.assert_array_equal(few, vectors[:, :3])


def test_other_tables_are_read_with_a_tokenizer_beside_them_or_named(tmp_path):
    folder = tmp_path / "0_StaticEmbedding"
    folder.mkdir()
    text_models.save_static(folder)
    arrays = load_file(folder / "model.safetensors")
    save_file({"embedding.weight": arrays["embeddings"]}, folder / "model.safetensors")
    (folder / "config.json").unlink()
    vectors = Static(str(tmp_path)).fit(TEXTS).transform(TEXTS)
    np.testing.assert_allclose(vectors, by_hand(folder, TEXTS, dropped=()), atol=1e-6)
    apart = shutil.copy(folder / "model.safetensors", tmp_path / "table.safetensors")
    with pytest.raises(DataError, match=r"there is no tokenizer .*; name it by tokenizer="):
        Static(str(apart)).fit(TEXTS)
    named = Static(str(apart), tokenizer=str(folder / "tokenizer.json")).fit(TEXTS)
    np.testing.assert_array_equal(named.transform(TEXTS), vectors)


def test_what_is_no_table_of_token_vectors_is_said_in_a_sentence(tmp_path):
    def refused(match, *given, **params):
        with pytest.raises(DataError, match=match):
            Static(*given, **params).fit(TEXTS)

    refused("got neither")
    refused("got both", "a", of="b")
    refused("there is no folder", str(tmp_path / "nowhere"))
    bert = text_models.save(text_models.bert, tmp_path / "bert")
    refused(r"holds no table of token vectors, .*static\(of=", bert)
    folder = tmp_path / "static"
    folder.mkdir()
    text_models.save_static(folder, embeddings=np.zeros((9, 4), np.float32))
    refused("has 9 token vectors, and its tokenizer 171 tokens", str(folder))
    text_models.save_static(folder, embeddings=np.full((400, 4), np.nan, np.float32))
    refused("not finite", str(folder))
    text_models.save_static(folder)
    refused("has vectors of 8 numbers, got dim=99", str(folder), dim=99)
    (folder / "tokenizer.json").write_text("{}")
    refused("cannot read .* or its tokenizer", str(folder))
    (folder / "model.safetensors").write_bytes(b"{")
    refused("cannot read the table of", str(folder))
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")
    refused(r"holds no model\.safetensors", str(folder))
    bytes_ = text_models.save(text_models.t5, tmp_path / "t5")
    refused("has no vocabulary of which to make a table", of=bytes_)


def test_one_is_made_of_a_model_and_saved_whole(tmp_path):
    model = text_models.save(text_models.bert, tmp_path / "bert")
    told = []
    with embedding_listener(lambda done, items: told.append((done, items))):
        encoder = make(f"static(of={model!r}, dim=32)").fit(TEXTS)
    assert told == [(167, 167)]  # tokens, without the four marks
    # Every token is read alone, between marks; the directions of most variance are kept.
    tokenizer = text_models.word_tokenizer()
    words = [
        (number, name)
        for name, number in tokenizer.get_vocab().items()
        if number > 3 and tokenizer.encode(name).ids == [2, number, 3]
    ]
    alone = Pretrained(model).fit(TEXTS).transform([name for _, name in words])
    own = (
        encoder.table_[[number for number, _ in words]]
        / rarity(167)[[number - 4 for number, _ in words], None]
    )
    distances = [np.linalg.norm(each[:1] - each[1:], axis=1) for each in (alone, own)]
    np.testing.assert_allclose(*distances, rtol=1e-3)
    assert encoder.dropped_ == [0, 1, 2, 3]
    shutil.rmtree(tmp_path / "bert")
    saved = load_encoder(encoder.save(tmp_path / "saved"))
    np.testing.assert_array_equal(saved.transform(TEXTS), encoder.transform(TEXTS))
    lengths = np.linalg.norm(saved.transform(TEXTS), axis=1)
    np.testing.assert_allclose(lengths, [1, 0, 0, 1, 1, 1], atol=1e-6)


@pytest.mark.skipif(not importlib.util.find_spec("wordllama"), reason="wordllama is absent")
def test_the_two_files_of_wordllama_are_read(public_data):
    import pandas as pd
    from scipy.stats import spearmanr

    package = importlib.util.find_spec("wordllama").submodule_search_locations[0]
    pairs = pd.read_csv(public_data / "stsb-captions/stsb-en-test.csv.gz", header=None)
    encoder = Static(
        f"{package}/weights/l2_supercat_256.safetensors",
        tokenizer=f"{package}/tokenizers/l2_supercat_tokenizer_config.json",
    ).fit(pairs[0].tolist())
    left, right = (encoder.transform(pairs[side].tolist()) for side in (0, 1))
    cosines = (left * right).sum(1) / np.linalg.norm(left, axis=1) / np.linalg.norm(right, axis=1)
    assert spearmanr(cosines, pairs[2]).statistic == pytest.approx(0.868, abs=1e-3)
