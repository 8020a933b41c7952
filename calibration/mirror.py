"""The pose of something the camera cannot see, from its images in a flat mirror held in several poses.

A board shown on the screen is seen in the mirror; each mirror pose gives the board's mirrored pose. For
two mirrors i and j the difference of the images of one point is at right angles to the line in which the
mirrors meet, ``(p_i - p_j) . (n_i x n_j) = 0`` (Takahashi, Nobuhara, Matsuyama: A New Mirror-based Extrinsic
Camera Calibration Using an Orthogonality Constraint, CVPR 2012); three poses give the normals, then the
points are linear. The result is refined over all pixels together (Rodrigues, Barreto, Nunes: Camera Pose
Estimation Using Images of Planar Mirror Reflections, ECCV 2010, use the same cost).
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.least_squares import solve
from calibration.planar_pose import planar_pose
from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, unit

MIN_POSES = 3
# Mirrors that differ less than this meet in a line that cannot be told.
MIN_TURN_DEG = 4.0


@dataclass(frozen=True, slots=True)
class MirrorView:
    """One picture: board points (N, 2) in mm of the screen, and where they are seen (N, 2), raw px."""

    points_mm: FloatArray
    points_px: FloatArray


@dataclass(frozen=True, slots=True)
class MirrorPose:
    """The screen's pose in the camera frame, its deviations (deg, mm), the RMS in px and of each view."""

    R_cam_screen: NDArray[np.float64]
    t_cam_mm: NDArray[np.float64]
    rotation_sd_deg: float
    position_sd_mm: float
    rms_px: float
    view_rms_px: NDArray[np.float64]


def solve_mirror(views: list[MirrorView], camera: Camera) -> MirrorPose:
    """The screen's pose from views of it in a mirror.

    Raises:
        CalibrationError: fewer than three views, mirrors that are nearly parallel to each other, or points
            that do not form a board.
    """
    if len(views) < MIN_POSES:
        raise CalibrationError(
            f"{len(views)} mirror views; at least {MIN_POSES} are needed, with the mirror tilted differently"
        )
    images = [_mirrored_plane(view, camera) for view in views]
    normals = _normals(images)
    R, t, distances = _linear(images, normals)
    return _refine(views, camera, R, t, normals, distances)


def reflect(points: FloatArray, normal: FloatArray, distance: float) -> FloatArray:
    """Images (N, 3) of points in the mirror ``normal . x + distance = 0``."""
    return points - 2.0 * (points @ normal + distance)[:, None] * normal


def _mirrored_plane(view: MirrorView, camera: Camera) -> FloatArray:
    """Origin, x-axis tip and y-axis tip (3, 3) of the mirrored board in the camera frame, mm.

    A plane and its mirror image are the same plane seen with its axes as they fall, so an ordinary pose of
    planar points gives them.
    """
    if len(view.points_mm) < 6:
        raise CalibrationError(f"a mirror view shows only {len(view.points_mm)} board points; 6 are needed")
    pose = planar_pose(view.points_mm, camera.undistort(view.points_px), camera.K)
    if pose is None:
        raise CalibrationError("a mirror view does not show a flat board; take it again")
    R, origin = pose
    # Far enough apart to be told, and of the scale of the board.
    scale = float(np.ptp(view.points_mm, axis=0).max())
    return np.stack([origin, origin + scale * R[:, 0], origin + scale * R[:, 1]])


def _normals(images: list[FloatArray]) -> FloatArray:
    """Mirror normals (M, 3) from the lines in which the mirrors meet."""
    count = len(images)
    lines = {}
    for i, j in combinations(range(count), 2):
        _, singular, vt = np.linalg.svd(images[i] - images[j])
        if singular[1] > 1e-6 * max(singular[0], 1.0):
            lines[i, j] = vt[2]
    normals = []
    for i in range(count):
        own = [line for pair, line in lines.items() if i in pair]
        if len(own) < 2:
            raise CalibrationError(
                "the mirror stood nearly the same in all views; tilt it by 10 to 20 degrees"
            )
        _, singular, vt = np.linalg.svd(np.array(own))
        if np.rad2deg(np.arcsin(min(singular[1] / np.sqrt(len(own)), 1.0))) < MIN_TURN_DEG / 2:
            raise CalibrationError(
                "the mirror was tilted about one axis only; tilt it left and right and also up and down"
            )
        normals.append(vt[2])
    return np.array(normals)


def _linear(images: list[FloatArray], normals: FloatArray) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Pose and mirror distances from the normals: ``p_i = p - 2 n_i (n_i . p + d_i)``, linear in p and d."""
    count, points = len(images), len(images[0])
    A = np.zeros((count * points * 3, points * 3 + count))
    b = np.zeros(count * points * 3)
    for i, (image, n) in enumerate(zip(images, normals, strict=True)):
        for k in range(points):
            rows = slice((i * points + k) * 3, (i * points + k) * 3 + 3)
            A[rows, 3 * k : 3 * k + 3] = np.eye(3) - 2.0 * np.outer(n, n)
            A[rows, points * 3 + i] = -2.0 * n
            b[rows] = image[k]
    solution, *_ = np.linalg.lstsq(A, b, rcond=None)
    origin, x_tip, y_tip = solution[: points * 3].reshape(points, 3)
    x, y = unit(x_tip - origin), unit(y_tip - origin)
    u, _, vt = np.linalg.svd(np.stack([x, y, np.cross(x, y)], axis=1))
    R = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
    return R, origin, solution[points * 3 :]


def _refine(
    views: list[MirrorView],
    camera: Camera,
    R: FloatArray,
    t: FloatArray,
    normals: FloatArray,
    distances: FloatArray,
) -> MirrorPose:
    """Least squares over the pixels of all views: pose (6) and mirrors (3 each)."""
    boards = [np.concatenate([view.points_mm, np.zeros((len(view.points_mm), 1))], axis=1) for view in views]
    tangents = [np.linalg.svd(n[None])[2][1:] for n in normals]
    middle = np.mean([board.mean(axis=0) for board in boards], axis=0)
    start = np.zeros(6 + 3 * len(views))
    steps = np.concatenate([[1e-5] * 3, [1e-2] * 3, [1e-5, 1e-5, 1e-2] * len(views)])

    def pose(x: FloatArray) -> tuple[FloatArray, FloatArray]:
        turned = R @ cv2.Rodrigues(x[:3])[0]
        return turned, t + R @ middle + x[3:6] - turned @ middle

    def residuals(x: FloatArray) -> FloatArray:
        turned, corner = pose(x)
        parts = []
        for i, (view, board) in enumerate(zip(views, boards, strict=True)):
            mirror = x[6 + 3 * i : 9 + 3 * i]
            n = unit(normals[i] + mirror[:2] @ tangents[i])
            seen = reflect(board @ turned.T + corner, n, distances[i] + mirror[2])
            parts.append((camera.project(seen) - view.points_px).ravel())
        return np.concatenate(parts)

    fit = solve(residuals, start, steps, robust=3.0, group=2)
    turned, corner = pose(fit.x)
    count = len(fit.residuals)
    rms = float(np.sqrt(2.0 * np.mean(fit.residuals**2)))
    scale = float((fit.weights @ fit.residuals**2) / max(count - len(start), 1))
    sd = np.sqrt(np.diag(fit.covariance)[:6] * max(scale, 1e-12))
    ends = np.cumsum([view.points_px.size for view in views])[:-1]
    each = np.array([np.sqrt(2.0 * np.mean(part**2)) for part in np.split(fit.residuals, ends)])
    return MirrorPose(
        turned,
        corner,
        float(np.rad2deg(np.sqrt((sd[:3] ** 2).mean()))),
        float(np.sqrt((sd[3:] ** 2).mean())),
        rms,
        each,
    )
