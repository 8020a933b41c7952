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

    ``R`` (3, 3), ``t`` (3,): the screen's pose in the camera frame, mm; ``normals`` (V, 3), ``distances``
    (V,): mirror v is the plane ``normals[v] . x + distances[v] = 0`` of the camera frame, mm; ``tangents``
    (V, 2, 3): two unit vectors at right angles to each normal, along which the fit tilts it; ``about`` (3,):
    the point of the screen's frame, mm, about which the fit turns it; ``points`` (N, 3): in the screen's
    frame, mm, each seen in the mirror ``mirror_of`` (N,).
    """

    R: FloatArray
    t: FloatArray
    normals: FloatArray
    tangents: FloatArray
    distances: FloatArray
    about: FloatArray
    points: FloatArray
    mirror_of: NDArray[np.int64]

    @classmethod
    def of(
        cls,
        images: FloatArray,
        chosen: list[int],
        normals: FloatArray,
        corners_mm: FloatArray,
        points: FloatArray,
        mirror_of: NDArray[np.int64],
    ) -> Layout:
        """From images (V, 3, 3) of three corners (3, 2) of the screen, the first of them its point to turn
        about, and from the normals (M, 3) of the chosen mirrors."""
        corners = _unmirrored(images[chosen], normals)
        x, y = unit(corners[1] - corners[0]), unit(corners[2] - corners[0])
        u, _, vt = np.linalg.svd(np.stack([x, y, np.cross(x, y)], axis=1))
        R = u @ np.diag([1.0, 1.0, np.linalg.det(u @ vt)]) @ vt
        t = corners[0] - R[:, :2] @ corners_mm[0]
        corners = corners_mm @ R[:, :2].T + t
        # A mirror halves the way between a point and its image.
        normals = unit((images - corners).mean(axis=1))
        distances = -np.einsum("vj,vj->v", normals, 0.5 * (images + corners).mean(axis=1))
        tangents = np.array([np.linalg.svd(n[None])[2][1:] for n in normals])
        about = np.array([*corners_mm[0], 0.0])
        return cls(
            R=R,
            t=t,
            normals=normals,
            tangents=tangents,
            distances=distances,
            about=about,
            points=points,
            mirror_of=mirror_of,
        )

    def pose(self, x: FloatArray) -> tuple[FloatArray, FloatArray]:
        """The screen turned about ``about`` by x[:3] rad and shifted by x[3:6] mm, in its own axes."""
        turned = self.R @ cv2.Rodrigues(x[:3])[0]
        return turned, self.t + self.R @ (self.about + x[3:6]) - turned @ self.about

    def images(self, x: FloatArray) -> FloatArray:
        """Where the camera sees the points in the mirrors (N, 3)."""
        turned, corner = self.pose(x)
        mirrors = x[6:].reshape(-1, 3)
        normals = unit(self.normals + np.einsum("vk,vkj->vj", mirrors[:, :2], self.tangents))
        distances = self.distances + mirrors[:, 2]
        return reflect(self.points @ turned.T + corner, normals[self.mirror_of], distances[self.mirror_of])


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
