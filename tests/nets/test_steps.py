"""Layers over time: no step of an item may see padding, however much of it there is."""

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from nearspace.nets.bodies import autoencoder_bodies, start_at_pca
from nearspace.nets.layers import tap
from nearspace.nets.steps import ConvSteps, GRUSteps, StepNorm, StepPool, pool_steps
from nearspace.nets.temporal import Outline, StepDecoder, temporal_convnet, temporal_gru


def padded(items, longest=None):
    """Return items ``(channels, time)`` as a batch with a mask."""
    longest = longest or max(item.shape[1] for item in items)
    return torch.stack(
        [F.pad(torch.cat([i, torch.ones(1, i.shape[1])]), (0, longest - i.shape[1])) for i in items]
    )


def test_normalises_by_the_steps_that_are_there_as_torch_does_by_them_alone():
    torch.manual_seed(0)
    items = [3 + 2 * torch.randn(4, n) for n in (1, 7, 20)]
    batch, ours, peer = padded(items, 33), StepNorm(4), torch.nn.BatchNorm1d(4)
    alone = torch.cat(items, dim=1).T
    ours.train(), peer.train()
    wanted = peer(alone)
    values = ours(batch[:, :-1], batch[:, -1:]).movedim(1, 2)[batch[:, -1] == 1]
    torch.testing.assert_close(values, wanted, atol=1e-4, rtol=1e-4)
    torch.testing.assert_close(ours.mean, peer.running_mean)
    torch.testing.assert_close(ours.variance, 0.9 + 0.1 * alone.var(dim=0, correction=0))
    ours.eval(), peer.eval()
    peer.running_var = ours.variance
    values = ours(batch[:, :-1], batch[:, -1:]).movedim(1, 2)[batch[:, -1] == 1]
    torch.testing.assert_close(values, peer(alone), atol=1e-5, rtol=1e-5)


def test_a_convolution_is_that_of_the_item_between_zeros():
    torch.manual_seed(0)
    item, layer = torch.randn(2, 9), ConvSteps(2, 3, kernel=3, stride=2).eval()
    steps = torch.cat([item, torch.ones(1, 9)]).numpy()
    between = np.pad(steps, ((0, 0), (1, 1)))
    weight = layer.conv.weight.detach().numpy()
    wanted = [(weight * between[:, at : at + 3]).sum(axis=(1, 2)) for at in range(0, 9, 2)]
    wanted = F.gelu(torch.tensor(np.array(wanted).T) / np.sqrt(1 + 1e-5))
    values = layer(padded([item], 30))
    torch.testing.assert_close(values[0, :-1, :5], wanted.float(), atol=1e-5, rtol=1e-5)
    assert values[0, -1].tolist() == [1.0] * 5 + [0.0] * 10
    assert not values[0, :, 5:].any()


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 40])
def test_means_of_parts_are_those_of_a_finely_cut_item(length):
    item = torch.randn(2, length)
    batch = padded([item], 50)
    fine = item.repeat_interleave(12, dim=1)  # 4 parts of whole pieces
    wanted = fine.reshape(2, 4, -1).mean(dim=2).flatten()
    pooled = StepPool(4)(batch)[0]
    torch.testing.assert_close(pooled[:8], wanted, atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(pooled[8:], item.amax(dim=1))
    torch.testing.assert_close(pool_steps(batch, "mean")[0], item.mean(dim=1))


NETS = {"cnn": temporal_convnet, "gru": temporal_gru}


@pytest.mark.parametrize("parts", [1, 4])
@pytest.mark.parametrize("name", NETS)
def test_every_layer_gives_an_item_the_same_alone_and_among_longer_ones(name, parts):
    torch.manual_seed(0)
    net = NETS[name]((4, 60), 16, 5, "last", parts)
    items = [torch.randn(3, n) for n in (1, 2, 5, 8, 60, 300)]
    net.train()(padded(items))  # running statistics that are not those of the start
    net.eval()
    names = [name for name, _ in net.named_children()]
    together = tap(net, names, padded(items))
    for row, item in enumerate(items):
        alone = tap(net, names, padded([item]))
        for layer in names:
            one, same = alone[layer][0], together[layer][row]
            if one.ndim == 2:  # steps: behind the end of the item there is nothing
                assert not same[:, one.shape[1] :].any()
                same = same[:, : one.shape[1]]
            assert (one - same).norm() <= 1e-4 * one.norm() + 1e-6, (layer, len(item[0]))
            assert torch.isfinite(one).all()


@pytest.mark.parametrize("name", NETS)
@pytest.mark.parametrize("length", [1, 8, 400])
def test_items_that_do_not_vary_train_without_nan(name, length):
    net = NETS[name]((3, length), 8, 2, "last")
    batch = padded([torch.full((2, length), 5.0)] * 4)
    outputs = net.train()(batch)
    outputs.square().sum().backward()
    assert all(torch.isfinite(param.grad).all() for param in net.parameters())


def test_units_in_one_direction_know_nothing_of_what_comes_after():
    torch.manual_seed(0)
    layer, item = GRUSteps(2, 8), torch.randn(2, 20)
    whole, part = layer(padded([item])), layer(padded([item[:, :12]]))
    torch.testing.assert_close(whole[:, :, :12], part)


@pytest.mark.parametrize("longest", [1, 2, 17, 150, 1001])
def test_decodes_to_any_length(longest):
    decoder = StepDecoder(4, 16, (3, longest))
    assert decoder(torch.randn(2, 4)).shape == (2, 3, longest)


def test_an_outline_gives_items_back():
    torch.manual_seed(0)
    items = [torch.randn(2, n) for n in (1, 2, 7, 30)]
    batch, outline = padded(items), Outline((3, 30))
    whole = outline.steps(outline(batch))
    assert ((whole[:, -1] > 0) == (batch[:, -1] > 0)).all()
    for item, again in zip(items, whole, strict=True):
        if item.shape[1] in (1, 2, 30):  # whose steps are among the times
            torch.testing.assert_close(again[:-1, : item.shape[1]], item, atol=1e-5, rtol=1e-5)
    told = outline.steps(outline(batch), torch.full((4, 1), 3.0))
    assert (told[:, -1] == whole[:, -1]).all()
    torch.testing.assert_close(told[2, :-1, 2], items[2][:, -1])


def test_an_autoencoder_over_time_starts_at_the_principal_components_of_outlines():
    torch.manual_seed(0)
    waves = [torch.sin(torch.arange(n) * 6.3 / n + p)[None] for n in (20, 31) for p in range(15)]
    batch = padded(waves)
    bodies = autoencoder_bodies((2, 31), (16,), 3, 3, linear_path=True).eval()
    start_at_pca(bodies, batch)
    decoded = bodies["decoder"](bodies["encoder"](batch))
    assert ((decoded[:, -1] > 0) == (batch[:, -1] > 0)).all()  # the length is one of three numbers
    assert ((decoded - batch)[:, :-1].square() * batch[:, -1:]).mean() < 1e-3
