"""A network of fewer channels that starts with the strongest channels of a wider one.

A channel counts by how strongly it is written (the scale of its BatchNorm: Liu et al., Learning Efficient
Convolutional Networks through Network Slimming, ICCV 2017) times how strongly it is read (the sum of the
absolute weights that read it: Li et al., Pruning Filters for Efficient ConvNets, ICLR 2017). The feature map
has as many channels as before, so that the narrow network can take the head over and imitate the wide one
(gaze.training.distill).
"""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn

from gaze.network_mobilenet import InvertedResidual


@torch.no_grad()
def take_over_backbone(narrow: nn.Sequential, wide: nn.Sequential) -> None:
    """Fill the layers of ``narrow`` with channels of ``wide``; dropping silent ones changes no answer.

    Running statistics are copied too; what the dropped channels carried is missing in them, so they have to
    be measured again (gaze.training.batch_norm.reestimate).
    """
    kept = _strongest(_writes(wide[0]) * _reads(wide[1]), narrow[0][0].out_channels)
    _copy_conv(wide[0], narrow[0], kept, None)
    for stage, following in pairwise([*_stages(wide), [len(wide) - 1]]):
        written = sum(_writes(wide[index]) for index in stage)
        read = sum(_reads(wide[index]) for index in [*stage[1:], following[0]])
        outputs = _strongest(written * read, narrow[stage[0]].conv[-1].num_features)
        for index in stage:
            _copy_block(wide[index], narrow[index], kept, outputs)
            kept = outputs
    _copy_conv(wide[-1], narrow[-1], None, kept)


def _stages(backbone: nn.Sequential) -> list[list[int]]:
    """Indices of the blocks that share their output channels by shortcuts."""
    stages: list[list[int]] = []
    for index, block in enumerate(backbone):
        if isinstance(block, InvertedResidual):
            if block.shortcut:
                stages[-1].append(index)
            else:
                stages.append([index])
    return stages


def _writes(layer: nn.Module) -> Tensor:
    norm = layer.conv[-1] if isinstance(layer, InvertedResidual) else layer[1]
    return norm.weight.abs()


def _reads(layer: nn.Module) -> Tensor:
    """How strongly each input channel of a block, or of the last convolution, is read."""
    if not isinstance(layer, InvertedResidual):
        return layer[0].weight.abs().sum((0, 2, 3))
    if len(layer.conv) == 4:
        return layer.conv[0][0].weight.abs().sum((0, 2, 3))
    return _hidden(layer)


def _hidden(block: InvertedResidual) -> Tensor:
    """How strongly each hidden channel of a block is written and read."""
    return block.conv[-3][1].weight.abs() * block.conv[-2].weight.abs().sum((0, 2, 3))


def _strongest(score: Tensor, count: int) -> Tensor:
    return score.argsort(descending=True, stable=True)[:count].sort().values


def _copy_block(old: InvertedResidual, new: InvertedResidual, inputs: Tensor, outputs: Tensor) -> None:
    hidden = inputs
    if len(old.conv) == 4:
        hidden = _strongest(_hidden(old), new.conv[-2].in_channels)
        _copy_conv(old.conv[0], new.conv[0], hidden, inputs)
    _copy_conv(old.conv[-3], new.conv[-3], hidden, None)
    _copy_conv(old.conv[-2:], new.conv[-2:], outputs, hidden)


def _copy_conv(old: nn.Sequential, new: nn.Sequential, outputs: Tensor | None, inputs: Tensor | None) -> None:
    """A convolution and its BatchNorm; None keeps all channels (a depthwise one has no inputs to choose)."""
    weight = old[0].weight if outputs is None else old[0].weight[outputs]
    new[0].weight.copy_(weight if inputs is None else weight[:, inputs])
    for name in ("weight", "bias", "running_mean", "running_var"):
        value = getattr(old[1], name)
        getattr(new[1], name).copy_(value if outputs is None else value[outputs])
