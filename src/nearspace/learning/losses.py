"""Loss functions: tensors in, one scalar tensor out; each is tested against a naive loop."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

__all__ = [
    "alike_pairs",
    "bernoulli_nll",
    "covariance_penalty",
    "deception",
    "discrimination",
    "ends_nll",
    "gaussian_nll",
    "kl_to_standard_normal",
    "linked_contrast",
    "linked_distances",
    "nt_xent",
    "step_errors",
    "supervised_contrast",
    "variance_hinge",
]


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


def gaussian_nll(error: Tensor, variance: Tensor, values: float) -> Tensor:
    """Return the negative log-likelihood under Gaussians of one variance, in nats an item.

    Parameters
    ----------
    error : Tensor of shape ()
        The mean squared error of what is told.
    variance : Tensor of shape ()
        Common to all values.
    values : float
        How many values an item has.

    Returns
    -------
    Tensor of shape ()
        Sum over values, mean over items.
    """
    return 0.5 * values * (torch.log(2 * torch.pi * variance) + error / variance)


def step_errors(decoded: Tensor, batch: Tensor) -> Tensor:
    """Return the squared errors of what was decoded, at the steps that items have.

    Parameters
    ----------
    decoded : Tensor of shape (batch, channels + 1, longest)
        Of every item as many steps; its last channel is not looked at.
    batch : Tensor of shape (batch, channels + 1, time)
        The items, of which the last channel is the mask. What is longer than what is decoded is
        cut.

    Returns
    -------
    Tensor of shape (steps, channels)
        Of all steps that all items have.

    Examples
    --------
    >>> batch = torch.tensor([[[1.0, 2.0, 0.0], [1.0, 1.0, 0.0]]])
    >>> step_errors(torch.zeros(1, 2, 5), batch).tolist()
    [[1.0], [4.0]]
    """
    batch = F.pad(batch, (0, decoded.shape[2] - batch.shape[2]))
    squares = (decoded[:, :-1] - batch[:, :-1]).square()
    return squares.movedim(1, 2)[batch[:, -1] > 0]


def ends_nll(decoded: Tensor, batch: Tensor) -> Tensor:
    """Return the cross entropy of telling where items have steps, in nats an item.

    Parameters
    ----------
    decoded : Tensor of shape (batch, channels + 1, longest)
        Its last channel is the logit of there being a step.
    batch : Tensor of shape (batch, channels + 1, time)
        The items, of which the last channel is the mask.

    Returns
    -------
    Tensor of shape ()
        Sum over places, mean over items.
    """
    return bernoulli_nll(
        decoded[:, -1], F.pad(batch[:, -1], (0, decoded.shape[2] - batch.shape[2]))
    )


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


def discrimination(real: Tensor, made: Tensor) -> Tensor:
    """Return the cross entropy of telling real from made ones (Goodfellow et al., 2014).

    Parameters
    ----------
    real, made : Tensor of any shape
        Logits of being real, of what is and of what is not.

    Returns
    -------
    Tensor of shape ()
        The sum of the two means; 2 log 2 where nothing is told.

    Examples
    --------
    >>> round(float(discrimination(torch.zeros(3), torch.zeros(5))), 4)
    1.3863
    """
    return F.softplus(-real).mean() + F.softplus(made).mean()


def deception(made: Tensor) -> Tensor:
    """Return the cross entropy of taking made ones for real (Goodfellow et al., 2014).

    It is the form whose gradient does not vanish while the discriminator is ahead.

    Parameters
    ----------
    made : Tensor of any shape
        Logits of being real, of what is not.

    Returns
    -------
    Tensor of shape ()
        The mean.
    """
    return F.softplus(-made).mean()


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


def variance_hinge(z: Tensor) -> Tensor:
    """Return by how much dimensions fall short of a standard deviation of 1 (VICReg).

    The term of VICReg (Bardes et al., 2022) that keeps a space from collapsing.

    Parameters
    ----------
    z : Tensor of shape (batch, dim)
        Projections of different items, at least two.

    Returns
    -------
    Tensor of shape ()
        Mean over dimensions; 0 where all spread by 1 or more.

    Examples
    --------
    >>> float(variance_hinge(torch.tensor([[3.0], [-3.0]])))
    0.0
    """
    return F.relu(1 - (z.var(dim=0) + 1e-4).sqrt()).mean()


def covariance_penalty(z: Tensor) -> Tensor:
    """Return how much dimensions say the same (VICReg).

    The term of VICReg (Bardes et al., 2022) that makes every dimension tell something new.

    Parameters
    ----------
    z : Tensor of shape (batch, dim)
        Projections of different items, at least two.

    Returns
    -------
    Tensor of shape ()
        The squared covariances between different dimensions, summed and divided by ``dim``.
    """
    z = z - z.mean(dim=0)
    covariance = (z.T @ z) / (len(z) - 1)
    return (covariance.square().sum() - covariance.diagonal().square().sum()) / z.shape[1]


def supervised_contrast(z: Tensor, labels: Tensor, temperature: float) -> Tensor:
    """Return the supervised contrastive loss (Khosla et al., 2020, their L_out).

    Parameters
    ----------
    z : Tensor of shape (n, dim)
        Projections of views.
    labels : Tensor of shape (n,)
        The class of each.
    temperature : float
        Divides the cosine similarities.

    Returns
    -------
    Tensor of shape ()
        The mean cross entropy of finding the other views of a view's class among all other
        views; first over these, then over the views that have any.
    """
    z = F.normalize(z, dim=1)
    itself = torch.eye(len(z), dtype=torch.bool, device=z.device)
    log_shares = ((z @ z.T) / temperature).masked_fill(itself, float("-inf")).log_softmax(dim=1)
    alike = (labels[:, None] == labels) & ~itself
    others = alike.sum(dim=1)
    terms = -log_shares.where(alike, 0).sum(dim=1) / others.clamp(min=1)
    return terms.sum() / (others > 0).sum().clamp(min=1)


def alike_pairs(z: Tensor, labels: Tensor, others: Tensor | None = None) -> Tensor:
    """Return how far the cosines of all pairs are from 1 within a class, and from 0 between two.

    It is what SetFit minimises (Tunstall et al., 2022), over all pairs of a batch in place of some
    that are drawn. Pairs of either sort weigh as much as those of the other together.

    Parameters
    ----------
    z : Tensor of shape (n, dim)
        Vectors.
    labels : Tensor of shape (n,)
        The class of each.
    others : Tensor of shape (n, dim), optional
        Vectors of the same items with which those of ``z`` are paired, in place of themselves.

    Returns
    -------
    Tensor of shape ()
        The mean square over pairs within a class, and that over pairs between classes, averaged;
        one of them where the batch has no pairs of the other sort.
    """
    cosines = F.normalize(z, dim=1) @ F.normalize(z if others is None else others, dim=1).T
    pairs = ~torch.eye(len(z), dtype=torch.bool, device=z.device)
    alike = (labels[:, None] == labels)[pairs]
    errors = (cosines[pairs] - alike.to(z.dtype)).square()
    means = [errors[part].mean() for part in (alike, ~alike) if part.any()]
    return torch.stack(means).mean() if means else errors.sum()


def linked_contrast(left: Tensor, right: Tensor, linked: Tensor, temperature: Tensor) -> Tensor:
    """Return the cross entropy of finding what belongs together, both ways (Oord et al., 2018).

    Of several right answers each has an equal share, as in supervised contrast (Khosla et al.,
    2020), so that none of them counts as wrong.

    Parameters
    ----------
    left : Tensor of shape (n, dim)
        Vectors of one side, compared by the cosine.
    right : Tensor of shape (m, dim)
        Vectors of the other side.
    linked : Tensor of shape (n, m), bool
        Which belong together. An item that belongs to none is a wrong answer, and asks nothing.
    temperature : Tensor of shape ()
        Divides the cosines.

    Returns
    -------
    Tensor of shape ()
        Mean over the items of either side that belong to one, then over the two sides.
    """
    cosines = F.normalize(left, dim=1) @ F.normalize(right, dim=1).T
    terms = []
    for logits, mask in ((cosines / temperature, linked), (cosines.T / temperature, linked.T)):
        count = mask.sum(dim=1)
        shares = logits.log_softmax(dim=1).where(mask, 0).sum(dim=1) / count.clamp(min=1)
        terms.append(-shares.sum() / (count > 0).sum())
    return (terms[0] + terms[1]) / 2


def linked_distances(left: Tensor, right: Tensor, linked: Tensor) -> Tensor:
    """Return by how much the cosine of what belongs together falls short of 1, on average.

    It is half the squared distance of vectors of length 1: a student that is led to the vectors of
    a teacher (Reimers & Gurevych, 2020).

    Parameters
    ----------
    left : Tensor of shape (n, dim)
    right : Tensor of shape (m, dim)
    linked : Tensor of shape (n, m), bool
        Which belong together: one pair at least.

    Returns
    -------
    Tensor of shape ()
        Mean over pairs.
    """
    cosines = F.normalize(left, dim=1) @ F.normalize(right, dim=1).T
    return 1 - cosines[linked].mean()
