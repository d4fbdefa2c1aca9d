"""Loading refuses what it should; composites round-trip."""

import json

import numpy as np
import pytest
from sklearn.decomposition import NMF

from nearspace.data import SAMPLES
from nearspace.encoders.elsewhere import FromSklearn
from nearspace.encoders.persist import load_encoder
from nearspace.encoders.spec import make, spec_of
from nearspace.errors import NearspaceError

DIGITS = SAMPLES["digits"]()


def test_composites_round_trip(tmp_path):
    spec = "mlp(epochs=1)@fc1 + (raw | pca(dim=3) | l2)"
    encoder = make(spec).fit(DIGITS.items[:200], DIGITS.labels[:200])
    again = load_encoder(encoder.save(tmp_path))
    assert spec_of(again) == spec
    np.testing.assert_allclose(
        again.transform(DIGITS.items[:5]), encoder.transform(DIGITS.items[:5]), rtol=1e-6
    )


def test_refuses_what_is_no_saved_encoder(tmp_path):
    with pytest.raises(NearspaceError, match="holds no saved encoder"):
        load_encoder(tmp_path / "nowhere")
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path / "pca")
    head = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps({**head, "format": 99}))
    with pytest.raises(NearspaceError, match="encoder format 99"):
        load_encoder(folder)
    (folder / "encoder.json").write_text(json.dumps({**head, "class": "os.system"}))
    with pytest.raises(NearspaceError, match=r"There is no encoder 'os\.system'"):
        load_encoder(folder)
    (folder / "weights.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(NearspaceError, match="holds no saved encoder"):
        load_encoder(folder)


def test_will_not_pickle_what_it_cannot_write(tmp_path):
    encoder = FromSklearn(NMF(2, max_iter=1000)).fit(DIGITS.items[:100])
    with pytest.raises(NearspaceError, match=r"cannot be saved"):
        encoder.save(tmp_path)
