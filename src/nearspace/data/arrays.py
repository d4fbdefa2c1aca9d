"""Arrays that may be larger than memory."""

from __future__ import annotations

import math
import shutil
import tempfile

import numpy as np

from nearspace.errors import DataError

__all__ = ["ON_DISK_BYTES", "empty_array"]

ON_DISK_BYTES = 2 * 2**30


def empty_array(shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    """Return an array to be filled: in memory, or beyond two GiB in a temporary file."""
    nbytes = math.prod(shape) * dtype.itemsize
    if nbytes <= ON_DISK_BYTES:
        return np.empty(shape, dtype)
    # The file is sparse, and a disk that fills up later would end the process with a signal.
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < nbytes:
        raise DataError(
            f"The data takes {nbytes / 2**30:.1f} GiB, and {tempfile.gettempdir()} has "
            f"{free / 2**30:.1f} GiB free: set a smaller size, or TMPDIR to a larger disk."
        )
    with tempfile.TemporaryFile() as file:
        return np.memmap(file, dtype, "w+", shape=shape)
