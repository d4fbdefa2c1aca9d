"""Encoders: the catalogue, which imports nothing, and `make`, which reads a spec."""

from __future__ import annotations

import dataclasses
import importlib
import importlib.util
from typing import Any

from nearspace.errors import MissingExtra, SpecError, did_you_mean

__all__ = ["CATALOGUE", "Entry", "encoder_class", "name_of", "saved_class"]

EXTRA_MODULES = {"images": "skimage", "pretrained": "transformers"}


@dataclasses.dataclass(frozen=True)
class Entry:
    """One row of the catalogue.

    Attributes
    ----------
    target : str
        ``module:Class``; the modules of nearspace itself are relative to `nearspace.encoders`.
    kinds : tuple of str
        Names of the kinds it takes; ``"any"`` alone for every kind there is.
    learns : str
        What it learns from: ``"nothing"``, ``"items"`` or ``"labels"``.
    decodes : bool
        Whether it has a decoder, where the kind of the items lets it.
    summary : str
        What it is, in a few words.
    extra : str
        The extra that brings the library it needs; empty where it needs none.
    """

    target: str
    kinds: tuple[str, ...]
    learns: str
    decodes: bool
    summary: str
    extra: str = ""


_IMAGE = ("image",)
_FLAT = ("image", "vector")
_ANY = ("any",)

CATALOGUE: dict[str, Entry] = {
    "raw": Entry(".handmade.plain:Raw", _ANY, "nothing", True, "the input itself as a vector"),
    "random": Entry(".linear:RandomProjection", _FLAT, "nothing", False, "random projection"),
    "pca": Entry(".linear:PCA", _FLAT, "items", True, "principal components"),
    "hog": Entry(".handmade.plain:HOG", _IMAGE, "nothing", False, "oriented gradients", "images"),
    "bovw": Entry(".handmade.visual:VisualWords", _IMAGE, "items", False, "visual words over SIFT"),
    "colour_histogram": Entry(
        ".handmade.plain:ColourHistogram", _IMAGE, "nothing", False, "how often each colour appears"
    ),
    "autoencoder": Entry(
        ".learned.autoencoder:Autoencoder", _FLAT, "items", True, "learns to reconstruct"
    ),
    "denoising": Entry(
        ".learned.denoising:DenoisingAutoencoder", _FLAT, "items", True, "undoes noise"
    ),
    "masked": Entry(".learned.masked:MaskedAutoencoder", _IMAGE, "items", True, "fills in patches"),
    "vae": Entry(
        ".learned.vae:VAE", _FLAT, "items", True, "variational autoencoder; can be sampled"
    ),
    "adversarial": Entry(
        ".learned.adversarial:AAE", _FLAT, "items", True, "codes pass for normal draws"
    ),
    "simclr": Entry(
        ".learned.contrastive:SimCLR", _IMAGE, "items", False, "contrasts random views"
    ),
    "vicreg": Entry(".learned.vicreg:VICReg", _IMAGE, "items", False, "random views agree"),
    "mlp": Entry(
        ".learned.supervised:MLP", _FLAT, "labels", False, "a perceptron that learns labels"
    ),
    "cnn": Entry(
        ".learned.supervised:CNN", _IMAGE, "labels", False, "convolutions that learn labels"
    ),
    "supcon": Entry(
        ".learned.contrastive:SupCon", _IMAGE, "labels", False, "contrasts views by class"
    ),
    "alexnet": Entry(
        ".learned.alexnet:AlexNet", _IMAGE, "labels", False, "AlexNet for small images"
    ),
    "bow": Entry(".handmade.words:BagOfWords", ("text",), "items", False, "word counts, sparse"),
    "tfidf": Entry(
        ".handmade.words:TfIdf", ("text",), "items", False, "weighted word counts, sparse"
    ),
    "onehot": Entry(
        ".handmade.categorical:OneHot", ("table",), "items", False, "one-hot, scaled numbers"
    ),
    "l2": Entry(".combine:L2", _FLAT, "nothing", False, "each vector divided by its length"),
    "pretrained": Entry(
        ".borrowed.pretrained:Pretrained",
        _IMAGE,
        "nothing",
        False,
        "trained vision model",
        "pretrained",
    ),
    "vectors": Entry(".borrowed.elsewhere:Vectors", _ANY, "nothing", False, "vectors from a file"),
}


# What files name, and no spec: encoders that operators make, and decoders.
UNLISTED = {
    "concatenated": ".combine:Concatenated",
    "piped": ".combine:Piped",
    "flat decoder": ".decoder:FlatDecoder",
    "affine decoder": ".decoder:AffineDecoder",
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
        raise SpecError(f"There is no encoder '{name}'. {did_you_mean(name, CATALOGUE)}")
    entry = CATALOGUE[name]
    if entry.extra and importlib.util.find_spec(EXTRA_MODULES[entry.extra]) is None:
        raise MissingExtra(f"The encoder '{name}'", entry.extra)
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
