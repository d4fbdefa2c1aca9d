"""`AdamW`, without what torch imports for a compiler that is not used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

__all__ = ["AdamW"]

BETAS, EPSILON = (0.9, 0.999), 1e-8


class AdamW:
    """AdamW (Loshchilov & Hutter, 2019), by the kernels of torch.

    ``torch.optim.AdamW`` takes the same steps to the last bit. The first time anything derived from
    ``torch.optim.Optimizer`` is made, torch imports its compiler, which takes two seconds.

    Parameters
    ----------
    params : sequence of Tensor
        What is trained; one without a gradient stays as it is.
    weight_decay : float
        Share of the weights, times the learning rate, that each step takes off.

    Examples
    --------
    >>> weight = torch.ones(1, requires_grad=True)
    >>> optimizer = AdamW([weight], weight_decay=0.0)
    >>> (3 * weight).sum().backward()
    >>> optimizer.step(0.1)
    >>> round(weight.item(), 4)
    0.9
    """

    def __init__(self, params: Sequence[Tensor], weight_decay: float):
        self.params, self.weight_decay = list(params), weight_decay
        # Of each parameter by its position: means of gradients and of their squares, and steps.
        self.states: dict[int, tuple[Tensor, Tensor, Tensor]] = {}
        self.fused = bool(params) and params[0].device.type in ("cpu", "cuda")

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            param.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take a step along the gradients."""
        params, grads, states = [], [], []
        for at, param in enumerate(self.params):
            if param.grad is not None:
                if at not in self.states:
                    count = torch.zeros((), device=param.device if self.fused else "cpu")
                    mean, square = torch.zeros_like(param), torch.zeros_like(param)
                    self.states[at] = (mean, square, count)
                params.append(param)
                grads.append(param.grad)
                states.append(self.states[at])
        if not params:
            return
        means, squares, counts = map(list, zip(*states, strict=True))
        adamw(
            params, grads, means, squares, [], counts, fused=self.fused, amsgrad=False,
            beta1=BETAS[0], beta2=BETAS[1], lr=learning_rate, weight_decay=self.weight_decay,
            eps=EPSILON, maximize=False,
        )  # fmt: skip
