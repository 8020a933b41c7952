"""The groups of layers that exports treat apart (deploy.runtimes.layer_groups)."""

from __future__ import annotations

from deploy.runtimes.base import ANGLES_NAME
from gaze.network import GazeNet
from gaze.network_inputs import BACKBONES

SPATIAL_WEIGHTS = ("/Conv1/", "/Conv2/", "/Conv3/")
# The layers that give the angles and their deviation.
OUTPUTS = ("/fc_",)
# What finds landmarks and reads the gaze off where they lie: hundredths of a pixel count.
LANDMARKS = ("/landmarks/", "/fc_geometry/")
# The picture at the one end and the angles at the other; OpenVINO calls the last layer by its output's name.
ENDS = ("/preprocess/", *OUTPUTS, ANGLES_NAME)
# The product of features and weight map.
WEIGHTED = "/Mul"
# What follows the backbones: the spatial weights and all fully connected layers.
HEAD = ("/fc", *SPATIAL_WEIGHTS)
BLOCKS = 19


def never_rounded(net: GazeNet) -> tuple[str, ...]:
    """Groups that stay in float in whatever precision the network is exported."""
    return () if net.landmarks is None else LANDMARKS


def blocks(*numbers: int) -> tuple[str, ...]:
    """Blocks of both backbones: 0 the first convolution, 18 the last, between them the residual ones."""
    return tuple(f"/{name}.{number}/" for name in BACKBONES for number in numbers)
