"""What of an encoder depends on a seed, and what the cache may keep."""

import pytest
from sklearn.decomposition import NMF

from nearspace.encoders.combine import Piped
from nearspace.encoders.elsewhere import FromSklearn
from nearspace.encoders.spec import make, spec_of
from nearspace.judge.fits import has_random_state, is_cacheable, seeded


def test_seeds_reach_every_part():
    spec = "(raw | pca(dim=2)) + mlp + hog"
    wanted = "(raw | pca(dim=2, random_state=5)) + mlp(random_state=5) + hog"
    assert spec_of(seeded(make(spec), 5)) == wanted
    assert seeded(FromSklearn(NMF(2)), 5).estimator.random_state == 5


@pytest.mark.parametrize(("spec", "wanted"), [("raw | l2", False), ("hog + (raw | pca)", True)])
def test_what_has_a_random_state(spec, wanted):
    assert has_random_state(make(spec)) == wanted


def test_what_the_cache_may_keep():
    assert is_cacheable(make("hog + (raw | pca)"))
    assert not is_cacheable(make("raw + (vectors(path='a.npy') | pca)"))
    assert not is_cacheable(Piped([make("raw"), FromSklearn(NMF(2))]))
