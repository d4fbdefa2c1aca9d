"""On which device arithmetic is done."""

from __future__ import annotations

import torch

from nearspace.errors import NearspaceError

__all__ = ["torch_device"]


def torch_device(name: str) -> torch.device:
    """Return the device of a name; ``"auto"`` is the best that is there.

    Raises
    ------
    NearspaceError
        If there is no such device.
    """
    accelerator = torch.accelerator.current_accelerator(check_available=True)
    if name == "auto":
        return torch.device("cpu") if accelerator is None else accelerator
    if name != "cpu" and (accelerator is None or accelerator.type != name):
        raise NearspaceError(f"There is no device '{name}' on this machine; use device='auto'.")
    return torch.device(name)
