"""Tensors of torch as arrays, whatever their type, layout, device and gradient."""

from __future__ import annotations

import sys
import warnings
from typing import TYPE_CHECKING, Any

import numpy as np

from nearspace.errors import DataError

if TYPE_CHECKING:
    from scipy import sparse

__all__ = ["array_of_tensor", "is_tensor"]


def is_tensor(value: Any) -> bool:
    """Return whether a value is a tensor of torch, which is not imported for this.

    Examples
    --------
    >>> is_tensor([1, 2])
    False
    """
    torch = sys.modules.get("torch")  # nobody has its tensors who has not imported it
    return torch is not None and isinstance(value, torch.Tensor)


def array_of_tensor(tensor: Any, who: str = "data") -> np.ndarray | sparse.csr_array:
    """Return the values of a tensor as an array, a sparse matrix as a sparse array.

    Types that NumPy lacks, such as bfloat16, become float32. The array may share memory with the
    tensor.

    Parameters
    ----------
    tensor : Tensor
        Of torch.
    who : str, default="data"
        What holds it, for the error.

    Raises
    ------
    DataError
        If it has no values, as one on the device ``meta``, or rows of several lengths.

    Examples
    --------
    >>> import torch
    >>> array_of_tensor(torch.ones(2, 2, dtype=torch.bfloat16, requires_grad=True)).tolist()
    [[1.0, 1.0], [1.0, 1.0]]
    """
    if tensor.is_nested:
        raise DataError(
            f"{who}: a nested tensor has rows of several shapes; pad or pool them to one shape."
        )
    if tensor.is_meta:
        raise DataError(
            f"{who}: a tensor on the device 'meta' has a shape and no values; make it on the CPU."
        )
    try:
        tensor = tensor.detach().cpu()
        if str(tensor.layout) != "torch.strided":
            return _sparse(tensor)
        return _strided(tensor)
    except (RuntimeError, TypeError, NotImplementedError) as error:
        reason = str(error).split("\n")[0][:200].rstrip(". ")
        raise DataError(
            f"{who}: a tensor of {tensor.dtype}, {tensor.layout} cannot be read ({reason}); give "
            "it as tensor.float().to_dense()."
        ) from None


def _strided(tensor: Any) -> np.ndarray:
    import torch

    if tensor.is_quantized:
        tensor = tensor.dequantize()
    tensor = tensor.resolve_conj().resolve_neg()
    if tensor.dtype.is_floating_point and tensor.dtype not in (
        torch.float16, torch.float32, torch.float64,
    ):  # fmt: skip
        tensor = tensor.float()
    return tensor.numpy()


def _sparse(tensor: Any) -> np.ndarray | sparse.csr_array:
    from scipy import sparse

    with warnings.catch_warnings():  # that sparse layouts are new
        warnings.simplefilter("ignore", UserWarning)
        entries = tensor.to_sparse_coo().coalesce()
        values, places = _strided(entries.values()), _strided(entries.indices())
        if len(places) != 2 or values.ndim != 1:
            return _strided(entries.to_dense())
    return sparse.csr_array((values, tuple(places)), shape=tuple(tensor.shape))
