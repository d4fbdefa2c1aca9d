"""Tiny models of texts with random weights, saved to a folder as their makers would save them.

The library is imported where it is needed: it takes a second, also where no such test runs.
"""

import json

import numpy as np
import torch
from safetensors.numpy import save_file as save_arrays
from safetensors.torch import save_file

from nearspace.data import SAMPLES

MOST = 16  # tokens that they read
TEXT = "near means alike far other the sea is calm a boat goes out red green blue one two"
MARKS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
SIZES = {
    "hidden_size": 32, "intermediate_size": 64, "num_hidden_layers": 3, "num_attention_heads": 2,
}  # fmt: skip


def word_tokenizer(marked=True):
    """Return a tokenizer of whole words and of letters, with marks at the ends of texts or none."""
    from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors

    letters = [*"abcdefghijklmnopqrstuvwxyz"]
    words = list(dict.fromkeys(TEXT.split() + " ".join(SAMPLES["sentences"]().items).split()))
    names = [*MARKS, *words, *(letter for letter in letters if letter not in words)]
    vocabulary = {name: number for number, name in enumerate(names)}
    vocabulary |= {f"##{letter}": len(vocabulary) + at for at, letter in enumerate(letters)}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    if marked:
        tokenizer.post_processor = processors.TemplateProcessing(
            single="[CLS] $A [SEP]", special_tokens=[("[CLS]", 2), ("[SEP]", 3)]
        )
    return tokenizer


def bert(vocab_size=1000):
    import transformers

    return transformers.BertModel(
        transformers.BertConfig(vocab_size=vocab_size, max_position_embeddings=MOST, **SIZES)
    )


def roberta():
    import transformers

    return transformers.RobertaModel(
        transformers.RobertaConfig(
            vocab_size=1000, max_position_embeddings=MOST + 1, pad_token_id=0, **SIZES
        )
    )


def gpt2():
    import transformers

    sizes = {"n_positions": MOST, "n_embd": 32, "n_layer": 3, "n_head": 2}
    return transformers.GPT2Model(
        transformers.GPT2Config(vocab_size=1000, bos_token_id=2, eos_token_id=3, **sizes)
    )


def llama():
    import transformers

    return transformers.LlamaModel(
        transformers.LlamaConfig(vocab_size=1000, max_position_embeddings=MOST, **SIZES)
    )


def t5():
    import transformers

    return transformers.T5EncoderModel(
        transformers.T5Config(
            vocab_size=400, d_model=32, d_kv=16, d_ff=64, num_layers=3, num_heads=2
        )
    )


def save(build, folder, marked=True, padding_side="right"):
    """Write a model, seeded, and a tokenizer into a folder; return it as text."""
    import transformers
    from transformers.utils import logging

    logging.disable_progress_bar()
    with torch.random.fork_rng():
        torch.manual_seed(0)
        model = build()
        for weight in model.parameters():  # larger ones, lest all texts are almost the same
            weight.data *= 3 if weight.ndim > 1 else 1
        model.save_pretrained(folder)
    if build is t5:  # whose tokens are bytes, made by Python
        transformers.ByT5Tokenizer(extra_ids=0).save_pretrained(folder)
    else:
        transformers.PreTrainedTokenizerFast(
            tokenizer_object=word_tokenizer(marked),
            unk_token="[UNK]",
            pad_token="[PAD]",
            cls_token="[CLS]",
            sep_token="[SEP]",
            padding_side=padding_side,
        ).save_pretrained(folder)
    return str(folder)


def save_static(folder, smaller=False, unit=True, **arrays):
    """Write a table of token vectors as model2vec does; return the folder as text."""
    tokenizer = word_tokenizer()
    tokenizer.enable_padding()
    tokenizer.enable_truncation(4)  # which is not to be followed
    tokenizer.save(str(folder / "tokenizer.json"))
    n = tokenizer.get_vocab_size()
    rng = np.random.default_rng(0)
    tables = {"embeddings": rng.normal(size=(n // 2 if smaller else n, 8)).astype(np.float16)}
    if smaller:
        tables["mapping"] = rng.integers(0, n // 2, n)
        tables["weights"] = rng.random(n).astype(np.float32)
    save_arrays(tables | arrays, folder / "model.safetensors")
    (folder / "config.json").write_text(json.dumps({"normalize": unit}))
    return str(folder)


def save_sentences(folder, pooling=None, dense=False, **said):
    """Write a model as sentence-transformers does; ``said`` goes into its configuration."""
    path = save(bert, folder)

    def write(name, value):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(value))

    parts = {"": "Transformer", "1_Pooling": "Pooling"}
    parts |= {"2_Dense": "Dense"} if dense else {}
    parts["3_Normalize"] = "Normalize"
    types = {place: f"sentence_transformers.models.{part}" for place, part in parts.items()}
    write("modules.json", [{"path": place, "type": name} for place, name in types.items()])
    write("1_Pooling/config.json", pooling or {"pooling_mode_mean_tokens": True})
    write("sentence_bert_config.json", {"max_seq_length": 12, "do_lower_case": True})
    write("config_sentence_transformers.json", said)
    if dense:
        activation = "torch.nn.modules.activation.Tanh"
        sizes = {"in_features": 32, "out_features": 8, "bias": True}
        write("2_Dense/config.json", sizes | {"activation_function": activation})
        weight = torch.randn(8, 32, generator=torch.Generator().manual_seed(0))
        weights = {"linear.weight": weight, "linear.bias": torch.ones(8)}
        save_file(weights, folder / "2_Dense/model.safetensors")
    return path


def save_planted(folder, sink=None, layers=2):
    """Write a BERT in which all tokens look at one, or at all alike; return its folder as text.

    Its layers leave the states as they are. It is written without transformers, which takes long.
    """
    rng, width = np.random.default_rng(0), 64
    tokenizer = word_tokenizer()
    n = tokenizer.get_vocab_size()
    words = rng.normal(size=(n, width))
    words -= words.mean(axis=1, keepdims=True)
    words /= words.std(axis=1, keepdims=True)  # what layer normalisation would make of them
    looks_at = np.zeros(width) if sink is None else 1.5 * words[tokenizer.token_to_id(sink)]
    weights = {
        "embeddings.word_embeddings.weight": words,
        "embeddings.position_embeddings.weight": np.zeros((MOST, width)),
        "embeddings.token_type_embeddings.weight": np.zeros((2, width)),
    }
    places = ["embeddings"]
    for layer in range(layers):
        block = f"encoder.layer.{layer}"
        places += [f"{block}.attention.output", f"{block}.output"]
        for name, shape in {
            "attention.self.query": (width, width), "attention.self.key": (width, width),
            "attention.self.value": (width, width), "attention.output.dense": (width, width),
            "intermediate.dense": (8, width), "output.dense": (width, 8),
        }.items():  # fmt: skip
            weights[f"{block}.{name}.weight"] = np.zeros(shape)
            weights[f"{block}.{name}.bias"] = np.zeros(shape[0])
        weights[f"{block}.attention.self.query.bias"] = looks_at
        weights[f"{block}.attention.self.key.weight"] = np.eye(width)
    for place in places:
        weights[f"{place}.LayerNorm.weight"] = np.ones(width)
        weights[f"{place}.LayerNorm.bias"] = np.zeros(width)
    folder.mkdir(exist_ok=True)
    save_arrays(
        {name: array.astype(np.float32) for name, array in weights.items()},
        folder / "model.safetensors",
        {"format": "pt"},
    )
    config = {
        "model_type": "bert", "architectures": ["BertModel"], "vocab_size": n,
        "hidden_size": width, "intermediate_size": 8, "num_hidden_layers": layers,
        "num_attention_heads": 2, "max_position_embeddings": MOST,
    }  # fmt: skip
    (folder / "config.json").write_text(json.dumps(config))
    tokenizer.save(str(folder / "tokenizer.json"))
    said = {"tokenizer_class": "PreTrainedTokenizerFast"}
    said |= dict(zip(("pad_token", "unk_token", "cls_token", "sep_token"), MARKS, strict=True))
    (folder / "tokenizer_config.json").write_text(json.dumps(said))
    return str(folder)
