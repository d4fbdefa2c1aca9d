"""Encoders from specs, such as ``cnn@conv2 + hog | l2``, and from folders: both read safely."""

from __future__ import annotations

import ast
import os
import re
from pathlib import Path
from typing import Any

from nearspace.data import Vector
from nearspace.encoders import encoder_class
from nearspace.encoders.base import Encoder
from nearspace.encoders.combine import Concatenated, Piped
from nearspace.errors import (
    NearspaceError,
    SpecError,
    called_as,
    did_you_mean,
    each_or_all_errors,
    path_of,
)

__all__ = ["load_encoder", "make", "make_many"]

HOW = (
    "a spec is an encoder such as 'pca(dim=8)' or pca:dim=8, with @ for a layer, + to join, | to "
    "pipe"
)
# Of a spec: what is in quotes or brackets, a parameter after a colon, what is before the next.
QUOTED = r"""'(?:[^'\\]|\\.)*'|"(?:[^"\\]|\\.)*\""""
BRACKETED = rf"\((?:{QUOTED}|[^()'\"]|\((?:{QUOTED}|[^()'\"])*\))*\)"
# A colon before a slash is of a drive or a web address; + is of an exponent after 1e.
VALUE = rf"(?:{QUOTED}|{BRACKETED}|(?<=\de)\+|:(?=[\\/])|[^:,|+@()'\"\s])*"
COLONS = re.compile(rf"{QUOTED}|{BRACKETED}|(?P<name>[A-Za-z_]\w*)(?P<parameters>(?::{VALUE})+)")
PARAMETER = re.compile(rf":(?:(?P<name>[A-Za-z_]\w*)=)?(?P<value>{VALUE})")
WORDS = {"true": "True", "false": "False", "none": "None"}


@called_as("make('pca(dim=8)')")
def make(spec: str) -> Encoder:
    """Return the unfitted encoder that a spec describes.

    Parameters
    ----------
    spec : str
        A name of the catalogue, with parameters in brackets, ``vae(dim=16, epochs=5)``, or after
        colons, ``vae:dim=16:epochs=5``, where no shell wants quotes. ``cnn@conv2`` is a layer,
        ``cnn@conv2 + hog`` puts vectors side by side, ``tfidf | pca(dim=64)`` runs one encoder on
        the vectors of another; ``@`` binds tightest, ``|`` least. Nothing in it is run.

    Returns
    -------
    Encoder
        The encoder.

    Raises
    ------
    SpecError
        If the spec cannot be read, or a name or parameter does not exist; the nearest is named.
    MissingExtra
        If the encoder needs a library that is not installed.

    Examples
    --------
    >>> make("pca(dim=8)")
    PCA(dim=8)
    >>> make("pca:dim=8|l2").spec
    'pca(dim=8) | l2'
    >>> make("pcs")
    Traceback (most recent call last):
    nearspace.errors.SpecError: There is no encoder 'pcs'. Did you mean 'pca'?
    """
    if not isinstance(spec, str):
        got = type(spec).__name__
        raise SpecError(f"make: expected a spec, such as 'pca(dim=8)', got one {got}.")
    encoders = make_many(spec)
    if len(encoders) != 1:
        raise SpecError(f"Expected one encoder, got {len(encoders)}: '{spec}'.")
    return encoders[0]


def make_many(specs: str) -> list[Encoder]:
    """Return the encoders of one spec, or of several with commas between them.

    Examples
    --------
    >>> make_many("raw, pca(dim=8)")
    [Raw(), PCA(dim=8)]
    """
    bracketed = COLONS.sub(_in_brackets, specs.strip())
    try:
        node = ast.parse(bracketed, mode="eval").body
    except (SyntaxError, ValueError) as error:
        why = error.msg if isinstance(error, SyntaxError) else error
        raise SpecError(f"Cannot read the spec '{specs}' ({why}): {HOW}.") from error
    parts = node.elts if isinstance(node, ast.Tuple) else [node]
    if not parts:
        raise SpecError(f"Cannot read the spec '{specs}': {HOW}.")
    return each_or_all_errors(_encoder, parts)


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
        If the folder holds no encoder, one of another format, or one that is not as it was
        written, in settings, names, types, shapes, numbers or the fingerprint.

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
    folder = path_of(path, "load_encoder")
    if folder.suffix == ".space" and folder.is_file():
        raise NearspaceError(
            f"{folder.name} is a space, whose encoder is open_space(path).encoder; expected a "
            "folder that Encoder.save wrote."
        )
    try:
        files = {name: _content(folder / name) for name in Encoder.files}
    except (MemoryError, OSError) as error:
        both = " and ".join(Encoder.files)
        raise NearspaceError(
            f"{path} holds no saved encoder: expected {both} as Encoder.save writes them ({error})."
        ) from error
    return Encoder.parse(files, str(folder))


def _content(file: Path) -> bytes:
    """Return what a file holds; a named pipe would never end."""
    if os.path.exists(file) and not os.path.isfile(file):
        raise OSError(f"{file.name} is no file")
    return file.read_bytes()


def _in_brackets(part: re.Match[str]) -> str:
    """Return a part of a spec with what stands after its colons in brackets."""
    if part["name"] is None:
        return part[0]
    given = []
    for parameter in PARAMETER.finditer(part["parameters"]):
        name, value = parameter["name"], parameter["value"]
        if not value:
            raise SpecError(
                f"Cannot read '{part[0]}': a parameter after a colon has a value, as in pca:dim=8."
            )
        try:
            ast.literal_eval(value)
        except (SyntaxError, ValueError):  # a word, or a path, which needs no quotes
            value = WORDS.get(value.lower(), repr(value))
        given.append(f"{name}={value}" if name else value)
    return f"{part['name']}({', '.join(given)})"


def _encoder(node: ast.expr) -> Encoder:
    if isinstance(node, ast.Name):
        return _call(node.id, [], {})
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        keywords = {str(keyword.arg): keyword.value for keyword in node.keywords}
        return _call(node.func.id, node.args, keywords)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.MatMult):
        if isinstance(node.left, ast.BinOp) and isinstance(node.left.op, ast.MatMult):
            raise SpecError(f"Two layers of one encoder, '{ast.unparse(node)}': join them by +.")
        return _layer(_encoder(node.left), node.right)
    if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add | ast.BitOr):
        return _join(node.op, _encoder(node.left), _encoder(node.right))
    raise SpecError(f"Cannot read '{ast.unparse(node)}' in a spec: {HOW}.")


def _call(name: str, args: list[ast.expr], keywords: dict[str, ast.expr]) -> Encoder:
    cls = encoder_class(name)
    parameters = cls.parameters()
    if len(args) > 1 or (args and (not parameters or next(iter(parameters)) in keywords)):
        raise SpecError(
            f"Cannot make '{name}': only its first parameter may stand without a name, once; its "
            f"parameters are {', '.join(parameters) if parameters else 'none'}."
        )
    given = dict(zip(parameters, args, strict=False)) | keywords
    for key in given:
        if key not in parameters:
            raise SpecError(
                f"The encoder '{name}' has no parameter '{key}'. {did_you_mean(key, parameters)}"
            )
    for key, parameter in parameters.items():
        if parameter.default is parameter.empty and key not in given:
            article = "an" if key[0] in "aeiou" else "a"
            raise SpecError(f"The encoder '{name}' needs {article} {key}: write {name}({key}='…').")
    nested = {key for key, taken in cls._parameter_constraints.items() if Encoder in taken}
    return cls(
        **{key: _nested(node) if key in nested else _value(node) for key, node in given.items()}
    )


def _nested(node: ast.expr) -> Encoder | None:
    """Return the encoder that is a parameter of another: as it stands there, or as a text."""
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return make(node.value)
    if isinstance(node, ast.Constant) and node.value is None:
        return None
    return _encoder(node)


def _layer(encoder: Encoder, node: ast.expr) -> Encoder:
    if isinstance(node, ast.Name):
        layer = node.id
    elif isinstance(node, ast.Constant) and isinstance(node.value, str):
        layer = node.value
    else:
        raise SpecError(
            "A layer is a name and stands last, as in cnn@conv2 or cnn(epochs=5)@conv2; got "
            f"'@{ast.unparse(node)}'."
        )
    if "layer" not in encoder.get_params(deep=False):
        raise SpecError(f"The encoder '{encoder.spec}' has no layers to choose '{layer}' from.")
    return encoder.set_params(layer=layer)


def _join(op: ast.operator, left: Encoder, right: Encoder) -> Encoder:
    if isinstance(op, ast.Add):
        parts = list(left.encoders) if isinstance(left, Concatenated) else [left]
        return Concatenated([*parts, right])
    if Vector not in right.kinds:
        raise SpecError(
            f"'{right.spec}' takes no vectors, so it cannot stand after '|'; "
            "pca, autoencoder, mlp and l2 can."
        )
    parts = list(left.encoders) if isinstance(left, Piped) else [left]
    return Piped([*parts, right])


def _value(node: ast.expr) -> Any:
    """Return a constant, a signed number or a tuple of them."""
    if isinstance(node, ast.Constant) and not isinstance(node.value, bytes | complex):
        return node.value
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        value = _value(node.operand)
        if isinstance(value, int | float):
            return -value
    if isinstance(node, ast.Tuple):
        return tuple(_value(part) for part in node.elts)
    raise SpecError(
        f"'{ast.unparse(node)}' is no value for a spec: expected a number, a quoted text, True, "
        "False, None or a tuple of them."
    )
