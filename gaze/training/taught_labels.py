"""Labels that are in part the answers of a larger network (Hinton et al., Distilling the Knowledge in a
Neural Network, 2015: soft targets)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import angles_from_vector, vector_from_angles


def taught(
    truth_rad: NDArray[np.floating], answers_rad: NDArray[np.floating], share: float
) -> NDArray[np.float32]:
    """(pitch, yaw) (N, 2) of directions between the truth and a network's answers (N, 2).

    ``share`` of the answers: 0 gives the truth, 1 the answers, 0.5 the direction halfway.
    """
    direction = (1.0 - share) * vector_from_angles(truth_rad) + share * vector_from_angles(answers_rad)
    return angles_from_vector(direction).astype(np.float32)
