"""What a name in the cache depends on."""

import pytest

from nearspace import recipe
from nearspace.judge import cache


@pytest.fixture
def key(monkeypatch):
    """Return a function that makes one key after the source and the libraries are read again."""

    def make():
        cache._code.cache_clear()
        return cache.make_key("one")

    yield make
    cache._code.cache_clear()


@pytest.mark.parametrize("library", ["torch", "pillow", "scikit-image", "transformers"])
def test_another_version_of_a_library_gives_another_key(library, key, monkeypatch):
    before = key()
    installed = recipe.version
    monkeypatch.setattr(
        recipe, "version", lambda name: "0.0.1" if name == library else installed(name)
    )
    assert key() != before
    monkeypatch.undo()
    assert key() == before


def test_a_library_that_is_not_installed_has_no_version(monkeypatch):
    def absent(name):
        raise recipe.PackageNotFoundError(name)

    monkeypatch.setattr(recipe, "version", absent)
    assert recipe.versions()["transformers"] == ""
