"""Tables of token vectors, with their tokenizers, as others write them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.errors import DataError

__all__ = ["StaticTable", "read_table", "read_tokenizer", "unknown_token"]

TABLES = ("embeddings", "embedding.weight")  # as model2vec calls it, and as all others do


@dataclasses.dataclass(frozen=True, eq=False)
class StaticTable:
    """What a static model is made of.

    Attributes
    ----------
    vectors : ndarray of shape (tokens, d), float32
        One a token, by its number.
    tokenizer : str
        The tokenizer, as JSON.
    dropped : list of int
        Numbers of tokens that are passed over.
    unit : bool
        Whether means are brought to length one.
    """

    vectors: np.ndarray
    tokenizer: str
    dropped: list[int]
    unit: bool


def read_tokenizer(text: str) -> Any:
    """Return a tokenizer that neither fills texts up nor cuts them."""
    from tokenizers import Tokenizer

    tokenizer = Tokenizer.from_str(text)
    tokenizer.no_padding()
    tokenizer.no_truncation()
    return tokenizer


def unknown_token(tokenizer: str) -> list[int]:
    """Return the number of the token that stands for all unknown ones, where there is one.

    Examples
    --------
    >>> unknown_token('{"model": {"unk_token": "?", "vocab": {"a": 0, "?": 1}}}')
    [1]
    >>> unknown_token('{"model": {"unk_id": 0, "vocab": [["?", 0.0], ["a", -1.0]]}}')
    [0]
    """
    model = json.loads(tokenizer).get("model", {})
    number = model.get("unk_id")
    if number is None and isinstance(model.get("vocab"), dict):
        number = model["vocab"].get(model.get("unk_token"))
    return [] if number is None else [int(number)]


def read_table(model: str, tokenizer: str | None, revision: str | None) -> StaticTable:
    """Return a static model that others have made.

    Raises
    ------
    DataError
        If there is none, it has no tokenizer, or both are not of one model.
    """
    from nearspace.encoders.borrowed.models import find_folder

    file, config = Path(model).expanduser(), dict[str, Any]()
    folder = file.parent
    if not file.is_file():
        folder, _ = find_folder(model, revision, "static")
        folder = next((place for place in folder.glob("0_StaticEmbedding")), folder)
        file = folder / "model.safetensors"
        config = _config(folder, model)
    if file.suffix != ".safetensors" or not file.is_file():
        raise DataError(
            f"static: '{model}' holds no model.safetensors; weights in other formats may hold code "
            "and are not read."
        )
    reader = Path(tokenizer).expanduser() if tokenizer else folder / "tokenizer.json"
    if not reader.is_file():
        raise DataError(
            f"static: there is no tokenizer {reader}, which says how texts are read; name it by "
            "tokenizer=."
        )
    arrays = _arrays(file, model)
    name = next((name for name in TABLES if name in arrays), None)
    if name is None:
        raise DataError(
            f"static: '{model}' holds no table of token vectors, called {' or '.join(TABLES)}, but "
            f"{', '.join(sorted(arrays)[:2])}, …; static(of='{model}') makes one of a model of "
            "texts."
        )
    vectors = arrays[name].astype(np.float32)
    try:
        if "mapping" in arrays:
            vectors = vectors[arrays["mapping"].astype(np.int64)]
        if "weights" in arrays:
            vectors = vectors * arrays["weights"].astype(np.float32)[:, None]
        text = reader.read_text("utf-8")
        n_tokens = read_tokenizer(text).get_vocab_size()
        # Model2vec passes the unknown token over; others take it as they take any.
        dropped = unknown_token(text) if name == TABLES[0] else []
    except Exception as error:  # tokenizers raises nothing more special
        raise DataError(f"static: cannot read '{model}' or its tokenizer ({error}).") from error
    if vectors.ndim != 2 or n_tokens > len(vectors):
        raise DataError(
            f"static: '{model}' has {len(vectors):,} token vectors, and its tokenizer {n_tokens:,} "
            "tokens: they are not of one model."
        )
    if not np.isfinite(vectors).all():
        raise DataError(f"static: '{model}' holds vectors that are not finite.")
    return StaticTable(vectors, text, dropped, bool(config.get("normalize")))


def _arrays(file: Path, model: str) -> dict[str, np.ndarray]:
    from safetensors import SafetensorError
    from safetensors.numpy import load_file

    try:
        return load_file(file)
    except (SafetensorError, OSError, KeyError, TypeError) as error:
        raise DataError(f"static: cannot read the table of '{model}' ({error}).") from error


def _config(folder: Path, model: str) -> dict[str, Any]:
    """Return what a folder says of its vectors: whether they are brought to length one."""
    file = folder / "config.json"
    try:
        config = json.loads(file.read_text("utf-8")) if file.is_file() else {}
        return config if isinstance(config, dict) else {}
    except (OSError, ValueError, RecursionError) as error:
        raise DataError(f"static: cannot read config.json of '{model}' ({error}).") from error
