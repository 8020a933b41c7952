"""Data normalisation by perspective: the view of a virtual camera that looks straight at the face.

Zhang, Sugano, Bulling: Revisiting data normalization for appearance-based gaze estimation, ETRA 2018.
The gaze label is rotated only ("rotation-only" label space); the older convention, which also scaled it,
is here for reading data sets that use it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.camera import Camera
from gaze.geometry import FloatArray, cross, unit
from gaze.types import Frame, GazeRay, HeadPose, NormalizedCamera, NormalizedFace

# 140 mm of the face plane, the crop of MPIIFaceGaze and ETH-XGaze, at the seed network's input size.
DEFAULT_NORMALIZED_CAMERA = NormalizedCamera(focal_px=480.0, distance_mm=600.0, size_px=112)


def normalizing_rotation(R_cam_head: ArrayLike, centre_cam_mm: ArrayLike) -> FloatArray:
    """Rotation R_norm_cam (3, 3): z through the centre, x in the plane of the head's x axis.

    ``z = c/|c|, y = unit(z x hR[:,0]), x = unit(y x z)`` (Zhang et al. 2018).

    Raises:
        ValueError: the centre is at the camera, or the head's x axis points along the line of sight.
    """
    z = unit(centre_cam_mm)
    y = unit(cross(z, np.asarray(R_cam_head, dtype=np.float64)[:, 0]))
    return np.array([cross(y, z), y, z])


def normalizing_warp(
    camera_K: ArrayLike, R_norm_cam: ArrayLike, centre_cam_mm: ArrayLike, target: NormalizedCamera
) -> FloatArray:
    """Homography (3, 3) from undistorted camera px to normalised px: ``W = K_n S R K^-1``."""
    distance_scale = target.distance_mm / float(np.linalg.norm(centre_cam_mm))
    S = np.diag([1.0, 1.0, distance_scale])
    return target.K @ S @ np.asarray(R_norm_cam, dtype=np.float64) @ _inverse(camera_K)


def normalize_face(
    frame: Frame,
    camera: Camera,
    head_pose: HeadPose,
    centre_cam_mm: ArrayLike,
    target: NormalizedCamera = DEFAULT_NORMALIZED_CAMERA,
) -> NormalizedFace:
    """Warp the face at ``centre_cam_mm`` (3,) out of a raw frame into the normalised view.

    Lens distortion is undone in the same resampling, so a picture is interpolated once.

    Raises:
        ValueError: the geometry is degenerate (see normalizing_rotation).
    """
    centre = np.asarray(centre_cam_mm, dtype=np.float64)
    R = normalizing_rotation(head_pose.R_cam_head, centre)
    W = normalizing_warp(camera.K, R, centre, target)
    image = warp_view(frame.image, camera, W, target.size_px)
    distance_scale = target.distance_mm / float(np.linalg.norm(centre))
    return NormalizedFace(image, R, centre, distance_scale, target.view_mm)


def warp_view(image: NDArray[np.uint8], camera: Camera, W: ArrayLike, size_px: int) -> NDArray[np.uint8]:
    """Resample a raw picture through the homography W (undistorted px -> output px), area-true enough.

    Where the output is much smaller than the source region, sampling is done at a whole multiple of the
    output and averaged, since bilinear sampling alone would alias.
    """
    W = np.asarray(W, dtype=np.float64)
    factor = _shrink_factor(W, size_px)
    fine_px = size_px * factor
    # Pixel centres: output pixel i of the coarse grid covers fine pixels factor*i .. factor*i+factor-1.
    shift = (factor - 1) / 2.0
    W_fine = np.array([[factor, 0.0, shift], [0.0, factor, shift], [0.0, 0.0, 1.0]]) @ W
    if camera.has_distortion:
        # OpenCV's map takes an output pixel through the inverse of its last matrix to the normalised image
        # plane, then through distortion and K: with W_fine K that is "undistort, then warp by W_fine".
        maps = cv2.initUndistortRectifyMap(
            camera.K, camera.distortion, None, W_fine @ camera.K, (fine_px, fine_px), cv2.CV_16SC2
        )
        fine = cv2.remap(image, *maps, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT)
    else:
        fine = cv2.warpPerspective(image, W_fine, (fine_px, fine_px), flags=cv2.INTER_LINEAR)
    if factor == 1:
        return fine
    return cv2.resize(fine, (size_px, size_px), interpolation=cv2.INTER_AREA)


def resize_face(face: NDArray[np.uint8], size_px: int) -> NDArray[np.uint8]:
    """The same view (S, S, 3) at another size: averaging when it shrinks, linear when it grows."""
    if face.shape[0] == size_px and face.shape[1] == size_px:
        return face
    method = cv2.INTER_AREA if face.shape[0] > size_px else cv2.INTER_LINEAR
    return cv2.resize(face, (size_px, size_px), interpolation=method)


def _inverse(matrix: ArrayLike) -> FloatArray:
    """Inverse (3, 3) of an invertible matrix; OpenCV's has no thread pool to wait for, as LAPACK's has."""
    return cv2.invert(np.asarray(matrix, dtype=np.float64))[1]


def _shrink_factor(W: FloatArray, size_px: int, limit: int = 4) -> int:
    """How many source px one output px covers at the middle of the output, as a whole number 1..limit."""
    half = size_px / 2.0
    inverse = _inverse(W).tolist()
    # Python's own arithmetic: numpy takes several times as long for two points.
    (x, y), (x1, y1) = (_mapped(inverse, u, half) for u in (half, half + 1.0))
    step = math.hypot(x1 - x, y1 - y)
    return min(max(round(step), 1), limit) if math.isfinite(step) else 1


def _mapped(matrix: Sequence[Sequence[float]], x: float, y: float) -> tuple[float, float]:
    """A point through a homography; infinite where it has no image."""
    u, v, w = (row[0] * x + row[1] * y + row[2] for row in matrix)
    return (u / w, v / w) if w else (math.inf, math.inf)


def normalize_direction(direction_cam: ArrayLike, R_norm_cam: ArrayLike) -> FloatArray:
    """Camera-frame direction(s) (..., 3) as unit vectors of the normalised frame (rotation only)."""
    return unit(np.asarray(direction_cam, dtype=np.float64) @ np.asarray(R_norm_cam, dtype=np.float64).T)


def denormalize_direction(direction_norm: ArrayLike, R_norm_cam: ArrayLike) -> FloatArray:
    """The way back to the camera frame: ``R^T g_n``."""
    return unit(np.asarray(direction_norm, dtype=np.float64) @ np.asarray(R_norm_cam, dtype=np.float64))


def scale_direction(direction_norm: ArrayLike, distance_scale: float) -> FloatArray:
    """Rotation-only direction -> the older, scaled label space: ``unit(S g)``, S = diag(1, 1, d_n/|c|)."""
    return unit(np.asarray(direction_norm, dtype=np.float64) * np.array([1.0, 1.0, distance_scale]))


def unscale_direction(direction_scaled: ArrayLike, distance_scale: float) -> FloatArray:
    """Scaled label space -> rotation-only: ``unit(S^-1 g_s)``."""
    return unit(np.asarray(direction_scaled, dtype=np.float64) / np.array([1.0, 1.0, distance_scale]))


def gaze_ray(direction_norm: ArrayLike, normalized: NormalizedFace) -> GazeRay:
    """The camera-frame line of sight of a gaze estimated on a normalised face."""
    return GazeRay(normalized.centre_cam_mm, denormalize_direction(direction_norm, normalized.R_norm_cam))
