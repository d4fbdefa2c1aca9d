"""Specs: what they mean, that they round-trip, and what is said of a wrong one."""

import pytest

from nearspace.encoders.spec import make, make_many
from nearspace.errors import SpecError

GOOD = [
    "raw",
    "pca(dim=8)",
    "vae(dim=2, beta=0.5)",
    "vae(dim=2, beta=0.5, epochs=3, learning_rate=0.001)",  # its own parameters come first
    "cnn@conv2",
    'cnn@"conv2.1"',
    "cnn@conv1 + cnn@fc1 | l2",
    "(raw | l2) + (hog | l2)",
    "tfidf | pca(dim=64) | l2",
    "autoencoder(hidden=(64, 32), random_state=None)",
]


@pytest.mark.parametrize("spec", GOOD)
def test_round_trip(spec):
    assert make(spec).spec == spec


def test_operators_bind_as_documented():
    piped = make("cnn@conv1 + hog | l2")
    assert [type(part).__name__ for part in piped.encoders] == ["Concatenated", "L2"]
    assert piped.encoders[0].encoders[0].layer == "conv1"
    assert make("pca(8)").dim == make("autoencoder(8)").dim == 8
    assert make("mlp((8,), epochs=3)").hidden == (8,)
    assert [e.spec for e in make_many("raw, pca(dim=2)")] == ["raw", "pca(dim=2)"]


BAD = {
    "pac": "Did you mean 'pca'?",
    "pca(dimm=3)": "no parameter 'dimm'. Did you mean 'dim'?",
    "pca@conv1": "no layers",
    "cnn@conv1@conv2": "Two layers of one encoder",
    "raw | tfidf": "takes no vectors",
    "pca(": "Cannot read the spec",
    "": "Cannot read the spec",
    "raw - pca": "Cannot read 'raw - pca'",
    "pca(dim=__import__('os').getpid())": "is no value for a spec",
    "pca.fit": "Cannot read 'pca.fit'",
    "pca(1, 2, 3)": "its parameters are dim, random_state",
    "vae(8, dim=2)": "only its first parameter",
    "raw, pca": "Expected one encoder, got 2",
    "vectors": "needs a path: write vectors(path='…')",
}


@pytest.mark.parametrize(("spec", "told"), BAD.items())
def test_a_wrong_spec_is_one_clear_sentence(spec, told):
    with pytest.raises(SpecError) as error:
        make(spec)
    assert any(part in str(error.value) for part in told.split("|"))
    assert "\n" not in str(error.value)


COLONS = {
    "pca:dim=16": "pca(dim=16)",
    "pca:16": "pca(dim=16)",
    "raw|pca:dim=4|l2": "raw | pca(dim=4) | l2",
    "cnn:epochs=5@conv2+hog": "cnn(epochs=5)@conv2 + hog",
    "mlp:hidden=(64, 32):epochs=3": "mlp(epochs=3, hidden=(64, 32))",
    "vae:likelihood=gaussian:dim=8": "vae(dim=8, likelihood='gaussian')",
    r"vectors:C:\data\v.npy": r"vectors(path='C:\\data\\v.npy')",
    r"vectors('C:\\data:1\\v.npy')": r"vectors(path='C:\\data:1\\v.npy')",
    "pretrained:facebook/dinov2-small": "pretrained(model='facebook/dinov2-small')",
    "cnn@'x:y'": "cnn@'x:y'",
    "autoencoder:learning_rate=1e-3": "autoencoder(learning_rate=0.001)",
    "pca:dim=4:random_state=none": "pca(dim=4, random_state=None)",
}


@pytest.mark.parametrize("spec", COLONS)
def test_parameters_after_colons_are_those_in_brackets(spec):
    assert make(spec).spec == make(COLONS[spec]).spec


def test_commas_part_encoders_whose_parameters_stand_after_colons():
    made = make_many("raw,pca:dim=3,autoencoder:dim=2:epochs=1")
    assert [each.spec for each in made] == ["raw", "pca(dim=3)", "autoencoder(dim=2, epochs=1)"]


@pytest.mark.parametrize(
    ("spec", "told"),
    {
        "pca:": "a parameter after a colon has a value, as in pca:dim=8",
        "pca:dim=": "a parameter after a colon has a value",
        "pca:dimm=3": "Did you mean 'dim'?",
        "cnn@conv2:epochs=3": "A layer is a name and stands last",
        "pca(dim=4": r"\('\(' was never closed\)",
    }.items(),
)
def test_colons_that_cannot_be_read_are_told(spec, told):
    with pytest.raises(SpecError, match=told):
        make(spec)
