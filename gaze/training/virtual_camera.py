"""Turning the virtual camera of a normalised face: a homography for the picture, a rotation for the label."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.errors import DataError
from gaze.geometry import FloatArray, angles_from_vector, vector_from_angles
from gaze.normalization import resize_face
from gaze.types import NormalizedCamera

# Views whose widths differ by a smaller share than this count as the same. A view cut out of wider faces is a
# whole number of px wide, up to one more or less than was asked for: 1 % of 100 px, less of larger faces.
VIEW_TOLERANCE = 0.01


def same_view(one: NormalizedCamera, other: NormalizedCamera) -> bool:
    """Whether pictures of two cameras show as much of a face, at any sizes of the pictures."""
    return abs(one.view_mm / other.view_mm - 1.0) < VIEW_TOLERANCE


def turn_rotation(pitch_rad: ArrayLike, yaw_rad: ArrayLike, roll_rad: ArrayLike) -> FloatArray:
    """R (..., 3, 3) from the old to the turned camera's frame: about x by pitch, y by yaw, then z by roll."""
    pitch, yaw, roll = (np.asarray(angle, dtype=np.float64) for angle in (pitch_rad, yaw_rad, roll_rad))
    zero, one = np.zeros_like(pitch), np.ones_like(pitch)
    (cx, sx), (cy, sy), (cz, sz) = ((np.cos(angle), np.sin(angle)) for angle in (pitch, yaw, roll))
    about_x = np.stack([one, zero, zero, zero, cx, -sx, zero, sx, cx], axis=-1)
    about_y = np.stack([cy, zero, sy, zero, one, zero, -sy, zero, cy], axis=-1)
    about_z = np.stack([cz, -sz, zero, sz, cz, zero, zero, zero, one], axis=-1)
    shape = (*pitch.shape, 3, 3)
    return about_z.reshape(shape) @ about_y.reshape(shape) @ about_x.reshape(shape)


def turn_warp(
    camera: NormalizedCamera, R: ArrayLike, scale: ArrayLike = 1.0, target: NormalizedCamera | None = None
) -> FloatArray:
    """Homographies (..., 3, 3), old px -> new px: ``K_target R K^-1`` with focal lengths times ``scale``.

    ``scale`` (...) above 1 enlarges the face; ``target`` is the new picture's camera, by default the old one.
    """
    R, scale = np.asarray(R, dtype=np.float64), np.asarray(scale, dtype=np.float64)
    zoom = np.stack([scale, scale, np.ones_like(scale)], axis=-1)
    K_target = np.array((target or camera).K)
    centre = K_target.copy()
    centre[:2, :2] = np.eye(2)
    focal = np.diag(np.array([K_target[0, 0], K_target[1, 1], 1.0]))
    return centre @ (zoom[..., :, None] * (focal @ R)) @ np.linalg.inv(camera.K)


def turn_label(pitch_yaw_rad: ArrayLike, R: ArrayLike) -> FloatArray:
    """Gaze (..., 2) in the turned camera's frame: the angles of ``R g``. Scaling does not change it."""
    g = vector_from_angles(pitch_yaw_rad)
    return angles_from_vector(np.einsum("...ij,...j->...i", np.asarray(R, dtype=np.float64), g))


def warp_face(face: NDArray[np.uint8], warp: ArrayLike, size_px: int | None = None) -> NDArray[np.uint8]:
    """Resample a face through ``warp``; what was outside the picture repeats its edge."""
    size = (size_px or face.shape[1], size_px or face.shape[0])
    return cv2.warpPerspective(
        face,
        np.asarray(warp, dtype=np.float64),
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE,
    )


def warp_points(points_px: ArrayLike, warps: ArrayLike) -> FloatArray:
    """Where points (N, K, 2) of N pictures lie after their warps (N, 3, 3)."""
    points_px = np.asarray(points_px, dtype=np.float64)
    homogeneous = np.concatenate([points_px, np.ones_like(points_px[..., :1])], axis=-1)
    moved = homogeneous @ np.swapaxes(np.asarray(warps, dtype=np.float64), -1, -2)
    return moved[..., :2] / moved[..., 2:]


def show_face(
    face: NDArray[np.uint8], shown: NormalizedCamera, wanted: NormalizedCamera
) -> NDArray[np.uint8]:
    """A face as another camera of the same direction shows it: the middle of the picture, at its size.

    ``shown`` is the camera of the face at any size of the picture.

    Raises:
        DataError: the face shows less than is wanted.
    """
    size_px = face.shape[0]
    try:
        middle_px = shown.resized(size_px).central(wanted.view_mm).size_px
    except ValueError as error:
        raise DataError(f"the network sees more than the faces show: {error}; render wider faces") from error
    margin_px = (size_px - middle_px) // 2
    middle = slice(margin_px, size_px - margin_px)
    return resize_face(face[middle, middle], wanted.size_px)
