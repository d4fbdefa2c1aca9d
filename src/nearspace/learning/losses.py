"""Loss functions: tensors in, one scalar tensor out; each is tested against a naive loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = ["bernoulli_nll", "gaussian_nll", "kl_to_standard_normal", "nt_xent"]


def bernoulli_nll(logits: Tensor, target: Tensor) -> Tensor:
    """Return the negative log-likelihood of pixels under Bernoulli logits, in nats an item.

    Parameters
    ----------
    logits, target : Tensor of shape (batch, ...)
        Unbounded predictions, and values in [0, 1].

    Returns
    -------
    Tensor of shape ()
        Sum over values, mean over items.
    """
    return F.binary_cross_entropy_with_logits(logits, target, reduction="sum") / len(target)


def gaussian_nll(prediction: Tensor, target: Tensor) -> Tensor:
    """Return the negative log-likelihood under a Gaussian of the best common variance, in nats.

    The variance is the mean squared error of the batch itself, which weighs reconstruction
    against other terms without a setting (the optimal σ of Rybkin et al., 2021).

    Parameters
    ----------
    prediction, target : Tensor of shape (batch, ...)
        What was decoded and what should have been.

    Returns
    -------
    Tensor of shape ()
        Sum over values, mean over items.
    """
    variance = F.mse_loss(prediction, target) + 1e-6
    return 0.5 * target[0].numel() * (torch.log(2 * torch.pi * variance) + 1)


def kl_to_standard_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Return KL(N(mean, exp(log_variance)) ‖ N(0, I)) in nats an item (Kingma & Welling, 2014).

    Parameters
    ----------
    mean, log_variance : Tensor of shape (batch, dim)
        Parameters of a diagonal Gaussian for each item.

    Returns
    -------
    Tensor of shape ()
        Sum over dimensions, mean over items.

    Examples
    --------
    >>> float(kl_to_standard_normal(torch.zeros(3, 2), torch.zeros(3, 2)))
    0.0
    """
    terms = mean.square() + log_variance.exp() - 1 - log_variance
    return 0.5 * terms.sum(dim=1).mean()


def nt_xent(first: Tensor, second: Tensor, temperature: float) -> Tensor:
    """Return the normalised temperature-scaled cross entropy of SimCLR (Chen et al., 2020).

    Parameters
    ----------
    first, second : Tensor of shape (batch, dim)
        Projections of two views of the same items, row by row.
    temperature : float
        Divides the cosine similarities; small values look at the hardest negatives.

    Returns
    -------
    Tensor of shape ()
        Mean over the ``2 * batch`` views of the cross entropy of finding the other view of the
        same item among all other views.
    """
    z = F.normalize(torch.cat([first, second]), dim=1)
    logits = (z @ z.T) / temperature
    logits.fill_diagonal_(float("-inf"))  # a view is not its own negative
    batch = len(first)
    target = torch.arange(2 * batch, device=z.device).roll(batch)
    return F.cross_entropy(logits, target)
