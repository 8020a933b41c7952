"""The ellipse in which a point of gaze lies with 86 %: two deviations of a Gaussian in the plane."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

DEVIATIONS = 2.0


def draw_ellipse(
    image: NDArray[np.uint8],
    centre_px: NDArray[np.float64],
    covariance_px2: NDArray[np.float64],
    colour: tuple[int, int, int],
    thickness_px: int,
    most_px: float,
) -> None:
    """Draw it into ``image``, about (2,) and of covariance (2, 2), its half axes at most ``most_px`` long."""
    variances, axes = np.linalg.eigh(covariance_px2)  # the shorter axis first
    across, along = np.minimum(DEVIATIONS * np.sqrt(np.maximum(variances, 0.0)), most_px).tolist()
    angle_deg = float(np.rad2deg(np.arctan2(axes[1, 1], axes[0, 1])))
    centre = (round(float(centre_px[0])), round(float(centre_px[1])))
    half_axes = (max(1, round(along)), max(1, round(across)))
    cv2.ellipse(image, centre, half_axes, angle_deg, 0, 360, colour, thickness_px, cv2.LINE_AA)
