"""What is compared when nobody says what: a row a kind of data."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

from nearspace.data import Kind

__all__ = ["USUAL", "Usual"]


@dataclasses.dataclass(frozen=True)
class Usual:
    """The usual encoders of a kind of data, as specs.

    Attributes
    ----------
    floor : tuple of str
        What stands in every table.
    reference : str
        Whose neighbourhoods stand for the items' own.
    encoders : tuple of str
        Those that are compared beside the floor when nobody says what.
    supervised : tuple of str
        More of them, which learn from labels.
    predictor : str
        The name of a model that tells labels and makes no space, see `judge.predictors`; empty
        where there is none.
    also : callable
        Returns of a kind what else is its floor.
    """

    floor: tuple[str, ...]
    reference: str
    encoders: tuple[str, ...]
    supervised: tuple[str, ...]
    predictor: str = ""
    also: Callable[[Any], list[str]] = lambda kind: []

    def rows(self, kind: Kind) -> list[str]:
        """Return what stands in every table of data of a kind, the reference first.

        Examples
        --------
        >>> from nearspace.data import Image
        >>> USUAL["image"].rows(Image((32, 32, 3)))
        ['raw', 'hog', 'colour_histogram']
        """
        return list(dict.fromkeys([self.reference, *self.floor, *self.also(kind)]))

    def specs(self, labelled: bool) -> list[str]:
        """Return what is compared when nobody says what; with labels those that learn from them."""
        return [*self.floor, *self.encoders, *(self.supervised if labelled else ())]


# What cognates, names and numbers tell of texts in two languages, and beside it what pairs teach.
SPELLING = "shared(tfidf(analyzer='char'))"
BESIDE = f"({SPELLING} | l2) + (linear_pair | l2)"

USUAL = {
    "image": Usual(
        floor=("raw", "hog"),
        reference="raw",
        encoders=("bovw", "random", "pca", "autoencoder", "vae", "simclr"),
        supervised=("mlp", "cnn"),
        also=lambda kind: ["colour_histogram"] if kind.shape[2] == 3 else [],
    ),
    "text": Usual(
        floor=("raw", "tfidf"),
        reference="tfidf",
        encoders=("tfidf(analyzer='char')", "bow", "tfidf | svd(dim=128)"),
        supervised=("tfidf | svd(dim=128) | mlp",),
    ),
    "table": Usual(
        floor=("raw", "onehot"),
        reference="onehot",
        encoders=(
            "onehot(numbers='quantile')",
            "onehot | pca(dim=8)",
            "onehot | autoencoder(dim=8)",
        ),
        supervised=("onehot | mlp", "entity"),
        predictor="boosted trees",
        also=lambda kind: ["onehot(texts=tfidf | svd(dim=16))"] if kind.of("text") else [],
    ),
    "audio": Usual(
        floor=("raw", "mfcc"),
        reference="mfcc",
        encoders=("logmel", "spectral", "rocket", "simclr"),
        supervised=("cnn",),
    ),
    "series": Usual(
        floor=("raw", "rocket"),
        reference="raw",
        encoders=("raw | scale", "statistics", "simclr"),
        supervised=("cnn",),
        predictor="1-NN by DTW",
    ),
    "sides": Usual(
        floor=("linear_pair",),
        reference="linear_pair",
        encoders=("dual",),
        supervised=(),
        also=lambda kind: (
            [SPELLING, BESIDE] if {kind.left.name, kind.right.name} == {"text"} else []
        ),
    ),
    "graph": Usual(
        floor=("adjacency", "structure | scale"),
        reference="adjacency",
        encoders=("netmf", "graph_autoencoder"),
        supervised=("gcn", "sage"),
        also=lambda kind: [] if kind.attributes is None else ["attributes", "propagated"],
    ),
    "interactions": Usual(
        floor=("popularity", "itemknn"),
        reference="itemknn",
        encoders=("ease", "als", "bpr", "two_tower"),
        supervised=(),
        also=lambda kind: [] if kind.attributes is None else ["propagated"],
    ),
    "vector": Usual(
        floor=("raw", "raw | scale"),
        reference="raw",
        encoders=("random", "pca", "autoencoder", "vae"),
        supervised=("mlp",),
    ),
}
