"""Loading refuses what it should; composites round-trip."""

import json
import os

import numpy as np
import pytest
import torch
from safetensors.numpy import load_file, save_file
from sklearn.decomposition import NMF

from nearspace.data import SAMPLES
from nearspace.encoders.borrowed.elsewhere import FromSklearn
from nearspace.encoders.decoder import Decoder
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


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"transform": 1}, "PCA declares no 'transform'"),
        ({"__class__": 1}, "PCA declares no '__class__'"),
        ({"metric": "dot"}, "PCA declares no 'metric'"),
        ({"more_": 1}, "PCA declares no 'more_'"),
        ({"mean_": 1}, "PCA declares 'mean_' as array of float32, got int"),
        ({"kind_": {"data_kind": {"kind": "text"}}}, "PCA takes no texts"),
        ({"kind_": {"data_kind": {"kind": "image", "shape": [8, "8", 1]}}}, "This is no image"),
        ({"kind_": {"data_kind": {"kind": "image", "shape": [10**6] * 3}}}, "no images of shape"),
        ({"mean_": {"array": "encoder.components_"}}, "no array 'encoder.components_', or it is"),
    ],
    ids=str,
)
def test_what_is_not_the_classs_own_is_refused(tmp_path, change, told):
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path)
    tampered(folder, change_head=lambda h: {**h, "fitted": {**h["fitted"], **change}})
    with pytest.raises(NearspaceError, match=told):
        load_encoder(folder)


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda a: {**a, "encoder.mean_": np.full_like(a["encoder.mean_"], np.nan)}, "holds NaN"),
        (lambda a: {k: v.astype(np.float64) for k, v in a.items()}, "got array of float64"),
        (lambda a: {**a, "encoder.mean_": a["encoder.mean_"][:9].copy()}, "could not be broadcast"),
        (lambda a: {**a, "more": np.zeros(3)}, "nothing is to be made of the array 'more'"),
        (lambda a: {**a, "encoder.mean_": a["encoder.mean_"] + 1}, "the fingerprint is "),
    ],
)
def test_arrays_that_are_not_the_encoders_own_are_refused(tmp_path, change, told):
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path)
    with pytest.raises(NearspaceError, match=told):
        load_encoder(tampered(folder, change))


def test_every_byte_counts(tmp_path):
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path)
    for file in sorted(folder.iterdir()):
        whole = file.read_bytes()
        for at in range(0, len(whole), 7):
            if whole[at : at + 1].isspace():
                continue  # between the words of JSON any will do
            file.write_bytes(whole[:at] + bytes([whole[at] ^ 4]) + whole[at + 1 :])
            with pytest.raises(NearspaceError):
                load_encoder(folder)
        file.write_bytes(whole)
    assert load_encoder(folder).dim == 2


def test_what_would_not_be_read_again_is_not_written(tmp_path):
    encoder = make("pca(dim=2)").fit(DIGITS.items)
    folder = encoder.save(tmp_path)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}
    encoder.mean_ = encoder.mean_.astype(np.float64)
    with pytest.raises(NearspaceError, match="as array of float32, got array of float64"):
        encoder.save(folder)
    encoder.mean_, encoder.more_ = np.full(64, np.nan, np.float32), 1
    with pytest.raises(NearspaceError, match="PCA declares no 'more_'"):
        encoder.save(folder)
    del encoder.more_
    with pytest.raises(NearspaceError, match="holds NaN"):
        encoder.save(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_full_disk_leaves_the_old_encoder(tmp_path, monkeypatch):
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path)
    before = {file.name: file.read_bytes() for file in folder.iterdir()}

    def no_room(self, data):
        if self.name == "weights.safetensors":
            raise OSError(28, "No space left on device")
        return len(data)

    monkeypatch.setattr("pathlib.Path.write_bytes", no_room)
    with pytest.raises(NearspaceError, match="No space left on device"):
        make("pca(dim=3)").fit(DIGITS.items).save(folder)
    assert {file.name: file.read_bytes() for file in folder.iterdir()} == before


def test_a_named_pipe_is_told_and_not_waited_for(tmp_path):
    folder = make("pca(dim=2)").fit(DIGITS.items).save(tmp_path)
    (folder / "encoder.json").unlink()
    os.mkfifo(folder / "encoder.json")
    with pytest.raises(NearspaceError, match=r"encoder\.json is no file"):
        load_encoder(folder)


@pytest.mark.trains
def test_a_decoder_that_is_saved_alone_keeps_what_it_adds_in_the_end():
    far = np.random.default_rng(0).normal(size=(60, 5)) + 1e9
    encoder = make("autoencoder(dim=2, hidden=(4,), epochs=1)").fit(far)
    vectors = encoder.transform(far)
    again = Decoder.parse(encoder.decoder.dump(), "memory")
    np.testing.assert_array_equal(again.decode(vectors), encoder.inverse_transform(vectors))
