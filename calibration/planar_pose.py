"""Points of a flat board in space, and the pose of the board from them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike

from gaze.geometry import FloatArray


def flat_points(points_mm: ArrayLike) -> FloatArray:
    """Points (N, 2) of a board as points (N, 3) of its frame, mm: z is 0."""
    points_mm = np.asarray(points_mm, dtype=np.float64)
    return np.concatenate([points_mm, np.zeros((len(points_mm), 1))], axis=1)


def planar_pose(
    points_mm: ArrayLike, points_px: ArrayLike, K: FloatArray
) -> tuple[FloatArray, FloatArray] | None:
    """Rotation (3, 3) and translation (3,), mm, of a board in the camera frame; None where none fits.

    Args:
        points_mm: (N, 2) on the board, N at least 4.
        points_px: (N, 2) undistorted.
        K: (3, 3) intrinsics.

    Infinitesimal plane-based pose estimation (Collins and Bartoli, 2014). For a board seen exactly from the
    front OpenCV's divides by zero on some processors; iteration from a homography then gives the pose.
    """
    board = flat_points(points_mm)
    for method in (cv2.SOLVEPNP_IPPE, cv2.SOLVEPNP_ITERATIVE):
        good, rvec, tvec = cv2.solvePnP(board, np.asarray(points_px, np.float64), K, None, flags=method)
        if good and np.isfinite(rvec).all() and np.isfinite(tvec).all():
            return cv2.Rodrigues(rvec)[0], tvec.ravel()
    return None
