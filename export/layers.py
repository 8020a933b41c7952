"""Groups of layers by parts of the names of their nodes in the exported graph."""

from __future__ import annotations

from deploy.runtimes.base import ANGLES_NAME
from gaze.network_inputs import BACKBONES

SPATIAL_WEIGHTS = ("/Conv1/", "/Conv2/", "/Conv3/")
# The layers that give the angles and their deviation.
OUTPUTS = ("/fc_",)
# Heat maps, what makes places of them, and what reads the gaze off these: a hundredth of a pixel counts.
LANDMARK_PLACES = ("heat/", "/landmarks/places/", "/landmarks/geometry/")
# The picture at the one end and the angles at the other; OpenVINO calls the last layer by its output's name.
ENDS = ("/preprocess/", *LANDMARK_PLACES, *OUTPUTS, ANGLES_NAME)
# The product of features and weight map.
WEIGHTED = "/Mul"
# What follows the backbones: the spatial weights and all fully connected layers.
HEAD = ("/fc", *SPATIAL_WEIGHTS)
BLOCKS = 19


def blocks(*numbers: int) -> tuple[str, ...]:
    """Blocks of both backbones: 0 the first convolution, 18 the last, between them the residual ones."""
    return tuple(f"/{name}.{number}/" for name in BACKBONES for number in numbers)
