"""Projection by plain OpenCV, not the project's camera."""

import cv2
import numpy as np


def projected(camera, points_mm):
    """Px (N, 2) of points (N, 3) in the camera's frame."""
    px, _ = cv2.projectPoints(
        np.asarray(points_mm, float), np.zeros(3), np.zeros(3), camera.K, camera.distortion
    )
    return px.reshape(-1, 2)
