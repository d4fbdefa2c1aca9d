"""Encoders: the catalogue, which imports nothing, and `make`, which reads a spec."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any

from nearspace.errors import SpecError, did_you_mean, need

__all__ = ["CATALOGUE", "Entry", "encoder_class", "name_of", "saved_class"]


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Attributes
    ----------
    target : str
        ``module:Class``; those of the encoders that nearspace brings are relative to
        `nearspace.encoders`.
    kinds : tuple of str
        Names of the kinds it takes; ``"any"`` alone for every kind there is.
    summary : str
        What it is, in a few words.
    learns : str
        What it learns from: ``"nothing"``, ``"items"``, ``"labels"`` or ``"pairs"``.
    decodes : bool
        Whether it has a decoder, where the kind of the items lets it.
    extra : str
        The extra that brings the library it needs; empty where it needs none.
    """

    target: str
    kinds: tuple[str, ...]
    summary: str
    learns: str = "nothing"
    decodes: bool = False
    extra: str = ""


_IMAGE = ("image",)
_FLAT = ("image", "vector")
_TIMED = ("series", "audio")
_VIEWED = (*_IMAGE, *_TIMED)
_NUMBERS = (*_FLAT, *_TIMED)
_PAIRS = ("sides",)  # items of any kinds on two sides
_GRAPH = ("graph",)
_USERS = ("interactions",)
_LINKED = (*_GRAPH, *_USERS)
_ANY = ("any",)

CATALOGUE: dict[str, Entry] = {
    "raw": Entry(".handmade.plain:Raw", _ANY, "the input itself as a vector", decodes=True),
    "random": Entry(".linear:RandomProjection", _FLAT, "random projection"),
    "pca": Entry(".linear:PCA", _FLAT, "principal components", "items", True),
    "svd": Entry(".linear:SVD", ("vector",), "singular vectors, of sparse ones too", "items", True),
    "hog": Entry(".handmade.plain:HOG", _IMAGE, "oriented gradients"),
    "bovw": Entry(".handmade.visual:VisualWords", _IMAGE, "visual words over SIFT", "items"),
    "colour_histogram": Entry(
        ".handmade.plain:ColourHistogram", _IMAGE, "how often each colour appears"
    ),
    "autoencoder": Entry(
        ".learned.autoencoder:Autoencoder", _NUMBERS, "learns to reconstruct", "items", True
    ),
    "denoising": Entry(
        ".learned.autoencoder:DenoisingAutoencoder", _NUMBERS, "undoes noise", "items", True
    ),
    "masked": Entry(
        ".learned.autoencoder:MaskedAutoencoder",
        _VIEWED,
        "fills in patches or stretches",
        "items",
        True,
    ),
    "vae": Entry(
        ".learned.prior:VAE", _NUMBERS, "variational autoencoder; can be sampled", "items", True
    ),
    "adversarial": Entry(
        ".learned.prior:AAE", _NUMBERS, "codes pass for normal draws", "items", True
    ),
    "simclr": Entry(".learned.views:SimCLR", _VIEWED, "contrasts random views", "items"),
    "vicreg": Entry(".learned.views:VICReg", _VIEWED, "random views agree", "items"),
    "next_step": Entry(
        ".learned.forecasting:NextStep", _TIMED, "recurrence that tells steps to come", "items"
    ),
    "mlp": Entry(".learned.supervised:MLP", _FLAT, "a perceptron that learns labels", "labels"),
    "cnn": Entry(".learned.supervised:CNN", _VIEWED, "convolutions that learn labels", "labels"),
    "adapter": Entry(
        ".learned.adapter:Adapter", ("vector",), "a low-rank map that learns labels", "labels"
    ),
    "supcon": Entry(".learned.views:SupCon", _VIEWED, "contrasts views by class", "labels"),
    "alexnet": Entry(".learned.supervised:AlexNet", _IMAGE, "AlexNet for small images", "labels"),
    "bow": Entry(
        ".handmade.words:BagOfWords", ("text",), "counts of words, or characters", "items"
    ),
    "tfidf": Entry(".handmade.words:TfIdf", ("text",), "word counts weighted by rarity", "items"),
    "hashing": Entry(".handmade.words:Hashing", ("text",), "word counts without a vocabulary"),
    "bm25": Entry(".handmade.bm25:BM25", ("text",), "word weights of search engines", "items"),
    "skipgram": Entry(
        ".learned.word_vectors:SkipGram", ("text",), "word vectors that tell their context", "items"
    ),
    "cbow": Entry(
        ".learned.word_vectors:CBOW", ("text",), "word vectors that their context tells", "items"
    ),
    "onehot": Entry(
        ".handmade.onehot:OneHot", ("table", "text"), "one-hot cells, or tokens at places", "items"
    ),
    "ordinal": Entry(
        ".handmade.cells:Ordinal", ("table",), "a number a column, categories by order", "items"
    ),
    "frequency": Entry(
        ".handmade.cells:Frequency", ("table",), "a number a column, how common it is", "items"
    ),
    "hashed": Entry(
        ".handmade.hashed:Hashed", ("table",), "cells hashed into a bounded width", "items"
    ),
    "entity": Entry(
        ".learned.entity:EntityEmbedding",
        ("table",),
        "vectors of values and rows, learnt from labels or from cells",
        "labels",
    ),
    "mfcc": Entry(".handmade.sounds:MFCC", ("audio",), "cepstra over segments of time", "items"),
    "logmel": Entry(
        ".handmade.sounds:LogMel", ("audio",), "bands of pitch over segments of time", "items"
    ),
    "spectral": Entry(
        ".handmade.sounds:Spectral", ("audio",), "shape of the spectrum over time", "items"
    ),
    "statistics": Entry(
        ".handmade.statistics:Statistics",
        ("series",),
        "numbers that describe each channel",
        "items",
    ),
    "rocket": Entry(
        ".handmade.rocket:Rocket", ("audio", "series"), "random convolution kernels", "items"
    ),
    "attributes": Entry(".handmade.graphs:Attributes", _GRAPH, "what is said of a node", "items"),
    "adjacency": Entry(".handmade.graphs:Adjacency", _GRAPH, "whom a node is beside", "items"),
    "structure": Entry(".handmade.graphs:Structure", _GRAPH, "degree, triangles, PageRank, core"),
    "propagated": Entry(
        ".handmade.graphs:Propagated", _LINKED, "what is said of a node and around it", "items"
    ),
    "netmf": Entry(
        ".handmade.factorised:NetMF", _LINKED, "factorises which nodes walks meet", "items"
    ),
    "prone": Entry(
        ".handmade.factorised:ProNE", _LINKED, "factorised edges, smoothed; large graphs", "items"
    ),
    "deepwalk": Entry(
        ".learned.deepwalk:DeepWalk", _LINKED, "skip-gram over walks along edges", "items"
    ),
    "gcn": Entry(
        ".learned.graph_networks:GCN", _GRAPH, "graph convolutions that learn labels", "labels"
    ),
    "sage": Entry(
        ".learned.graph_networks:GraphSAGE", _GRAPH, "GraphSAGE, which learns labels", "labels"
    ),
    "graph_autoencoder": Entry(
        ".learned.graph_networks:GraphAutoencoder", _GRAPH, "learns where edges are", "items"
    ),
    "dgi": Entry(
        ".learned.graph_networks:DGI", _GRAPH, "tells a graph from a corrupted one", "items"
    ),
    "scale": Entry(".linear:Scaled", _FLAT, "each column to mean 0 and variance 1", "items", True),
    "l2": Entry(".combine:L2", _FLAT, "each vector divided by its length"),
    "gru": Entry(
        ".learned.sequences:GRU",
        ("text",),
        "gated recurrence, learnt from texts alone; can write on",
        "items",
    ),
    "lstm": Entry(
        ".learned.sequences:LSTM", ("text",), "recurrence with memory cells; can write on", "items"
    ),
    "transformer": Entry(
        ".learned.sequences:Transformer",
        ("text",),
        "attention, learnt from texts alone; can write on",
        "items",
    ),
    "pretrained": Entry(
        ".borrowed.pretrained:Pretrained",
        ("image", "text", "audio"),
        "a model that others have trained",
        extra="pretrained",
    ),
    "onnx": Entry(
        ".borrowed.onnx:ONNX",
        ("image", "vector", "audio", "series"),
        "a network in an ONNX file",
        extra="onnx",
    ),
    "static": Entry(".borrowed.static:Static", ("text",), "a table of token or word vectors"),
    "finetuned": Entry(
        ".learned.finetuned:Finetuned",
        ("image", "text", "vector", "series", "audio"),
        "a trained network, trained on",
        "labels",
    ),
    "popularity": Entry(
        ".handmade.recommenders:Popularity", _USERS, "how many users have an item", "items"
    ),
    "itemknn": Entry(
        ".handmade.recommenders:ItemKNN", _USERS, "items that the same users have", "items"
    ),
    "ease": Entry(
        ".handmade.recommenders:EASE", _USERS, "linear model of an item by all others", "items"
    ),
    "puresvd": Entry(
        ".handmade.recommenders:PureSVD", _USERS, "singular vectors of users by items", "items"
    ),
    "als": Entry(".handmade.als:ALS", _USERS, "factors by weighted least squares", "items"),
    "bpr": Entry(
        ".learned.recommenders:BPR", _USERS, "factors that put what users have first", "items"
    ),
    "two_tower": Entry(
        ".learned.recommenders:TwoTower",
        _USERS,
        "networks of what users have and of what items are",
        "items",
    ),
    "shared": Entry(".paired:Shared", _PAIRS, "one encoder for both sides", "pairs"),
    "linear_pair": Entry(
        ".linear_pair:LinearPair", _PAIRS, "linear maps of two encoders into one space", "pairs"
    ),
    "imagine": Entry(
        ".learned.imagined:Imagine", _PAIRS, "items drawn as descriptions tell of them", "pairs"
    ),
    "dual": Entry(
        ".learned.dual:Dual", _PAIRS, "two encoders, trained to find what belongs together", "pairs"
    ),
    "frozen": Entry("nearspace.space.frozen:Frozen", _ANY, "an encoder fitted before, as it is"),
    "vectors": Entry(".borrowed.elsewhere:Vectors", _ANY, "vectors from a file"),
}


# What files name, and no spec: encoders that operators and `align` make, and decoders.
UNLISTED = {
    "concatenated": ".combine:Concatenated",
    "piped": ".combine:Piped",
    "values": ".learned.values:ValueVectors",
    "affine": ".affine:Affine",
    "flat decoder": ".decoder:FlatDecoder",
    "affine decoder": ".decoder:AffineDecoder",
    "scaled decoder": ".decoder:ScaledDecoder",
    "piped decoder": ".decoder:PipedDecoder",
    "network decoder": ".learned.learned:NetworkDecoder",
}


def encoder_class(name: str) -> type[Any]:
    """Return the class of a name in the catalogue, importing it.

    Raises
    ------
    SpecError
        If there is no such encoder; the nearest name is in the message.
    MissingExtra
        If the library it needs is not installed.
    """
    if name not in CATALOGUE:
        raise SpecError(f"There is no encoder '{name:.60}'. {did_you_mean(name, CATALOGUE)}")
    entry = CATALOGUE[name]
    if entry.extra:
        need(entry.extra, f"The encoder '{name}'")
    return _imported(entry.target)


def saved_class(name: str) -> type[Any]:
    """Return the class that a file names: an encoder of the catalogue, or what makes one whole."""
    return _imported(UNLISTED[name]) if name in UNLISTED else encoder_class(name)


def name_of(cls: type) -> str | None:
    """Return the name of a class in the catalogue or in files; None for any other class."""
    targets = {name: entry.target for name, entry in CATALOGUE.items()} | UNLISTED
    for name, target in targets.items():
        module, _, own = target.partition(":")
        if own == cls.__name__ and importlib.util.resolve_name(module, __name__) == cls.__module__:
            return name
    return None


def _imported(target: str) -> type[Any]:
    module, _, cls = target.partition(":")
    return getattr(importlib.import_module(module, __name__), cls)
