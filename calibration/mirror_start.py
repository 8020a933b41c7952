"""Where to begin the mirror method: a screen and mirrors in closed form.

For two mirrors i and j the difference of the images of one point is at right angles to the line in which the
mirrors meet, ``(p_i - p_j) . (n_i x n_j) = 0`` (Takahashi, Nobuhara, Matsuyama: A New Mirror-based Extrinsic
Camera Calibration Using an Orthogonality Constraint, CVPR 2012); three poses give the normals, then the
points are linear.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, unit

# Mirrors that differ less than this meet in a line that cannot be told.
MIN_TURN_DEG = 4.0
TRIPLES_MAX = 60


def reflect(points: FloatArray, normal: FloatArray, distance: FloatArray | float) -> FloatArray:
    """Images (N, 3) of points in the mirror ``normal . x + distance = 0``, one (3,) or one each (N, 3)."""
    return points - 2.0 * ((points * normal).sum(axis=-1) + distance)[:, None] * normal


@dataclass(frozen=True, slots=True)
class Layout:
    """A screen, V mirrors and the points of the screen that are seen in them; and what the parameters
    (6 + 3V) of the fit do to these.

    ``R_cam_screen`` (3, 3), ``t_cam_mm`` (3,): the screen's pose; ``normals_cam`` (V, 3), ``distances_mm``
    (V,): mirror v is the plane ``normals_cam[v] . x + distances_mm[v] = 0``; ``tangents_cam`` (V, 2, 3):
    two unit vectors at right angles to each normal, along which the fit tilts it; ``about_mm`` (3,): the
    point of the screen's frame about which the fit turns it; ``points_mm`` (N, 3): in the screen's frame,
    each seen in the mirror ``mirror_of`` (N,).
    """

    R_cam_screen: FloatArray
    t_cam_mm: FloatArray
    normals_cam: FloatArray
    tangents_cam: FloatArray
    distances_mm: FloatArray
    about_mm: FloatArray
    points_mm: FloatArray
    mirror_of: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        images_cam_mm: FloatArray,
        chosen: list[int],
        normals_cam: FloatArray,
        corners_mm: FloatArray,
        points_mm: FloatArray,
        mirror_of: NDArray[np.int64],
    ) -> Layout:
        """From images (V, 3, 3) of three corners (3, 2) of the screen, the first of them its point to turn
        about, and from the normals (M, 3) of the chosen mirrors."""
        corners = _unmirrored(images_cam_mm[chosen], normals_cam)
        x, y = unit(corners[1] - corners[0]), unit(corners[2] - corners[0])
        u, _, vt = np.linalg.svd(np.stack([x, y, np.cross(x, y)], axis=1))
        R = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        t = corners[0] - R[:, :2] @ corners_mm[0]
        corners = corners_mm @ R[:, :2].T + t
        # A mirror halves the way between a point and its image.
        normals = unit((images_cam_mm - corners).mean(axis=1))
        distances = -np.einsum("vj,vj->v", normals, 0.5 * (images_cam_mm + corners).mean(axis=1))
        tangents = np.array([np.linalg.svd(n[None])[2][1:] for n in normals])
        about = np.array([*corners_mm[0], 0.0])
        return cls(
            R_cam_screen=R,
            t_cam_mm=t,
            normals_cam=normals,
            tangents_cam=tangents,
            distances_mm=distances,
            about_mm=about,
            points_mm=points_mm,
            mirror_of=mirror_of,
        )

    def pose(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The screen turned about ``about_mm`` by x[:3] rad and shifted by x[3:6] mm, in its own axes."""
        turned = self.R_cam_screen @ cv2.Rodrigues(x[:3])[0]
        shifted_mm = self.t_cam_mm + self.R_cam_screen @ (self.about_mm + x[3:6])
        return turned, shifted_mm - turned @ self.about_mm

    def images(self, x: FloatArray) -> FloatArray:
        """Where the camera sees the points in the mirrors (N, 3)."""
        turned, corner = self.pose(x)
        mirrors = x[6:].reshape(-1, 3)
        normals = unit(self.normals_cam + np.einsum("vk,vkj->vj", mirrors[:, :2], self.tangents_cam))
        distances_mm = self.distances_mm + mirrors[:, 2]
        points_cam_mm = self.points_mm @ turned.T + corner
        return reflect(points_cam_mm, normals[self.mirror_of], distances_mm[self.mirror_of])


def normals_of_subsets(images: FloatArray) -> list[tuple[list[int], FloatArray]]:
    """Views and the normals (M, 3) of their mirrors, from images (V, P, 3): of all views, and of three each.

    Two mirrors that hardly differ meet in a line that cannot be told, and spoil the normals of all.

    Raises:
        CalibrationError: all mirrors are nearly parallel, or turned about one axis.
    """
    everything = list(range(len(images)))
    found = [(everything, _normals(images))]
    triples = list(combinations(everything, 3))
    for chosen in triples[:: 1 + len(triples) // TRIPLES_MAX]:
        try:
            found.append((list(chosen), _normals(images[list(chosen)])))
        except CalibrationError:
            continue
    return found


def _normals(images: FloatArray) -> FloatArray:
    """Mirror normals (M, 3) from the lines in which the mirrors meet.

    Raises:
        CalibrationError: the mirrors are nearly parallel, or all turned about one axis.
    """
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


def _unmirrored(images: FloatArray, normals: FloatArray) -> FloatArray:
    """The points (P, 3) whose images (M, P, 3) in mirrors of these normals (M, 3) are given.

    ``p_i = p - 2 n_i (n_i . p + d_i)`` is linear in the points and the distances d.
    """
    count, points = images.shape[:2]
    A = np.zeros((count * points * 3, points * 3 + count))
    for i, n in enumerate(normals):
        for k in range(points):
            rows = slice((i * points + k) * 3, (i * points + k) * 3 + 3)
            A[rows, 3 * k : 3 * k + 3] = np.eye(3) - 2.0 * np.outer(n, n)
            A[rows, points * 3 + i] = -2.0 * n
    solution, *_ = np.linalg.lstsq(A, images.ravel(), rcond=None)
    return solution[: points * 3].reshape(points, 3)
