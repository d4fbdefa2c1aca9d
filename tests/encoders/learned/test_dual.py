"""`Dual`: what training on pairs makes of two encoders."""

import numpy as np
import pytest
import torch
from scipy import sparse
from tests.numerals import numerals
from torch import nn

from nearspace.data import load
from nearspace.data.batches import Stacked
from nearspace.data.coupled import Bags
from nearspace.data.pairs import Pairs
from nearspace.encoders.learned.dual import Dual, Map, Tower, _hard, _parts
from nearspace.encoders.spec import load_encoder, make
from nearspace.errors import DataError
from nearspace.learning.losses import linked_contrast
from nearspace.metrics.matching import match_ranks

CHARS = "tfidf(analyzer='char', max_features=300)"
CHARS_ALL = "tfidf(analyzer='char')"
NET = "autoencoder(dim=16, hidden=(64,), epochs=1, device='cpu')"


def bent(n, seed):
    """Return pairs of points, of which the right ones are the left ones turned, without signs."""
    left = np.random.default_rng(seed).normal(size=(n, 3)).astype(np.float32)
    turn = np.random.default_rng(9).normal(size=(3, 3)).astype(np.float32)
    links = np.arange(n)[:, None].repeat(2, axis=1)
    return Pairs(load(left), load(np.abs(left @ turn)), links)


def vectors(encoder, pairs):
    sides = zip(("left", "right"), (pairs.left, pairs.right), strict=True)
    return [encoder.side(name).transform(own.items) for name, own in sides]


def first_share(encoder, pairs):
    """Return the share of items on either side that find their own first."""
    matched = match_ranks(*vectors(encoder, pairs), pairs.links)
    return np.mean([(ranks.means <= 1).mean() for ranks in (matched.left, matched.right)])


@pytest.mark.trains
def test_training_tells_new_pairs_better_than_where_it_starts():
    learnt, new = numerals(np.arange(0, 900, 9)), numerals(np.arange(1, 900, 9))
    start = make(f"linear_pair({CHARS} | svd(dim=64), right={CHARS} | svd(dim=64))")
    dual = make(f"dual({CHARS}, right={CHARS}, epochs=20, batch_size=16)").fit_on(learnt)
    linked = torch.eye(len(new)).bool()

    def loss(encoder):
        left, right = (torch.from_numpy(own) for own in vectors(encoder, new))
        return float(linked_contrast(left, right, linked, torch.tensor(0.1)))

    assert loss(dual) < loss(start.fit_on(learnt))
    assert min(dual.history_["held_out_loss"]) < dual.history_["start_loss"]
    assert not dual.notes


@pytest.mark.trains
def test_of_texts_it_takes_sparse_vectors_when_nobody_says_how():
    dual = make("dual(epochs=1)").fit_on(numerals(range(0, 900, 20)))
    assert [part.spec for part in dual.side("left").encoders_] == [CHARS_ALL, "affine"]


@pytest.mark.trains
def test_where_training_does_harm_the_canonical_maps_stay_and_a_note_says_so():
    pairs = bent(200, 0)
    pairs = Pairs(pairs.left, pairs.left, pairs.links)
    dual = make("dual(raw, right=raw, epochs=2, learning_rate=30)").fit_on(pairs)
    assert "did not lower the loss" in " ".join(dual.notes)
    start = make("linear_pair(raw, right=raw)").fit_on(pairs)
    for got, wanted in zip(vectors(dual, pairs), vectors(start, pairs), strict=True):
        lengths = np.linalg.norm(wanted, axis=1).mean()
        np.testing.assert_allclose(got, wanted / lengths, atol=1e-4)


def test_a_map_makes_of_sparse_rows_what_it_makes_of_dense_ones():
    random = np.random.default_rng(0)
    rows = random.normal(size=(7, 20)) * (random.random((7, 20)) < 0.3)
    rows[3] = 0
    lead = Map.of(random.normal(size=(20, 4)), random.normal(size=4)).eval()
    dense = torch.tensor(rows, dtype=torch.float32)
    made = [lead(batch, 0.5) for batch in (Bags(sparse.csr_array(rows))[:], dense)]
    torch.testing.assert_close(*made)
    torch.testing.assert_close(made[0], torch.tensor(lead.of_rows(sparse.csr_array(rows))).float())
    gradients = [torch.autograd.grad(one.square().sum(), lead.weight)[0] for one in made]
    torch.testing.assert_close(*gradients)


class Looked(nn.Module):
    """A network that notes how many items it was given at once."""

    def __init__(self):
        super().__init__()
        self.layer, self.sizes = nn.Linear(5, 3), []

    def forward(self, batch):
        self.sizes.append(len(batch))
        return self.layer(batch).tanh()


class Bare:
    """An encoder that is no more than its networks."""

    def vectors(self, nets, batch):
        return nets["net"](batch)


def test_gradients_of_a_large_batch_are_the_same_when_few_items_are_in_memory():
    rows = torch.randn(24, 5, generator=torch.Generator().manual_seed(0))
    nets = nn.ModuleDict({"net": Looked()})
    tower = Tower(Bare(), Stacked(rows), None, nets, 0.0)
    gradients = []
    for at_once in (24, 7):
        z = tower(list(rows.split(at_once)))
        loss = (z @ z.T).logsumexp(dim=1).sum()  # of all items with all: no sum over batches
        gradients.append(torch.autograd.grad(loss, tuple(tower.parameters())))
    torch.testing.assert_close(*gradients)
    assert nets["net"].sizes == [24, 7, 7, 7, 3, *sorted([7, 7, 7, 3], key=[3, 7].index)]


def test_hard_negatives_are_near_and_never_what_hangs_together():
    items = [f"item {n}" for n in range(40)]
    links = np.array([[n, n] for n in range(40)] + [[n, n + 1] for n in range(0, 40, 4)])
    both = Pairs(load(items), load([f"thing {n}" for n in range(40)]), links).together()
    points = np.random.default_rng(0).normal(size=(40, 3)).astype(np.float32)
    apart = _parts(both.items, both.kind)
    for here, chosen in enumerate(_hard([points] * 2, [None, None], apart, Dual(hard_negatives=3))):
        units = points / np.linalg.norm(points, axis=1, keepdims=True)
        for n, some in enumerate(chosen.tolist()):
            others = np.flatnonzero(apart[1 - here] != apart[here][n])
            wanted = others[np.argsort(-(units[others] @ units[n]))[:3]]
            assert some == wanted.tolist()


def test_an_item_without_direction_has_hard_negatives_that_are_there():
    both = bent(20, 0).together()
    points = np.random.default_rng(0).normal(size=(20, 3)).astype(np.float32)
    points[4] = 0
    apart = _parts(both.items, both.kind)
    for chosen in _hard([points] * 2, [None, None], apart, Dual(hard_negatives=3)):
        assert chosen.min() >= 0


@pytest.mark.trains
def test_networks_are_trained_too_and_come_back_from_a_file(tmp_path):
    learnt, new = bent(600, 0), bent(60, 1)
    dual = make(
        f"dual({NET}, right={NET}, layers='all', epochs=40, batch_size=100, mini_batch_size=40, "
        "learning_rate=5e-3)"
    )
    dual.fit_on(learnt)
    start = make(f"linear_pair({NET}, right={NET})").fit_on(learnt)
    assert first_share(dual, new) > first_share(start, new) + 0.1
    assert dual.side("left").spec.startswith("finetuned(autoencoder(")
    dual.save(tmp_path / "pair.encoder")
    again = load_encoder(tmp_path / "pair.encoder")
    for got, wanted in zip(vectors(again, new), vectors(dual, new), strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-5, atol=1e-6)


@pytest.mark.trains
def test_a_student_is_led_to_a_teacher_that_stays_as_it_is():
    learnt, new = bent(600, 0), bent(60, 1)
    student = make(
        f"dual({NET}, right=raw, objective='distill', layers='all', epochs=40, "
        "batch_size=100, learning_rate=5e-3)"
    )
    student.fit_on(learnt)
    led, taught = vectors(student, new)
    np.testing.assert_array_equal(taught, new.right.items)
    assert student.side("right").spec == "raw"

    def cosines(rows):
        units = [each / np.linalg.norm(each, axis=1, keepdims=True) for each in (rows, taught)]
        return (units[0] * units[1]).sum(axis=1)

    regression = make(f"dual({NET}, right=raw, objective='distill', epochs=8)").fit_on(learnt)
    assert cosines(led).mean() > cosines(vectors(regression, new)[0]).mean() + 0.05


def test_a_teacher_whose_vectors_are_sparse_is_refused():
    with pytest.raises(DataError, match="the vectors of the teacher 'tfidf' are sparse"):
        make(f"dual({CHARS}, right=tfidf, objective='distill')").fit_on(numerals(range(50)))


@pytest.mark.parametrize(
    ("spec", "told"),
    [
        ("dual(raw, right=raw, layers=1)", "leave layers out"),
        ("dual(raw, right=raw | scale, objective='distil')", "objective"),
        ("dual(supcon, right=raw)", "learns from labels"),
    ],
)
def test_what_cannot_be_trained_is_refused(spec, told):
    with pytest.raises((DataError, ValueError), match=told):
        make(spec).fit_on(bent(50, 0))
