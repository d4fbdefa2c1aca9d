"""Tiny vision models with random weights, saved to a folder as their makers would save them.

The library is imported where it is needed: it takes a second, also where no such test runs.
"""

import torch

SIDE, PATCH = 32, 8
BLOCKS = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
}  # fmt: skip
PATCHES = {"image_size": SIDE, "patch_size": PATCH}


def vit():
    import transformers

    return transformers.ViTModel(transformers.ViTConfig(**BLOCKS, **PATCHES))


def vit_classifier():
    import transformers

    return transformers.ViTForImageClassification(transformers.ViTConfig(**BLOCKS, **PATCHES))


def resnet():
    import transformers

    config = transformers.ResNetConfig(
        embedding_size=8, hidden_sizes=[8, 16, 24], depths=[1, 1, 1], layer_type="basic"
    )
    return transformers.ResNetModel(config)


def clip():
    import transformers

    text = {"vocab_size": 9, "bos_token_id": 1, "eos_token_id": 2, **BLOCKS}
    config = transformers.CLIPConfig(text_config=text, vision_config={**BLOCKS, **PATCHES})
    return transformers.CLIPModel(config)


def clip_tower():
    import transformers

    return transformers.CLIPVisionModel(transformers.CLIPVisionConfig(**BLOCKS, **PATCHES))


def mae():
    import transformers

    return transformers.ViTMAEModel(transformers.ViTMAEConfig(**BLOCKS, **PATCHES))


def bert():
    import transformers

    return transformers.BertModel(transformers.BertConfig(vocab_size=9, **BLOCKS))


def save(build, folder, **settings):
    """Write a model, seeded, and an image processor into a folder; return it as text."""
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        build().save_pretrained(folder, **settings)
    size = {"height": SIDE, "width": SIDE}
    transformers.ViTImageProcessorPil(size=size).save_pretrained(folder)
    return str(folder)
