"""Networks that learn to read texts: what they learn, which texts they take, what they write."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nearspace import load, load_encoder, make
from nearspace.encoders.learned.sequences import GRU, LSTM, Transformer
from nearspace.errors import DataError

pytestmark = pytest.mark.trains

VERSE = ["the cat sat", "the dog sat", "a cat ran", "a dog ran"] * 6
SPECS = [
    "gru(dim=16, depth=1, epochs=2)",
    "lstm(dim=16, depth=1, epochs=2, objective='contrastive', pool='max')",
    "transformer(dim=16, depth=2, epochs=2)",
    "transformer(dim=16, depth=2, epochs=2, sink=True, pool='last', positions='learned')",
    "transformer(dim=16, depth=2, epochs=2, objective='masked', pool='first', sink=True)",
    "transformer(dim=16, depth=2, epochs=2, objective='contrastive', tokens='char')",
]


@pytest.fixture(scope="module", params=SPECS)
def encoder(request):
    return make(request.param).set_params(context=12).fit(VERSE)


@pytest.mark.parametrize("name", ["gru", "lstm", "transformer"])
def test_what_comes_next_is_learnt_and_written(name):
    spec = f"{name}(dim=32, depth=1, tokens='char', context=8, dropout=0.0, epochs=16)"
    learnt = make(spec).fit(["abcdefghij"] * 60)
    assert learnt.history_["held_out_loss"][-1] < 0.3
    assert learnt.sample("abc", length=10, temperature=0) == ["abcdefghij\nab"]
    drawn = learnt.sample("", 20, length=10, random_state=1)
    assert drawn == learnt.sample("", 20, length=10, random_state=1)
    assert drawn != learnt.sample("", 20, length=10, random_state=1, temperature=5.0)
    assert np.mean([text == "abcdefghij" for text in drawn]) >= 0.4
    # Further on than it can look back: a half of what it read is read again.
    line = learnt.sample("abc", length=60, temperature=0)[0]
    assert line == "\n".join(["abcdefghij"] * 6)[: len(line)]


def test_the_loss_is_that_of_a_naive_loop_over_the_stream():
    gru = GRU(dim=8, depth=1, epochs=1, tokens="word", context=5).fit(VERSE[:7])
    batches = gru.training_batches(VERSE[:7])
    stream, net = batches.stream.tolist(), gru.nets_["encoder"]
    total = n = 0
    with torch.no_grad():
        for start in range(0, len(stream) - 1, 5):
            window = stream[start : start + 6]
            for end in range(1, len(window)):
                logits = net.logits(net(torch.tensor([window[:end]]))[0, -1])
                total -= F.log_softmax(logits, dim=0)[window[end]].item()
                n += 1
        loss = gru.losses(gru.nets_, batches[:], None, torch.Generator())["next"].item()
    assert stream.count(gru.mark) == 8
    assert n == len(stream) - 1
    assert loss == pytest.approx(total / n, rel=1e-4)


def test_a_text_has_one_vector_alone_and_in_any_batch(encoder):
    texts = [
        "the cat",
        "",
        "a",
        "the dog sat and ran and ran and ran and ran and ran again",
        "xyz qq",
    ]
    whole = encoder.transform(texts * 3)
    assert whole.dtype == np.float32
    assert np.isfinite(whole).all()
    assert np.linalg.norm(whole, axis=1).min() > 1e-3
    for row, text in enumerate(texts):
        alone = encoder.transform([text])[0]
        for other in (whole[row], whole[row + 5]):
            assert np.linalg.norm(alone - other) <= 1e-4 * np.linalg.norm(alone)
    assert encoder.transform([]).shape == (0, 16)


def test_every_layer_is_a_space(encoder):
    names = encoder.layer_names()
    assert names == ["embedding", *[f"block{i}" for i in range(1, encoder.depth + 1)], "norm"]
    texts = VERSE[:3]
    outputs = encoder.layer_outputs(texts, names)
    own = encoder.transform(texts)
    for name in names:
        other = encoder.with_nets(encoder.nets_).set_params(layer=name)
        np.testing.assert_allclose(other.transform(texts), outputs[name].numpy(), atol=1e-5)
    np.testing.assert_allclose(outputs["norm"].numpy(), own, atol=1e-5)


def test_it_is_the_same_when_it_is_saved_and_read(encoder, tmp_path):
    again = load_encoder(encoder.save(tmp_path / "saved"))
    np.testing.assert_array_equal(again.transform(VERSE[:4]), encoder.transform(VERSE[:4]))
    assert again.fingerprint == encoder.fingerprint
    if encoder.objective == "next":
        assert again.sample("the", 3, random_state=0) == encoder.sample("the", 3, random_state=0)
    else:
        with pytest.raises(DataError, match=f"learnt by objective='{encoder.objective}'"):
            encoder.sample("the")


def test_what_is_not_read_is_told(encoder):
    long = "the cat sat and ran and ran and ran and ran and ran and ran"
    notes = encoder.notes_on(["the cat", long, "ωψ", ""])
    assert notes[0].startswith("1 of 4 texts is longer than the 11 tokens that are read at once (")
    assert "item 1 'the cat sat" in notes[0]
    assert notes[1].startswith("1 of 4 texts has no token of the vocabulary (item 2 'ωψ')")
    assert encoder.notes_on([""]) == ()
    cut = encoder.transform([long, long + " away"])
    np.testing.assert_allclose(cut[0], cut[1], rtol=1e-5)


@pytest.mark.parametrize("cls", [GRU, LSTM, Transformer])
def test_few_texts_are_enough(cls):
    for texts in (["one line alone"], ["a", ""], ["longer than the context " * 9]):
        fitted = cls(dim=8, depth=1, context=6, epochs=2).fit(texts)
        assert fitted.transform(texts).shape == (len(texts), 8)
        assert len(fitted.sample(length=20, random_state=0)) == 1
    assert "longer than the 5 tokens" in fitted.notes[-1]
    with pytest.raises(DataError, match="hold no word"):
        cls(epochs=1).fit(["", "…"])


def test_a_masked_token_is_told_by_what_stands_after_it():
    pairs = [("red", "blue"), ("hot", "cold"), ("near", "far")]
    texts = [f"{left} or {right}" for left, right in pairs] * 50
    masked = Transformer(dim=32, depth=1, heads=2, objective="masked", dropout=0.0, epochs=15)
    net = masked.fit(texts).nets_["encoder"]
    for left, right in pairs:
        ids = masked.batches([f"{left} or {right}"])[:]
        ids[0, 1] = masked.mark + 1
        with torch.no_grad():
            told = net.logits(net(ids))[0, 1].argmax()
        assert masked.vocabulary.texts([told]) == [left]


def test_contrast_brings_what_shares_words_together():
    texts = load("sentences", limit=200).items
    learnt = Transformer(dim=32, depth=1, objective="contrastive", epochs=3).fit(texts)
    assert learnt.history_["held_out_loss"][-1] < 1.0  # of 40 views the other one; chance is 3.7
    three = ["the menu came before the fish", "the fish before the menu came", "nobody had a goal"]
    near = learnt.transform(three)
    near /= np.linalg.norm(near, axis=1, keepdims=True)
    assert near[0] @ near[1] > near[0] @ near[2]


def test_it_is_fine_tuned_as_others_are():
    sentences = load("sentences", limit=120)
    tuned = make("finetuned(gru(dim=16, depth=1, epochs=1), layers='all', epochs=3)")
    tuned.fit_on(sentences)
    assert min(tuned.history_["held_out_loss"]) < tuned.history_["start_loss"]
    assert tuned.trained_ == ["encoder.embedding", "encoder.block1"]
    assert tuned.transform(["a season"]).shape == (1, 16)


def test_pieces_and_lines():
    texts = ["Sun & rain.\nWind", "Rain & sun.\nFog"] * 20
    gru = GRU(dim=16, depth=1, tokens="bpe", max_features=300, epochs=4).fit(texts)
    assert gru.line_breaks_
    assert gru.sample("Sun\nfog €", 2, length=4, random_state=0)[0].startswith("Sun\nfog €")
    words = GRU(dim=16, depth=1, epochs=1).fit(VERSE)
    assert words.sample("the\ncat", length=1, random_state=0)[0].startswith("the\ncat")


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("gru(objective='masked')", "needs a network that sees what stands after a token; use"),
        ("lstm(pool='first')", "the mark before a text, which has seen nothing of it"),
        ("transformer(pool='first')", "use 'last', 'mean' or 'max'"),
        ("gru(objective='contrastive', dropout=0.0)", "got dropout=0, use 0.1"),
        ("transformer(dim=20, heads=4)", "use a multiple of 8"),
        ("transformer(context=1)", "'context' parameter of Transformer must be an int in"),
        ("transformer(pool='cls')", "'pool' parameter of Transformer must be a str among"),
    ],
)
def test_what_does_not_go_together_is_one_sentence(spec, told):
    with pytest.raises(ValueError, match=told):
        make(spec).fit(VERSE)
    with pytest.raises(ValueError, match=told):
        make(spec).try_untrained(VERSE, None)


def test_a_layer_that_is_not_there_is_told_before_training():
    with pytest.raises(DataError, match=r"no layer 'block9'\. Did you mean 'block"):
        make("gru(depth=2)@block9").try_untrained(VERSE, None)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ({"prompt": "the catt"}, "the prompt holds 'catt', which is none of the words"),
        ({"n": 0}, "expected n of at least 1"),
        ({"length": 1.5}, "expected length of at least 1, a whole number, got 1.5"),
        ({"temperature": -1.0}, "expected a temperature of 0 or more, got -1"),
        ({"temperature": float("nan")}, "expected a temperature of 0 or more, got nan"),
    ],
)
def test_what_cannot_be_written_is_one_sentence(arguments, told):
    gru = GRU(dim=8, depth=1, epochs=1).fit(VERSE)
    with pytest.raises(DataError, match=told):
        gru.sample(**arguments)


def test_an_interrupt_keeps_the_best_weights():
    class Interrupted(GRU):
        def losses(self, nets, batch, labels, generator):
            self.steps = getattr(self, "steps", 0) + 1
            if self.steps > 12:
                raise KeyboardInterrupt
            return super().losses(nets, batch, labels, generator)

    gru = Interrupted(dim=8, depth=1, epochs=20)
    with pytest.raises(KeyboardInterrupt):
        gru.fit(VERSE)
    assert gru.history_ == {"stopped": "interrupted"}
    assert gru.notes == ()
    assert gru.transform(["the cat"]).shape == (1, 8)
