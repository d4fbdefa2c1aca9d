"""Every loss against a naive loop over items."""

import itertools
import math

import pytest
import torch
import torch.nn.functional as F

from nearspace.learning.losses import (
    alike_pairs,
    bernoulli_nll,
    covariance_penalty,
    deception,
    discrimination,
    ends_nll,
    gaussian_nll,
    kl_to_standard_normal,
    linked_contrast,
    linked_distances,
    nt_xent,
    step_errors,
    supervised_contrast,
    variance_hinge,
)


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


def test_gaussian_nll(generator):
    prediction = torch.randn(5, 4, generator=generator)
    target = torch.randn(5, 4, generator=generator)
    total = 0.0
    for row, wanted in zip(prediction.tolist(), target.tolist(), strict=True):
        for mean, x in zip(row, wanted, strict=True):
            density = math.exp(-0.5 * (x - mean) ** 2 / 0.3) / math.sqrt(2 * math.pi * 0.3)
            total -= math.log(density)
    error = F.mse_loss(prediction, target)
    found = gaussian_nll(error, torch.tensor(0.3), 4).item()
    assert found == pytest.approx(total / 5, rel=1e-5)


def test_errors_over_time_are_those_of_the_steps_that_are_there(generator):
    lengths, longest = (2, 5, 3), 7
    decoded = torch.randn(3, 3, longest, generator=generator)
    batch = torch.randn(3, 3, 5, generator=generator)
    squares, nats = [], 0.0
    for item, told, length in zip(batch, decoded, lengths, strict=True):
        item[:, length:] = 0
        item[-1, :length] = 1
        for step in range(length):
            squares.append([(told[c, step] - item[c, step]).item() ** 2 for c in range(2)])
        for step, logit in enumerate(told[-1].tolist()):
            p = 1 / (1 + math.exp(-logit))
            nats -= math.log(p if step < length else 1 - p)
    torch.testing.assert_close(step_errors(decoded, batch), torch.tensor(squares))
    assert ends_nll(decoded, batch).item() == pytest.approx(nats / 3, rel=1e-5)
    cut = step_errors(decoded[:, :, :4], batch)  # of what is longer than what is decoded
    assert len(cut) == 2 + 4 + 3


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


def test_the_two_sides_of_the_game(generator):
    real = torch.randn(4, 1, generator=generator)
    made = torch.randn(6, 1, generator=generator)

    def taken_for_real(logits):
        return [1 / (1 + math.exp(-logit)) for logit in logits.flatten().tolist()]

    caught = -sum(math.log(1 - p) for p in taken_for_real(made)) / 6
    known = -sum(math.log(p) for p in taken_for_real(real)) / 4
    assert discrimination(real, made).item() == pytest.approx(caught + known, rel=1e-5)
    fooled = -sum(math.log(p) for p in taken_for_real(made)) / 6
    assert deception(made).item() == pytest.approx(fooled, rel=1e-5)


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


def covariance_by_loops(rows, i, j):
    mean_i, mean_j = (sum(row[k] for row in rows) / len(rows) for k in (i, j))
    return sum((row[i] - mean_i) * (row[j] - mean_j) for row in rows) / (len(rows) - 1)


@pytest.mark.parametrize("shape", [(2, 3), (7, 1), (5, 4)])
def test_terms_of_vicreg(generator, shape):
    z = 0.7 * torch.randn(shape, generator=generator, dtype=torch.float64)
    rows, dims = z.tolist(), range(shape[1])
    short = [max(0, 1 - math.sqrt(covariance_by_loops(rows, i, i) + 1e-4)) for i in dims]
    shared = [covariance_by_loops(rows, i, j) ** 2 for i in dims for j in dims if i != j]
    assert variance_hinge(z).item() == pytest.approx(sum(short) / shape[1])
    assert covariance_penalty(z).item() == pytest.approx(sum(shared) / shape[1])


@pytest.mark.parametrize("classes", [[0, 0], [0, 1, 0, 2, 1, 0, 1], [3, 1, 1, 3, 3]])
def test_supervised_contrast(generator, classes):
    z = torch.randn(len(classes), 3, generator=generator, dtype=torch.float64)
    by_view = []
    for i, a in enumerate(z):
        others = [j for j in range(len(z)) if j != i]
        similarity = {j: torch.cosine_similarity(a, z[j], dim=0).item() / 0.3 for j in others}
        total = math.log(sum(math.exp(s) for s in similarity.values()))
        terms = [total - similarity[j] for j in others if classes[j] == classes[i]]
        if terms:
            by_view.append(sum(terms) / len(terms))
    found = supervised_contrast(z, torch.tensor(classes), 0.3).item()
    assert found == pytest.approx(sum(by_view) / len(by_view))


@pytest.mark.parametrize("beside", [False, True])
@pytest.mark.parametrize("classes", [[0, 0], [0, 1], [0, 1, 0, 2, 1, 0, 1]])
def test_alike_pairs(generator, classes, beside):
    z, w = torch.randn(2, len(classes), 3, generator=generator, dtype=torch.float64)
    errors = {True: [], False: []}
    for i, j in itertools.permutations(range(len(z)), 2):
        alike = classes[i] == classes[j]
        cosine = torch.cosine_similarity(z[i], (w if beside else z)[j], dim=0).item()
        errors[alike].append((cosine - alike) ** 2)
    means = [sum(some) / len(some) for some in errors.values() if some]
    told = alike_pairs(z, torch.tensor(classes), w if beside else None)
    assert told.item() == pytest.approx(sum(means) / len(means))


def test_supervised_contrast_with_a_class_an_item_is_nt_xent(generator):
    z = torch.randn(12, 5, generator=generator)
    found = supervised_contrast(z, torch.arange(6).repeat(2), 0.2)
    assert found.item() == pytest.approx(nt_xent(*z.chunk(2), 0.2).item(), rel=1e-5)


@pytest.mark.parametrize("spread", [0.0, 1e-8, 1.0, 1e4])
@pytest.mark.parametrize(
    "loss",
    [
        lambda z: nt_xent(*z.chunk(2), 0.1),
        lambda z: supervised_contrast(z, torch.tensor([0, 1, 0, 1]), 0.1),
        lambda z: supervised_contrast(z, torch.arange(4), 0.1),
        variance_hinge,
        covariance_penalty,
    ],
)
def test_gradients_of_contrast_are_finite_in_a_batch_of_two(generator, loss, spread):
    z = spread * torch.randn(4, 3, generator=generator, dtype=torch.float64)
    loss(z.requires_grad_()).backward()
    assert z.grad.isfinite().all()


def test_linked_contrast_and_its_gradient_are_those_of_a_loop_over_items():
    generator = torch.Generator().manual_seed(0)
    left, right = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in (3, 4))
    linked = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]]).bool()
    losses = []
    for loss in (linked_contrast, looped_contrast):
        ends = [left.clone().requires_grad_(), right.clone().requires_grad_()]
        value = loss(*ends, linked, torch.tensor(0.3))
        losses.append((value, *torch.autograd.grad(value, ends)))
    for one, other in zip(*losses, strict=True):
        torch.testing.assert_close(one, other)


def looped_contrast(left, right, linked, temperature):
    sides = []
    for ones, others, right_ones in ((left, right, linked), (right, left, linked.T)):
        terms = []
        for item, mask in zip(ones, right_ones, strict=True):
            if not mask.any():
                continue
            logits = [
                (item @ other) / (item.norm() * other.norm()) / temperature for other in others
            ]
            total = torch.stack(logits).exp().sum().log()
            terms.append(sum(total - logits[j] for j in mask.nonzero()[:, 0]) / mask.sum())
        sides.append(sum(terms) / len(terms))
    return sum(sides) / 2


def test_linked_distances_are_half_the_squared_ones_of_what_belongs_together():
    generator = torch.Generator().manual_seed(1)
    left, right = (torch.randn(n, 5, generator=generator, dtype=torch.float64) for n in (3, 4))
    linked = torch.tensor([[1, 1, 0, 0], [0, 0, 0, 0], [0, 1, 0, 1]]).bool()
    halves = [
        (left[i] / left[i].norm() - right[j] / right[j].norm()).square().sum() / 2
        for i, j in linked.nonzero().tolist()
    ]
    torch.testing.assert_close(linked_distances(left, right, linked), sum(halves) / len(halves))
