"""The part of the network that finds landmarks of eyes and face and reads the gaze off where they lie.

Heat maps over MobileNetV2's maps, from coarse to fine (Lin et al., Feature Pyramid Networks, 2017): the
face's landmarks at an eighth of the input, the eyes' at half of it, in the rows where eyes can be. A landmark
is the mean place of its heat map (Sun et al., Integral Human Pose Regression, 2018), finer than a pixel.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaze.learned_landmarks import EYE_COUNT, INNER_CORNER, LEARNED_COUNT, OUTER_CORNER

# The backbone's blocks after which its maps are read, at 1/2, 1/4, 1/8 and 1/16 of the input. Its end, at
# 1/32, is read as well.
TAPPED_BLOCKS = (1, 3, 6, 13)
# Rows of a normalised face in which the landmarks of eyes lie, as shares of its side: those of 99.9 % of
# 9,600 rendered crops at a view of 125 mm.
LANDMARK_ROWS = (0.09, 0.56)
MAP_CHANNELS = 48
GEOMETRY_WIDTH = 256
GEOMETRY_LAYERS = 3
# Brings places in the face, places in the eye and the logarithm of a heat map's spread near 1.
_FACE_SCALE, _EYE_SCALE, _SPREAD_SHIFT = 8.0, 25.0, 4.0
_LEAST_VARIANCE = 1e-8
# About where landmarks lie, as shares of the face's side.
_LEFT_EYE, _RIGHT_EYE, _FACE = (0.66, 0.34), (0.34, 0.34), (0.5, 0.5)


class Landmarks(NamedTuple):
    """Where landmarks lie, in the order of gaze.learned_landmarks.

    ``places`` (N, 60, 2) as shares of the face's side, x to the right and y down, from the first pixel's
    centre; ``log_spread`` (N, 60), logarithm of the deviation of the heat map, in the same unit.
    """

    places: Tensor
    log_spread: Tensor


class LandmarkBranch(nn.Module):
    """Maps of a backbone -> landmarks, and what their places say of the gaze.

    Args:
        input_size: side of the face in px.
        channels: of the backbone's maps at 1/2, 1/4, 1/8, 1/16 and 1/32 of the face.
    """

    def __init__(self, input_size: int, channels: tuple[int, ...]) -> None:
        super().__init__()
        top, bottom = (round(share * input_size / 4) for share in LANDMARK_ROWS)
        self.eye_rows = (top, bottom)  # of the map at 1/4
        self.places = _Places(input_size, 4 * top, 4 * bottom)
        # Sides of the maps from coarse to fine; the input is a multiple of 16.
        self.sides = tuple(input_size // stride for stride in (16, 8, 4))
        self.lateral = nn.ModuleList(nn.Conv2d(count, MAP_CHANNELS, 1) for count in reversed(channels))
        self.mix = nn.ModuleList(_mixing(kernel) for kernel in (3, 3, 5, 5))
        self.face_heat = nn.Conv2d(MAP_CHANNELS, LEARNED_COUNT - 2 * EYE_COUNT, 1)
        self.eye_heat = nn.Conv2d(MAP_CHANNELS, 2 * EYE_COUNT, 1)
        self.geometry = nn.Sequential(
            nn.Linear(_NUMBERS, GEOMETRY_WIDTH),
            *(_Residual(GEOMETRY_WIDTH) for _ in range(GEOMETRY_LAYERS)),
            nn.LayerNorm(GEOMETRY_WIDTH),
        )
        for heat in (self.face_heat, self.eye_heat):
            nn.init.normal_(heat.weight, std=0.05)
            nn.init.zeros_(heat.bias)

    def forward(self, end: Tensor, taps: list[Tensor]) -> tuple[Tensor, Landmarks]:
        """What the landmarks say (N, GEOMETRY_WIDTH), and the landmarks.

        Args:
            end: the backbone's last map (N, 256, h, w).
            taps: its maps at 1/2, 1/4, 1/8 and 1/16 of the face.
        """
        half, quarter, eighth, sixteenth = taps
        top, bottom = self.eye_rows
        coarse, middle, fine = self.sides
        x = self._mixed(0, functional.interpolate(self.lateral[0](end), coarse), sixteenth)
        x = self._mixed(1, functional.interpolate(x, middle), eighth)
        face_heat = self.face_heat(x)
        x = functional.interpolate(x, fine)[:, :, top:bottom]
        x = self._mixed(2, x, quarter[:, :, top:bottom])
        x = functional.interpolate(x, (2 * (bottom - top), 2 * fine))
        x = self._mixed(3, x, half[:, :, 2 * top : 2 * bottom])
        landmarks, numbers = self.places(self.eye_heat(x), face_heat)
        return self.geometry(numbers), landmarks

    def _mixed(self, level: int, x: Tensor, finer: Tensor) -> Tensor:
        x = x + self.lateral[level + 1](finer)
        return x + self.mix[level](x)


class _Places(nn.Module):
    """Heat maps -> where landmarks lie, and these as numbers from which geometry is read.

    A module of its own, so that exported graphs have a name for what must be calculated in fp32.
    """

    def __init__(self, input_size: int, eye_top_px: int, eye_bottom_px: int) -> None:
        super().__init__()
        for name, stride, (top_px, bottom_px) in (
            ("eye", 2, (eye_top_px, eye_bottom_px)),
            ("face", 8, (0, input_size)),
        ):
            self.register_buffer(f"{name}_x", torch.arange(0, input_size, stride) / input_size, False)
            self.register_buffer(f"{name}_y", torch.arange(top_px, bottom_px, stride) / input_size, False)
        near = [_LEFT_EYE] * EYE_COUNT + [_RIGHT_EYE] * EYE_COUNT + [_FACE] * (LEARNED_COUNT - 2 * EYE_COUNT)
        self.register_buffer("near", torch.tensor(near), False)

    def forward(self, eye_heat: Tensor, face_heat: Tensor) -> tuple[Landmarks, Tensor]:
        with torch.autocast(eye_heat.device.type, enabled=False):
            near_eyes, near_face = self.near.split((2 * EYE_COUNT, LEARNED_COUNT - 2 * EYE_COUNT))
            eyes = _moments(eye_heat.float(), self.eye_x, self.eye_y, near_eyes)
            face = _moments(face_heat.float(), self.face_x, self.face_y, near_face)
            places, variance = (torch.cat(pair, 1) for pair in zip(eyes, face, strict=True))
            landmarks = Landmarks(places, 0.5 * variance.clamp_min(_LEAST_VARIANCE).log())
            return landmarks, _numbers(landmarks)


def _moments(heat: Tensor, x: Tensor, y: Tensor, near: Tensor) -> tuple[Tensor, Tensor]:
    """Means (N, K, 2) and variances (N, K) of heat maps (N, K, h, w) over columns at x (w,), rows at y (h,).

    They are calculated from points ``near`` (K, 2) them, as squares of small numbers lose fewer digits, and
    without products of matrices: what goes into these OpenVINO rounds to bf16, whatever is asked for.
    """
    share = heat.flatten(2).softmax(-1).unflatten(2, (y.shape[0], x.shape[0]))
    by_column, by_row = share.sum(2), share.sum(3)
    across, down = x - near[:, :1], y - near[:, 1:]
    offsets = torch.stack([(by_column * across).sum(-1), (by_row * down).sum(-1)], -1)
    squares = (by_column * across.square()).sum(-1) + (by_row * down.square()).sum(-1)
    return offsets + near, squares - offsets.square().sum(-1)


# How many they are: x and y of places in the face, x and y of places in each eye, spreads.
_NUMBERS = 2 * LEARNED_COUNT + 2 * (2 * EYE_COUNT) + LEARNED_COUNT


def _numbers(landmarks: Landmarks) -> Tensor:
    """Places in the face, places in each eye, spreads."""
    places, log_spread = landmarks
    parts = [((places - 0.5) * _FACE_SCALE).flatten(1)]
    for first in (0, EYE_COUNT):
        eye = places[:, first : first + EYE_COUNT]
        middle = 0.5 * (eye[:, INNER_CORNER] + eye[:, OUTER_CORNER])
        parts.append(((eye - middle[:, None]) * _EYE_SCALE).flatten(1))
    return torch.cat([*parts, log_spread + _SPREAD_SHIFT], 1)


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.LayerNorm(width), nn.Linear(width, width), nn.GELU(), nn.Linear(width, width)
        )

    def forward(self, x: Tensor) -> Tensor:
        return x + self.inner(x)


def _mixing(kernel: int) -> nn.Sequential:
    """A depthwise convolution and one across the channels."""
    return nn.Sequential(
        nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, kernel, padding=kernel // 2, groups=MAP_CHANNELS),
        nn.ReLU(inplace=True),
        nn.Conv2d(MAP_CHANNELS, MAP_CHANNELS, 1),
        nn.ReLU(inplace=True),
    )


def initialise_outputs(pitch_yaw: nn.Linear, log_sigma: nn.Linear | None) -> None:
    """Start the last layers near straight ahead and with a deviation that fits the errors of the start."""
    nn.init.normal_(pitch_yaw.weight, std=0.01)
    nn.init.zeros_(pitch_yaw.bias)
    if log_sigma is not None:
        nn.init.normal_(log_sigma.weight, std=0.001)
        # About 11 degrees: the order of a network's error when training starts.
        nn.init.constant_(log_sigma.bias, math.log(0.2))


class GeometryHead(nn.Module):
    """The gaze by the landmarks alone: pitch and yaw (N, 2) rad and the logarithm of their deviation."""

    def __init__(self) -> None:
        super().__init__()
        self.pitch_yaw = nn.Linear(GEOMETRY_WIDTH, 2)
        self.log_sigma = nn.Linear(GEOMETRY_WIDTH, 2)
        initialise_outputs(self.pitch_yaw, self.log_sigma)

    def forward(self, geometry: Tensor) -> tuple[Tensor, Tensor]:
        return self.pitch_yaw(geometry), self.log_sigma(geometry)
