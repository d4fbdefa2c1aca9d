"""Pretrained vision models: what they give, what they refuse, that others' weights are told."""

import shutil
import sys

import numpy as np
import pytest
import torch
from tests import vision_models
from tests.one_part import compare

from nearspace.data import SAMPLES, load
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.borrowed.vision import Pictures
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError, MissingExtra, NearspaceError, SpecError
from nearspace.judge.studies.layers import compare_layers

DIGITS = SAMPLES["digits"]()
COLOURS = np.random.default_rng(0).integers(256, size=(6, 20, 30, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    root = tmp_path_factory.mktemp("models")
    names = ("vit", "vit_classifier", "resnet", "clip", "clip_tower", "bert", "mae")
    return {name: vision_models.save(getattr(vision_models, name), root / name) for name in names}


def test_each_model_gives_its_own_embedding(folders):
    from transformers import AutoModel

    for name, pool, dim in (("vit", "cls", 32), ("resnet", "mean", 24), ("clip_tower", "cls", 32)):
        encoder = Pretrained(folders[name]).fit(COLOURS)
        assert encoder.pool_ == pool
        # Resized by Pillow, scaled to [-1, 1], as the processor's settings say.
        processor = encoder._loaded().processor
        pixels = processor(images=list(COLOURS), return_tensors="pt")["pixel_values"]
        assert pixels.shape == (6, 3, vision_models.SIDE, vision_models.SIDE)
        with torch.no_grad():
            wanted = AutoModel.from_pretrained(folders[name]).eval()(pixels).last_hidden_state
        wanted = wanted[:, 0] if pool == "cls" else wanted.mean(dim=(2, 3))
        assert wanted.shape == (6, dim)
        np.testing.assert_allclose(encoder.transform(COLOURS), wanted, atol=1e-5)


def test_of_clip_the_vision_tower_is_used(folders):
    whole = Pretrained(folders["clip"], pool="cls").fit(COLOURS)
    from transformers import AutoModel

    model = AutoModel.from_pretrained(folders["clip"])
    batch = Pictures(COLOURS, whole._loaded(), torch.device("cpu"))[:]
    with torch.no_grad():
        wanted = model.eval().vision_model(batch).last_hidden_state[:, 0]
    np.testing.assert_allclose(whole.transform(COLOURS), wanted, atol=1e-5)
    assert whole.layer_names() == [
        "embeddings", "pre_layrnorm", *(f"encoder.layers.{i}" for i in range(3)), "post_layernorm",
    ]  # fmt: skip


def test_numbers_and_names_of_layers_agree(folders):
    encoder = Pretrained(folders["vit"]).fit(DIGITS.items)
    few = DIGITS.items[:4]

    def at(layer):
        return encoder.set_params(layer=layer).transform(few)

    np.testing.assert_array_equal(at(1), at("layers.0"))
    np.testing.assert_array_equal(at(-2), at("layers.1"))
    np.testing.assert_array_equal(at(3), at(-1))
    np.testing.assert_array_equal(at(-1), at("layernorm"))
    assert encoder.set_params(pool="flatten").transform(few).shape == (4, 17 * 32)
    outputs = encoder.set_params(batch_size=3).layer_outputs(few, ["layers.2", "pooler"])
    assert [tuple(output.shape) for output in outputs.values()] == [(4, 17, 32), (4, 32)]


def test_specs_say_layers_by_number_and_by_name():
    for spec in ("pretrained(model='a/b', layer=-3)", "pretrained(model='a/b')@\"layers.1\""):
        assert make(spec).spec == spec
    with pytest.raises(SpecError, match=r"'pretrained' needs a model: write pretrained\(model="):
        make("pretrained")


def test_what_cannot_be_used_is_said_in_a_sentence(folders, tmp_path):
    def refused(model, match, **params):
        with pytest.raises(DataError, match=match):
            Pretrained(model, **params).fit(COLOURS)

    refused(str(tmp_path), r"holds no model: expected a file config\.json")
    refused(str(tmp_path / "nowhere"), "there is no folder .*nowhere, and no model on the hub")
    refused(folders["bert"], "is no vision model but a BertModel, which takes input_ids")
    refused(folders["vit"], "has the hidden states 0 to 3, or -1 to -4; got layer=7", layer=7)
    refused(folders["vit"], r"no layer 'layers\.7'\. Did you mean 'layers\.", layer="layers.7")
    refused(folders["vit"], "has no revisions", revision="main")
    refused(folders["resnet"], "has no class token", pool="cls")
    refused(folders["vit"], "pool='last' is nothing for images; expected one of cls,", pool="last")
    refused(folders["vit"], "prompt= is for texts, got images; leave it out", prompt="a")
    refused(folders["mae"], "gives one item several vectors, by chance")
    # A checkpoint of a classifier has no weights for the pooler, whose output would be random.
    refused(folders["vit_classifier"], "no weights for its layer 'pooler'", layer="pooler")
    assert "pooler" not in Pretrained(folders["vit_classifier"]).fit(COLOURS).layer_names()


def test_damaged_folders_are_refused(folders, tmp_path):
    folder = tmp_path / "damaged"
    shutil.copytree(folders["vit"], folder)
    weights = folder / "model.safetensors"
    shutil.copy(folders["clip_tower"] + "/model.safetensors", weights)
    with pytest.raises(DataError, match=r"lack those of \d+ of its layers"):
        Pretrained(str(folder)).fit(COLOURS)
    weights.write_bytes(b"not a tensor")
    with pytest.raises(DataError, match="cannot read the model"):
        Pretrained(str(folder)).fit(COLOURS)
    (folder / "preprocessor_config.json").unlink()
    with pytest.raises(DataError, match="no image processor"):
        Pretrained(str(folder)).fit(COLOURS)
    weights.rename(folder / "pytorch_model.bin")
    with pytest.raises(DataError, match=r"no model\.safetensors"):
        Pretrained(str(folder)).fit(COLOURS)


def test_a_hub_out_of_reach_is_told_at_once(monkeypatch, capfd):
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(NearspaceError, match="the hub is out of reach"):
        make("pretrained('nearspace-tests/no-such-model')").fit(COLOURS)
    assert capfd.readouterr() == ("", "")


def test_weights_in_several_files_are_read(folders, tmp_path):
    model = vision_models.save(vision_models.vit, tmp_path, max_shard_size="50KB")
    assert len(list(tmp_path.glob("*.safetensors"))) > 1
    encoder, whole = Pretrained(model).fit(COLOURS), Pretrained(folders["vit"]).fit(COLOURS)
    np.testing.assert_array_equal(encoder.transform(COLOURS), whole.transform(COLOURS))
    assert encoder.sha256_ != whole.sha256_


def test_other_weights_are_refused_on_loading(folders, tmp_path):
    model = tmp_path / "model"
    shutil.copytree(folders["vit"], model)
    saved = Pretrained(str(model)).fit(COLOURS).save(tmp_path / "saved")
    assert (saved / "weights.safetensors").stat().st_size < 1000
    assert load_encoder(saved).transform(COLOURS).shape == (6, 32)
    shutil.copy(folders["vit_classifier"] + "/model.safetensors", model)
    with pytest.raises(NearspaceError, match="are not those that the encoder was fitted with"):
        load_encoder(saved)
    shutil.rmtree(model)
    with pytest.raises(NearspaceError, match="no folder"):
        load_encoder(saved)


def test_without_the_extra_its_name_is_told(folders, monkeypatch):
    monkeypatch.setitem(sys.modules, "transformers", None)
    for build in (lambda: make("pretrained('a/b')"), lambda: Pretrained(folders["vit"])):
        with pytest.raises(MissingExtra, match=r"pip install 'nearspace\[pretrained\]'"):
            build().fit(COLOURS)


def test_transformers_is_left_as_it_was(folders, capfd):
    from transformers.utils import logging

    level = logging.get_verbosity()
    Pretrained(folders["clip"]).fit(COLOURS).transform(COLOURS)
    assert capfd.readouterr() == ("", "")
    assert logging.get_verbosity() == level


def test_comparisons_take_it_and_its_layers(folders, tmp_path):
    digits = load("digits", limit=300)
    spec = f"pretrained({folders['vit']!r})"
    for _ in range(2):
        # The folder may hold another model next time: nothing of it is taken from the cache.
        board = compare(digits, encoders=[spec, f"{spec}@'layers.0'"], cache=tmp_path)
        assert not any("pretrained" in row.spec and hasattr(row, "error") for row in board.rows)
    layers = compare_layers(digits, f"pretrained({folders['resnet']!r})")
    assert [row.dim for row in layers.rows] == [64, 8, 8, 16, 24, 24]
