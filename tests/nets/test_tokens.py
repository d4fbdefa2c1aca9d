"""Networks of tokens: what positions, padding and sinks change, and what they may not."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from nearspace.errors import DataError
from nearspace.nets.tokens import Sight, recurrent, token_transformer, turns, with_sink

NETS = {
    "causal": lambda: token_transformer(20, 16, 2, 2, causal=True),
    "with a sink": lambda: token_transformer(20, 16, 2, 2, causal=True, sink=True),
    "learned positions": lambda: token_transformer(
        20, 16, 2, 2, causal=True, positions="learned", context=12
    ),
    "both ways": lambda: token_transformer(20, 16, 2, 2, causal=False),
    "both ways, with a sink": lambda: token_transformer(20, 16, 2, 2, causal=False, sink=True),
    "gru": lambda: recurrent(20, 16, 2, nn.GRU),
    "lstm": lambda: recurrent(20, 16, 2, nn.LSTM),
}
ONE_WAY = [name for name in NETS if "both" not in name]


def net_of(name):
    """Return a network whose weights are large enough for everything to matter."""
    torch.manual_seed(0)
    net = NETS[name]().eval()
    with torch.no_grad():
        for param in net.parameters():
            param.normal_(std=0.5)
    return net


def test_turned_products_depend_on_how_far_apart_alone():
    torch.manual_seed(0)
    query, key = torch.randn(2, 50, 8, dtype=torch.float64)

    def products(start):
        by = turns(torch.arange(start, start + 50, dtype=torch.float64), 8)
        query_, key_ = (
            torch.view_as_real(torch.view_as_complex(x.unflatten(1, (4, 2))) * by).flatten(1)
            for x in (query, key)
        )
        return query_ @ key_.T

    torch.testing.assert_close(products(0), products(1000), atol=1e-5, rtol=0)
    same = (key[:1].expand(50, -1), query[:1].expand(50, -1))
    query, key = same[1].clone(), same[0].clone()
    diagonals = products(7)
    for apart in (0, 3, 20):
        assert diagonals.diagonal(apart).std() < 1e-9
    assert (diagonals.diagonal(0)[0] - diagonals.diagonal(3)[0]).abs() > 1e-3


def test_shifted_texts_attend_as_before():
    net = net_of("causal")
    ids = torch.randint(2, 20, (1, 6))
    one = net(ids)
    tokens, at = net.embedding(ids), turns(torch.arange(1000, 1006), 8)
    for name in net.names:
        tokens, _ = net.get_submodule(name)(tokens, Sight(at))
    torch.testing.assert_close(net.norm(tokens), one, atol=1e-4, rtol=0)


@pytest.mark.parametrize("name", ONE_WAY)
def test_a_later_token_changes_nothing_earlier(name):
    net = net_of(name)
    ids = torch.randint(2, 20, (2, 10))
    other = ids.clone()
    other[:, 6:] = torch.randint(2, 20, (2, 4))
    before, after = net(ids), net(other)
    torch.testing.assert_close(before[:, :6], after[:, :6], atol=1e-5, rtol=1e-5)
    assert (before[:, 6:] - after[:, 6:]).abs().max() > 1e-2
    if name in ("causal", "gru"):
        both = net_of("both ways")
        assert (both(ids)[:, :6] - both(other)[:, :6]).abs().max() > 1e-2


@pytest.mark.parametrize("name", NETS)
def test_padding_never_counts(name):
    net = net_of(name)
    long, short = torch.randint(2, 20, (3, 12)), torch.randint(2, 20, (1, 5))
    batch = torch.cat([long, F.pad(short, (0, 7))])
    torch.testing.assert_close(net(batch)[3, :5], net(short)[0], atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("name", ONE_WAY)
def test_what_is_told_step_by_step_is_what_is_told_at_once(name):
    net = net_of(name)
    ids = torch.randint(2, 20, (2, 12))
    whole = net(ids)
    vectors, memories = net.go_on(ids[:, :4], net.start())
    parts = [vectors]
    for at in range(4, 12):
        vectors, memories = net.go_on(ids[:, at : at + 1], memories)
        parts.append(vectors)
    torch.testing.assert_close(torch.cat(parts, dim=1), whole, atol=1e-5, rtol=1e-4)


@pytest.mark.parametrize("causal", [False, True])
def test_a_sink_is_a_slot_of_the_softmax_that_gives_nothing(causal):
    torch.manual_seed(0)
    query, key, value = torch.randn(3, 2, 3, 6, 8)
    sink = torch.tensor([-30.0, 0.5, 30.0], requires_grad=True)
    mask = None
    if not causal:
        mask = torch.ones(2, 1, 1, 6, dtype=torch.bool)
        mask[1, ..., 4:] = False
    naive = torch.zeros_like(value)
    for n in range(2):
        for head in range(3):
            for at in range(6):
                seen = range(at + 1) if causal else range(6 if n == 0 else 4)
                logits = [float(query[n, head, at] @ key[n, head, j]) / math.sqrt(8) for j in seen]
                total = sum(map(math.exp, logits)) + math.exp(sink[head].item())
                for j, logit in zip(seen, logits, strict=True):
                    naive[n, head, at] += math.exp(logit) / total * value[n, head, j]
    got = with_sink(query, key, value, sink, mask, causal)
    torch.testing.assert_close(got.detach(), naive, atol=1e-5, rtol=1e-4)
    plain = F.scaled_dot_product_attention(query, key, value, attn_mask=mask, is_causal=causal)
    torch.testing.assert_close(got[:, 0].detach(), plain[:, 0], atol=1e-5, rtol=1e-4)
    got.sum().backward()
    assert sink.grad[1] != 0


def test_learned_positions_end_where_they_were_learnt():
    net = net_of("learned positions")
    assert net(torch.full((1, 12), 3)).shape == (1, 12, 16)
    with pytest.raises(DataError, match=r"end at 12 tokens, got 13; rotary ones go on"):
        net(torch.full((1, 13), 3))


def test_an_untrained_transformer_is_its_embeddings():
    net = NETS["causal"]().eval()
    ids = torch.randint(2, 20, (2, 7))
    torch.testing.assert_close(net(ids), net.norm(net.embedding(ids)))
