"""The nearest patch is found where it is, and a place sees what it can see."""

import numpy as np
import pytest
import torch
from tests import vision_models
from torch import nn
from typer.testing import CliRunner

from nearspace.cli.app import app
from nearspace.data import Dataset, Image, load
from nearspace.encoders.borrowed.network import Network
from nearspace.encoders.borrowed.pretrained import Pretrained
from nearspace.judge.studies.layers import compare_layers
from nearspace.judge.studies.places import (
    board_places,
    busy_points,
    grids,
    nearest_places,
    receptive_fields,
)
from nearspace.judge.taps import Memory
from nearspace.report.layers import places_sections

RANDOM = np.random.default_rng(0)
SIDE, PATCH = 32, 8


def noisy(n):
    """Return images of faint noise."""
    return RANDOM.integers(100, 120, size=(n, SIDE, SIDE, 1)).astype(np.uint8)


def network():
    """Return convolutions that halve the side twice, a hidden layer behind them."""
    import torch

    torch.manual_seed(0)
    return nn.Sequential(
        nn.Conv2d(1, 8, 3, stride=2, padding=1),
        nn.ReLU(),
        nn.Conv2d(8, 16, 3, stride=2, padding=1),
        nn.Flatten(),
        nn.Linear(16 * 64, 5),
    )


def pasted():
    """Return two queries and a gallery: image 30 + q holds the patch of query q elsewhere."""
    queries, gallery = noisy(2), noisy(50)
    patches = RANDOM.choice(np.array([0, 255], np.uint8), size=(2, PATCH, PATCH, 1))
    starts, ends = [(4, 8), (16, 20)], [(20, 4), (8, 16)]
    for q in (0, 1):
        for images, at, (top, left) in ((queries, q, starts[q]), (gallery, 30 + q, ends[q])):
            images[at, top : top + PATCH, left : left + PATCH] = patches[q]
    return queries, gallery, np.array(starts) + PATCH // 2, np.array(ends) + PATCH // 2


def test_a_patch_is_found_where_it_was_pasted():
    queries, gallery, starts, ends = pasted()
    encoder = Network(network()).fit(gallery)
    found = nearest_places(encoder, ["0", "1", "2", "3", "4"], queries, starts, gallery)
    assert [(layer.layer, layer.grid) for layer in found] == [
        ("0", (16, 16)),
        ("1", (16, 16)),
        ("2", (8, 8)),
    ]
    for layer in found:
        stride = SIDE // layer.grid[0]
        for q, (nearest, *others) in enumerate(layer.nearest):
            assert (layer.queries[q].row, layer.queries[q].column) == tuple(starts[q] // stride)
            assert nearest.image == 30 + q
            assert (nearest.row, nearest.column) == tuple(ends[q] // stride)
            assert nearest.distance < 0.1 * others[0].distance
            assert len({place.image for place in (nearest, *others)}) == 3
            top, left, bottom, right = nearest.cell
            assert top <= ends[q][0] < bottom
            assert left <= ends[q][1] < right


def test_memory_is_bounded_by_small_batches():
    queries, gallery, starts, _ = pasted()
    encoder = Network(network()).fit(gallery)
    whole = nearest_places(encoder, ["0"], queries, starts, gallery[:32])
    small = Memory(batch_items=7)
    parts = nearest_places(encoder, ["0"], queries, starts, gallery[:32], memory=small)
    for one, other in zip(whole[0].nearest, parts[0].nearest, strict=True):
        assert (one[0].image, one[0].cell) == (other[0].image, other[0].cell)


def test_a_place_sees_its_receptive_field():
    images = noisy(4)
    encoder = Network(network()).fit(images)
    fields = receptive_fields(encoder, ["0", "2"], (SIDE, SIDE, 1))
    # A kernel of 3 with stride 2 and padding 1 sees the pixels 2i - 1 to 2i + 1.
    assert fields["0"][5][3] == ((10, 6, 12, 8), (9, 5, 12, 8))
    assert fields["0"][0][0] == ((0, 0, 2, 2), (0, 0, 2, 2))
    assert fields["2"][4][2] == ((16, 8, 20, 12), (13, 5, 20, 12))


def test_tokens_of_patches_have_places_too(tmp_path):
    model = vision_models.save(vision_models.vit, tmp_path)
    images = np.repeat(noisy(12), 3, axis=3)
    images[7, 24:32, 8:16] = images[0, 8:16, 16:24] = RANDOM.integers(256, size=(8, 8, 3))
    encoder = Pretrained(model).fit(images)
    # Beside the first layer, which knows where each patch stands, a token is of its place first.
    found = nearest_places(
        encoder, ["layers.0", "pooler"], images[:1], np.array([[12, 20]]), images[1:]
    )
    assert [(layer.layer, layer.grid) for layer in found] == [("layers.0", (4, 4))]
    assert found[0].queries[0].cell == (8, 16, 16, 24)
    assert found[0].queries[0].field == (0, 0, SIDE, SIDE)


def test_the_busiest_point_is_within_what_stands_out():
    queries, _, starts, _ = pasted()
    assert (np.abs(busy_points(queries) - starts) <= 1).all()
    assert busy_points(np.zeros((2, 1, 3, 3), np.uint8)).shape == (2, 2)


@pytest.mark.trains
def test_the_section_shows_every_layer_with_places():
    digits = load("digits", limit=200)
    board = compare_layers(digits, "cnn(epochs=1)")
    layers, queries, gallery = board_places(board)
    assert [layer.layer for layer in layers] == ["conv1", "conv2"]
    assert not set(queries.ids) & set(gallery.ids)
    html = places_sections(board)[0].html
    assert html.count("<img") == html.count('class="cell"') == 2 * 4 * 4
    assert html.count("<code>conv2</code>") == 4


@pytest.mark.trains
def test_without_places_there_is_no_section():
    assert places_sections(compare_layers(load("digits", limit=200), "mlp(epochs=1)")) == []


@pytest.mark.trains
def test_the_command_puts_it_on_the_page(tmp_path):
    words = ["layers", "digits", "--limit", "200", "--with", "cnn(epochs=1)", "--no-cache"]
    done = CliRunner().invoke(app, [*words, "-o", str(tmp_path)])
    assert done.exit_code == 0, done.output
    assert '<section id="places">' in (tmp_path / "layers.html").read_text(encoding="utf-8")


def test_photographs_are_drawn_small():
    images = RANDOM.integers(256, size=(60, 120, 160, 3)).astype(np.uint8)
    labels = np.repeat(["a", "<b>"], 30)
    dataset = Dataset(images, Image.infer(images), target=labels)
    net = nn.Sequential(nn.Conv2d(3, 2, 5, stride=8), nn.ReLU())
    html = places_sections(compare_layers(dataset, Network(net)))[0].html
    assert 'width="96" height="72"' in html
    assert "<b>" not in html


class Tokens(nn.Module):
    """Patches as tokens, extra ones before them."""

    def __init__(self, patch, extra):
        super().__init__()
        self.patches, self.extra = nn.Conv2d(1, 3, patch, stride=patch), extra

    def forward(self, x):
        return nn.functional.pad(self.patches(x).flatten(2), (self.extra, 0)).movedim(1, 2)


@pytest.mark.parametrize(
    ("sides", "patch", "extra", "wanted"),
    [
        ((32, 32), 8, 0, (4, 4)),
        ((32, 32), 8, 1, (4, 4)),
        ((32, 32), 8, 2, (4, 4)),
        ((32, 32), 8, 5, (4, 4)),
        ((32, 64), 8, 1, (4, 8)),
        ((20, 50), 10, 0, (2, 5)),
        ((35, 50), 8, 1, (4, 6)),  # what is left at the end is cut off
        ((32, 32), (8, 4), 1, None),
        ((32, 32), 8, 8, None),
    ],
)
def test_tokens_lie_where_their_patches_do(sides, patch, extra, wanted):
    images = RANDOM.integers(256, size=(3, *sides, 1)).astype(np.uint8)
    encoder = Network(nn.Sequential(Tokens(patch, extra))).fit(images)
    found = grids(encoder, images, ["0"])
    assert {name: tuple(grid.shape[1:3]) for name, grid in found.items()} == (
        {"0": wanted} if wanted else {}
    )
    if wanted:
        patches = encoder.net[0].patches
        batch = torch.from_numpy(images).movedim(3, 1) / 255
        torch.testing.assert_close(found["0"], patches(batch).movedim(1, 3).detach())


def test_a_model_that_resizes_has_the_grid_of_what_it_sees(tmp_path):
    images = RANDOM.integers(256, size=(3, 16, 9, 3)).astype(np.uint8)
    encoder = Pretrained(vision_models.save(vision_models.vit, tmp_path)).fit(images)
    assert encoder.input_sides == (32, 32)
    assert grids(encoder, images, ["layers.0"])["layers.0"].shape[1:3] == (4, 4)


def test_the_order_of_the_gallery_changes_nothing():
    queries, gallery, starts, _ = pasted()
    gallery[:25] //= 16  # sorted, as by label: the first batch varies least
    encoder = Network(network()).fit(gallery)
    memory = Memory(batch_items=25)
    ordered, turned = (
        nearest_places(encoder, ["0"], queries, starts, images, memory=memory)[0].nearest
        for images in (gallery, gallery[::-1].copy())
    )
    for one, other in zip(ordered, turned, strict=True):
        assert one[0].image == 49 - other[0].image
        assert one[1].distance == pytest.approx(other[1].distance, rel=0.3)
