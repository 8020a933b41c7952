"""The front of a head as a radius about an upright axis: what masks are stretched over and hands rest on."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import SKIN_COUNT

AXIS_Z_MM = -30.0
_STEP_DEG, _HALF_DEG = 2.5, 95.0
_STEP_MM, _TOP_MM, _BOTTOM_MM = 2.5, -130.0, 130.0


class FaceEnvelope:
    """``radius_mm`` (rows by height, columns by angle) of the outermost skin; head frame.

    ``outer_mm`` is the largest radius of the neighbourhood: nothing of the skin lies outside it.
    Angle 0 looks out of the face (-z), positive to +x; the axis runs through x = 0, z = AXIS_Z_MM.
    """

    def __init__(self, vertices_mm: NDArray[np.floating]) -> None:
        """``vertices_mm`` (N, 3) of the head mesh, skin first."""
        skin = np.asarray(vertices_mm[:SKIN_COUNT], dtype=np.float64)
        angle, height, radius = to_cylinder(skin)
        columns = int(2 * _HALF_DEG / _STEP_DEG) + 1
        rows = int((_BOTTOM_MM - _TOP_MM) / _STEP_MM) + 1
        i = np.round((height - _TOP_MM) / _STEP_MM).astype(int)
        j = np.round((np.rad2deg(angle) + _HALF_DEG) / _STEP_DEG).astype(int)
        inside = (i >= 0) & (i < rows) & (j >= 0) & (j < columns)
        grid = np.zeros((rows, columns), np.float32)
        np.maximum.at(grid, (i[inside], j[inside]), radius[inside].astype(np.float32))
        known = (grid > 0).astype(np.float32)
        smooth, weight = grid, known
        for sigma in (1.0, 2.0, 4.0, 10.0):
            blurred = cv2.GaussianBlur(grid, (0, 0), sigma) / np.maximum(
                cv2.GaussianBlur(known, (0, 0), sigma), 1e-6
            )
            smooth = np.where(weight > 0, smooth, blurred)
            weight = np.maximum(weight, (cv2.GaussianBlur(known, (0, 0), sigma) > 0.05).astype(np.float32))
        self.outer_mm = cv2.dilate(smooth.astype(np.float32), np.ones((3, 3), np.uint8))
        self.radius_mm = cv2.GaussianBlur(smooth.astype(np.float32), (0, 0), 0.7)

    def stretched(self, passes: int = 30) -> NDArray[np.float32]:
        """The radius of a cloth drawn tight over the face: hollows are bridged."""
        cloth = self.outer_mm.copy()
        for _ in range(passes):
            cloth = np.maximum(cloth, cv2.GaussianBlur(cloth, (0, 0), 2.0))
        return cloth

    @staticmethod
    def look_up(grid: NDArray[np.float32], angle_rad: NDArray, height_mm: NDArray) -> NDArray[np.float32]:
        """Bilinear values of a grid of this class at angles and heights of one shape."""
        x = (np.rad2deg(angle_rad) + _HALF_DEG) / _STEP_DEG
        y = (height_mm - _TOP_MM) / _STEP_MM
        shape = np.shape(x)
        flat = [np.asarray(v, np.float32).reshape(1, -1) for v in (x, y)]
        return cv2.remap(grid, *flat, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE).reshape(shape)

    def depth_inside(self, points_mm: NDArray[np.floating]) -> NDArray[np.float64]:
        """How deep points (..., 3) lie below the skin (negative outside), along the radius, mm."""
        angle, height, radius = to_cylinder(points_mm)
        depth = self.look_up(self.radius_mm, angle, height) - radius
        seen = (np.abs(np.rad2deg(angle)) < 80.0) & (height > -110.0) & (height < 78.0)
        return np.where(seen, depth, -1e3)


def to_cylinder(points_mm: NDArray[np.floating]) -> tuple[NDArray, NDArray, NDArray]:
    """Angle (rad), height y and radius of points (..., 3)."""
    x, y, z = np.moveaxis(np.asarray(points_mm, dtype=np.float64), -1, 0)
    forward = AXIS_Z_MM - z
    return np.arctan2(x, forward), y, np.hypot(x, forward)


def from_cylinder(angle_rad, height_mm, radius_mm) -> NDArray[np.float64]:
    """Points (..., 3) of angle, height and radius."""
    angle, height, radius = np.broadcast_arrays(angle_rad, height_mm, radius_mm)
    return np.stack([radius * np.sin(angle), height, AXIS_Z_MM - radius * np.cos(angle)], -1)
