"""`distil`: a table of token vectors of a model of texts."""

from __future__ import annotations

import dataclasses

import numpy as np
import torch

from nearspace.encoders.borrowed.language import Language, load_language
from nearspace.encoders.borrowed.models import Request, digest_weights, find_folder
from nearspace.encoders.borrowed.tables import StaticTable
from nearspace.errors import DataError
from nearspace.learning.device import torch_device
from nearspace.learning.progress import tell_embedded
from nearspace.learning.threads import side_by_side

__all__ = ["distil", "rarity"]

TOGETHER = 512  # tokens that go through the model at once
SIF = 1e-4  # how common a token is that counts half: Arora, Liang and Ma, 2017


def distil(model: str, revision: str | None, dim: int) -> StaticTable:
    """Return the static model of a model of texts.

    Raises
    ------
    DataError
        If there is no such model, or its tokenizer has no vocabulary.
    """
    folder, _ = find_folder(model, revision, "static")
    digest_weights(folder, model)
    language = load_language(folder, model)
    if not language.tokenizer.is_fast:
        raise DataError(
            f"static: the tokenizer of '{model}' reads letters or bytes, and has no vocabulary of "
            "which to make a table."
        )
    tokenizer = language.tokenizer.backend_tokenizer
    names = tokenizer.get_vocab()
    # Marks stand in no text; what the vocabulary keeps free stands nowhere.
    added = tokenizer.get_added_tokens_decoder()
    marks = {number for number, token in added.items() if token.special}
    free = {number for name, number in names.items() if name.startswith("[unused")}
    usable = np.array(sorted({*names.values()} - marks - free), dtype=np.int64)
    usable = usable[usable < language.n_rows]  # some tokenizers have more tokens than their model
    vectors = _of_tokens(language, usable)
    dim = min(dim, *vectors.shape)
    components = _principal(vectors, dim) * rarity(len(usable))[:, None]
    table = np.zeros((max(names.values()) + 1, dim), dtype=np.float32)
    table[usable] = components
    dropped = sorted({*range(len(table))} - {*usable.tolist()})
    return StaticTable(table, tokenizer.to_str(), dropped, unit=True)


def rarity(n: int) -> np.ndarray:
    """Return how much each token weighs, the commonest first, if they follow Zipf's law.

    Examples
    --------
    >>> rarity(30_000)[[0, 1000, 29_000]].round(2).tolist()
    [0.0, 0.5, 0.97]
    """
    shares = 1 / np.arange(2.0, n + 2)
    return SIF / (SIF + shares / shares.sum())


def _of_tokens(language: Language, numbers: np.ndarray) -> np.ndarray:
    """Return what a model makes of each token between the marks of a text's ends."""
    sentences = dataclasses.replace(language.sentences, unit=False)
    language = dataclasses.replace(language, sentences=sentences)
    device = torch_device("auto")
    asked = Request(-1, None, TOGETHER, device)
    language.tower.to(device)
    marked = language.tokenizer.backend_tokenizer.encode("a").special_tokens_mask
    ids = language.read(["a"])[0][0]
    first = marked.index(0) if 0 in marked else 0
    last = len(marked) - marked[::-1].index(0) if 0 in marked else first
    before, after = ids[:first], ids[last:]

    def run(some: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            batch = language.batch_of([[*before, number, *after] for number in some.tolist()])
            return language.vectors(batch, asked).cpu().numpy()

    parts = [numbers[start : start + TOGETHER] for start in range(0, len(numbers), TOGETHER)]
    vectors = []
    for part in side_by_side(run, parts):
        vectors.append(part)
        tell_embedded(sum(map(len, vectors)), len(numbers))
    return np.concatenate(vectors)


def _principal(vectors: np.ndarray, dim: int) -> np.ndarray:
    """Return the first principal components of vectors, which leave their common mean out."""
    centred = (vectors - vectors.mean(axis=0)).astype(np.float64)
    _, axes = np.linalg.eigh(centred.T @ centred)
    chosen = axes[:, ::-1][:, :dim]
    signs = np.sign(chosen[np.abs(chosen).argmax(axis=0), np.arange(dim)])
    return centred @ (chosen * signs)
