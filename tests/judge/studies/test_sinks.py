"""Where attention goes: a planted sink is found by what it gets, and none where all get alike."""

import json

import numpy as np
import pytest
import torch
from tests import text_models

from nearspace import attention_sinks, load
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.spec import make
from nearspace.errors import NearspaceError
from nearspace.nets.attention import SINK
from nearspace.report.sinks import sinks_page

TEXTS = [
    "near means alike", "far", "", "the sea is calm a boat goes out", "the sea", "far",
    "one two " * 5, "a", "blue", "red . green .",
]  # fmt: skip


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {
        "[SEP]": text_models.save_planted(root / "planted", "[SEP]"),
        "[CLS]": text_models.save_planted(root / "first", "[CLS]"),
        "alike": text_models.save_planted(root / "uniform"),
        "gpt2": text_models.save(text_models.gpt2, root / "gpt2", marked=False),
        "bert": text_models.save(text_models.bert, root / "bert"),
    }


def study_of(folder, **asked):
    return attention_sinks(TEXTS, f"pretrained({folder!r})", **asked)


@pytest.mark.parametrize("sink", ["[SEP]", "[CLS]"])
def test_a_planted_sink_is_found(folders, sink):
    study = study_of(folders[sink])
    assert len(study.layers) == len(study.usual) == 2
    for row in study.layers:
        (token,) = row.tokens
        assert (token.name, token.count, row.with_sinks, row.sinks) == (sink, 10, 1.0, 1.0)
        assert 0.9 < token.share == pytest.approx(row.first if sink == "[CLS]" else row.others)
        assert (row.others if sink == "[CLS]" else row.first) < 0.05
        assert row.norm == pytest.approx(1.0, abs=1e-3)
        assert row.nowhere < 1e-6
        assert np.mean(row.heads, axis=0) == pytest.approx([row.first, row.others])
    assert f"all of it to {sink}" in study.verdict
    assert study.verdict.startswith("In 2 of 2 layers half of the texts or more have a sink.")


def test_where_all_are_looked_at_alike_there_is_none(folders):
    study = study_of(folders["alike"])
    for row in study.layers:
        assert row.first == pytest.approx(row.fair) == pytest.approx(row.heads[0][0])
        assert (row.others, row.sinks, row.norm, row.tokens) == (0.0, 0.0, None, ())
    assert study.verdict == "No token is a sink in any layer."
    assert "norms" not in sinks_page(study).figures


@pytest.mark.parametrize("name", ["gpt2", "bert"])
def test_shares_are_those_of_the_model_alone(folders, name):
    """Against transformers, text by text and without padding, in loops."""
    from transformers import AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folders[name], attn_implementation="eager").eval()
    tokenizer = AutoTokenizer.from_pretrained(folders[name])
    study = study_of(folders[name])
    texts = [text for text in TEXTS if text or name == "bert"]
    first, others, sinks = np.zeros((3, 3, len(texts)))
    for at, text in enumerate(texts):
        ids = tokenizer(text, return_tensors="pt")["input_ids"]
        with torch.no_grad():
            attentions = model(input_ids=ids, output_attentions=True).attentions
        for layer, weights in enumerate(attentions):
            mean = weights[0].double().mean(dim=0).numpy()  # (queries, keys)
            n = len(mean)
            first[layer, at] = mean[:, 0].mean()
            for key in range(n):
                seers = range(key, n) if name == "gpt2" else range(n)
                seen = [query + 1 if name == "gpt2" else n for query in seers]
                fair = max(sum(1 / count for count in seen) / n, 1 / n)
                share = mean[:, key].mean()
                if n > 1 and share / (1 - share) >= SINK * fair / (1 - fair):
                    sinks[layer, at] += 1
                    others[layer, at] += share * (key > 0)
    for layer, row in enumerate(study.layers):
        assert row.first == pytest.approx(first[layer].mean(), rel=1e-4)
        assert row.others == pytest.approx(others[layer].mean(), rel=1e-4)
        assert row.sinks == pytest.approx(sinks[layer].mean())
    empty = [note for note in study.notes if note.startswith("1 of the texts drawn has no token")]
    assert len(empty) == (name == "gpt2")


def test_what_is_drawn_is_told_and_hangs_on_the_seed(folders):
    one, other, again = (study_of(folders["bert"], sample=4, random_state=at) for at in (0, 1, 0))
    assert (one.protocol["texts"], one.protocol["of"]) == (4, 10)
    assert one.layers == again.layers
    assert one.layers != other.layers
    told = json.loads(one.to_json())
    assert len(told["layers"][0]["heads"]) == 2
    assert told["protocol"]["a sink has"].startswith("at least 5 times the fair odds")


def test_encoders_around_one_are_looked_into(folders, tmp_path):
    saved = Pretrained(folders["[SEP]"]).fit(TEXTS).save(tmp_path / "saved")
    study = attention_sinks(TEXTS, f"frozen({str(saved)!r})")
    assert study.layers == study_of(folders["[SEP]"]).layers


def test_what_has_no_attention_is_refused(folders, tmp_path):
    with pytest.raises(NearspaceError, match="'tfidf' has no attention; pretrained models of text"):
        attention_sinks(TEXTS, "tfidf")
    saved = make("tfidf").fit(["a word", "words"]).save(tmp_path / "words")
    with pytest.raises(NearspaceError, match="'tfidf' has no attention"):
        attention_sinks(TEXTS, f"frozen({str(saved)!r})")
    with pytest.raises(NearspaceError, match="no text has a token"):
        attention_sinks(["", " "], f"pretrained({folders['gpt2']!r})")
    with pytest.raises(NearspaceError, match="expected sample of at least 1"):
        study_of(folders["bert"], sample=0)
    (tmp_path / "static").mkdir()
    static = text_models.save_static(tmp_path / "static")
    with pytest.raises(NearspaceError, match="has no attention"):
        attention_sinks(load(TEXTS), f"static({static!r})")


def test_the_page_shows_every_layer_and_no_token_is_markup(folders):
    page = sinks_page(study_of(folders["[SEP]"]))
    text = page.html()
    body = text.split('id="sink_table"')[1].split("<tbody>")[1].split("</tbody>")[0]
    assert body.count("<tr") == 2
    assert "<code>[SEP]</code> 10" in body
    heat = page.figures["heads"].data[0]
    assert np.shape(heat.z) == (2, 2)
    assert heat.z[0][0] > 90
    assert [len(trace.y) for trace in page.figures["shares"].data] == [2, 2, 2]


@pytest.mark.trains
def test_a_learnt_logit_takes_what_goes_nowhere():
    texts = TEXTS * 3
    spec = "transformer(dim=16, depth=2, heads=2, epochs=1, objective='masked', sink={})"
    free, bound = (attention_sinks(texts, spec.format(sink)) for sink in (True, False))
    assert len(free.layers[0].heads) == 2
    assert 0.02 < free.layers[0].nowhere < 0.5
    assert bound.layers[0].nowhere < 1e-6
    assert free.protocol["tokens"] == sum(len(text.replace(".", "").split()) + 1 for text in texts)
    assert "no token, %" in sinks_page(free).html()
    assert "no token, %" not in sinks_page(bound).html()
    with pytest.raises(NearspaceError, match="'gru' has no attention"):
        attention_sinks(texts, "gru")
