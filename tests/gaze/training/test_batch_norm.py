"""BatchNorm statistics: matching keeps the function, averaging equals the direct mean."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from gaze.network import GazeNet
from gaze.training import batch_norm


def network():
    torch.manual_seed(0)
    net = GazeNet(64, width=0.25, dropout=0.0)
    for norm in batch_norm.norms(net):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
        nn.init.normal_(norm.running_mean, std=0.2)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return net


def batches():
    torch.manual_seed(1)
    return [torch.randn(16, 3, 64, 64) + 0.3 for _ in range(3)]


def test_matching_keeps_the_function_and_makes_training_mode_agree():
    net = network()
    data = torch.cat(batches())
    with torch.no_grad():
        before = net.eval().backbone[:-1](data)
        batch_norm.match_statistics(net, batches())
        after = net.eval().backbone[:-1](data)
        in_training = net.train().backbone[:-1](data)
    torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(in_training, before, atol=2e-2, rtol=1e-2)


def test_matching_normalises_the_last_layer():
    net = network()
    with torch.no_grad():
        batch_norm.match_statistics(net, batches())
        last = net.backbone[-1]
        x = last[0](net.eval().backbone[:-1](torch.cat(batches())))
    torch.testing.assert_close(x.mean((0, 2, 3)), last[1].running_mean, atol=1e-4, rtol=1e-3)
    torch.testing.assert_close(x.var((0, 2, 3), unbiased=False), last[1].running_var, atol=1e-3, rtol=1e-3)


def test_measure_equals_the_direct_statistics_of_the_first_layer():
    net = network().eval()
    data = torch.cat(batches())
    mean, variance = batch_norm.measure(net, batches())[0]
    x = net.backbone[0][0](data).detach()
    torch.testing.assert_close(mean, x.mean((0, 2, 3)), atol=1e-5, rtol=1e-4)
    torch.testing.assert_close(variance, x.var((0, 2, 3), unbiased=False), atol=1e-5, rtol=1e-4)


def test_reestimation_averages_over_the_batches():
    net = network()
    batch_norm.reestimate(net, batches())
    first, norm = net.backbone[0][0], net.backbone[0][1]
    means = torch.stack([first(batch).mean((0, 2, 3)) for batch in batches()]).mean(0)
    torch.testing.assert_close(norm.running_mean, means.detach(), atol=1e-5, rtol=1e-4)
    assert norm.momentum == 0.1
    assert net.training


def test_frozen_statistics_do_not_move():
    net = network().train()
    batch_norm.freeze(net)
    before = [norm.running_mean.clone() for norm in batch_norm.norms(net)]
    net(batches()[0])
    for norm, mean in zip(batch_norm.norms(net), before, strict=True):
        assert torch.equal(norm.running_mean, mean)
