"""Attention of pretrained models of texts, and the mean without sinks, against transformers."""

import functools

import numpy as np
import pytest
import torch
from tests import text_models, vision_models

from nearspace.encoders.borrowed import attending
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.borrowed.sentences import pool_tokens
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.judge.studies.layers import compare_layers

LONG = "the sea is calm " * 30
TEXTS = [
    "near means alike", "far", "", "the sea is calm a boat goes out", "the sea", LONG, "far",
    "one two " * 6, "a", "blue",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "bert": text_models.save(text_models.bert, root / "bert"),
        "llama": text_models.save(text_models.llama, root / "llama", False, padding_side="left"),
        "t5": text_models.save(text_models.t5, root / "t5"),
        "planted": text_models.save_planted(root / "planted", "[SEP]"),
        "uniform": text_models.save_planted(root / "uniform"),
    }


@functools.cache
def alone(folder, text):
    """Return attention and hidden states of a text that goes through a model alone."""
    from transformers import AutoTokenizer

    most = 2**20 if folder.endswith("t5") else text_models.MOST
    tokenizer = AutoTokenizer.from_pretrained(folder)
    inputs = tokenizer(text, truncation=True, max_length=most, return_tensors="pt")
    inputs.pop("token_type_ids", None)
    with torch.no_grad():
        output = model_of(folder)(**inputs, output_attentions=True, output_hidden_states=True)
    return output.attentions, output.hidden_states, output.last_hidden_state[0]


@functools.cache
def model_of(folder):
    from transformers import AutoModel, T5EncoderModel

    kind = T5EncoderModel if folder.endswith("t5") else AutoModel
    return kind.from_pretrained(folder, attn_implementation="eager").eval()


@pytest.mark.parametrize("name", ["bert", "llama", "t5"])
def test_attention_is_that_of_the_model_and_a_row_sums_to_one(folders, name):
    texts = [text for text in TEXTS if text != LONG] if name == "t5" else TEXTS
    encoder = Pretrained(folders[name]).fit(texts)
    seen = {
        row: (at, each) for each in encoder.attention(texts) for at, row in enumerate(each.rows)
    }
    assert sorted(seen) == [row for row, text in enumerate(texts) if text or name != "llama"]
    for row, (at, each) in seen.items():
        assert each.causal == (name == "llama")
        attentions, states, _ = alone(folders[name], texts[row])
        n = int(each.lengths[at])
        assert len(each.tokens[at]) == n == attentions[0].shape[-1]
        assert len(each.weights) == len(each.states) == len(attentions) == 3
        for layer, wanted in enumerate(attentions):
            own = each.weights[layer][at, :, :n, :n]
            torch.testing.assert_close(own, wanted[0], atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(own.sum(-1), torch.ones(own.shape[:2]))
            torch.testing.assert_close(
                each.states[layer][at, :n], states[layer][0], atol=1e-4, rtol=1e-4
            )
    if name == "bert":
        assert seen[0][1].tokens[seen[0][0]] == ["[CLS]", "near", "means", "alike", "[SEP]"]


@pytest.mark.parametrize(("pool", "layer"), [("planted", -1), ("planted", 1), ("planted", 0)])
def test_the_mean_leaves_the_planted_sink_out(folders, pool, layer):
    encoder = Pretrained(folders[pool], pool="mean_without_sinks", layer=layer).fit(TEXTS)
    vectors = encoder.transform(TEXTS)
    for row, text in enumerate(TEXTS):
        states = alone(folders[pool], text)[1][layer][0]
        without = states if len(states) < 2 else states[:-1]  # [SEP] stands last
        np.testing.assert_allclose(vectors[row], without.mean(dim=0), atol=1e-5)


@pytest.mark.parametrize("name", ["uniform", "bert", "llama"])
def test_without_sinks_it_is_the_mean(folders, name):
    texts = TEXTS[:2] + TEXTS[3:]
    vectors, mean = (
        Pretrained(folders[name], pool=pool).fit(texts).transform(texts)
        for pool in ("mean_without_sinks", "mean")
    )
    if name != "uniform":  # whose random weights make a sink here and there
        vectors, mean = vectors[[1, 5]], mean[[1, 5]]
    np.testing.assert_allclose(vectors, mean, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ["bert", "llama", "t5", "planted"])
def test_a_text_has_the_vector_that_it_has_alone(folders, name):
    encoder = Pretrained(folders[name], pool="mean_without_sinks").fit(TEXTS)
    vectors = encoder.transform(TEXTS)
    for row, text in enumerate(TEXTS):
        error = np.linalg.norm(vectors[row] - encoder.transform([text])[0])
        assert error <= 1e-4 * max(1e-12, np.linalg.norm(vectors[row]))
    assert np.isfinite(vectors).all()


def test_where_the_rounding_of_a_product_could_tell_tokens_fade(folders):
    """Shares a hair off the threshold change a vector by a hair."""
    model = Pretrained(folders["bert"]).fit(TEXTS)._loaded()
    batch = model.batch_of([[2, 10, 11, 3]])
    shares = torch.tensor([0.62, 0.2, 0.1, 0.08])  # near 4.9 times a quarter
    counts = [
        model.attending.without_sinks(batch, (w.expand(1, 2, 4, 4),) * 3, -1).counts
        for w in (shares, shares + torch.tensor([1e-6, -1e-6, 0, 0]))
    ]
    assert 0 < counts[0][0, 0] < 0.2
    torch.testing.assert_close(*counts, atol=1e-4, rtol=0)
    assert counts[0][0, 1:].tolist() == [1.0, 1.0, 1.0]


def test_where_only_sinks_are_left_behind_a_prompt_all_of_them_count():
    states, lengths = torch.arange(8.0).reshape(2, 4, 1), torch.tensor([4, 3])
    counts = torch.tensor([[1.0, 1.0, 0.0, 0.0], [1.0, 0.0, 1.0, 1.0]])
    vectors = pool_tokens(states, lengths, "mean_without_sinks", torch.tensor([2, 1]), counts)
    assert vectors.tolist() == [[2.5], [6.0]]


@pytest.mark.trains
def test_it_can_be_trained_on(folders):
    spec = f"finetuned(pretrained({folders['bert']!r}, pool='mean_without_sinks'), epochs=1)"
    tuned = make(spec).fit(TEXTS, list("ab") * 5)
    assert tuned.weights_
    before = Pretrained(folders["bert"], pool="mean_without_sinks").fit(TEXTS).transform(TEXTS)
    assert np.abs(tuned.transform(TEXTS) - before).max() > 1e-4


def test_layers_by_name_are_pooled_by_their_own_block(folders):
    spec = f"pretrained({folders['planted']!r}, pool='mean_without_sinks')"
    by_name = make(f"{spec}@'encoder.layer.0'").fit(TEXTS).transform(TEXTS)
    np.testing.assert_allclose(by_name, make(spec).fit(TEXTS).transform(TEXTS), atol=1e-5)
    outputs = make(spec).fit(TEXTS).layer_outputs(TEXTS, ["encoder.layer.0", "encoder.layer.1"])
    np.testing.assert_allclose(outputs["encoder.layer.0"], by_name, atol=1e-5)
    data = [text for text in dict.fromkeys(TEXTS) if text] * 3
    board = compare_layers(
        data, spec, labels=list("ab") * (len(data) // 2) + ["a"] * (len(data) % 2)
    )
    assert [row.name for row in board.rows][-2:] == ["encoder.layer.0", "encoder.layer.1"]


def test_a_saved_one_is_found_again(folders, tmp_path):
    encoder = Pretrained(folders["planted"], pool="mean_without_sinks").fit(TEXTS)
    again = load_encoder(encoder.save(tmp_path / "saved"))
    np.testing.assert_array_equal(again.transform(TEXTS), encoder.transform(TEXTS))


def test_long_texts_are_bounded(folders, monkeypatch):
    encoder = Pretrained(folders["bert"], pool="mean_without_sinks").fit(TEXTS)
    assert not any(each.cut.any() for each in encoder.attention(TEXTS))
    monkeypatch.setattr(attending, "MOST_PAIRS", 6 * 25)  # of five tokens
    seen = list(encoder.attention(TEXTS))
    assert max(int(each.lengths.max()) for each in seen) == 5
    cut = {row for each in seen for row, is_cut in zip(each.rows, each.cut, strict=True) if is_cut}
    assert cut == {3, 5, 7}
    small = encoder.transform(TEXTS)
    monkeypatch.undo()
    np.testing.assert_allclose(small, encoder.transform(TEXTS), rtol=1e-4, atol=1e-5)
    monkeypatch.setattr(attending, "MOST_PAIRS_OF_A_TEXT", 6 * 100)
    with pytest.raises(DataError, match=r"has 6 heads, .* the 16 tokens of a text does not fit"):
        encoder.transform(TEXTS)


def test_models_without_attention_are_refused(folders, tmp_path):
    picture = np.zeros((2, 32, 32, 3), np.uint8)
    folder = vision_models.save(vision_models.vit, tmp_path / "vit")
    encoder = Pretrained(folder).fit(picture)
    with pytest.raises(DataError, match="is none of texts, whose attention alone is looked at"):
        encoder.attention(picture)
    with pytest.raises(DataError, match="mean_without_sinks' is nothing for images"):
        Pretrained(folder, pool="mean_without_sinks").fit(picture)
    folder = text_models.save(mamba, tmp_path / "mamba", marked=False)
    encoder = Pretrained(folder).fit(TEXTS)
    with pytest.raises(DataError, match="has no attention between tokens that can be seen"):
        next(encoder.attention(TEXTS))
    with pytest.raises(DataError, match="has no attention between tokens that can be seen"):
        Pretrained(folder, pool="mean_without_sinks").fit(TEXTS)


def mamba():
    import transformers

    return transformers.MambaModel(
        transformers.MambaConfig(vocab_size=1000, hidden_size=16, num_hidden_layers=1, state_size=4)
    )
