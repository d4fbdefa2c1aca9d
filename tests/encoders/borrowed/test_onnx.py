"""Networks in ONNX files: what they give is what torch gives for the same weights."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from tests import onnx_models

from nearspace.data import SAMPLES
from nearspace.data.sound import Sound, resampled_sound
from nearspace.encoders.borrowed.graph import open_graph
from nearspace.encoders.borrowed.onnx import ONNX
from nearspace.encoders.spec import load_encoder
from nearspace.errors import DataError, MissingExtra, NearspaceError

RNG = np.random.default_rng(0)
COLOURS = RNG.integers(256, size=(5, 12, 10, 3), dtype=np.uint8)
SOUNDS = [Sound(RNG.normal(size=n).astype(np.float32) / 5, 8000) for n in (900, 400, 30, 1000)]
SERIES = [RNG.normal(size=(3, n)).astype(np.float32) for n in (40, 25, 12)]


def weights_of(file):
    import onnx

    (array,) = onnx.load(file).graph.initializer
    return torch.from_numpy(onnx.numpy_helper.to_array(array).copy())


def rectified(batch, weight):
    convolve = torch.nn.functional.conv1d if weight.ndim == 3 else torch.nn.functional.conv2d
    return convolve(torch.as_tensor(np.asarray(batch), dtype=torch.float32), weight).relu()


def test_images_go_in_as_the_file_has_them(tmp_path):
    file = onnx_models.convolution(tmp_path / "first.onnx", 3, (3, 3))
    mean, std = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]
    encoder = ONNX(file, mean=mean, std=std).fit(COLOURS)
    batch = ((COLOURS / 255 - mean) / std).transpose(0, 3, 1, 2)
    maps = rectified(batch, weights_of(file))
    np.testing.assert_allclose(encoder.transform(COLOURS), maps.mean(dim=(2, 3)), atol=1e-4)
    both = encoder.set_params(pool="mean+max").fit(COLOURS).transform(COLOURS)
    wanted = torch.cat([maps.mean(dim=(2, 3)), maps.amax(dim=(2, 3))], dim=1)
    np.testing.assert_allclose(both, wanted, atol=1e-4)
    largest = ONNX(file, mean=mean, std=std, output="largest").fit(COLOURS).transform(COLOURS)
    np.testing.assert_allclose(largest, maps.amax(dim=(2, 3)), atol=1e-4)
    # As TensorFlow has it, one at a time, bytes, and grey pictures in place of colours.
    nodes = [
        ("Cast", ["x"], ["float"], {"to": 1}),
        ("Transpose", ["float"], ["first"], {"perm": [0, 3, 1, 2]}),
        ("Conv", ["first", "weight"], ["conv"], {}),
        ("Relu", ["conv"], ["map"], {}),
        ("Transpose", ["map"], ["y"], {"perm": [0, 2, 3, 1]}),
    ]
    weights = {"weight": weights_of(file).numpy()}
    last = onnx_models.save(
        nodes, {"x": [1, 12, 10, 3]}, {"y": [1, 10, 8, 16]}, weights, tmp_path / "last.onnx"
    )
    _as_bytes(last)
    vectors = ONNX(last).fit(COLOURS).transform(COLOURS)
    wanted = rectified(COLOURS.transpose(0, 3, 1, 2), weights_of(last)).mean(dim=(2, 3))
    np.testing.assert_allclose(vectors, wanted, rtol=1e-4)
    grey = np.repeat(COLOURS[..., :1], 3, axis=3)
    np.testing.assert_allclose(
        ONNX(last).fit(COLOURS[..., 0]).transform(COLOURS[..., 0]),
        ONNX(last).fit(grey).transform(grey),
    )


def _as_bytes(file):
    """Make the input of a network bytes."""
    import onnx

    model = onnx.load(file)
    model.graph.input[0].type.tensor_type.elem_type = onnx.TensorProto.UINT8
    onnx.save(model, file)


def test_series_go_in_whole_or_in_windows(tmp_path):
    file = onnx_models.convolution(tmp_path / "open.onnx", 3, (5,))
    weight = weights_of(file)
    whole = ONNX(file).fit(SERIES).transform(SERIES)
    wanted = [rectified(series[None], weight)[0].mean(dim=1) for series in SERIES]
    np.testing.assert_allclose(whole, torch.stack(wanted), atol=1e-5)
    fixed = onnx_models.convolution(tmp_path / "fixed.onnx", 3, (5,), batch=1, sides=[16])
    shape, short = ONNX(fixed).fit(SERIES).notes
    assert "puts out for a window, (16, 12), is read as vectors of 16 numbers" in shape
    assert short.startswith("1 of 3 series is shorter than fixed.onnx takes (item 2): each is fill")
    for hop in (None, 7):
        encoder = ONNX(fixed, hop=hop, pool="mean+max").fit(SERIES)
        for series, vector in zip(SERIES, encoder.transform(SERIES), strict=True):
            short = max(0, 16 - series.shape[1])
            padded = np.pad(series, ((0, 0), (short // 2, short - short // 2)))
            last = padded.shape[1] - 16
            starts = [*range(0, last, hop or 16), last]
            maps = [rectified(padded[None, :, at : at + 16], weight)[0] for at in starts]
            places = torch.cat(maps, dim=1)
            wanted = torch.cat([places.mean(dim=1), places.amax(dim=1)])
            np.testing.assert_allclose(vector, wanted, atol=1e-5)


def spectrogram_and_model(folder):
    """Write a front of frames of 20 numbers, 10 samples apart, and what takes 8 of these at once.

    The model takes ``(n, time, numbers, 1)`` and gives ``(n, 1, 1, 16)``, as TensorFlow's do.
    """
    rng = np.random.default_rng(1)
    bands = rng.normal(size=(20, 1, 25)).astype(np.float32)
    nodes = [
        ("Unsqueeze", ["x", "one"], ["wide"], {}),
        ("Conv", ["wide", "bands"], ["conv"], {"strides": [10]}),
        ("Abs", ["conv"], ["size"], {}),
        ("Transpose", ["size"], ["turned"], {"perm": [0, 2, 1]}),
        ("Unsqueeze", ["turned", "one"], ["y"], {}),
    ]
    weights = {"bands": bands, "one": np.array([1])}
    shapes = {"x": ["n", "samples"]}, {"y": ["n", 1, "time", 20]}
    front = onnx_models.save(nodes, *shapes, weights, folder / "front.onnx")
    weight = rng.normal(size=(160, 16)).astype(np.float32)
    nodes = [
        ("Reshape", ["x", "flat"], ["rows"], {}),
        ("MatMul", ["rows", "weight"], ["made"], {}),
        ("Reshape", ["made", "apart"], ["y"], {}),
    ]
    weights = {"weight": weight, "flat": np.array([-1, 160]), "apart": np.array([-1, 1, 1, 16])}
    shapes = {"x": ["n", 8, 20, 1]}, {"y": ["n", 1, 1, 16]}
    model = onnx_models.save(nodes, *shapes, weights, folder / "model.onnx")
    return front, model, bands, weight


def test_sounds_go_through_a_front_and_in_windows(tmp_path):
    front, model, bands, weight = spectrogram_and_model(tmp_path)
    asked = {"rate": 16000, "full_scale": 32768, "mean": -20, "std": 10, "hop": 3}
    encoder = ONNX(model, front=front, silence=0.01, pool="mean+max", **asked).fit(SOUNDS)
    for sound, vector in zip(SOUNDS, encoder.transform(SOUNDS), strict=True):
        samples = resampled_sound(sound, 16000).samples * 32768
        samples = np.pad(samples, 160)
        short = max(0, 25 + 7 * 10 - len(samples))
        samples = np.pad(samples, (short // 2, short - short // 2))
        n_frames = (len(samples) - 25) // 10 + 1
        frames = np.stack(
            [samples[10 * at : 10 * at + 25] @ bands[:, 0].T for at in range(n_frames)]
        )
        frames = (np.abs(frames) + 20) / 10
        starts = [*range(0, n_frames - 8, 3), n_frames - 8]
        made = np.stack([frames[at : at + 8].reshape(-1) @ weight for at in starts])
        wanted = np.concatenate([made.mean(axis=0), made.max(axis=0)])
        np.testing.assert_allclose(vector, wanted, rtol=1e-3, atol=1e-2 * np.abs(wanted).max())
    assert encoder.notes_on(SOUNDS) == ()
    (short,) = encoder.set_params(silence=0.0).notes_on(SOUNDS[1:3])
    assert short.startswith("1 of 2 sounds is shorter than model.onnx takes (item 1)")
    # Without a front the samples go in; a sound shorter than a window is filled up.
    plain = onnx_models.convolution(tmp_path / "plain.onnx", 1, (20,), sides=[500])
    vectors = ONNX(plain, rate=8000).fit(SOUNDS).transform(SOUNDS)
    middle = np.pad(SOUNDS[1].samples, 50)
    wanted = rectified(middle[None, None], weights_of(plain))[0].mean(dim=1)
    np.testing.assert_allclose(vectors[1], wanted, atol=1e-5)


def test_weights_beside_the_file_count_and_another_file_is_refused(tmp_path):
    digits = SAMPLES["digits"]().items[:9]
    alone = onnx_models.convolution(tmp_path / "alone.onnx", 1, (3, 3))
    file = Path(onnx_models.convolution(tmp_path / "m.onnx", 1, (3, 3), beside=True))
    beside = file.with_name("m.onnx.data")
    assert beside.is_file()
    encoder = ONNX(str(file)).fit(digits)
    np.testing.assert_array_equal(
        encoder.transform(digits), ONNX(alone).fit(digits).transform(digits)
    )
    saved = encoder.save(tmp_path / "saved")
    again = load_encoder(saved)
    assert again.fingerprint == encoder.fingerprint
    np.testing.assert_array_equal(again.transform(digits), encoder.transform(digits))
    weights = bytearray(beside.read_bytes())
    weights[3] ^= 1
    beside.write_bytes(weights)
    with pytest.raises(NearspaceError, match="is not the one that the encoder was fitted with"):
        load_encoder(saved)
    beside.unlink()
    with pytest.raises(DataError, match="cannot read a network from"):
        load_encoder(saved)
    file.unlink()
    with pytest.raises(DataError, match=r"cannot read .*m\.onnx \(No such file"):
        load_encoder(saved)


def test_what_cannot_be_used_is_said_in_a_sentence(tmp_path, capfd):
    image = onnx_models.convolution(tmp_path / "image.onnx", 3, (3, 3), sides=[32, 32])
    sequence = onnx_models.convolution(tmp_path / "sequence.onnx", 1, (20,))
    wine = SAMPLES["wine"]().items

    def refused(items, match, path=image, **params):
        with pytest.raises(DataError, match=match):
            ONNX(path, **params).fit(items)

    refused(COLOURS, r"takes arrays of shape \(any, 3, 32, 32\), .*; read them with size=32")
    refused(wine, r"takes arrays of shape \(any, 3, 32, 32\), and these are vectors of 13 numbers")
    refused(SERIES, "and not sequences of 3 numbers at a time", sequence)
    pairs = [series[:2] for series in SERIES]  # in place of three channels, over any time
    open_time = onnx_models.convolution(tmp_path / "open.onnx", 3, (5,))
    refused(pairs, "and not sequences of 2 numbers at a time", open_time)
    refused(SOUNDS, "expected how many samples a second", sequence)
    refused(SOUNDS[2:], r"cannot take an array of shape \(1, 1, 15\)", sequence, rate=4000)
    refused(COLOURS, "parameter front is for sounds", front=sequence)
    refused(COLOURS, "parameter hop is for sounds and series", hop=3)
    refused(SERIES, "parameter silence is for sounds", sequence, silence=1)
    refused(COLOURS, "puts out no floats called 'larges'. Did you mean 'largest'?", output="larges")
    square = np.zeros((2, 32, 32, 3), np.uint8)
    refused(square, "mean must be one number or 3", mean=[1, 2])
    refused(square, "std must be above 0", std=0)
    assert ONNX(image, pool="flatten").fit(square).transform(square).shape == (2, 900 * 16)
    damaged = tmp_path / "damaged.onnx"
    data = Path(image).read_bytes()
    for part in (b"", b"nothing of the sort", data[: len(data) // 2], data[:-9]):
        damaged.write_bytes(part)
        with pytest.raises(DataError, match=r"^onnx: ") as raised:
            ONNX(str(damaged)).fit(square)
        assert "\n" not in str(raised.value)
    assert capfd.readouterr() == ("", "")


def test_a_network_that_mixes_items_is_refused(tmp_path):
    nodes = [
        ("ReduceMean", ["x"], ["mean"], {"axes": [0]}),
        ("Sub", ["x", "mean"], ["y"], {}),
    ]
    file = onnx_models.save(nodes, {"x": ["n", "d"]}, {"y": ["n", "d"]}, {}, tmp_path / "m.onnx")
    with pytest.raises(DataError, match="by what items are beside it"):
        ONNX(file).fit(SAMPLES["wine"]().items)


def test_without_the_extra_its_name_is_told(tmp_path, monkeypatch):
    file = onnx_models.of_kind("vector", tmp_path)
    copied = shutil.copy(file, tmp_path / "copy.onnx")
    assert open_graph(file).sha256 == open_graph(str(copied)).sha256
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    with pytest.raises(MissingExtra, match=r"pip install 'nearspace\[onnx\]'"):
        ONNX(file).fit(SAMPLES["wine"]().items)
