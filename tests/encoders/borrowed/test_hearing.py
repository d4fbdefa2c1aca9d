"""Pretrained models of sounds: what they give is what transformers gives for one sound alone."""

import shutil

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file
from tests import sound_models, text_models, vision_models

from nearspace.data.sound import Sound, resampled_sound
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.spec import load_encoder
from nearspace.encoders.trainable import trainable_nets
from nearspace.errors import DataError

NAMES = ("wav2vec2", "wav2vec2_masked", "hubert", "wavlm", "whisper", "clap", "ast")


def chirp(n, low, rate=sound_models.RATE):
    """Return a tone that rises, under some noise."""
    rng, at = np.random.default_rng(n), np.arange(n) / rate
    wave = 0.4 * np.sin(2 * np.pi * (low + 300 * at) * at) + 0.02 * rng.normal(size=n)
    return Sound(wave.astype(np.float32), rate)


SOUNDS = [chirp(4000, 200), chirp(4000, 500), chirp(3001, 300), chirp(7000, 900), chirp(2500, 300)]


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    return {name: sound_models.save(getattr(sound_models, name), root / name) for name in NAMES}


def by_transformers(name, folder, sound):
    """Return the vector of one sound, by the extractor and the model as their library has them."""
    from transformers import AutoFeatureExtractor, AutoModel

    extractor = AutoFeatureExtractor.from_pretrained(folder)
    model = AutoModel.from_pretrained(folder).eval()
    samples = resampled_sound(sound, extractor.sampling_rate).samples
    inputs = extractor(samples, sampling_rate=extractor.sampling_rate, return_tensors="pt")
    inputs = {key: each.float() if each.ndim > 2 else each for key, each in inputs.items()}
    inputs.pop("attention_mask", None)  # of one sound alone nothing is padded
    with torch.no_grad():
        if name == "clap":
            return model.audio_projection(model.audio_model(**inputs).pooler_output)[0]
        if name == "ast":
            return model(**inputs).pooler_output[0]
        if name == "whisper":
            states = model.encoder(**inputs).last_hidden_state[0]
            frames = -(-len(samples) // 160)  # 10 ms each, of which two become one
            return states[: -(-frames // 2)].mean(dim=0)
        return model(**inputs).last_hidden_state[0].mean(dim=0)


@pytest.mark.parametrize("name", NAMES)
def test_each_model_gives_its_own_embedding(folders, name):
    encoder = Pretrained(folders[name]).fit(SOUNDS)
    vectors = encoder.transform(SOUNDS)
    wanted = np.stack([by_transformers(name, folders[name], sound) for sound in SOUNDS])
    assert vectors.std(axis=0).max() > 0.01  # or they would be equal by being the same
    np.testing.assert_allclose(vectors, wanted, rtol=1e-3, atol=1e-4)
    assert encoder.pool_ == ("cls" if name == "ast" else "mean")


@pytest.mark.parametrize("name", NAMES)
def test_what_is_beside_a_sound_changes_nothing(folders, name):
    encoder = Pretrained(folders[name]).fit(SOUNDS)
    pools = ("cls",) if name == "ast" else ("mean", "max")
    for params in [{"pool": pool} for pool in pools] + [{"layer": 1}, {"layer": -2}]:
        encoder.set_params(pool=None, layer=-1).set_params(**params)
        together = encoder.transform(SOUNDS)
        alone = np.concatenate([encoder.transform([sound]) for sound in SOUNDS])
        error = np.linalg.norm(together - alone, axis=1) / np.linalg.norm(alone, axis=1)
        assert error.max() < 1e-4, params
    if name.startswith("wav2vec2"):  # of this one alone sounds of several lengths go together
        model = encoder._loaded()
        batches = model._together(SOUNDS, model.windows(SOUNDS), encoder._asked())
        assert (len(batches) < len(SOUNDS) - 1) == (name == "wav2vec2_masked") == model.is_masked


@pytest.mark.parametrize("name", NAMES)
def test_every_layer_can_be_tapped_along_its_own_axis(folders, name):
    encoder = Pretrained(folders[name]).fit(SOUNDS)
    blocks = [layer for layer in encoder.layer_names() if "layers." in layer]
    assert len(blocks) >= 2
    outputs = encoder.layer_outputs(SOUNDS[:3], encoder.layer_names())
    for layer, output in outputs.items():
        wide = 16 if "conv_layers" in layer else 32  # channels, and not frames
        assert output.shape == (3, wide), layer
        at = encoder.set_params(layer=layer).transform(SOUNDS[:3])
        np.testing.assert_allclose(at, output, rtol=1e-4, atol=1e-5)
    if name != "clap":
        named = encoder.set_params(layer=blocks[-2]).transform(SOUNDS[:3])
        numbered = encoder.set_params(layer=-2).transform(SOUNDS[:3])
        np.testing.assert_allclose(named, numbered, rtol=1e-4, atol=1e-5)


def test_long_sounds_are_heard_in_windows_and_short_ones_filled_up(folders):
    long = chirp(5 * sound_models.RATE, 100)
    five = Sound(np.float32([0.1, -0.1, 0.2, 0.0, 0.3]), sound_models.RATE)
    encoder = Pretrained(folders["whisper"]).fit([*SOUNDS, long, five])
    longer, shorter = encoder.notes
    assert longer.startswith("1 of 7 sounds is longer than the 2 s that ")
    assert "hears at once (item 5 has 5 s): each is heard in windows" in longer
    assert "1 of 7 sounds is shorter than the 0.025 s" in shorter
    starts = (0, 2, 4)
    parts = [
        Sound(long.samples[start * long.rate : (start + 2) * long.rate], long.rate)
        for start in starts
    ]
    weighed = np.average(encoder.transform(parts), axis=0, weights=[2, 2, 1])
    np.testing.assert_allclose(encoder.transform([long])[0], weighed, rtol=1e-4, atol=1e-5)
    for name in NAMES:
        of_five = Pretrained(folders[name]).fit([five]).transform([five])
        filled = Sound(np.pad(five.samples, (0, 195)), five.rate)  # 25 ms
        assert np.isfinite(of_five).all()
        if name != "clap":  # which repeats a short sound
            as_filled = Pretrained(folders[name]).fit([filled]).transform([filled])
            assert np.linalg.norm(of_five - as_filled) < 0.05 * np.linalg.norm(as_filled), name


def test_a_model_that_lacks_what_training_alone_needs_is_read(folders, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(folders["hubert"], folder)
    weights = load_file(folder / "model.safetensors")
    assert weights.pop("masked_spec_embed") is not None
    save_file(weights, folder / "model.safetensors", {"format": "pt"})
    vectors = Pretrained(str(folder)).fit(SOUNDS).transform(SOUNDS)
    np.testing.assert_array_equal(
        vectors, Pretrained(folders["hubert"]).fit(SOUNDS).transform(SOUNDS)
    )


def test_what_cannot_be_used_is_said_in_a_sentence(folders, tmp_path):
    def refused(model, match, **params):
        with pytest.raises(DataError, match=match):
            Pretrained(model, **params).fit(SOUNDS)

    texts = text_models.save(text_models.bert, tmp_path / "bert")
    refused(texts, "is no model of sounds but a BertModel, which takes input_ids")
    pictures = vision_models.save(vision_models.vit, tmp_path / "vit")
    refused(pictures, "is no model of sounds but a ViTModel, which takes pixel_values")
    refused(folders["wav2vec2"], "has no token of the whole sound; use pool='mean'", pool="cls")
    refused(folders["ast"], "does not tell which those are; use pool='cls'", pool="mean")
    refused(folders["wav2vec2"], "pool='last' is nothing for .*; expected one of cls", pool="last")
    refused(folders["wav2vec2"], "prompt= is for texts, got .*; leave it out", prompt="a")
    bare = tmp_path / "bare"
    shutil.copytree(folders["wav2vec2"], bare)
    (bare / "preprocessor_config.json").write_text("{")
    refused(str(bare), "cannot read the feature extractor of")
    (bare / "preprocessor_config.json").unlink()
    refused(str(bare), "has no feature extractor, which says how its sounds are prepared")


def test_it_is_found_again_and_can_be_trained_on(folders, tmp_path):
    for name in ("wav2vec2", "wav2vec2_masked", "whisper"):
        encoder = Pretrained(folders[name]).fit(SOUNDS)
        again = load_encoder(encoder.save(tmp_path / name))
        assert again.fingerprint == encoder.fingerprint
        np.testing.assert_array_equal(again.transform(SOUNDS), encoder.transform(SOUNDS))
        nets = trainable_nets(encoder)
        batch = encoder.batches(encoder.kind_.check(SOUNDS))[torch.tensor([4, 0, 2])]
        with torch.no_grad():
            vectors = encoder.vectors(nets, batch)
        assert vectors.shape == (3, 32)
        if name != "wav2vec2":  # of which padding changes every frame
            wanted = encoder.transform([SOUNDS[row] for row in (4, 0, 2)])
            np.testing.assert_allclose(vectors, wanted, rtol=1e-3, atol=1e-4)
