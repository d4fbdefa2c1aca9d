"""Tokens of texts as they wait: what a batch holds, in which order, and what is never lost."""

import numpy as np
import torch

from nearspace.data.tokens import Bucketed, Ragged, Windows


def texts(lengths, cls=Ragged):
    """Return texts whose tokens are 10 times their row and 1, 2, … from there on."""
    flat = torch.cat([10 * row + torch.arange(1, n + 1) for row, n in enumerate(lengths)]).int()
    lengths = torch.tensor(lengths)
    return cls(flat, lengths.cumsum(0) - lengths, lengths, 7)


def test_a_batch_holds_its_texts_and_zeros():
    ragged = texts([2, 1, 3])
    assert ragged[torch.tensor([1, 2])].tolist() == [[11, 0, 0], [21, 22, 23]]
    assert ragged.take(torch.tensor([2, 2]))[:1].tolist() == [[21, 22, 23]]
    assert ragged[:0].shape == (0, 1)
    assert ragged.blank(2).tolist() == [[7], [7]]


def test_what_is_made_of_texts_comes_in_their_order():
    lengths = np.random.default_rng(0).integers(1, 9, 200).tolist()
    ragged, seen = texts(lengths), []

    def first(batch):
        seen.append(batch.shape[1])
        return batch[:, :1].float()

    made = ragged.map(first, 4)
    assert made[:, 0].tolist() == [10 * row + 1 for row in range(200)]
    assert seen == sorted(seen, reverse=True)
    assert len(seen) > 5
    assert ragged.take(slice(0, 0)).map(first, 4).shape == (0, 1)


def test_texts_of_alike_lengths_share_a_step():
    lengths = np.random.default_rng(0).integers(1, 9, 640).tolist()
    plain, bucketed = texts(lengths), texts(lengths, Bucketed)
    rows = torch.arange(640)[torch.arange(640) % 2 == 0]

    def padding(batches):
        order = batches.order(rows, 8, torch.Generator().manual_seed(0))
        assert sorted(torch.cat(order).tolist()) == rows.tolist()
        return sum((batches[some] == 0).sum().item() for some in order)

    assert padding(bucketed) < padding(plain) / 5
    first, second = (
        bucketed.order(rows, 8, torch.Generator().manual_seed(seed)) for seed in (1, 1)
    )
    assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


def test_windows_tell_every_token_of_a_stream_once():
    for n, context in [(2, 5), (11, 5), (12, 5), (37, 4)]:
        stream = torch.arange(100, 100 + n, dtype=torch.int32)
        windows = Windows(stream, context)
        batch = windows[:]
        assert batch.shape == (len(windows), context + 1)
        told = batch[:, 1:].flatten()
        assert told[told > 0].tolist() == stream[1:].tolist()
        assert torch.equal(windows.take(torch.tensor([0]))[:], batch[:1])
