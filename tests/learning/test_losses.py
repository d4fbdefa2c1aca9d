"""Every loss against a naive loop over items."""

import math

import pytest
import torch

from nearspace.learning.losses import bernoulli_nll, gaussian_nll, kl_to_standard_normal, nt_xent


@pytest.fixture
def generator():
    return torch.Generator().manual_seed(0)


def test_bernoulli_nll(generator):
    logits = torch.randn(3, 4, generator=generator)
    target = torch.rand(3, 4, generator=generator)
    total = 0.0
    for row, wanted in zip(logits.tolist(), target.tolist(), strict=True):
        for logit, x in zip(row, wanted, strict=True):
            p = 1 / (1 + math.exp(-logit))
            total -= x * math.log(p) + (1 - x) * math.log(1 - p)
    assert bernoulli_nll(logits, target).item() == pytest.approx(total / 3, rel=1e-5)


def test_gaussian_nll_is_the_likelihood_at_the_best_variance(generator):
    prediction = torch.randn(5, 4, generator=generator)
    target = torch.randn(5, 4, generator=generator)
    residuals = (prediction - target).flatten().tolist()

    def nll(variance):
        terms = [r * r / variance + math.log(2 * math.pi * variance) for r in residuals]
        return 0.5 * sum(terms) / 5

    found = gaussian_nll(prediction, target).item()
    best = sum(r * r for r in residuals) / len(residuals)
    assert found == pytest.approx(nll(best), rel=1e-4)
    assert nll(best) < min(nll(0.9 * best), nll(1.1 * best))


def test_kl_against_numerical_integration():
    mean, log_variance = 0.7, -0.5
    deviation = math.exp(0.5 * log_variance)
    total, step = 0.0, 1e-3
    for i in range(-10_000, 10_001):
        x = i * step
        log_q = -0.5 * ((x - mean) / deviation) ** 2 - math.log(deviation)
        log_p = -0.5 * x * x
        total += math.exp(log_q) / math.sqrt(2 * math.pi) * (log_q - log_p) * step
    one = kl_to_standard_normal(torch.tensor([[mean]]), torch.tensor([[log_variance]]))
    assert one.item() == pytest.approx(total, rel=1e-4)
    two = kl_to_standard_normal(torch.full((3, 2), mean), torch.full((3, 2), log_variance))
    assert two.item() == pytest.approx(2 * total, rel=1e-4)


def test_nt_xent(generator):
    first = torch.randn(4, 3, generator=generator)
    second = torch.randn(4, 3, generator=generator)
    views = [(row, i, 0) for i, row in enumerate(first)] + [
        (row, i, 1) for i, row in enumerate(second)
    ]
    total = 0.0
    for a, i, side in views:
        others = [(b, j) for b, j, other in views if (j, other) != (i, side)]
        similarity = [torch.cosine_similarity(a, b, dim=0).item() / 0.3 for b, _ in others]
        partner = next(s for s, (_, j) in zip(similarity, others, strict=True) if j == i)
        total -= partner - math.log(sum(math.exp(s) for s in similarity))
    assert nt_xent(first, second, 0.3).item() == pytest.approx(total / 8, rel=1e-5)
