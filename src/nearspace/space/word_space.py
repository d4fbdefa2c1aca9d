"""Words as a space: those of a file of vectors, or those that an encoder learns from texts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from nearspace.data import Text
from nearspace.encoders.borrowed.elsewhere import as_encoder
from nearspace.encoders.borrowed.static import Static
from nearspace.encoders.pooled import Pooled
from nearspace.errors import DataError, called_as
from nearspace.recipe import Recipe
from nearspace.space.arrays import plain_array
from nearspace.space.space import Space, dataset_for, fitted

__all__ = ["word_space"]


@called_as("word_space('reviews.txt', 'skipgram')")
def word_space(source: Any, encoder: Any = None, *, most: int | None = None) -> Space:
    """Return a space whose items are words.

    Parameters
    ----------
    source : Dataset, or what `load` reads; str or Path without an encoder
        Texts from which an encoder learns word vectors; without one a file of word vectors, as
        `Static` reads it.
    encoder : Encoder or str, optional
        ``"skipgram"``, ``"cbow"``, or one of them with parameters, fitted or not.
    most : int, optional
        Only so many words, the commonest or the first of the file.

    Returns
    -------
    Space
        The id of each item is the word. Its metadata are the word as ``text``, and its ``count`` in
        the texts, or its ``rank`` in the file. The encoder is in it, so that it embeds texts.

    Raises
    ------
    DataError
        If the encoder has no vectors of words, or the source cannot be read.

    Examples
    --------
    >>> texts = ["the cat sat", "the dog sat", "a dog ran", "a cat ran"] * 20
    >>> space = word_space(texts, "skipgram(dim=8, epochs=2)")
    >>> space.ids.tolist(), space.meta["count"].to_pylist()
    (['a', 'cat', 'dog', 'ran', 'sat', 'the'], [40, 40, 40, 40, 40, 40])
    """
    import pyarrow as pa

    if encoder is None:
        if not isinstance(source, str | Path) or not Path(source).expanduser().is_file():
            raise DataError(
                f"Expected a file of word vectors, got {source!s:.60}, where there is none; to "
                "learn from texts, say which encoder does (word_space(texts, 'skipgram'), --with "
                "skipgram)."
            )
        made: Any = Static(str(source), max_features=most).fit([""])
        name = Path(source).name
    else:
        learner = as_encoder(encoder)
        if not isinstance(learner, Pooled):
            raise DataError(
                f"'{learner.spec}' has no vectors of words; take skipgram or cbow, or "
                "static with a file of word vectors."
            )
        dataset = dataset_for(learner, source)
        if most is not None and not hasattr(learner, "kind_"):
            learner = clone(learner).set_params(max_features=most)
        made, name = fitted(learner, dataset), dataset.name
    vocabulary = made.vocabulary
    if vocabulary is None:
        raise DataError(
            f"The tokens of '{made.spec}' are no words; take skipgram or cbow, or "
            "static with a file of word vectors."
        )
    words, counts = vocabulary.tokens[:most], vocabulary.counts
    told = {"rank": np.arange(1, len(words) + 1)}
    if counts is not None:
        told = {"count": counts[:most]}
    recipe = Recipe(made.spec, made.fingerprint, name, made.metric, Text().to_json(), {})
    meta = pa.table({"text": words, **told})
    return Space(made.table_[: len(words)], plain_array(words), None, recipe, made, meta)
