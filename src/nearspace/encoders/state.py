"""What is fitted, as JSON and arrays and back: safetensors for arrays, never pickle."""

from __future__ import annotations

import dataclasses
import functools
import hashlib
import inspect
import json
import math
import pickle
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from importlib.metadata import version
from typing import Any, ClassVar, Self

import numpy as np

from nearspace.data import Kind, kind_from_json
from nearspace.data.declared import check_declared, declared
from nearspace.encoders import name_of, saved_class
from nearspace.errors import DataError, NearspaceError

__all__ = ["Keeps", "State", "Weights", "check_state", "digest", "read_json", "sealed", "write"]

FORMAT = 2
# What changes the way to the weights, or how they are used, but not what comes of them.
INDIFFERENT = {"history_", "n_samples_fit_", "told_", "batch_size", "device", "verbose"}
MOST_NESTED = 100  # lists and objects in one another
MOST_JSON = 2**28  # bytes
LARGEST = 2**63  # whole number
MOST_TOLD = 300  # characters of what a library says
# Whatever comes of building objects of what somebody made up.
BROKEN = (
    ArithmeticError, AssertionError, AttributeError, LookupError, MemoryError, RuntimeError,
    TypeError, ValueError,
)  # fmt: skip


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
    def fingerprint(self) -> str:
        """Sixteen hexadecimal digits of all that what it computes depends on."""

    @abstractmethod
    def check_whole(self) -> None:
        """Raise an error unless all is there that it computes with, as it must be."""

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
            text, weights = (data[name] for name in cls.files)
            if len(text) > MOST_JSON:
                raise ValueError(f"{len(text):,} bytes of JSON")
            head = read_json(text.decode())
            arrays = load(weights)
        except NearspaceError:
            raise
        except (*BROKEN, SafetensorError) as error:
            raise NearspaceError(
                f"{path} holds no saved {what}: expected {both} as they were written "
                f"({_first_line(error)})."
            ) from error
        if not isinstance(head, dict) or "class" not in head:
            raise NearspaceError(f"{path} holds no saved {what}: {cls.files[0]} names none.")
        if head.get("format") != FORMAT:
            raise NearspaceError(
                f"{path} is written in {what} format {head.get('format')!s:.20}; this nearspace "
                f"reads format {FORMAT}, so use the version {head.get('nearspace')!s:.20} that "
                "wrote it."
            )
        if head != sealed(head, weights):
            raise NearspaceError(
                f"{path}: {both} are not as they were written, or not of one {what}: their "
                f"checksum is another; take both from a copy, or save the {what} again."
            )
        try:
            return cls._built(head, arrays)
        except NearspaceError:
            raise
        except BROKEN as error:
            raise NearspaceError(
                f"{path}: {both} do not belong together ({_first_line(error)}); save the {what} "
                "again."
            ) from error

    @classmethod
    def _built(cls, head: dict[str, Any], arrays: dict[str, np.ndarray]) -> Self:
        """Return the object of a head and arrays; raise whatever is wrong with them."""
        _check_finite(arrays)
        own = {name: head.pop(name) for name in ("format", "nearspace", "checksum", "fingerprint")}
        value: Any = _from_node(head, arrays)
        if not isinstance(value, cls):
            raise TypeError(f"expected {cls.__name__}, got {type(value).__name__}")
        if arrays:
            raise ValueError(f"nothing is to be made of the array '{min(arrays)}'")
        with np.errstate(all="ignore"):
            try:
                value.check_whole()
            except NearspaceError as error:  # it is not one of the items that are wrong
                raise ValueError(error) from error
        if own["fingerprint"] != value.fingerprint:
            raise ValueError(f"the fingerprint is {value.fingerprint}, and another is written")
        return value


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


def write(value: Keeps) -> dict[str, bytes]:
    """Return the two files, by name, that hold an object: its state as JSON, and the arrays of it.

    Raises
    ------
    NearspaceError
        If it keeps what cannot be written without pickle, or would not be read again.
    """
    from safetensors.numpy import save

    arrays: dict[str, np.ndarray] = {}
    who = type(value).__name__
    try:
        node = _to_node(value, arrays, "encoder")
        head = {"format": FORMAT, "nearspace": version("nearspace"), **node}
        head["fingerprint"] = value.fingerprint
        weights = save(arrays)
        text = json.dumps(sealed(head, weights), indent=1, ensure_ascii=False, allow_nan=False)
        _check_nesting(head)
        _check_finite(arrays)
    except NearspaceError:
        raise
    except (TypeError, ValueError, RecursionError) as error:
        raise NearspaceError(f"{who} cannot be saved ({_first_line(error)}).") from error
    # What is no Unicode, as a name of a column may be, is written as JSON escapes it.
    data = (text.encode(errors="backslashreplace"), weights)
    return dict(zip(value.files, data, strict=True))


def sealed(head: Mapping[str, Any], weights: bytes) -> dict[str, Any]:
    """Return the head of a file with the checksum that it has together with arrays."""
    content = {name: part for name, part in head.items() if name != "checksum"}
    checksum = hashlib.blake2b(json.dumps(content, sort_keys=True).encode(), digest_size=16)
    checksum.update(weights)
    return {**content, "checksum": checksum.hexdigest()}


def read_json(text: str) -> Any:
    """Return what JSON says, where it is as strict as one that was written here.

    Raises
    ------
    ValueError
        If a name stands twice, a number is not finite or has more than 64 bits, or lists and
        objects are nested too deeply.

    Examples
    --------
    >>> read_json('{"dim": 4, "dim": 5}')
    Traceback (most recent call last):
    ValueError: the name 'dim' stands twice
    """
    value = json.loads(
        text,
        object_pairs_hook=_object,
        parse_int=_whole,
        parse_float=_finite,
        parse_constant=_finite,
    )
    _check_nesting(value)
    return value


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    members = dict(pairs)
    if len(members) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the name '{twice}' stands twice")
    return members


def _whole(digits: str) -> int:
    number = int(digits)
    if abs(number) >= LARGEST:
        raise ValueError(f"the number {digits:.20}… has more than 64 bits")
    return number


def _finite(digits: str) -> float:
    number = float(digits)
    if not math.isfinite(number):
        raise ValueError(f"{digits:.20} is not finite")
    return number


def _check_nesting(value: Any) -> None:
    level = [value]
    for _ in range(MOST_NESTED):
        parts = [part.values() if isinstance(part, dict) else part for part in level]
        level = [each for part in parts for each in part if isinstance(each, dict | list)]
        if not level:
            return
    raise ValueError(f"more than {MOST_NESTED} lists and objects stand in one another")


def _check_finite(arrays: Mapping[str, np.ndarray]) -> None:
    for name, array in arrays.items():
        if array.dtype.kind not in "fiub":
            raise ValueError(f"the array '{name}' is of {array.dtype}")
        if not np.isfinite(array).all():
            raise ValueError(f"the array '{name}' holds NaN or infinity")


def _first_line(error: BaseException) -> str:
    """Return what an error says, in one line without the full stop."""
    said = error.args[0] if isinstance(error, LookupError) and error.args else error
    return str(said).strip().partition("\n")[0][:MOST_TOLD].rstrip(".") or type(error).__name__


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


def check_state(cls: type, params: Mapping[str, Any], fitted: Mapping[str, Any]) -> None:
    """Raise `TypeError` unless a state has the parameters of a class, and learned what it declares.

    That is what is annotated in the body of the class under a name that ends in ``_``.
    """
    wanted = inspect.signature(cls).parameters
    for name in (*params, *wanted):
        if (name in params) != (name in wanted):
            raise TypeError(f"{cls.__name__} has the parameters {', '.join(wanted) or 'none'}")
    learned = declared(cls, lambda name: name.endswith("_") and not name.startswith("_"))
    check_declared(fitted, learned, cls.__name__)


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
        if unknown is _refuse:
            check_state(type(value), params, fitted)
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
    """Return what JSON and arrays hold, taking the arrays that belong to it out of them."""
    go_on = functools.partial(_from_node, arrays=arrays)
    if isinstance(node, list):
        return [go_on(part) for part in node]
    if not isinstance(node, dict):
        return node
    match node:
        case {"class": str(name), "params": dict(params), "fitted": dict(fitted), **rest} if (
            not rest
        ):
            cls = saved_class(name)
            state = ({k: go_on(v) for k, v in part.items()} for part in (params, fitted))
            return cls.from_state(*state)
        case {"strings": list(strings), **rest} if not rest:
            if not all(isinstance(part, str) for part in strings):
                raise TypeError("expected a list of strings")
            return np.array(strings, dtype=object)
        case {"array": str(key), **rest} if not rest:
            if key not in arrays:
                raise ValueError(f"there is no array '{key}', or it is used twice")
            return arrays.pop(key)
        case {"data_kind": value, **rest} if not rest:
            try:
                return kind_from_json(value)
            except DataError as error:
                raise ValueError(error) from error
        case {"tuple": list(parts), **rest} if not rest:
            return tuple(go_on(parts))
        case {"dict": list(pairs), **rest} if not rest:
            return _object([(key, go_on(value)) for key, value in pairs])
        case {"networks": str(key), "names": list(names), **rest} if not rest:
            own = [name for name in arrays if name.startswith(f"{key}.")]
            return Weights(names, {name.removeprefix(f"{key}."): arrays.pop(name) for name in own})
    raise ValueError(f"it holds what nothing writes: {', '.join(map(repr, node))[:100]}")
