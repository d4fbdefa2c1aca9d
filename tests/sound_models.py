"""Tiny models of sounds with random weights, saved to a folder as their makers would save them.

The library is imported where it is needed: it takes a second, also where no such test runs.
"""

import torch

RATE = 8000
BLOCKS = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
}  # fmt: skip
CONVOLUTIONS = {
    "conv_dim": (16, 16, 16), "conv_kernel": (10, 4, 4), "conv_stride": (5, 4, 4),
    "num_conv_pos_embeddings": 8, "num_conv_pos_embedding_groups": 2,
}  # fmt: skip
SPEECH = {**BLOCKS, **CONVOLUTIONS}


def samples_extractor(masked):
    import transformers

    return transformers.Wav2Vec2FeatureExtractor(sampling_rate=RATE, return_attention_mask=masked)


def wav2vec2():
    """Return a model whose first layer is normalised over time: it takes no masks."""
    import transformers

    config = transformers.Wav2Vec2Config(feat_extract_norm="group", **SPEECH)
    return transformers.Wav2Vec2Model(config), samples_extractor(False)


def wav2vec2_masked():
    import transformers

    config = transformers.Wav2Vec2Config(
        feat_extract_norm="layer", do_stable_layer_norm=True, conv_bias=True, **SPEECH
    )
    return transformers.Wav2Vec2Model(config), samples_extractor(True)


def hubert():
    import transformers

    return transformers.HubertModel(transformers.HubertConfig(**SPEECH)), samples_extractor(False)


def wavlm():
    import transformers

    config = transformers.WavLMConfig(feat_extract_norm="layer", **SPEECH)
    return transformers.WavLMModel(config), samples_extractor(True)


def whisper():
    import transformers

    sides = {
        f"{side}_{name}": value
        for side in ("encoder", "decoder")
        for name, value in {"layers": 2, "attention_heads": 2, "ffn_dim": 64}.items()
    }
    tokens = {"pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, "decoder_start_token_id": 1}
    config = transformers.WhisperConfig(
        vocab_size=9, num_mel_bins=16, d_model=32, max_source_positions=100, **sides, **tokens
    )
    extractor = transformers.WhisperFeatureExtractor(
        feature_size=16, sampling_rate=16000, chunk_length=2
    )
    return transformers.WhisperModel(config), extractor


def clap():
    import transformers

    sound = {
        "spec_size": 64, "num_mel_bins": 16, "hidden_size": 32, "depths": [1, 1], "window_size": 4,
        "num_attention_heads": [2, 2], "patch_embeds_hidden_size": 16, "num_hidden_layers": 2,
    }  # fmt: skip
    text = {"vocab_size": 9, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2, **BLOCKS}
    config = transformers.ClapConfig(text_config=text, audio_config=sound)
    extractor = transformers.ClapFeatureExtractor(
        feature_size=16, sampling_rate=RATE, max_length_s=2, hop_length=80, fft_window_size=256,
        frequency_max=4000, truncation="rand_trunc",
    )  # fmt: skip
    return transformers.ClapModel(config), extractor


def ast():
    import transformers

    sizes = {"max_length": 100, "num_mel_bins": 16, "patch_size": 8}
    strides = {"frequency_stride": 8, "time_stride": 8}
    config = transformers.ASTConfig(**BLOCKS, **sizes, **strides)
    extractor = transformers.ASTFeatureExtractor(
        sampling_rate=16000, num_mel_bins=16, max_length=100
    )
    return transformers.ASTModel(config), extractor


def save(build, folder):
    """Write a model, seeded, and its feature extractor into a folder; return it as text."""
    from transformers.utils import logging

    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model, extractor = build()
        for weight in model.parameters():  # larger ones, lest all sounds are almost the same
            weight.data *= 3 if weight.ndim > 1 else 1
        model.save_pretrained(folder)
    extractor.save_pretrained(folder)
    return str(folder)
