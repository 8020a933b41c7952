"""How well views of a board determine the camera."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.intrinsics import BoardView
from calibration.planar_pose import flat_points
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray


def intrinsics_covariance(views: list[BoardView], camera: Camera) -> NDArray[np.float64]:
    """Covariance (4 + k, 4 + k) of fx, fy, cx, cy (px) and the k distortion coefficients of a fit to views.

    Corner errors are taken to be independent and as large as the residuals say; the board's own poses are
    eliminated.

    Raises:
        CalibrationError: the views do not determine the camera.
    """
    count = 4 + camera.distortion.size
    information = np.zeros((count, count))
    squares, corners = 0.0, 0
    for view in views:
        residual, J_pose, J_camera = _linearised(view, camera)
        squares += float(residual @ residual)
        corners += residual.size
        basis, _ = np.linalg.qr(J_pose)
        free = J_camera - basis @ (basis.T @ J_camera)
        information += free.T @ free
    scale = np.sqrt(np.diag(information))
    scaled = information / np.outer(scale, scale) if np.all(scale > 0) else np.zeros_like(information)
    if corners <= count + 6 * len(views) or np.linalg.matrix_rank(scaled, tol=1e-12) < count:
        raise CalibrationError("the views do not determine the camera; tilt the board more")
    variance = squares / (corners - count - 6 * len(views))
    return variance * np.linalg.inv(scaled) / np.outer(scale, scale)


def _linearised(view: BoardView, camera: Camera) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Residuals (2N,) of a view at its best pose, and their change with the pose (6) and the camera."""
    board = flat_points(view.points_mm)
    _, rvec, tvec = cv2.solvePnP(
        board, view.points_px, camera.K, camera.distortion, flags=cv2.SOLVEPNP_ITERATIVE
    )
    seen, J = cv2.projectPoints(board, rvec, tvec, camera.K, camera.distortion)
    return (view.points_px - seen.reshape(-1, 2)).ravel(), J[:, :6], J[:, 6 : 10 + camera.distortion.size]
