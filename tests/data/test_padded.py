import numpy as np
import pytest
import torch

from nearspace.data.padded import Padded, lengths_of, places_at, warped


@pytest.fixture
def items():
    generator = torch.Generator().manual_seed(0)
    return [torch.randn(length, 2, generator=generator) for length in (5, 1, 9, 3, 7)]


def test_a_batch_is_the_items_and_where_they_end(items):
    batch = Padded.of(items)[torch.tensor([2, 1])]
    wanted = torch.zeros(2, 3, 9)
    for row, item in enumerate((items[2], items[1])):
        wanted[row, :2, : len(item)] = item.T
        wanted[row, 2, : len(item)] = 1
    assert batch.equal(wanted)
    assert lengths_of(batch).tolist() == [9, 1]


def test_what_is_made_of_items_is_in_their_order(items):
    waiting = Padded.of(items)
    sums = waiting.map(lambda batch: batch.sum(dim=2), 2)
    for row, item in zip(sums, items, strict=True):
        np.testing.assert_allclose(row[:2], item.sum(dim=0), rtol=1e-5)
        assert row[2] == len(item)
    assert waiting.take(torch.tensor([3])).map(lambda batch: batch, 2).shape == (1, 3, 3)


def test_an_epoch_sees_items_of_alike_lengths_together_and_each_once():
    lengths = torch.arange(1, 97)
    waiting = Padded(torch.zeros(0, 1), lengths, lengths)
    steps = waiting.order(torch.arange(96), 8, torch.Generator().manual_seed(0))
    assert sorted(torch.cat(steps).tolist()) == [*range(96)]
    assert max(int(lengths[rows].max() - lengths[rows].min()) for rows in steps) < 16
    assert steps[0].tolist() != [*range(8)]


def test_places_between_steps_are_as_numpy_has_them():
    rng = np.random.default_rng(0)
    values, places = rng.normal(size=(3, 2, 6)), rng.uniform(-1, 7, (3, 4))
    got = places_at(torch.from_numpy(values), torch.from_numpy(places)).numpy()
    for row in range(3):
        for channel in range(2):
            wanted = np.interp(places[row], np.arange(6), values[row, channel])
            np.testing.assert_allclose(got[row, channel], wanted)


def test_a_warped_part_stays_within_its_item_and_lasts_as_long_as_its_pace_says():
    ramps = Padded.of([torch.arange(float(n))[:, None] for n in (80, 1, 2, 40)])[:]
    for seed in range(20):
        generator = torch.Generator().manual_seed(seed)
        view = warped(ramps, generator, shortest=0.5, speed=0.2, bend=0.3)
        assert view.shape == ramps.shape
        for row, whole in zip(view, (80, 1, 2, 40), strict=True):
            length = int(row[-1].sum())
            assert row[-1, :length].all()
            assert not row[:, length:].any()
            steps = row[0, :length]
            assert (steps.diff() >= 0).all()  # time never runs back
            assert 0 <= steps[0] <= steps[-1] <= whole - 1
            assert min(1, 0.4 * whole) <= length <= max(1, 1.26 * whole)
