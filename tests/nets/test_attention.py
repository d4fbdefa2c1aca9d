"""Shares of attention and the odds of sinks, against loops; what chance gives."""

import pytest
import torch

from nearspace.nets.attention import SINK, fair_shares, received, sink_odds, token_weights
from nearspace.nets.tokens import _normalised, token_transformer

LENGTHS = torch.tensor([5, 1, 3])


def weights_of(logits, causal):
    """Return attention where nothing behind a text's end is looked at."""
    n = logits.shape[-1]
    seen = torch.arange(n) < LENGTHS[:, None, None, None]
    if causal:
        seen = seen & torch.ones(n, n, dtype=torch.bool).tril()
    return logits.masked_fill(~seen, -torch.inf).softmax(-1)


@pytest.mark.parametrize("causal", [False, True])
def test_shares_are_means_over_the_tokens_of_a_text(causal):
    weights = weights_of(
        torch.randn(3, 2, 5, 5, generator=torch.Generator().manual_seed(0)), causal
    )
    got = received(weights, LENGTHS)
    fair = fair_shares(LENGTHS, 5, causal)
    uniform = weights_of(torch.zeros(3, 1, 5, 5), causal)
    for row, length in enumerate(LENGTHS.tolist()):
        for head in range(2):
            for key in range(5):
                looked = [float(weights[row, head, query, key]) for query in range(length)]
                wanted = sum(looked) / length if key < length else 0.0
                assert float(got[row, head, key]) == pytest.approx(wanted, abs=1e-6)
        for key in range(5):
            looked = [float(uniform[row, 0, query, key]) for query in range(length)]
            wanted = max(sum(looked) / length, 1 / length) if key < length else 0.0
            assert float(fair[row, key]) == pytest.approx(wanted, abs=1e-6)
    torch.testing.assert_close(got.sum(dim=2), torch.ones(3, 2))


def test_odds_are_one_where_all_is_fair_and_not_all_tokens_are_sinks():
    fair = fair_shares(LENGTHS, 5, causal=False)
    odds = sink_odds(fair, fair)
    torch.testing.assert_close(odds[0], torch.ones(5))
    assert odds[1].tolist() == [0.0] * 5  # a token alone has nobody to look at it
    assert odds[2, 3:].tolist() == [0.0, 0.0]
    shares = torch.tensor([[0.45, 0.45, 0.1]])
    odds = sink_odds(shares, fair_shares(torch.tensor([3]), 3, causal=False))
    assert odds[0].tolist() == pytest.approx([0.9 / 1.1 * 2, 0.9 / 1.1 * 2, 2 / 9], rel=1e-5)
    most = sink_odds(torch.tensor([[1.0, 0.0]]), torch.tensor([[0.5, 0.5]]))
    assert most[0, 0] >= SINK
    assert token_weights(most).tolist() == [[0.0, 1.0]]


def test_attention_by_chance_makes_no_sink():
    generator = torch.Generator().manual_seed(0)
    for causal in (False, True):
        logits = 4 * torch.randn(400, 12, 18, 18, generator=generator)
        if causal:
            logits = logits.masked_fill(torch.ones(18, 18, dtype=torch.bool).triu(1), -torch.inf)
        lengths = torch.full((400,), 18)
        shares = received(logits.softmax(-1), lengths).mean(dim=1)
        assert sink_odds(shares, fair_shares(lengths, 18, causal)).max() < 3.4


@pytest.mark.parametrize("causal", [False, True])
@pytest.mark.parametrize("sink", [False, True])
def test_attention_of_a_transformer_is_by_what_its_blocks_take_values(causal, sink):
    """Against what the fused kernels make of queries, keys and values."""
    torch.manual_seed(0)
    net = token_transformer(30, 16, 2, 2, causal=causal, sink=sink).eval()
    for weight in net.parameters():
        weight.data = torch.randn_like(weight)
    ids = torch.tensor([[3, 4, 5, 6, 7], [8, 0, 0, 0, 0], [9, 10, 3, 0, 0]])
    weights, states = net.attention(ids)
    assert [each.shape for each in weights] == [(3, 2, 5, 5)] * 2
    tokens, sight = net._begin(ids, 0)
    for number, (each, state) in enumerate(zip(weights, states, strict=True), 1):
        block = net.get_submodule(f"block{number}")
        torch.testing.assert_close(state, tokens)
        normalised = _normalised(tokens)
        value = block._parts(normalised, sight)[2]
        own = (each @ value).transpose(1, 2).flatten(2)
        fused = block._attend(normalised, sight, ())[0]
        for row, length in enumerate(LENGTHS.tolist()):
            torch.testing.assert_close(own[row, :length], fused[row, :length], atol=1e-5, rtol=1e-4)
            totals = each[row, :, :length, :length].sum(-1)
            torch.testing.assert_close(totals < 0.9999, torch.full_like(totals, sink).bool())
        if causal:
            assert not each.triu(1).any()
        tokens = block(tokens, sight)[0]
