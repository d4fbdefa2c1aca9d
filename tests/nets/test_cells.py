import numpy as np
import pytest
import torch

from nearspace.encoders.numbers import piecewise_linear
from nearspace.nets.cells import (
    CellDecoder,
    CellNetwork,
    Entities,
    Numbers,
    RowLayout,
    pass_values,
)

EDGES = (np.array([-1.0, 0.0, 2.0, 7.0]), np.array([0.0, 1.0]), np.array([3.0]))
LAYOUT = RowLayout((6, 20_000), ((9, 3),), (1, 1, 1), EDGES)


def test_vectors_of_several_are_means_and_padding_counts_for_nothing():
    tables = Entities(LAYOUT)
    codes = torch.tensor([[2, 19_999, 3, 8, 0], [0, 1, 0, 0, 0], [1, 0, 1, 4, 5]])
    vectors = tables(codes.float())
    first, second, third = (table.weight for table in tables.tables)
    several = [third[[3, 8]].mean(0), third[0], third[[1, 4, 5]].mean(0)]
    for row, (one, other, *_) in enumerate(codes.tolist()):
        whole = torch.cat([first[one], second[other], several[row]])
        torch.testing.assert_close(vectors[row], whole)


def test_numbers_are_the_piecewise_linear_encoding_within_the_edges():
    values = np.array([-1.0, -0.25, 0.0, 1.5, 6.9, 7.0])
    places = np.interp(values, EDGES[0], np.arange(4.0))
    rows = LAYOUT.blank(len(values))
    rows[:, LAYOUT.n_codes] = torch.from_numpy(places)
    coded = Numbers(LAYOUT)(rows).view(len(values), 3, 4)
    expected = piecewise_linear(values, EDGES[0])
    np.testing.assert_allclose(coded[:, 0, :3], expected, atol=1e-6)
    assert (coded[:, 0, 3] == 0).all()
    assert coded[:, 1:].tolist() == [[[0.0, 0, 0, 1]] * 2] * len(values), "what is missing"
    np.testing.assert_allclose(LAYOUT.values(rows)[:, 0], values, atol=1e-5)
    assert LAYOUT.values(rows)[:, 1:].isnan().all()


@pytest.mark.parametrize("numbers", ["piecewise", "periodic"])
@pytest.mark.parametrize(
    ("layout", "layers"),
    [
        (LAYOUT, ["entities", "numbers", "fc1", "embedding"]),
        (RowLayout((4,), (), (), ()), ["entities", "fc1", "embedding"]),
        (RowLayout((), (), (3,), EDGES), ["numbers", "fc1", "embedding"]),
    ],
)
def test_networks_take_rows_of_any_columns(numbers, layout, layers):
    for linear in (False, True):
        net = CellNetwork(layout, (10,), 4, numbers, linear=linear).eval()
        assert [name for name, _ in net.named_children()] == layers
        assert net(layout.blank(5)).isfinite().all()
        assert net(layout.blank(5)).shape == (5, 4)
    assert CellDecoder(4, (10,), layout)(torch.zeros(5, 4)).shape == (5, sum(layout.outputs))


def test_values_pass_along_the_axes_on_which_they_vary_most():
    rng = torch.Generator().manual_seed(0)
    layout = RowLayout((4,), (), (1, 1, 1), (np.linspace(-2, 2, 9),) * 3)
    rows = torch.cat([torch.full((40, 1), 2.0), 8 * torch.rand(40, 3, generator=rng)], dim=1)
    rows[:, 2] = 0.5 * rows[:, 1] + 2
    encoder = CellNetwork(layout, (8,), 6, linear=True, passing=2).eval()
    decoder = CellDecoder(6, (8,), layout, passing=2).eval()
    pass_values(encoder, decoder, rows)
    values = layout.values(rows)
    left, sizes, right = torch.linalg.svd(values, full_matrices=False)
    expected = left[:, :2] * sizes[:2] @ right[:2]
    told = decoder(encoder(rows))[:, -6::2]
    torch.testing.assert_close(told, expected, rtol=1e-4, atol=1e-4)
    assert encoder(rows).shape == (40, 6)
