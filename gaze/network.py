"""The gaze network: MobileNetV2 features, spatial weights, three fully connected layers.

State-dict names are those of the public MobileNetV2 gaze checkpoints: ``backbone.*`` (torchvision's
MobileNetV2 features), ``Conv1``, ``Conv2``, ``Conv3``, ``fc1.0``, ``fc2.0``, ``fc_final``; the optional
head for the uncertainty adds ``fc_log_sigma``, the optional second look at the eyes ``eye_backbone.*``.
Spatial weights: Zhang et al., It's Written All Over Your Face, CVPR workshops 2017.
"""

from __future__ import annotations

import math
import os
import zipfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from gaze.errors import ModelError
from gaze.network_file import read_tensors, save_tensors
from gaze.network_inputs import check_input_size, eye_window, map_sizes

IMAGENET_MEAN = (0.485, 0.456, 0.406)
IMAGENET_STD = (0.229, 0.224, 0.225)
CHECKPOINT_SCHEMA = "gaze.checkpoint/1"
FEATURE_CHANNELS = 256
HIDDEN = 512
# (expansion, channels, repeats, stride) of the inverted residual stages (Sandler et al. 2018, table 2).
STAGES = (
    (1, 16, 1, 1),
    (6, 24, 2, 2),
    (6, 32, 3, 2),
    (6, 64, 4, 2),
    (6, 96, 3, 1),
    (6, 160, 3, 2),
    (6, 320, 1, 1),
)


RunBackbone = Callable[[nn.Sequential, Tensor], Tensor]


class FacePreprocess(nn.Module):
    """uint8 BGR faces (N, S, S, 3) -> float32 RGB (N, 3, S, S) by ImageNet's mean and deviation.

    The one preprocessing: training, evaluation, export and parity checks all run this module.
    """

    def __init__(self) -> None:
        super().__init__()
        mean, std = torch.tensor(IMAGENET_MEAN), torch.tensor(IMAGENET_STD)
        self.register_buffer("scale", (1.0 / (255.0 * std)).view(1, 3, 1, 1), persistent=False)
        self.register_buffer("shift", (-mean / std).view(1, 3, 1, 1), persistent=False)

    def forward(self, faces: Tensor) -> Tensor:
        rgb = faces.permute(0, 3, 1, 2).flip(1).to(torch.float32)
        return rgb * self.scale + self.shift


def _round_to_8(channels: float) -> int:
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def _conv_bn_relu6(
    inputs: int, outputs: int, kernel: int = 3, stride: int = 1, groups: int = 1
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, stride, (kernel - 1) // 2, groups=groups, bias=False),
        nn.BatchNorm2d(outputs),
        nn.ReLU6(inplace=True),
    )


class InvertedResidual(nn.Module):
    """Expand 1x1, depthwise 3x3, project 1x1; with a shortcut where the shapes agree."""

    def __init__(self, inputs: int, outputs: int, stride: int, expansion: int) -> None:
        super().__init__()
        hidden = inputs * expansion
        layers: list[nn.Module] = [] if expansion == 1 else [_conv_bn_relu6(inputs, hidden, kernel=1)]
        layers += [
            _conv_bn_relu6(hidden, hidden, stride=stride, groups=hidden),
            nn.Conv2d(hidden, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
        ]
        self.conv = nn.Sequential(*layers)
        self.shortcut = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        return x + self.conv(x) if self.shortcut else self.conv(x)


def mobilenet_v2_features(width: float) -> nn.Sequential:
    """MobileNetV2's features, named as torchvision names them, ending in 256 channels at 1/32."""
    channels = _round_to_8(32 * width)
    layers: list[nn.Module] = [_conv_bn_relu6(3, channels, stride=2)]
    for expansion, base, repeats, stride in STAGES:
        outputs = _round_to_8(base * width)
        for index in range(repeats):
            layers.append(InvertedResidual(channels, outputs, stride if index == 0 else 1, expansion))
            channels = outputs
    layers.append(_conv_bn_relu6(channels, FEATURE_CHANNELS, kernel=1))
    return nn.Sequential(*layers)


class GazeNet(nn.Module):
    """Normalised faces -> gaze (pitch, yaw) in radians.

    With ``eyes`` the network looks twice: at the whole face in half the size, and by a second backbone at the
    part in which the eyes lie in full size. That shows the eyes as large as a network of twice the side does,
    for half its computation.

    Args:
        input_size: side S of the input in px, a multiple of 16 from 64 on; with ``eyes`` of 32 from 128 on.
        width: channel multiplier of the MobileNetV2 features.
        spatial_weights: multiply the feature map by a learned weight per place.
        predict_sigma: add a head for the logarithm of each angle's standard deviation (rad).
        dropout: probability after the two hidden layers; off in eval mode.
        divide_map_gradient: divide the gradient into the weight map by the number of channels, as in the
            paper on spatial weights.
        eyes: look at the eyes apart, too.

    Raises:
        ValueError: the input size is no such multiple or too small, or dropout is outside 0 to 1.
    """

    def __init__(
        self,
        input_size: int = 112,
        width: float = 1.0,
        spatial_weights: bool = True,
        predict_sigma: bool = False,
        dropout: float = 0.5,
        divide_map_gradient: bool = True,
        eyes: bool = False,
    ) -> None:
        super().__init__()
        check_input_size(input_size, eyes)
        if not 0.0 <= dropout < 1.0:
            raise ValueError(f"dropout must lie in 0 to 1, got {dropout}")
        self.config = {
            "input_size": input_size,
            "width": width,
            "spatial_weights": spatial_weights,
            "predict_sigma": predict_sigma,
            "dropout": dropout,
            "divide_map_gradient": divide_map_gradient,
            "eyes": eyes,
        }
        self.input_size = input_size
        self.divide_map_gradient = divide_map_gradient
        self.backbone = mobilenet_v2_features(width)
        if spatial_weights:
            self.Conv1 = nn.Conv2d(FEATURE_CHANNELS, FEATURE_CHANNELS, 1)
            self.Conv2 = nn.Conv2d(FEATURE_CHANNELS, FEATURE_CHANNELS, 1)
            self.Conv3 = nn.Conv2d(FEATURE_CHANNELS, 1, 1)
        self.eye_backbone = mobilenet_v2_features(width) if eyes else None
        places = sum(math.prod(map_size) for map_size in map_sizes(input_size, eyes))
        self.fc1 = nn.Sequential(
            nn.Linear(FEATURE_CHANNELS * places, HIDDEN), nn.ReLU(inplace=True), nn.Dropout(dropout)
        )
        self.fc2 = nn.Sequential(nn.Linear(HIDDEN, HIDDEN), nn.ReLU(inplace=True), nn.Dropout(dropout))
        self.fc_final = nn.Linear(HIDDEN, 2)
        self.fc_log_sigma = nn.Linear(HIDDEN, 2) if predict_sigma else None
        self._initialise()

    @property
    def has_spatial_weights(self) -> bool:
        """Whether the network has a weight map."""
        return self.config["spatial_weights"]

    @property
    def backbones(self) -> list[nn.Sequential]:
        """The face's, and the eyes' where the network looks at them apart."""
        return [self.backbone] if self.eye_backbone is None else [self.backbone, self.eye_backbone]

    def _initialise(self) -> None:
        for backbone in self.backbones:
            for module in backbone.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(module.weight, mode="fan_out")
        if self.has_spatial_weights:
            for conv, std, bias in (
                (self.Conv1, 0.01, 0.1),
                (self.Conv2, 0.01, 0.1),
                (self.Conv3, 0.001, 1.0),
            ):
                nn.init.normal_(conv.weight, std=std)
                nn.init.constant_(conv.bias, bias)
        for hidden in (self.fc1[0], self.fc2[0]):
            nn.init.kaiming_normal_(hidden.weight, nonlinearity="relu")
            nn.init.zeros_(hidden.bias)
        nn.init.normal_(self.fc_final.weight, std=0.01)
        nn.init.zeros_(self.fc_final.bias)
        if self.fc_log_sigma is not None:
            nn.init.normal_(self.fc_log_sigma.weight, std=0.001)
            # About 11 degrees: the order of a network's error when training starts.
            nn.init.constant_(self.fc_log_sigma.bias, math.log(0.2))

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """RGB (N, 3, S, S), normalised -> pitch and yaw (N, 2) rad, log of the deviation (N, 2) or None."""
        pitch_yaw, log_sigma, _ = self.forward_with_map(x)
        return pitch_yaw, log_sigma

    def forward_with_map(self, x: Tensor) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """As forward, and the face's weight map (N, h, w) with h = w, or None without one."""
        return self.head(self.features(x))

    def looks(self, x: Tensor) -> list[Tensor]:
        """What each backbone sees of RGB (N, 3, S, S): the face and, with ``eyes``, the eyes."""
        if self.eye_backbone is None:
            return [x]
        columns, rows = eye_window(self.input_size)
        return [functional.avg_pool2d(x, 2), x[:, :, rows, columns]]

    def features(self, x: Tensor, run: RunBackbone = nn.Sequential.__call__) -> list[Tensor]:
        """The feature map (N, 256, h, w) of each backbone for RGB (N, 3, S, S).

        ``run`` computes a backbone's answer to a picture, for example in another precision.
        """
        return [run(backbone, seen) for backbone, seen in zip(self.backbones, self.looks(x), strict=True)]

    def head(self, maps: list[Tensor]) -> tuple[Tensor, Tensor | None, Tensor | None]:
        """What follows the backbones: feature maps as `features` gives them -> as forward_with_map."""
        features, *eyes = maps
        weight_map = None
        if self.has_spatial_weights:
            weights = torch.relu(self.Conv1(features))
            weights = torch.relu(self.Conv2(weights))
            weights = torch.relu(self.Conv3(weights))
            weight_map = weights.squeeze(1)
            if self.divide_map_gradient and self.training:
                share = 1.0 / features.shape[1]
                weights = weights * share + (weights * (1.0 - share)).detach()
            features = features * weights
        flat = torch.cat([torch.flatten(each, 1) for each in (features, *eyes)], 1)
        hidden = self.fc2(self.fc1(flat))
        log_sigma = None if self.fc_log_sigma is None else self.fc_log_sigma(hidden)
        return self.fc_final(hidden), log_sigma, weight_map


def save_checkpoint(path: str | os.PathLike[str], net: GazeNet, meta: dict[str, object]) -> None:
    """Write the network's weights, its configuration and ``meta`` (JSON-like values) in one step.

    Raises:
        ModelError: the file cannot be written; an older one of that name is then untouched.
    """
    state = {name: value.detach().cpu().clone() for name, value in net.state_dict().items()}
    content = {"schema": CHECKPOINT_SCHEMA, "config": dict(net.config), "meta": dict(meta), "state": state}
    save_tensors(path, content)


def load_checkpoint(path: str | os.PathLike[str]) -> tuple[GazeNet, dict[str, object]]:
    """Read a checkpoint of this project, or a bare state dict with the public names .

    Returns:
        The network in eval mode on the CPU, and the checkpoint's meta (empty for a bare state dict).

    Raises:
        ModelError: the file is missing, truncated, of another kind, or does not fit the network.
    """
    content = read_tensors(path)
    if content.get("schema") == CHECKPOINT_SCHEMA:
        if missing := [key for key in ("config", "meta", "state") if not isinstance(content.get(key), dict)]:
            raise ModelError(f"{path}: lacks its {missing[0]}; train a new one with `gaze train`")
        config, meta, state = content["config"], content["meta"], content["state"]
    else:
        state, meta = _public_state(content), {}
        config = _config_of_state(state, path)
    try:
        net = GazeNet(**config)
        net.load_state_dict(state)
    except (TypeError, ValueError, RuntimeError) as error:
        raise ModelError(f"{path}: does not fit the network: {error}") from error
    return net.eval(), meta


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
        raise ModelError(f"{path}: ImageNet weights are for width 1, the network has {net.config['width']}")
    if Path(path).suffix == ".npz":
        for backbone in net.backbones:
            _load_folded(backbone, path)
        return True
    content = _public_state(read_tensors(path))
    wanted = {name: value for name, value in net.backbone.state_dict().items() if not name.startswith("18.")}
    state = {name: content.get(f"backbone.{name}", content.get(f"features.{name}")) for name in wanted}
    missing = [name for name, value in state.items() if value is None or value.shape != wanted[name].shape]
    if missing:
        raise ModelError(f"{path}: is no MobileNetV2 checkpoint: {missing[0]} is missing or of another shape")
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
    except (OSError, KeyError, ValueError, RuntimeError, zipfile.BadZipFile) as error:
        raise ModelError(f"{path}: is not the packed MobileNetV2 file: {error}") from error


def _public_state(content: dict[str, object]) -> dict[str, Tensor]:
    for key in ("state_dict", "model_state_dict", "model"):
        if isinstance(content.get(key), dict):
            content = content[key]
    return {str(name).removeprefix("module."): value for name, value in content.items()}


def _config_of_state(state: dict[str, Tensor], path: str | os.PathLike[str]) -> dict[str, object]:
    try:
        places = state["fc1.0.weight"].shape[1] // FEATURE_CHANNELS
        width = state["backbone.0.0.weight"].shape[0] / 32.0
    except (KeyError, AttributeError, IndexError) as error:
        raise ModelError(f"{path}: is no gaze checkpoint: lacks {error}") from error
    return {
        # 4 places a side are 112 px: the only size of the public checkpoints that is no multiple of 32.
        "input_size": {4: 112}.get(math.isqrt(places), 32 * math.isqrt(places)),
        "width": width,
        "spatial_weights": "Conv1.weight" in state,
        "predict_sigma": "fc_log_sigma.weight" in state,
    }
