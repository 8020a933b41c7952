"""BatchNorm statistics: set from data at the start, averaged again at the end, frozen in between if asked."""

from __future__ import annotations

from collections.abc import Iterable

import torch
from torch import Tensor, nn

from gaze.network import GazeNet


def norms(net: nn.Module) -> list[nn.BatchNorm2d]:
    """All BatchNorm layers in order."""
    return [module for module in net.modules() if isinstance(module, nn.BatchNorm2d)]


def freeze(net: nn.Module) -> None:
    """Use and keep the running statistics; scale and shift still learn. Call again after ``net.train()``."""
    for norm in norms(net):
        norm.eval()


@torch.no_grad()
def measure(net: nn.Module, batches: Iterable[Tensor]) -> list[tuple[Tensor, Tensor]]:
    """Mean and variance per channel of what enters each BatchNorm, over all batches, net in eval mode."""
    layers = norms(net)
    sums = [torch.zeros(3, layer.num_features, dtype=torch.float64) for layer in layers]

    def hook_for(total: Tensor):
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            x = inputs[0].detach().double()
            total[0] += x.sum((0, 2, 3)).cpu()
            total[1] += x.square().sum((0, 2, 3)).cpu()
            total[2] += x.numel() / x.shape[1]

        return hook

    was_training = net.training
    net.eval()
    hooks = [
        layer.register_forward_pre_hook(hook_for(total)) for layer, total in zip(layers, sums, strict=True)
    ]
    try:
        for batch in batches:
            net(batch)
    finally:
        for hook in hooks:
            hook.remove()
        net.train(was_training)
    results = []
    for total in sums:
        mean = total[0] / total[2]
        results.append((mean.float(), (total[1] / total[2] - mean.square()).clamp_min(0).float()))
    return results


@torch.no_grad()
def match_statistics(net: GazeNet, batches: Iterable[Tensor]) -> None:
    """Give every BatchNorm the statistics of its input without changing what the network computes.

    For weights with BatchNorm folded in (gaze.training.imagenet): afterwards training mode and eval mode
    agree. A backbone's last BatchNorm, behind a randomly started convolution, is normalised instead.
    """
    measured = measure(net, batches)
    last = {norms(backbone)[-1] for backbone in net.backbones}
    for layer, (mean, variance) in zip(norms(net), measured, strict=True):
        variance = variance.clamp_min(1e-6)
        if layer not in last:
            old_scale = layer.weight * torch.rsqrt(layer.running_var + layer.eps)
            layer.bias.add_((mean - layer.running_mean) * old_scale)
            layer.weight.copy_(old_scale * torch.sqrt(variance + layer.eps))
        layer.running_mean.copy_(mean)
        layer.running_var.copy_(variance)


@torch.no_grad()
def reestimate(net: nn.Module, batches: Iterable[Tensor]) -> None:
    """Set the running statistics to the average over the batches in training mode (for averaged weights)."""
    layers = norms(net)
    momenta = [layer.momentum for layer in layers]
    was_training = net.training
    net.eval()
    for layer in layers:
        layer.reset_running_stats()
        layer.momentum = None
        layer.train()
    try:
        for batch in batches:
            net(batch)
    finally:
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum
        net.train(was_training)
