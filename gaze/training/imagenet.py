"""ImageNet weights as a start: the packed file without BatchNorm, or torchvision's checkpoint."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import torch
from torch import nn

from gaze.array_files import DAMAGED_ARRAYS
from gaze.errors import ModelError
from gaze.network import GazeNet
from gaze.network_file import bare_state, read_tensors
from gaze.network_mobilenet import InvertedResidual
from gaze.types import IMAGENET_MEAN, IMAGENET_STD


def load_imagenet(net: GazeNet, path: str | os.PathLike[str]) -> bool:
    """Start the backbones from ImageNet weights: the packed .npz without BatchNorm, or torchvision's .pth.

    The last convolution, 320 -> 256, has no counterpart and keeps its random start.

    Returns:
        Whether the BatchNorm statistics must be set from data before training (true of the packed file,
        see gaze.training.batch_norm.match_statistics).

    Raises:
        ModelError: the file is missing or of another kind, or the network has another width than 1.
    """
    if net.config["width"] != 1.0:
        raise ModelError(
            f"{path}: ImageNet weights are for width 1, the network has {net.config['width']}; leave --width "
            "away, or start from random or a gaze checkpoint"
        )
    if Path(path).suffix == ".npz":
        for backbone in net.backbones:
            _load_folded(backbone, path)
        return True
    content = bare_state(read_tensors(path))
    wanted = {name: value for name, value in net.backbone.state_dict().items() if not name.startswith("18.")}
    state = {name: content.get(f"backbone.{name}", content.get(f"features.{name}")) for name in wanted}
    missing = [name for name, value in state.items() if value is None or value.shape != wanted[name].shape]
    if missing:
        raise ModelError(
            f"{path}: is no MobileNetV2 checkpoint: {missing[0]} is missing or of another shape; give "
            "torchvision's mobilenet_v2 of width 1, or another --start"
        )
    for backbone in net.backbones:
        backbone.load_state_dict(state, strict=False)
    return False


def _load_folded(backbone: nn.Sequential, path: str | os.PathLike[str]) -> None:
    """Convolutions with BatchNorm folded in, made for inputs of -1 to 1; BN becomes the bias alone."""
    pairs = []
    for block in backbone[:-1]:
        layers = block.conv if isinstance(block, InvertedResidual) else [block]
        flat = [m for layer in layers for m in (layer if isinstance(layer, nn.Sequential) else (layer,))]
        convs = [m for m in flat if isinstance(m, nn.Conv2d)]
        pairs += zip(convs, [m for m in flat if isinstance(m, nn.BatchNorm2d)], strict=True)
    try:
        with np.load(path) as archive:
            for index, (conv, norm) in enumerate(pairs):
                name = f"{index:02d}_{'dw' if conv.groups > 1 else 'conv'}"
                weight = torch.from_numpy(archive[f"{name}.weight"].astype(np.float32))
                bias = torch.from_numpy(archive[f"{name}.bias"].astype(np.float32))
                if index == 0:
                    # 2 (n * std + mean) - 1 is the input that these weights expect, n is ours.
                    bias = bias + torch.einsum("oihw,i->o", weight, 2.0 * torch.tensor(IMAGENET_MEAN) - 1.0)
                    weight = weight * (2.0 * torch.tensor(IMAGENET_STD)).view(1, 3, 1, 1)
                with torch.no_grad():
                    conv.weight.copy_(weight)
                    norm.bias.copy_(bias)
                    norm.weight.fill_(1.0)
                norm.reset_running_stats()
                norm.running_var.fill_(1.0 - norm.eps)
    except DAMAGED_ARRAYS as error:
        raise ModelError(
            f"{path}: is not the packed MobileNetV2 file: {error}; fetch it again with `gaze synthesize "
            "fetch-assets`"
        ) from error
