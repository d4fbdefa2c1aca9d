"""What of an encoder depends on a seed, and what the cache may keep."""

import time

import numpy as np
import pytest
from sklearn.decomposition import NMF
from torch import nn

from nearspace.data import load
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.encoders.borrowed.network import Network
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.encoders.combine import Piped
from nearspace.encoders.spec import make
from nearspace.encoders.trainable import Schedule
from nearspace.judge.cost import Expected
from nearspace.judge.fits import Fits, has_random_state, is_same, seeded
from nearspace.judge.protocol import Protocol
from nearspace.judge.studies.pace import Pace
from nearspace.judge.tasks import set_task


def test_seeds_reach_every_part():
    spec = "(raw | pca(dim=2)) + mlp + hog"
    wanted = "(raw | pca(dim=2, random_state=5)) + mlp(random_state=5) + hog"
    assert seeded(make(spec), 5).spec == wanted
    assert seeded(FromSklearn(NMF(2)), 5).estimator.random_state == 5


@pytest.mark.parametrize(("spec", "wanted"), [("raw | l2", False), ("hog + (raw | pca)", True)])
def test_what_has_a_random_state(spec, wanted):
    assert has_random_state(make(spec)) == wanted


def test_what_the_cache_may_keep():
    assert make("hog + (raw | pca)").is_reproducible
    assert not make("raw + (vectors(path='a.npy') | pca)").is_reproducible
    assert not Piped([make("raw"), FromSklearn(NMF(2))]).is_reproducible


@pytest.mark.trains
def test_every_network_is_fitted_as_itself():
    digits = load("digits", limit=60)
    fits = Fits(set_task(digits, Protocol()), None)
    net = nn.Sequential(nn.Flatten(), nn.Linear(64, 4))
    for i in range(200):
        # An encoder that is gone leaves its id to a later one.
        encoder = Network(net, name=f"net{i % 2}", batch_size=i + 1)
        assert fits.get(encoder)[0].batch_size == i + 1
        del encoder


def test_what_is_in_the_cache_is_at_hand_and_no_part_of_an_estimate(tmp_path, monkeypatch):
    task = set_task(load("digits", limit=60), Protocol())
    fits, encoder = Fits(task, tmp_path), make("pca(dim=2)")
    assert not fits.has(encoder)
    fits.get(encoder)
    again = Fits(task, tmp_path)
    assert fits.has(encoder)
    assert again.has(encoder)
    assert not Fits(task).has(encoder)
    assert not again.has(make("pca(dim=3)"))
    assert not again.has(make("raw | pca(dim=2)"))
    other = set_task(load("digits", limit=61), Protocol())
    assert not Fits(other, tmp_path).has(encoder)
    monkeypatch.setattr("nearspace.judge.studies.pace._expected", lambda *_: Expected(30.0, 5.0))
    assert Pace(encoder, task, Schedule()).pretraining == 35
    assert Pace(encoder, task, Schedule(), fitted=True).pretraining == 0


def test_revisions_that_move_are_not_cached():
    assert Pretrained("a/b", revision="0123456789" * 4).is_reproducible
    for revision in (None, "main", "v1.0", "0123456"):
        assert not Piped([Pretrained("a/b", revision=revision), make("l2")]).is_reproducible


def test_encoders_of_one_spec_are_the_same_if_they_hold_the_same():
    net, other = nn.Linear(4, 2), nn.Linear(4, 2)
    assert is_same(make("raw + (raw | pca)"), make("raw + (raw | pca)"))
    assert is_same(FromSklearn(NMF(2)), FromSklearn(NMF(2)))
    assert is_same(Network(net, mean=np.arange(4.0)), Network(net, mean=np.arange(4.0)))
    assert not is_same(Network(net, mean=np.arange(4.0)), Network(net, mean=np.ones(4)))
    assert not is_same(Piped([Network(net), make("l2")]), Piped([Network(other), make("l2")]))


@pytest.mark.trains
def test_another_process_fits_what_takes_long_as_it_is_fitted_here(tmp_path):
    task = set_task(load("digits", limit=450), Protocol())
    specs = ["mlp(epochs=70)", "mlp(epochs=71)", "mlp(epochs=72)@fc1"]
    wanted = [(make(spec), task.train) for spec in ("pca", "mlp(epochs=2)", *specs)]
    here, fits = Fits(task), Fits(task, tmp_path)
    with fits.beside(wanted, 1) as workers:
        assert [job.encoder.spec for job in workers.waiting] == [
            "mlp(epochs=70)", "mlp(epochs=71)", "mlp(epochs=72)"
        ]  # fmt: skip
        fits.get(make(specs[0]))
        deadline = time.monotonic() + 120
        while len(workers.waiting) and time.monotonic() < deadline:
            time.sleep(0.05)
        for spec in specs[1:]:
            assert fits.has(make(spec))
            ours, theirs = (made.get(make(spec))[0] for made in (here, fits))
            np.testing.assert_array_equal(
                *(each.transform(task.test.items) for each in (ours, theirs))
            )
        assert workers.seconds > 0
    with Fits(task, tmp_path).beside(wanted, 1) as workers:  # all of them are in the cache
        assert not workers.processes
