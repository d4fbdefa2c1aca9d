"""What is fitted, as JSON and arrays and back: safetensors for arrays, never pickle."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import json
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar, Self

import numpy as np

from nearspace.data import Kind, kind_from_json
from nearspace.encoders import name_of, saved_class
from nearspace.errors import NearspaceError

__all__ = ["Keeps", "State", "Weights", "digest", "write"]

FORMAT = 1
# What changes the way to the weights, or how they are used, but not what comes of them.
INDIFFERENT = {"history_", "batch_size", "device", "verbose"}


# What a constructor takes; and what was learned: arrays, numbers, strings, lists, dicts, kinds,
# networks, and objects that keep a state themselves.
State = tuple[dict[str, Any], dict[str, Any]]


class Keeps(ABC):
    """What can be written into files and read again, by its state.

    Attributes
    ----------
    files : (str, str)
        Names of the files that hold one: of the JSON, and of the arrays.
    """

    files: ClassVar[tuple[str, str]]

    @property
    @abstractmethod
    def state(self) -> State:
        """All that it is made of again."""

    @classmethod
    @abstractmethod
    def from_state(cls, params: dict[str, Any], fitted: dict[str, Any]) -> Self:
        """Return the object of a state; in place of networks it has `Weights`."""

    @classmethod
    def parse(cls, data: Mapping[str, bytes], path: str) -> Self:
        """Return the object that was written into `files`.

        Parameters
        ----------
        data : mapping of str to bytes
            Files by name.
        path : str
            Where they lie, for errors.

        Raises
        ------
        NearspaceError
            If the files are damaged, of a newer format, hold another sort of object, or do not
            belong together.
        """
        from safetensors import SafetensorError
        from safetensors.numpy import load

        what, both = cls.files[0].removesuffix(".json"), " and ".join(cls.files)
        try:
            head = json.loads(data[cls.files[0]].decode())
            arrays = load(data[cls.files[1]])
        except (KeyError, ValueError, SafetensorError) as error:
            raise NearspaceError(
                f"{path} holds no saved {what}: expected {both} as they were written ({error})."
            ) from error
        if not isinstance(head, dict) or "class" not in head:
            raise NearspaceError(f"{path} holds no saved {what}: {cls.files[0]} names none.")
        if head.get("format") != FORMAT:
            raise NearspaceError(
                f"{path} is written in {what} format {head.get('format')}; this nearspace reads "
                f"format {FORMAT}, so use the version {head.get('nearspace')} that wrote it."
            )
        try:
            value: Any = _from_node(head, arrays)
            if not issubclass(type(value), cls):
                raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
            if "fingerprint" in head and head["fingerprint"] != digest(value):
                raise ValueError("the fingerprint is another")
            return value
        except NearspaceError:
            raise
        except (AttributeError, LookupError, RuntimeError, TypeError, ValueError) as error:
            told = error.args[0] if isinstance(error, LookupError) and error.args else error
            raise NearspaceError(
                f"{path}: {both} do not belong together ({told}); save the {what} again."
            ) from error


@dataclasses.dataclass(frozen=True)
class Weights:
    """The weights of networks that are yet to be built.

    Attributes
    ----------
    names : list of str
        Of the networks.
    arrays : mapping of str to ndarray
        The weights, by their names in the ``state_dict`` of all networks together.
    """

    names: list[str]
    arrays: Mapping[str, np.ndarray]


def write(value: Keeps, fingerprint: str | None = None) -> dict[str, bytes]:
    """Return the two files, by name, that hold an object: its state as JSON, and the arrays of it.

    Where a fingerprint is given, `Keeps.parse` refuses an object that has another.

    Raises
    ------
    NearspaceError
        If it keeps what cannot be written without pickle.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    node = _to_node(value, arrays, "encoder")
    mark = {} if fingerprint is None else {"fingerprint": fingerprint}
    head = {"format": FORMAT, "nearspace": version("nearspace"), **mark, **node}
    text = json.dumps(head, indent=1, ensure_ascii=False)
    return dict(zip(value.files, (text.encode(), save(arrays)), strict=True))


def digest(value: Keeps) -> str:
    """Return sixteen hexadecimal digits of the state of an object, the same when read again."""
    arrays: dict[str, np.ndarray] = {}
    text = json.dumps(_what_counts(_to_node(value, arrays, "encoder", _hash)), sort_keys=True)
    digest = hashlib.blake2b(text.encode(), digest_size=8)
    for name, array in sorted(arrays.items()):
        # safetensors has no array without dimensions: it comes back as an array of one
        shape = array.shape or (1,)
        digest.update(f"{name} {array.dtype.str} {shape}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def _what_counts(node: Any) -> Any:
    """Return a node without what nothing that is computed depends on."""
    if isinstance(node, dict):
        return {k: _what_counts(v) for k, v in node.items() if k not in INDIFFERENT}
    return [_what_counts(part) for part in node] if isinstance(node, list) else node


def _hash(value: Any, key: str) -> str:
    import joblib

    try:
        return str(joblib.hash(value))
    except (AttributeError, TypeError, pickle.PicklingError):  # a network with a lambda, say
        return f"{value!r} {id(value)}"  # it cannot be saved either, and is like no other


def _refuse(value: Any, key: str) -> str:
    if isinstance(value, Keeps):
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
    if isinstance(value, Keeps) and (name := name_of(type(value))) is not None:
        params, fitted = value.state
        return {
            "class": name,
            "params": {k: go_on(v, key=f"{key}.params.{k}") for k, v in params.items()},
            "fitted": {k: go_on(v, key=f"{key}.{k}") for k, v in fitted.items()},
        }
    if hasattr(value, "state_dict"):
        for name, tensor in value.state_dict().items():
            # Of an array that is not contiguous safetensors would write the wrong numbers.
            arrays[f"{key}.{name}"] = np.ascontiguousarray(tensor.cpu().numpy())
        return {"networks": key, "names": [name for name, _ in value.named_children()]}
    return unknown(value, key)


def _from_node(node: Any, arrays: dict[str, np.ndarray]) -> Any:
    go_on = functools.partial(_from_node, arrays=arrays)
    if isinstance(node, list):
        return [go_on(part) for part in node]
    if not isinstance(node, dict):
        return node
    if "strings" in node:
        return np.array(node["strings"], dtype=object)
    if "array" in node:
        return arrays[node["array"]]
    if "data_kind" in node:
        return kind_from_json(node["data_kind"])
    if "tuple" in node:
        return tuple(go_on(node["tuple"]))
    if "dict" in node:
        return {key: go_on(value) for key, value in node["dict"]}
    if "networks" in node:
        prefix = node["networks"] + "."
        own = {key.removeprefix(prefix): a for key, a in arrays.items() if key.startswith(prefix)}
        return Weights(node["names"], own)
    params, fitted = ({k: go_on(v) for k, v in node[part].items()} for part in ("params", "fitted"))
    return saved_class(node["class"]).from_state(params, fitted)
