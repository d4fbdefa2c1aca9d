"""One contract for every kind of data there is."""

import numpy as np
import pytest
import torch
from torch.nn.functional import pad

from nearspace.data import SAMPLES, Dataset, infer_kind, kind_from_json, load
from nearspace.data.kinds.kind import Kind, Wanted, kind_of_file
from nearspace.errors import DataError
from tests.conftest import SAMPLE_OF_KIND


@pytest.fixture(params=sorted(Kind.registry))
def sample(request):
    """A small dataset of each kind."""
    name = request.param
    assert name in SAMPLE_OF_KIND, f"there is no sample of the kind '{name}'"
    return SAMPLES[SAMPLE_OF_KIND[name]]().take(np.arange(12))


def test_one_kind_and_no_other_recognises_the_items(sample):
    reasons = {name: kind.recognise(sample.items) for name, kind in Kind.registry.items()}
    assert [name for name, reason in reasons.items() if reason] == [sample.kind.name]
    kind, reason = infer_kind(sample.items)
    assert type(kind) is type(sample.kind)
    assert reason == reasons[kind.name]
    assert load(sample.items).notes[0] == f"Read as {kind.name}: {reason}."
    assert load(sample.items, kind=kind.name).kind == kind


def test_what_is_of_no_kind_is_recognised_by_none():
    for items in ([], [object()], 7, np.zeros(3), np.zeros(3, "datetime64[D]"), {}):
        assert [name for name, kind in Kind.registry.items() if kind.recognise(items)] == []


def test_it_is_a_value_and_survives_json(sample):
    kind = sample.kind
    again = kind_from_json(kind.to_json())
    assert again == kind
    assert hash(again) == hash(kind)
    assert kind.plural in str(kind) or kind.name in str(kind)
    assert kind.form


def test_checked_items_stay_as_they_are(sample):
    kind = sample.kind
    checked = kind.check(sample.items)
    assert len(checked) == len(sample)
    converted = kind.convert(checked, "items", Wanted())
    assert (converted.kind, converted.notes, converted.failed) == (kind, (), {})
    for items in (kind.check(checked), converted.items, kind.select(checked)[0]):
        np.testing.assert_array_equal(kind.hashes(items), kind.hashes(checked))
    with pytest.raises(DataError, match=r"^mine: "):
        kind.check(object(), "mine")


def test_items_are_taken_and_joined(sample):
    kind, hashes = sample.kind, sample.hashes
    assert hashes.dtype == "S16"
    rows = np.array([7, 0, 7])
    np.testing.assert_array_equal(kind.hashes(kind.take(sample.items, rows)), hashes[rows])
    both = kind.join(sample.items, kind.take(sample.items, rows))
    np.testing.assert_array_equal(kind.hashes(both), np.concatenate([hashes, hashes[rows]]))
    assert len(set(hashes.tolist())) == len(np.unique(hashes)) > 1


def test_an_item_is_shown(sample):
    kind = sample.kind
    item = kind.item(sample.items, 3)
    assert kind.draw(item).startswith("<")
    picture = kind.picture(item, 16)
    assert (picture is not None) == kind.pictured
    if kind.pictured:
        assert picture[:4] in (b"\x89PNG", b"RIFF")
    for values in kind.to_columns(sample.items).values():
        assert len(values) == len(sample)


def test_files_of_an_item_each_are_known_by_their_ending(sample):
    kind = type(sample.kind)
    for ending in kind.endings:
        assert kind_of_file(f"a{ending}") is kind_of_file(f"b.c{ending.upper()}") is kind
        assert kind_of_file(ending) is None
    if not kind.endings:
        with pytest.raises(DataError, match="are not read from a file each"):
            kind.read([], Wanted())


def test_networks_see_items_as_batches(sample):
    kind = sample.kind
    if type(kind).batches is Kind.batches:
        with pytest.raises(DataError, match=f"{kind.name} items cannot be put into a batch"):
            kind.batches(sample.items)
        return
    batches = kind.batches(sample.items, kind.scaling(sample.items))
    whole = batches[:]
    assert (len(batches), len(whole)) == (len(sample), len(sample))
    assert whole.dtype == torch.float32
    assert whole.isfinite().all()
    # What is shorter than the longest of its batch is followed by zeros.
    longest = whole.shape[-1]
    parts = [pad(part, (0, longest - part.shape[-1])) for part in batches.parts(5)]
    assert torch.cat(parts).equal(whole)
    blank = kind.batches(kind.empty()).blank(2)
    assert blank.shape[:-1] == (2, *whole.shape[1:-1])
    assert batches.blank(2).shape == (2, *whole.shape[1:])
    if kind.bounds is not None:
        assert kind.bounds[0] <= whole.min() <= whole.max() <= kind.bounds[1]
        values = kind.values(torch.linspace(-9, 9, 19))
        assert kind.bounds[0] <= values.min() <= values.max() <= kind.bounds[1]
    plain = kind.batches(sample.items)[:].numpy()
    restored = kind.stored(kind.restore(plain))
    # Of a sound its spectrogram comes back, whose bands hold neither all nor the phases.
    again = kind.batches(restored)[:].numpy()
    if kind.name == "audio":
        assert again.shape == plain.shape
        assert np.corrcoef(again.ravel(), plain.ravel())[0, 1] > 0.95
    else:
        np.testing.assert_allclose(again, plain, rtol=1e-5)
        kind.check(restored)


def test_views_vary_items_by_the_generator_alone(sample):
    kind = sample.kind
    if not kind.has_views:
        with pytest.raises(DataError, match="have no views"):
            kind.views(torch.zeros(2, 3), torch.Generator())
        return
    batch = kind.batches(sample.items)[:]
    one, same, other = (
        kind.views(batch, torch.Generator().manual_seed(seed), mirror=True) for seed in (1, 1, 2)
    )
    assert one.shape == batch.shape
    assert one.equal(same)
    assert not one.equal(other)
    assert not one.equal(batch)


def test_a_dataset_of_it_is_taken_and_told_by_its_content(sample):
    part = sample.take(np.arange(6))
    assert isinstance(part, Dataset)
    assert part.fingerprint != sample.fingerprint
    assert sample.take(np.arange(12)).fingerprint == sample.fingerprint
