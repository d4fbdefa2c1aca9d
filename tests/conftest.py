"""What several tests share: where the public data sets are, and small sample data of each kind."""

import os
from pathlib import Path

import pytest

from nearspace.data import SAMPLES

SAMPLE_OF_KIND = {"image": "digits", "text": "sentences", "table": "customers", "vector": "wine"}


@pytest.fixture
def public_data():
    folder = os.environ.get("NEARSPACE_DATA")
    if not folder:
        pytest.skip("NEARSPACE_DATA does not say where the public data sets are")
    return Path(folder)


@pytest.fixture(scope="session")
def samples():
    """The sample data set of each kind."""
    return {kind: SAMPLES[name]() for kind, name in SAMPLE_OF_KIND.items()}
