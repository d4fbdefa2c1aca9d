"""Saving and loading fitted encoders: safetensors for arrays, JSON for the rest, never pickle."""

from __future__ import annotations

import functools
import hashlib
import importlib
import json
import pickle
from collections.abc import Callable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sklearn.base import BaseEstimator

from nearspace.data import Kind, kind_from_json
from nearspace.encoders import CATALOGUE, encoder_class
from nearspace.encoders.spec import spec_of
from nearspace.errors import NearspaceError

if TYPE_CHECKING:
    from nearspace.encoders.base import Encoder

__all__ = ["dump_encoder", "fingerprint", "load_encoder", "parse_encoder", "save_encoder"]

FORMAT = 1
# What changes the way to the weights, or how they are used, but not what comes of them.
INDIFFERENT = {"history_", "batch_size", "device", "verbose"}
JSON_FILE, ARRAYS_FILE = "encoder.json", "weights.safetensors"


def save_encoder(encoder: Encoder, path: Path) -> Path:
    """Write a fitted encoder into the folder ``path``; see `Encoder.save`."""
    files = dump_encoder(encoder)
    path.mkdir(parents=True, exist_ok=True)
    for name, data in files.items():
        (path / name).write_bytes(data)
    return path


def dump_encoder(encoder: Encoder) -> dict[str, bytes]:
    """Return the files that hold a fitted encoder, by name."""
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    node = _to_node(encoder, arrays, "encoder")
    head = {"format": FORMAT, "nearspace": version("nearspace"), **node}
    text = json.dumps(head, indent=1, ensure_ascii=False)
    return {JSON_FILE: text.encode(), ARRAYS_FILE: save(arrays)}


def fingerprint(encoder: Encoder) -> str:
    """Return sixteen hexadecimal digits of all that an encoder's vectors depend on.

    They are of its parameters, the kind of its items and everything it learned, and the same
    after it was saved and loaded. A half has those of the whole.
    """
    if half := getattr(encoder, "half_", None):
        return str(half["whole"])
    arrays: dict[str, np.ndarray] = {}
    node = _to_node(encoder, arrays, "encoder", unknown=_hash)
    text = json.dumps(_what_counts(node), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8)
    for name, array in sorted(arrays.items()):
        # safetensors has no array without dimensions: it comes back as an array of one
        shape = array.shape or (1,)
        digest.update(f"{name} {array.dtype.str} {shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _what_counts(node: Any) -> Any:
    """Return a node without what its vectors do not depend on."""
    if isinstance(node, dict):
        return {k: _what_counts(v) for k, v in node.items() if k not in INDIFFERENT}
    return [_what_counts(part) for part in node] if isinstance(node, list) else node


def _hash(value: Any, key: str) -> str:
    import joblib

    try:
        return str(joblib.hash(value))
    except (AttributeError, TypeError, pickle.PicklingError):  # a network with a lambda, say
        return f"{spec_of(value)} {id(value)}"  # it cannot be saved either, and is like no other


def load_encoder(path: str | Path) -> Encoder:
    """Return the fitted encoder that `Encoder.save` wrote into a folder.

    Parameters
    ----------
    path : str or Path
        The folder.

    Returns
    -------
    Encoder
        Transforms as the saved one did. Only classes of nearspace are ever built, and nothing in
        the folder is run.

    Raises
    ------
    NearspaceError
        If the folder holds no encoder, one of a newer format, or weights of another shape.

    Examples
    --------
    >>> import tempfile
    >>> from nearspace import load, make
    >>> digits = load("digits").items
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     again = load_encoder(make("pca(dim=4)").fit(digits).save(folder))
    >>> again.transform(digits[:2]).shape
    (2, 4)
    """
    try:
        files = {name: (Path(path) / name).read_bytes() for name in (JSON_FILE, ARRAYS_FILE)}
    except OSError as error:
        raise NearspaceError(
            f"{path} holds no saved encoder: expected {JSON_FILE} and {ARRAYS_FILE} as "
            f"Encoder.save writes them ({error})."
        ) from error
    return parse_encoder(files, str(path))


def parse_encoder(files: Mapping[str, bytes], path: str) -> Encoder:
    """Return the encoder that `dump_encoder` wrote; ``path`` is where to errors say it lies."""
    from safetensors import SafetensorError
    from safetensors.numpy import load

    try:
        head = json.loads(files[JSON_FILE].decode())
        arrays = load(files[ARRAYS_FILE])
    except (KeyError, ValueError, SafetensorError) as error:
        raise NearspaceError(
            f"{path} holds no saved encoder: expected {JSON_FILE} and {ARRAYS_FILE} as "
            f"Encoder.save writes them ({error})."
        ) from error
    if not isinstance(head, dict) or "class" not in head:
        raise NearspaceError(f"{path} holds no saved encoder: {JSON_FILE} names none.")
    if head.get("format") != FORMAT:
        raise NearspaceError(
            f"{path} is written in encoder format {head.get('format')}; this nearspace reads "
            f"format {FORMAT}, so use the version {head.get('nearspace')} that wrote it."
        )
    try:
        return _from_node(head, arrays)
    except NearspaceError:
        raise
    except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
        told = error.args[0] if isinstance(error, LookupError) and error.args else error
        raise NearspaceError(
            f"{path}: {JSON_FILE} and {ARRAYS_FILE} do not belong together ({told}); save the "
            "encoder again."
        ) from error


def _refuse(value: Any, key: str) -> str:
    if isinstance(value, BaseEstimator):
        raise NearspaceError(f"{type(value).__name__} is not in the catalogue and cannot be saved.")
    raise NearspaceError(
        f"An encoder that keeps a {type(value).__name__} ({key}) cannot be saved: only arrays, "
        "numbers, strings and encoders of nearspace can be written without pickle."
    )


def _to_node(
    value: Any,
    arrays: dict[str, np.ndarray],
    key: str,
    unknown: Callable[[Any, str], str] = _refuse,
) -> Any:
    """Return ``value`` as JSON, putting its arrays into ``arrays`` under names that begin so."""
    go_on = functools.partial(_to_node, arrays=arrays, unknown=unknown)
    if value is None or isinstance(value, bool | int | float | str):
        return value
    if isinstance(value, np.generic):
        return value.item()
    if isinstance(value, np.ndarray):
        if value.dtype.kind in "OUST":
            return {"strings": [str(part) for part in value]}
        arrays[key] = np.ascontiguousarray(value)
        return {"array": key}
    if isinstance(value, Kind):
        return {"data_kind": value.to_json()}
    if isinstance(value, list):
        return [go_on(part, key=f"{key}.{i}") for i, part in enumerate(value)]
    if isinstance(value, tuple):
        return {"tuple": go_on(list(value), key=key)}
    if isinstance(value, dict):
        return {"dict": [[k, go_on(v, key=f"{key}.{k}")] for k, v in value.items()]}
    if isinstance(value, BaseEstimator):
        name = _class_name(value)
        if name is None:
            return unknown(value, key)
        return {
            "class": name,
            "params": {
                name: go_on(part, key=f"{key}.params.{name}")
                for name, part in value.get_params(deep=False).items()
            },
            "fitted": {
                name: go_on(part, key=f"{key}.{name}")
                for name, part in vars(value).items()
                if name.endswith("_") and not name.startswith("_")
            },
        }
    if hasattr(value, "state_dict"):
        for name, tensor in value.state_dict().items():
            # Of an array that is not contiguous safetensors would write the wrong numbers.
            arrays[f"{key}.{name}"] = np.ascontiguousarray(tensor.cpu().numpy())
        return {"networks": key}
    return unknown(value, key)


def _from_node(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    if isinstance(node, list):
        return [_from_node(part, arrays) for part in node]
    if not isinstance(node, dict):
        return node
    if "strings" in node:
        return np.array(node["strings"], dtype=object)
    if "array" in node:
        return arrays[node["array"]]
    if "data_kind" in node:
        return kind_from_json(node["data_kind"])
    if "tuple" in node:
        return tuple(_from_node(node["tuple"], arrays))
    if "dict" in node:
        return {key: _from_node(value, arrays) for key, value in node["dict"]}
    params = {name: _from_node(part, arrays) for name, part in node["params"].items()}
    encoder = _class(node["class"])(**params)
    networks = {}
    for name, part in node["fitted"].items():
        if isinstance(part, dict) and "networks" in part:
            networks[name] = part["networks"] + "."
        else:
            setattr(encoder, name, _from_node(part, arrays))
    for name, prefix in networks.items():  # their shapes follow from the other attributes
        setattr(encoder, name, _networks(encoder, arrays, prefix))
    if hasattr(encoder, "verify"):  # its weights are elsewhere
        encoder.verify()
    return encoder


def _networks(encoder: Any, arrays: dict[str, np.ndarray], prefix: str) -> Any:
    import torch

    with torch.random.fork_rng():  # new networks draw weights, which are then replaced
        nets = encoder.build()
    if half := getattr(encoder, "half_", None):
        from nearspace.encoders.halves import remove_networks

        remove_networks(nets, half, nets["encoder"])
    weights = {
        key.removeprefix(prefix): torch.from_numpy(array)
        for key, array in arrays.items()
        if key.startswith(prefix)
    }
    # A single number was written as an array of one.
    wanted = {name: tuple(tensor.shape) or (1,) for name, tensor in nets.state_dict().items()}
    found = {name: tuple(tensor.shape) for name, tensor in weights.items()}
    for name in [*wanted, *found]:
        if wanted.get(name) != found.get(name):
            raise ValueError(
                f"the weights '{name}' have shape {found.get(name, 'none')}, expected "
                f"{wanted.get(name, 'none')}"
            )
    nets.load_state_dict(weights)
    return nets.eval()


COMPOSITES = {"concatenated": "Concatenated", "piped": "Piped"}


def _class_name(encoder: Any) -> str | None:
    """Return the name of a class of nearspace; None for any other, whatever it is called."""
    module, _, package = type(encoder).__module__.rpartition(".")[::-1]
    if package != "nearspace.encoders":
        return None
    target = f"{module}:{type(encoder).__name__}"
    composites = {f"combine:{cls}": name for name, cls in COMPOSITES.items()}
    names = {entry.target: name for name, entry in CATALOGUE.items()} | composites
    return names.get(target)


def _class(name: str) -> type[Encoder]:
    if name in COMPOSITES:
        return getattr(importlib.import_module("nearspace.encoders.combine"), COMPOSITES[name])
    return encoder_class(name)
