"""`OnnxGraph`: a network in an ONNX file, as ONNX Runtime runs it."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from nearspace.encoders.borrowed.models import first_line
from nearspace.errors import DataError, did_you_mean, need

__all__ = ["OnnxGraph", "open_graph", "sequence_axes"]

# Weights beside the file, by what is put behind its name: as torch and as optimum write them.
BESIDE = (".data", "_data")
TYPES = {
    "tensor(float)": np.float32, "tensor(double)": np.float64, "tensor(float16)": np.float16,
    "tensor(uint8)": np.uint8, "tensor(int8)": np.int8, "tensor(int16)": np.int16,
    "tensor(int32)": np.int32, "tensor(int64)": np.int64,
}  # fmt: skip
FLOATS = ("tensor(float)", "tensor(double)", "tensor(float16)")


@dataclasses.dataclass(frozen=True, eq=False)
class OnnxGraph:
    """A network that takes one array and puts out arrays, on one thread of the CPU.

    Attributes
    ----------
    name : str
        Of its file.
    sha256 : str
        Of the file, and of those beside it that hold its weights.
    session : onnxruntime.InferenceSession
        What runs it.
    input : str
        What its input is called.
    dims : tuple of int or None
        How long each axis of the input is, the batch first; None where any length will do.
    dtype : numpy dtype
        Of the input.
    output : str
        Which of its outputs is taken.
    """

    name: str
    sha256: str
    session: Any
    input: str
    dims: tuple[int | None, ...]
    dtype: Any
    output: str

    def run(self, batch: np.ndarray, most: int) -> np.ndarray:
        """Return what is put out for the rows of an array, at most so many at once, float32.

        Where the file fixes how many rows come at once, so many do, the last one several times.
        """
        size = self.dims[0] or most
        return np.concatenate(
            [self._run(batch[start : start + size]) for start in range(0, len(batch), size)]
        )

    def _run(self, rows: np.ndarray) -> np.ndarray:
        if np.issubdtype(self.dtype, np.integer):
            limits = np.iinfo(self.dtype)
            rows = np.rint(rows).clip(limits.min, limits.max)
        missing = max(0, (self.dims[0] or 0) - len(rows))
        filled = np.concatenate([rows, np.repeat(rows[-1:], missing, axis=0)])
        feed = {self.input: np.ascontiguousarray(filled, dtype=self.dtype)}
        try:
            (made,) = self.session.run([self.output], feed)
        except _errors() as error:
            raise DataError(
                f"onnx: {self.name} cannot take an array of shape {filled.shape} ({_said(error)})."
            ) from error
        if made.ndim < 2 or len(made) != len(filled):
            raise DataError(
                f"onnx: the output '{self.output}' of {self.name} has the shape {made.shape} for "
                f"{len(filled)} rows, expected a row each; name another one of its outputs."
            )
        return made[: len(rows)].astype(np.float32)

    def fits(self, shape: Sequence[int]) -> bool:
        """Return whether rows have the shape that it takes."""
        wanted = self.dims[1:]
        return len(wanted) == len(shape) and all(
            dim in (None, side) for dim, side in zip(wanted, shape, strict=True)
        )

    @property
    def takes(self) -> str:
        """The shape that it takes, in words."""
        return f"({', '.join('any' if dim is None else str(dim) for dim in self.dims)})"


def open_graph(path: str, output: str | None = None) -> OnnxGraph:
    """Return the network in a file.

    Parameters
    ----------
    path : str
        The file. Weights that it keeps in another one are read from ``model.onnx.data`` or
        ``model.onnx_data`` beside it, as torch and optimum write them, and from nowhere else.
    output : str, optional
        Name of an output; the first one of floats when absent.

    Raises
    ------
    MissingExtra
        If ONNX Runtime is not installed.
    DataError
        If the file cannot be read or run, takes more than one array or none of numbers, or has no
        such output.
    """
    need("onnx", "The encoder 'onnx'")
    import onnxruntime

    file = Path(path).expanduser()
    beside = [file.with_name(file.name + ending) for ending in BESIDE]
    try:
        data = file.read_bytes()
        weights = {each.name: each.read_bytes() for each in beside if each.is_file()}
    except OSError as error:
        raise DataError(f"onnx: cannot read {path} ({error.strerror}).") from error
    digest = hashlib.sha256(data)
    for part in weights.values():
        digest.update(part)
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4  # it would write to standard error
    try:
        if weights:
            lengths = [len(part) for part in weights.values()]
            options.add_external_initializers_from_files_in_memory(
                [*weights], [*weights.values()], lengths
            )
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    except _errors() as error:
        raise DataError(f"onnx: cannot read a network from {path} ({_said(error)}).") from error
    inputs, outputs = session.get_inputs(), session.get_outputs()
    if len(inputs) != 1 or inputs[0].type not in TYPES or len(inputs[0].shape) < 2:
        shown = ", ".join(f"{each.name}: {each.type} {each.shape}" for each in inputs) or "nothing"
        raise DataError(
            f"onnx: {file.name} takes {shown}; expected one array of numbers, its rows the items."
        )
    names = [each.name for each in outputs if each.type in FLOATS]
    if output is not None and output not in names:
        raise DataError(
            f"onnx: {file.name} puts out no floats called '{output}'. {did_you_mean(output, names)}"
        )
    if not names:
        raise DataError(f"onnx: {file.name} puts out no floats.")
    # An axis without a length has a name, or nothing.
    dims = tuple(dim if isinstance(dim, int) else None for dim in inputs[0].shape)
    return OnnxGraph(
        file.name,
        digest.hexdigest(),
        session,
        inputs[0].name,
        dims,
        TYPES[inputs[0].type],
        output or names[0],
    )


def sequence_axes(graph: OnnxGraph, width: int) -> tuple[int, int | None]:
    """Return along which axes of its input a network has time, and what there is at a time.

    Parameters
    ----------
    graph : OnnxGraph
        Its input may have more axes, of length one.
    width : int
        How many numbers there are at a time. The axis is None where one has none of its own.

    Raises
    ------
    DataError
        If it takes no such sequences.
    """
    open_axes = [axis for axis, dim in enumerate(graph.dims) if axis and dim != 1]
    if len(open_axes) == 1 and width == 1:
        return open_axes[0], None
    if len(open_axes) == 2:
        first, second = open_axes
        sides = graph.dims[first], graph.dims[second]
        if sides[0] == width or sides == (None, None):  # channels first, as torch has it
            return second, first
        if sides[1] == width:
            return first, second
    raise DataError(
        f"onnx: {graph.name} takes arrays of shape {graph.takes}, and not sequences of {width} "
        f"number{'' if width == 1 else 's'} at a time."
    )


def _errors() -> tuple[type[BaseException], ...]:
    """Return what ONNX Runtime raises, which has no base of its own."""
    from onnxruntime.capi import onnxruntime_pybind11_state as state

    named = [each for each in vars(state).values() if isinstance(each, type)]
    own = [each for each in named if issubclass(each, Exception)]
    return (*own, RuntimeError, ValueError, TypeError)


def _said(error: BaseException) -> str:
    """Return what ONNX Runtime says, without its own number of the error."""
    return first_line(error).rpartition("[ONNXRuntimeError] : ")[2][:200]
