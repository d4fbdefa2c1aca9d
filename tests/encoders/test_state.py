"""Loading refuses what it should; composites round-trip."""

import json

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import NMF

from nearspace.data import SAMPLES
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.encoders.spec import load_encoder, make
from nearspace.encoders.state import sealed
from nearspace.errors import NearspaceError

DIGITS = SAMPLES["digits"]()


@pytest.mark.trains
def test_composites_round_trip(tmp_path):
    spec = "mlp(epochs=1)@fc1 + (raw | pca(dim=3) | l2)"
    encoder = make(spec).fit(DIGITS.items[:200], DIGITS.target.values[:200])
    again = load_encoder(encoder.save(tmp_path))
    assert again.spec == spec
    np.testing.assert_allclose(
        again.transform(DIGITS.items[:5]), encoder.transform(DIGITS.items[:5]), rtol=1e-6
    )


@pytest.mark.trains
@pytest.mark.parametrize(
    "spec", ["masked(body='vit', epochs=1)", "autoencoder(body='cnn', epochs=1)"]
)
def test_networks_come_back_whole_with_what_is_not_in_the_file(tmp_path, spec):
    encoder = make(spec).fit(DIGITS.items[:60])
    again = load_encoder(encoder.save(tmp_path))
    tensors = dict(again.nets_.named_parameters()) | dict(again.nets_.named_buffers())
    for name, tensor in [*encoder.nets_.named_parameters(), *encoder.nets_.named_buffers()]:
        assert torch.equal(tensors.pop(name), tensor), name
        assert again.nets_.get_submodule(name.rpartition(".")[0]).training is False
    assert not tensors
    trained = [p.requires_grad for p in encoder.nets_.parameters()]
    assert [p.requires_grad for p in again.nets_.parameters()] == trained
    vectors = encoder.transform(DIGITS.items)
    np.testing.assert_array_equal(again.transform(DIGITS.items), vectors)
    np.testing.assert_array_equal(
        again.inverse_transform(vectors), encoder.inverse_transform(vectors)
    )


def test_refuses_what_is_no_saved_encoder(tmp_path):
    with pytest.raises(NearspaceError, match="holds no saved encoder"):
        load_encoder(tmp_path / "nowhere")
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path / "pca")
    head = json.loads((folder / "encoder.json").read_text())
    (folder / "encoder.json").write_text(json.dumps({**head, "format": 99}))
    with pytest.raises(NearspaceError, match="encoder format 99"):
        load_encoder(folder)
    other = sealed({**head, "class": "os.system"}, (folder / "weights.safetensors").read_bytes())
    (folder / "encoder.json").write_text(json.dumps(other))
    with pytest.raises(NearspaceError, match=r"There is no encoder 'os\.system'"):
        load_encoder(folder)
    (folder / "weights.safetensors").write_bytes(b"not a tensor")
    with pytest.raises(NearspaceError, match="holds no saved encoder"):
        load_encoder(folder)


def tampered(folder, change_weights=None, change_head=None):
    """Change a saved encoder as somebody would who knows the format, and return its folder."""
    weights, head = folder / "weights.safetensors", folder / "encoder.json"
    if change_weights is not None:
        save_file(change_weights(load_file(weights)), weights)
    changed = json.loads(head.read_text())
    if change_head is not None:
        changed = change_head(changed)
    if isinstance(changed, dict):
        changed = sealed(changed, weights.read_bytes())
    head.write_text(json.dumps(changed))
    return folder


@pytest.mark.trains
def test_weights_of_another_shape_are_told_in_a_sentence(tmp_path):
    encoder = make("mlp(hidden=(8,), epochs=1)").fit(DIGITS.items[:99], DIGITS.target.values[:99])
    name = "encoder.nets_.classifier.fc1.0.weight"

    def narrower(arrays):
        return {**arrays, name: arrays[name][:, :60].copy()}

    folder = tampered(encoder.save(tmp_path / "a"), narrower)
    with pytest.raises(NearspaceError, match=r"'classifier\.fc1\.0\.weight' have shape") as error:
        load_encoder(folder)
    assert "(8, 60), expected (8, 64)); save the encoder again." in str(error.value)
    folder = tampered(encoder.save(tmp_path / "b"), lambda a: {k: a[k] for k in a if k != name})
    with pytest.raises(NearspaceError, match=r"have shape none, expected \(8, 64\)"):
        load_encoder(folder)
    folder = tampered(encoder.save(tmp_path / "c"), lambda a: {**a, name + "2": a[name]})
    with pytest.raises(NearspaceError, match=r"weight2' have shape \(8, 64\), expected none"):
        load_encoder(folder)
    wider = {"params": {"hidden": {"tuple": [16]}}}
    folder = tampered(encoder.save(tmp_path / "d"), change_head=lambda head: {**head, **wider})
    with pytest.raises(NearspaceError, match="do not belong together"):
        load_encoder(folder)


@pytest.mark.trains
@pytest.mark.parametrize(
    "change",
    [
        lambda head: [head],
        lambda head: {**head, "params": {"dimm": 3}},
        lambda head: {**head, "fitted": {"kind_": {"data_kind": {"kind": "imagge"}}}},
        lambda head: {**head, "fitted": {"mean_": {"array": "gone"}}},
        lambda head: {key: head[key] for key in ("format", "class")},
    ],
)
def test_a_head_that_was_tampered_with_is_told_in_a_sentence(tmp_path, change):
    folder = tampered(make("pca(dim=2)").fit(DIGITS.items).save(tmp_path), change_head=change)
    with pytest.raises(NearspaceError, match=r"holds no saved encoder|do not belong together"):
        load_encoder(folder)


def test_will_not_pickle_what_it_cannot_write(tmp_path):
    encoder = FromSklearn(NMF(2, max_iter=1000)).fit(DIGITS.items[:100])
    with pytest.raises(NearspaceError, match=r"cannot be saved"):
        encoder.save(tmp_path)
