"""Models that were trained on pairs: both sides by what they are compared by, in one space."""

import numpy as np
import pytest
import torch
from tests import sound_models, text_models, vision_models

from nearspace.data import Sound, load
from nearspace.data.pairs import Pairs
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.paired import Shared
from nearspace.encoders.spec import make
from nearspace.errors import DataError

TEXTS = ["near means alike", "far", "a cat and a dog"]
IMAGES = np.random.default_rng(0).integers(256, size=(3, 20, 20, 3), dtype=np.uint8)
LINKS = [[0, 0], [1, 1], [2, 2]]
BLOCKS = vision_models.BLOCKS
WORDS = {"vocab_size": 1000, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **BLOCKS}


def clip():
    import transformers

    # Of another width on either side, as CLIP's are.
    vision = {**BLOCKS, "hidden_size": 16, **vision_models.PATCHES}
    return transformers.CLIPModel(
        transformers.CLIPConfig(text_config=WORDS, vision_config=vision, projection_dim=24)
    )


def siglip():
    import transformers

    vision = {**BLOCKS, **vision_models.PATCHES}
    return transformers.SiglipModel(
        transformers.SiglipConfig(text_config=WORDS, vision_config=vision)
    )


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return saved(clip, tmp_path_factory.mktemp("clip"))


def saved(build, folder):
    """Write a model, its tokenizer and its image processor, each of which others write alone."""
    text_models.save(build, folder)
    return vision_models.save(build, folder)


def features(model, name, **inputs):
    with torch.no_grad():
        given = getattr(model, f"get_{name}_features")(**inputs)
    return np.asarray(getattr(given, "pooler_output", given))


def test_both_sides_are_what_the_model_compares(folder):
    from transformers import AutoImageProcessor, AutoModel, AutoTokenizer

    model = AutoModel.from_pretrained(folder).eval()
    pairs = Pairs(load(IMAGES), load(TEXTS), LINKS)
    encoder = make(f"shared(pretrained({folder!r}))").fit_on(pairs)
    pixels = AutoImageProcessor.from_pretrained(folder, backend="pil")(
        images=list(IMAGES), return_tensors="pt", input_data_format="channels_last"
    )["pixel_values"]
    wanted = features(model, "image", pixel_values=pixels.float())
    got = encoder.side("left").transform(IMAGES)
    np.testing.assert_allclose(got, wanted, rtol=1e-3, atol=1e-4)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    for text, vector in zip(TEXTS, encoder.side("right").transform(TEXTS), strict=True):
        one = tokenizer(text, return_tensors="pt")
        inputs = {name: one[name] for name in ("input_ids", "attention_mask")}
        np.testing.assert_allclose(vector, features(model, "text", **inputs)[0], atol=1e-4)
    assert encoder.metric == "cosine"
    again = type(encoder).parse(encoder.dump(), "memory")
    np.testing.assert_array_equal(again.transform(pairs.together().items)[:3], got)


def test_of_another_layer_or_pool_no_two_kinds_are_compared(folder):
    pairs = Pairs(load(IMAGES), load(TEXTS), LINKS)
    for parameters in ("pool='mean'", "layer=1"):
        with pytest.raises(DataError, match="puts them into no one space"):
            make(f"shared(pretrained({folder!r}, {parameters}))").fit_on(pairs)
    piped = make(f"shared(pretrained({folder!r}) | l2)").fit_on(pairs)
    vectors = piped.transform(pairs.together().items)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, rtol=1e-5)
    with pytest.raises(DataError, match="puts them into no one space"):
        make(f"shared(pretrained({folder!r}) | pca(dim=2))").fit_on(pairs)


def test_a_model_of_one_kind_or_whose_texts_need_a_length_does_not_span_two(tmp_path):
    folder = vision_models.save(vision_models.vit, tmp_path / "vit")
    assert not Pretrained(folder).fit(IMAGES).spans_kinds
    pairs = Pairs(load(IMAGES), load(TEXTS), LINKS)
    with pytest.raises(DataError, match="puts them into no one space"):
        Shared(Pretrained(saved(siglip, tmp_path / "siglip"))).fit_on(pairs)


def test_sounds_and_texts_are_in_one_space_of_clap(tmp_path):
    folder = sound_models.save(sound_models.clap, tmp_path / "clap")
    rng = np.random.default_rng(0)
    sounds = [Sound(rng.normal(size=4000).astype(np.float32), 8000) for _ in range(2)]
    encoder = Pretrained(folder).fit(sounds)
    assert encoder.spans_kinds
    with pytest.raises(DataError, match="has no tokenizer"):
        Shared(Pretrained(folder)).fit_on(Pairs(load(sounds), load(["a", "b"]), [[0, 0], [1, 1]]))
