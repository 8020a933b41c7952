"""Where MediaPipe puts its landmarks on a head, in space: how the rigid template of gaze.face_model is made.

Landmarks of several pictures of one head whose poses are known are triangulated in the head's own frame; the
heads are averaged, the mirror halves made one another's mirror image, and one similarity moves the result
onto the six points of MPIIGaze's model. It maps MediaPipe's own eye and mouth corners onto those points, not
the mesh's, so that both templates share the head frame and the scale.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaze.camera import Camera
from gaze.face_model import RIGID_LANDMARKS, RIGID_POINTS_MM, SIX_POINT_LANDMARKS, SIX_POINTS_MM
from gaze.geometry import FloatArray
from gaze.mesh_landmarks import MOUTH_CORNERS

_SIX = np.array(SIX_POINT_LANDMARKS)
_RIGID = np.array(RIGID_LANDMARKS)
_MIRROR = np.array([-1.0, 1.0, 1.0])


def landmark_pairs() -> tuple[tuple[int, int], ...]:
    """(subject's right, left) of every rigid landmark in the table's order; both the same on the midline."""
    pairs = []
    for place, (index, point) in enumerate(zip(RIGID_LANDMARKS, RIGID_POINTS_MM, strict=True)):
        if point[0] == 0:
            pairs.append((index, index))
        elif point[0] < 0:  # the left one follows
            pairs.append((index, RIGID_LANDMARKS[place + 1]))
    return tuple(pairs)


def _mirror_of(count: int) -> np.ndarray:
    """For each of ``count`` landmarks the index of its mirror image; itself where none is known."""
    other = np.arange(count)
    pairs = np.array([*landmark_pairs(), MOUTH_CORNERS])
    other[pairs[:, 0]], other[pairs[:, 1]] = pairs[:, 1], pairs[:, 0]
    return other


def triangulate(
    points_px: ArrayLike, R_cam_head: ArrayLike, t_cam_mm: ArrayLike, camera: Camera
) -> FloatArray:
    """Points (N, 3) in the head frame, mm, of their raw px (V, N, 2) in V pictures of known pose.

    Linear least squares: with (x, y) of its line of sight at depth 1, each picture gives
    ``(R1 - x R3) . p = x t3 - t1`` and ``(R2 - y R3) . p = y t3 - t2`` of the rows of its (V, 3, 3) rotation
    and the parts of its (V, 3) translation.

    Raises:
        ValueError: fewer than two pictures, or all of them from one place.
    """
    R, t = np.asarray(R_cam_head, np.float64), np.asarray(t_cam_mm, np.float64)
    points_px = np.asarray(points_px, np.float64)
    if len(points_px) < 2:
        raise ValueError(f"a point needs two pictures to be placed in space, got {len(points_px)}")
    xy = camera.rays(points_px.reshape(-1, 2))[:, :2].reshape(*points_px.shape)
    rows = R[:, None, :2] - xy[..., None] * R[:, None, 2:]  # (V, N, 2, 3)
    values = xy * t[:, None, 2:] - t[:, None, :2]  # (V, N, 2)
    normal = np.einsum("vnki,vnkj->nij", rows, rows)
    if np.linalg.cond(normal).max() > 1e12:
        raise ValueError("the pictures show the head from one place; depth needs different poses")
    return np.linalg.solve(normal, np.einsum("vnki,vnk->ni", rows, values)[..., None])[..., 0]


def symmetric(head_mm: ArrayLike) -> FloatArray:
    """A head's landmarks (478, 3) averaged with their mirror image in the plane x = 0.

    Landmarks of the rigid template and the six points change sides; the others are mirrored onto themselves
    and mean nothing.
    """
    head_mm = np.asarray(head_mm, np.float64)
    return (head_mm + head_mm[_mirror_of(len(head_mm))] * _MIRROR) / 2.0


def fit_similarity(points: ArrayLike, targets: ArrayLike) -> tuple[float, FloatArray, FloatArray]:
    """Scale, rotation (3, 3) and shift (3,) with the least squared ``scale R p + shift - target``.

    Umeyama 1991, "Least-squares estimation of transformation parameters between two point patterns".
    """
    points, targets = np.asarray(points, np.float64), np.asarray(targets, np.float64)
    p, q = points - points.mean(axis=0), targets - targets.mean(axis=0)
    U, singular, Vt = np.linalg.svd(q.T @ p)
    signs = np.array([1.0, 1.0, np.sign(np.linalg.det(U) * np.linalg.det(Vt))])
    R = (U * signs) @ Vt
    scale = float(singular @ signs / np.sum(p * p))
    return scale, R, targets.mean(axis=0) - scale * R @ points.mean(axis=0)


@dataclass(frozen=True)
class RigidTable:
    """``points_mm`` (38, 3) in the order of RIGID_LANDMARKS, symmetric, in the frame of gaze.face_model.

    ``error_mm`` (38,) is the standard error of each point, by leaving out one head after the other.
    """

    points_mm: FloatArray
    error_mm: FloatArray

    @property
    def deviation_mm(self) -> FloatArray:
        """Distance (38,) of every point from the one that gaze.face_model holds."""
        return np.linalg.norm(self.points_mm - RIGID_POINTS_MM, axis=1)

    def rows(self) -> list[list[float]]:
        """[right landmark, left landmark, x, y, z of the right one], as in gaze.face_model."""
        place = {index: number for number, index in enumerate(RIGID_LANDMARKS)}
        return [
            [right, left, *(round(float(value), 2) + 0.0 for value in self.points_mm[place[right]])]
            for right, left in landmark_pairs()
        ]


def make_table(heads_mm: ArrayLike) -> RigidTable:
    """The template of P heads' landmarks (P, 478, 3), each in its head's own frame, mm.

    Raises:
        ValueError: fewer than two heads, which say nothing of how much heads differ.
    """
    heads_mm = np.asarray(heads_mm, np.float64)
    count = len(heads_mm)
    if count < 2:
        raise ValueError(f"a table needs two heads or more, got {count}")
    halves = np.stack([symmetric(head) for head in heads_mm])
    total = halves.sum(axis=0)
    fewer = np.stack([_placed((total - half) / (count - 1)) for half in halves])
    error = np.sqrt((count - 1) / count * np.sum((fewer - fewer.mean(axis=0)) ** 2, axis=(0, 2)))
    return RigidTable(_placed(total / count), error)


def _placed(mean_mm: FloatArray) -> FloatArray:
    """The rigid points (38, 3) of a symmetric mean head (478, 3), moved onto the six points."""
    scale, R, shift = fit_similarity(mean_mm[_SIX], SIX_POINTS_MM)
    points = scale * mean_mm[_RIGID] @ R.T + shift
    # Both sides are symmetric about x = 0, so the fit turns about x only and leaves the midline in place.
    points[mean_mm[_RIGID, 0] == 0, 0] = 0.0
    return points
