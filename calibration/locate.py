"""From what the network says to a point on a screen: the personal correction and the screen's plane."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from calibration.eye_frame import apply_offset
from calibration.person import Correction
from calibration.samples import features
from calibration.screen import Screen, nearest_hit
from gaze.geometry import FloatArray, unit, vector_from_angles
from gaze.types import GazeRay, PointOfGaze

# Step of the numerical derivative of the point by the offset; a thousandth of the usual error.
STEP_RAD = 1e-4


@dataclass(frozen=True, slots=True)
class View:
    """N estimates: ``pitch_yaw_rad`` (N, 2) in the normalised frame, ``R_norm_cam`` and ``R_cam_head``
    (N, 3, 3), ``origin_cam_mm`` (N, 3)."""

    pitch_yaw_rad: FloatArray
    R_norm_cam: FloatArray
    R_cam_head: FloatArray
    origin_cam_mm: FloatArray

    def __len__(self) -> int:
        return len(self.pitch_yaw_rad)

    @property
    def R_norm_head(self) -> FloatArray:
        """Head to normalised frame (N, 3, 3)."""
        return self.R_norm_cam @ self.R_cam_head

    @property
    def features(self) -> FloatArray:
        """What the correction depends on (N, 5)."""
        return features(self.pitch_yaw_rad, self.R_norm_head, np.linalg.norm(self.origin_cam_mm, axis=1))

    def direction_cam(self, offset_rad: ArrayLike) -> FloatArray:
        """Lines of sight (N, 3) in the camera frame after offsets (N, 2) in the eye's frame."""
        corrected = apply_offset(vector_from_angles(self.pitch_yaw_rad), self.R_norm_head, offset_rad)
        return np.einsum("nji,nj->ni", self.R_norm_cam, corrected)


def corrected_direction_cam(view: View, correction: Correction) -> FloatArray:
    """Corrected lines of sight (N, 3) in the camera frame."""
    return view.direction_cam(correction.offset_rad(view.features))


def points_mm(view: View, correction: Correction, screen: Screen) -> FloatArray:
    """Where the corrected lines of sight meet the screen: mm (N, 2), NaN where they do not."""
    return screen.intersect(view.origin_cam_mm, corrected_direction_cam(view, correction))


def locate(
    view: View, correction: Correction, screens: tuple[Screen, ...]
) -> tuple[GazeRay, PointOfGaze | None]:
    """The corrected ray of one estimate (N = 1), and where it meets the nearest of the screens.

    The covariance of the point is that of the corrected angles, carried through the plane to first order.
    """
    row = view.features
    offset = correction.offset_rad(row)
    direction = view.direction_cam(offset)[0]
    origin = view.origin_cam_mm[0]
    ray = GazeRay(origin, unit(direction))
    hit = nearest_hit(screens, origin, direction)
    if hit is None:
        return ray, None
    index, point = hit
    screen = screens[index]
    moved = [screen.intersect(origin, view.direction_cam(offset + step)[0]) for step in STEP_RAD * np.eye(2)]
    J = (np.stack(moved, axis=1) - point[:, None]) / STEP_RAD
    if not np.all(np.isfinite(J)):
        return ray, None
    covariance = J @ correction.covariance_rad2(row)[0] @ J.T
    return ray, PointOfGaze(
        point,
        screen.mm_to_px(point),
        bool(screen.contains(point)),
        0.5 * (covariance + covariance.T),
        screen=screen.name,
    )
