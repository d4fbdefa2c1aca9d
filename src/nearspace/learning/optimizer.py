"""`AdamW` and `Muon`, without what torch imports for a compiler that is not used."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.optim.adamw import adamw

__all__ = ["AdamW", "Muon", "orthogonal"]

BETAS, EPSILON = (0.9, 0.999), 1e-8
MOMENTUM = 0.95
# Of the polynomial that brings singular values near 1 in few steps, as its author chose them.
QUINTIC, STEPS = (3.4445, -4.7750, 2.0315), 5


class AdamW:
    """AdamW (Loshchilov & Hutter, 2019), by the kernels of torch.

    ``torch.optim.AdamW`` takes the same steps to the last bit. The first time anything derived from
    ``torch.optim.Optimizer`` is made, torch imports its compiler, which takes two seconds.

    Parameters
    ----------
    params : sequence of Tensor
        What is trained; one without a gradient stays as it is, and so do the rows of a table
        that a sparse gradient leaves out.
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
            if param.grad is not None and param.grad.is_sparse:
                self._step_rows(at, param, learning_rate)
            elif param.grad is not None:
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

    def _step_rows(self, at: int, param: Tensor, learning_rate: float) -> None:
        """Take a step along a sparse gradient, in the rows that it has.

        Momentum moves a row of a dense gradient on while none comes: what it so missed, a row
        catches up with when it is seen again.
        """
        if at not in self.states:
            mean, square = torch.zeros_like(param), torch.zeros_like(param)
            self.states[at] = (mean, square, param.new_zeros(len(param) + 1, 1))
        means, squares, last = self.states[at]  # the steps of rows, and in the end of them all
        last[-1] += 1
        gradient = param.grad.coalesce()  # type: ignore[union-attr]
        rows, slope = gradient.indices()[0], gradient.values()
        step, gap, (first, second) = last[-1].clone(), last[-1] - 1 - last[rows], BETAS
        mean, square = means[rows], squares[rows]

        def move(steps: Tensor) -> Tensor:
            spread = (square / (1 - second**steps)).sqrt() + EPSILON
            return mean / (1 - first**steps) / spread

        # Of the steps that were missed the first ten or so moved the row, each less than the last.
        ratio = first / second**0.5
        moved = ratio * (1 - ratio**gap) / (1 - ratio) * move(step - gap + gap.clamp(max=10) / 2)
        mean = (mean * first**gap).lerp(slope, 1 - first)
        square = (square * second**gap).lerp(slope.square(), 1 - second)
        shrunk = param[rows] * (1 - learning_rate * self.weight_decay) ** (gap + 1)
        param[rows] = shrunk - learning_rate * (moved + move(step))
        means[rows], squares[rows], last[rows] = mean, square, step


def orthogonal(matrices: Tensor) -> Tensor:
    """Return matrices of the same singular vectors, all of whose singular values are about 1.

    By five steps of a Newton-Schulz iteration, rounded to bfloat16: they come out between 0.6 and
    1.3, which is near enough for a step of `Muon`.

    Parameters
    ----------
    matrices : Tensor of shape (n, rows, columns)
        The matrices, zero or not.

    Examples
    --------
    >>> matrix = torch.tensor([[[3.0, 0.0], [0.0, 0.5]]])
    >>> bool((orthogonal(matrix)[0].diagonal() - 1).abs().max() < 0.4)
    True
    """
    a, b, c = QUINTIC
    wide = matrices if matrices.shape[1] <= matrices.shape[2] else matrices.mT
    x = (wide / wide.norm(dim=(1, 2), keepdim=True).clamp(min=1e-7)).bfloat16()
    for _ in range(STEPS):
        product = x @ x.mT
        x = torch.baddbmm(x, torch.baddbmm(product, product, product, beta=b, alpha=c), x, beta=a)
    return (x if matrices.shape[1] <= matrices.shape[2] else x.mT).to(matrices.dtype)


class Muon:
    """Muon (Jordan et al., 2024): steps of matrices along their momentum, made orthogonal.

    It is for the weights of layers between others, two-dimensional each; what stands at either end,
    such as embeddings, is for `AdamW`.

    Parameters
    ----------
    params : sequence of Tensor of shape (rows, columns)
        What is trained; one without a gradient stays as it is.
    weight_decay : float
        Share of the weights, times the learning rate, that each step takes off.

    References
    ----------
    .. [1] K. Jordan et al., "Muon: an optimizer for hidden layers in neural networks", 2024,
       https://kellerjordan.github.io/posts/muon/
    """

    def __init__(self, params: Sequence[Tensor], weight_decay: float):
        self.params, self.weight_decay = list(params), weight_decay
        self.momenta: dict[int, Tensor] = {}

    def zero_grad(self) -> None:
        """Forget the gradients."""
        for param in self.params:
            param.grad = None

    @torch.no_grad()
    def step(self, learning_rate: float) -> None:
        """Take a step along the gradients; matrices of one shape are made orthogonal together."""
        alike: dict[tuple[int, ...], list[tuple[Tensor, Tensor]]] = {}
        for at, param in enumerate(self.params):
            if param.grad is None:
                continue
            momentum = self.momenta.setdefault(at, torch.zeros_like(param))
            momentum.lerp_(param.grad, 1 - MOMENTUM)
            ahead = param.grad.lerp(momentum, MOMENTUM)
            alike.setdefault(tuple(param.shape), []).append((param, ahead))
        for (rows, columns), pairs in alike.items():
            steps = orthogonal(torch.stack([ahead for _, ahead in pairs]))
            rate = learning_rate * max(1.0, rows / columns) ** 0.5
            for (param, _), step in zip(pairs, steps, strict=True):
                param.mul_(1 - learning_rate * self.weight_decay).sub_(step, alpha=rate)
