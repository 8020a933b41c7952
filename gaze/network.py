"""The gaze network: MobileNetV2 features, spatial weights, three fully connected layers.

State-dict names are those of the public MobileNetV2 gaze checkpoints: ``backbone.*`` (torchvision's
MobileNetV2 features), ``Conv1``, ``Conv2``, ``Conv3``, ``fc1.0``, ``fc2.0``, ``fc_final``; the optional
head for the uncertainty adds ``fc_log_sigma``, the optional second look at the eyes ``eye_backbone.*``, the
optional landmarks ``landmarks.*``, ``geometry_head.*`` and ``fc_geometry``.
Spatial weights: Zhang et al., It's Written All Over Your Face, CVPR workshops 2017.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaze.network_inputs import check_input_size, eye_window, map_sizes
from gaze.network_landmarks import (
    GEOMETRY_WIDTH,
    TAPPED_BLOCKS,
    GeometryHead,
    LandmarkBranch,
    Landmarks,
    initialise_outputs,
)
from gaze.network_mobilenet import FEATURE_CHANNELS, mobilenet_v2_features
from gaze.types import IMAGENET_MEAN, IMAGENET_STD

HIDDEN = 512
# Of MobileNetV2's channels; a file that asks for more asks for the machine's memory.
LARGEST_WIDTH = 8.0

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


class Maps(NamedTuple):
    """What the backbones make of N faces.

    ``ends``: the feature map (N, 256, h, w) of each backbone; ``taps``: the face's maps after each of
    TAPPED_BLOCKS, in which landmarks are found, none where the network finds no landmarks.
    """

    ends: list[Tensor]
    taps: list[Tensor]


class Answers(NamedTuple):
    """All that the network says of N faces.

    ``pitch_yaw`` (N, 2) rad; ``log_sigma`` (N, 2), logarithm of the deviation in rad; ``weight_map``
    (N, h, w); ``landmarks``; ``geometry``, pitch and yaw by the landmarks alone and the logarithm of their
    deviation. What the network lacks is None.
    """

    pitch_yaw: Tensor
    log_sigma: Tensor | None
    weight_map: Tensor | None
    landmarks: Landmarks | None = None
    geometry: tuple[Tensor, Tensor] | None = None


class GazeNet(nn.Module):
    """Normalised faces -> gaze (pitch, yaw) in radians.

    With ``eyes`` the network looks twice: at the whole face in half the size, and by a second backbone at the
    part in which the eyes lie in full size. That shows the eyes as large as a network of twice the side does,
    for half its computation.

    With ``landmarks`` it also finds landmarks of eyes and face (gaze.network_landmarks), and where they lie
    goes into the answer beside the features.

    Args:
        input_size: side S of the input in px, a multiple of 16 from 64 to 1024; with ``eyes`` of 32 from 128.
        width: channel multiplier of the MobileNetV2 features, at most 8.
        spatial_weights: multiply the feature map by a learned weight per place.
        predict_sigma: add a head for the logarithm of each angle's standard deviation (rad).
        dropout: probability after the two hidden layers; off in eval mode.
        divide_map_gradient: divide the gradient into the weight map by the number of channels, as in the
            paper on spatial weights.
        eyes: look at the eyes apart, too.
        landmarks: find landmarks, too; not with ``eyes``.

    Raises:
        ValueError: the input size is no such multiple, a number is outside its bounds, or both ``eyes`` and
            ``landmarks`` are asked for.
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
        landmarks: bool = False,
    ) -> None:
        super().__init__()
        check_input_size(input_size, eyes)
        if eyes and landmarks:
            raise ValueError("a network looks at the eyes apart or finds landmarks, not both")
        if not 0.0 < width <= LARGEST_WIDTH:
            raise ValueError(f"width must be above 0 and at most {LARGEST_WIDTH:g}, got {width}")
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
            "landmarks": landmarks,
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
        self.landmarks = self.geometry_head = None
        if landmarks:
            tapped = [self.backbone[number].conv[-1].num_features for number in TAPPED_BLOCKS]
            self.landmarks = LandmarkBranch(input_size, (*tapped, FEATURE_CHANNELS))
            self.geometry_head = GeometryHead()
            self.fc_geometry = nn.Linear(GEOMETRY_WIDTH, HIDDEN)
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
        initialise_outputs(self.fc_final, self.fc_log_sigma)
        if self.landmarks is not None:
            # Added to what a trained network says, it changes nothing at first.
            nn.init.zeros_(self.fc_geometry.weight)
            nn.init.zeros_(self.fc_geometry.bias)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor | None]:
        """RGB (N, 3, S, S), normalised -> pitch and yaw (N, 2) rad, log of the deviation (N, 2) or None."""
        answers = self.all_answers(x)
        return answers.pitch_yaw, answers.log_sigma

    def all_answers(self, x: Tensor) -> Answers:
        """RGB (N, 3, S, S), normalised -> all that the network says."""
        return self.answers(self.features(x))

    def looks(self, x: Tensor) -> list[Tensor]:
        """What each backbone sees of RGB (N, 3, S, S): the face and, with ``eyes``, the eyes."""
        if self.eye_backbone is None:
            return [x]
        columns, rows = eye_window(self.input_size)
        return [functional.avg_pool2d(x, 2), x[:, :, rows, columns]]

    def features(self, x: Tensor, run: RunBackbone = nn.Sequential.__call__) -> Maps:
        """The maps of all backbones for RGB (N, 3, S, S).

        ``run`` computes the answer of a backbone, or of a part of it, for example in another precision.
        """
        if self.landmarks is None:
            seen = zip(self.backbones, self.looks(x), strict=True)
            return Maps([run(backbone, look) for backbone, look in seen], [])
        taps, first = [], 0
        for last in TAPPED_BLOCKS:
            x = run(self.backbone[first : last + 1], x)
            taps.append(x)
            first = last + 1
        return Maps([run(self.backbone[first:], x)], taps)

    def answers(self, maps: Maps) -> Answers:
        """What follows the backbones: all answers to the maps of `features`."""
        features, *eyes = maps.ends
        weighted, weight_map = self._weighted(features)
        flat = torch.cat([torch.flatten(each, 1) for each in (weighted, *eyes)], 1)
        hidden = self.fc1(flat)
        landmarks = geometry = None
        if self.landmarks is not None:
            said, landmarks = self.landmarks(features, maps.taps)
            hidden = hidden + self.fc_geometry(said)
            geometry = self.geometry_head(said)
        hidden = self.fc2(hidden)
        log_sigma = None if self.fc_log_sigma is None else self.fc_log_sigma(hidden)
        return Answers(self.fc_final(hidden), log_sigma, weight_map, landmarks, geometry)

    def _weighted(self, features: Tensor) -> tuple[Tensor, Tensor | None]:
        """The features times the spatial weights, and these (N, h, w)."""
        if not self.has_spatial_weights:
            return features, None
        weights = torch.relu(self.Conv1(features))
        weights = torch.relu(self.Conv2(weights))
        weights = torch.relu(self.Conv3(weights))
        weight_map = weights.squeeze(1)
        if self.divide_map_gradient and self.training:
            share = 1.0 / features.shape[1]
            weights = weights * share + (weights * (1.0 - share)).detach()
        return features * weights, weight_map
