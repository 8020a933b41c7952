"""BatchNorm statistics: matching keeps the function, averaging equals the direct mean."""

import pytest

pytest.importorskip("torch")

import torch
from torch import nn

from gaze.network import GazeNet
from gaze.training import batch_norm


def network(size_px=64, eyes=False):
    torch.manual_seed(0)
    net = GazeNet(size_px, width=0.25, dropout=0.0, eyes=eyes)
    for norm in batch_norm.norms(net):
        nn.init.uniform_(norm.weight, 0.5, 1.5)
        nn.init.normal_(norm.bias, std=0.3)
        nn.init.normal_(norm.running_mean, std=0.2)
        nn.init.uniform_(norm.running_var, 0.5, 2.0)
    return net


def batches(size_px=64):
    torch.manual_seed(1)
    return [torch.randn(16, 3, size_px, size_px) + 0.3 for _ in range(3)]


# The face alone, and the eyes apart too.
LOOKS = pytest.mark.parametrize(("size_px", "eyes"), [(64, False), (128, True)])


@LOOKS
def test_matching_keeps_the_function_and_makes_training_mode_agree(size_px, eyes):
    net = network(size_px, eyes)
    data = torch.cat(batches(size_px))

    def before_the_last_layer():
        return net.features(data, lambda backbone, seen: backbone[:-1](seen)).ends

    with torch.no_grad():
        net.eval()
        before = before_the_last_layer()
        batch_norm.match_statistics(net, batches(size_px))
        after = before_the_last_layer()
        net.train()
        in_training = before_the_last_layer()
    torch.testing.assert_close(after, before, atol=1e-3, rtol=1e-3)
    torch.testing.assert_close(in_training, before, atol=2e-2, rtol=1e-2)


@LOOKS
def test_matching_normalises_the_last_layers(size_px, eyes):
    net = network(size_px, eyes).eval()
    with torch.no_grad():
        batch_norm.match_statistics(net, batches(size_px))
        maps = net.features(
            torch.cat(batches(size_px)), lambda backbone, seen: backbone[-1][0](backbone[:-1](seen))
        )
    for backbone, x in zip(net.backbones, maps.ends, strict=True):
        norm = backbone[-1][1]
        torch.testing.assert_close(x.mean((0, 2, 3)), norm.running_mean, atol=1e-4, rtol=1e-3)
        torch.testing.assert_close(x.var((0, 2, 3), unbiased=False), norm.running_var, atol=1e-3, rtol=1e-3)


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
