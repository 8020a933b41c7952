"""The same network in a form that suffers less from rounding: what is exported.

MobileNetV2's first depthwise convolution gets channels whose mean is up to fifty times their deviation.
Rounding such numbers and their weights to bf16, or to the 256 steps of int8, costs more than all other layers
together. So the mean of each channel is taken off before that convolution, and what the convolution makes of
the means (a constant picture, not a constant, because of the zero padding) is added after it: in fp32 the
result is the same.

Where landmarks lie must not be rounded to bf16 either, which OpenVINO does to whatever goes into a fully
connected layer. What reads the gaze off them is exported as convolutions, which it can keep in fp32.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from deploy.runtimes.layer_groups import belongs
from gaze.network import GazeNet

# Channels that hardly move are scaled up by no more than this would make of them.
LEAST_DEVIATION = 0.05


class CentredConvolution(nn.Module):
    """A convolution with BatchNorm folded in, of an input whose channels are centred and scaled first.

    Args:
        convolution, norm: what it stands for.
        inputs: (N, C, h, w) examples of what goes in; they choose centre and scale, not the result.
    """

    def __init__(self, convolution: nn.Conv2d, norm: nn.BatchNorm2d, inputs: Tensor) -> None:
        super().__init__()
        folded = fuse_conv_bn_eval(convolution, norm)
        mean = inputs.mean((0, 2, 3)).view(1, -1, 1, 1)
        scale = 1.0 / inputs.std((0, 2, 3)).clamp_min(LEAST_DEVIATION).view(1, -1, 1, 1)
        self.stride, self.padding, self.groups = folded.stride, folded.padding, folded.groups
        self.register_buffer("scale", scale)
        self.register_buffer("shift", -mean * scale)
        # Depthwise: one input channel belongs to each filter.
        self.register_buffer("weight", folded.weight / scale.view(-1, 1, 1, 1))
        of_means = functional.conv2d(
            mean.expand(1, -1, *inputs.shape[2:]).double(),
            folded.weight.double(),
            folded.bias.double(),
            self.stride,
            self.padding,
            groups=self.groups,
        )
        self.register_buffer("of_means", of_means.float())

    def forward(self, x: Tensor) -> Tensor:
        centred = x * self.scale + self.shift
        return (
            functional.conv2d(centred, self.weight, None, self.stride, self.padding, groups=self.groups)
            + self.of_means
        )


class PointConvolution(nn.Module):
    """A fully connected layer as a convolution over pictures of one pixel: (N, C) -> (N, C')."""

    def __init__(self, layer: nn.Linear) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(layer.in_features, layer.out_features, 1)
        self.convolution.weight = nn.Parameter(layer.weight[:, :, None, None])
        self.convolution.bias = layer.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.convolution(x[:, :, None, None]).flatten(1)


@torch.no_grad()
def steadied(net: GazeNet, pictures: Tensor) -> GazeNet:
    """A copy whose first depthwise convolutions are centred, and whose landmarks are read by convolutions.

    It is equal to the network but for fp32 rounding.

    Args:
        pictures: (N, 3, S, S) preprocessed faces to read the channels' means off.
    """
    net = landmarks_by_convolution(net).cpu().float().eval()
    for backbone, seen in zip(net.backbones, net.looks(pictures), strict=True):
        first = backbone[1].conv[0]
        first[0] = CentredConvolution(first[0], first[1], backbone[0](seen))
        first[1] = nn.Identity()
    return net


def landmarks_by_convolution(net: GazeNet) -> GazeNet:
    """A copy that reads the gaze off its landmarks, where it has any, by convolutions.

    It is equal to the network but for fp32 rounding.
    """
    net = copy.deepcopy(net)
    if net.landmarks is not None:
        _linear_to_convolution(net.landmarks.geometry)
        net.fc_geometry = PointConvolution(net.fc_geometry)
    return net


def _linear_to_convolution(module: nn.Module) -> None:
    for name, child in module.named_children():
        if isinstance(child, nn.Linear):
            setattr(module, name, PointConvolution(child))
        else:
            _linear_to_convolution(child)


def to_bf16(weight: Tensor) -> Tensor:
    """The nearest values that bf16 holds."""
    return weight.bfloat16().float()


def to_int8(weight: Tensor) -> Tensor:
    """The nearest of 255 even steps about zero, for each output channel (the first axis)."""
    step = weight.abs().amax(tuple(range(1, weight.ndim)), keepdim=True).clamp_min(1e-12) / 127.0
    return (weight / step).round() * step


@torch.no_grad()
def rounded(
    net: GazeNet, pictures: Tensor, rounding: Callable[[Tensor], Tensor], in_float: Sequence[str] = ()
) -> GazeNet:
    """A copy with rounded weights, and biases that make up for the rounding on average.

    What the rounding of a weight changes is, for the mean of its input, a constant; the bias takes it back
    (the bias correction of quantisation: Nagel et al., Data-Free Quantization, 2019).

    Args:
        net: the network, steadied if its early layers are rounded.
        pictures: (N, 3, S, S) preprocessed faces to read the mean inputs off.
        rounding: to_bf16 or to_int8.
        in_float: groups of layers that stay as they are: "/backbone.3/" is block 3, "/fc" all fully connected
            layers.
    """
    net = _with_norms_folded(copy.deepcopy(net))
    # A module's name has points where a node's name has slashes, but for the number of a block.
    groups = [group.replace("backbone.", "backbone/") for group in in_float]
    means: dict[nn.Module, Tensor] = {}

    def note(layer: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        x = inputs[0]
        means[layer] = x.mean((0, 2, 3)) if x.ndim == 4 else x.mean(0)

    layers = [
        item
        for name, item in net.named_modules()
        if isinstance(item, (nn.Conv2d, nn.Linear)) and not belongs(f"/{name}/".replace(".", "/"), groups)
    ]
    hooks = [layer.register_forward_pre_hook(note) for layer in layers]
    net(pictures)
    for hook in hooks:
        hook.remove()
    for layer in layers:
        coarse = rounding(layer.weight)
        change = layer.weight - coarse
        if isinstance(layer, nn.Conv2d):
            per_group = means[layer].view(layer.groups, -1)
            owners = torch.arange(layer.out_channels) * layer.groups // layer.out_channels
            correction = (change.sum((2, 3)) * per_group[owners]).sum(1)
        else:
            correction = change @ means[layer]
        layer.weight.copy_(coarse)
        layer.bias.add_(correction)
    return net


def _with_norms_folded(net: GazeNet) -> GazeNet:
    for parent in list(net.modules()):
        if not isinstance(parent, nn.Sequential):
            continue
        for index in range(len(parent) - 1):
            if isinstance(parent[index], nn.Conv2d) and isinstance(parent[index + 1], nn.BatchNorm2d):
                parent[index] = fuse_conv_bn_eval(parent[index], parent[index + 1])
                parent[index + 1] = nn.Identity()
    return net
