"""The head seen from inside: its surface as a function of direction, for hair, scarves and hats to lie on.

A direction has an inclination theta from straight up (0) to straight down (pi) and an azimuth phi, 0
towards the face and growing to the subject's left, in (-pi, pi]. The map from directions to mesh triangles
is made once on the neutral head; a person's own surface follows from their vertices. Head frame, mm.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from gaze.synthesis.uv_atlas import fill_outside, rasterise

CENTRE_MM = np.array([0.0, -40.0, -5.0], np.float32)
_SIZE = 160


def directions_of(points_mm: np.ndarray, centre_mm: np.ndarray = CENTRE_MM) -> tuple[np.ndarray, ...]:
    """theta, phi in rad and the distance in mm of points (..., 3) seen from the centre."""
    offset = points_mm - centre_mm
    radius = np.linalg.norm(offset, axis=-1)
    theta = np.arccos(np.clip(-offset[..., 1] / np.maximum(radius, 1e-6), -1.0, 1.0))
    return theta, np.arctan2(offset[..., 0], -offset[..., 2]), radius


class DirectionMap:
    """For every direction, the triangle of the neutral head it meets, without the ears."""

    def __init__(self, mesh) -> None:
        vertices = mesh.vertices_mm
        triangles = np.concatenate([mesh.scalp_triangles, mesh.face_triangles])
        corner = vertices[triangles]
        ear = (np.abs(corner[..., 0]).max(1) > 74.5) & (np.abs(corner[..., 1] + 12).min(1) < 36)
        ear &= np.abs(corner[..., 2]).min(1) < 34
        inner = np.linalg.norm(corner.mean(1) - CENTRE_MM, axis=1) < 45
        triangles = triangles[~ear & ~inner]
        # The outermost surface is drawn last.
        reach = np.linalg.norm(vertices[triangles].mean(1) - CENTRE_MM, axis=1)
        triangles = triangles[np.argsort(reach)]
        theta, phi, _ = directions_of(vertices[triangles])
        around = phi.max(1) - phi.min(1) > np.pi
        phi_left, phi_right = phi[around].copy(), phi[around].copy()
        phi_left[phi_left < 0] += 2 * np.pi
        phi_right[phi_right > 0] -= 2 * np.pi
        theta = np.concatenate([theta[~around], theta[around], theta[around]])
        phi = np.concatenate([phi[~around], phi_left, phi_right])
        triangles = np.concatenate([triangles[~around], triangles[around], triangles[around]])
        corners = np.stack([(phi + np.pi) / (2 * np.pi), theta / np.pi], -1)
        values = np.zeros((len(triangles), 3, 6), np.float64)
        values[..., :3] = triangles[:, None, :]
        values[:, [0, 1, 2], [3, 4, 5]] = 1.0
        drawn, inside = rasterise(corners, values, _SIZE)
        drawn = fill_outside(drawn, inside)
        self.triangle = np.round(drawn[..., :3]).astype(np.int32)
        self.weight = drawn[..., 3:].astype(np.float32)
        self._between = _row_gaps(inside)
        self.neutral = self.surface(vertices)

    def surface(self, vertices_mm: np.ndarray) -> HeadSurface:
        """The surface of a person's vertices (N, 3)."""
        points = np.einsum("hwk,hwkc->hwc", self.weight, vertices_mm[self.triangle])
        rows, columns, left, right, share = self._between
        points[rows, columns] = points[rows, left] * (1 - share) + points[rows, right] * share
        points[:2] = points[:2].mean((0, 1))
        return HeadSurface(np.ascontiguousarray(points, np.float32))


def _row_gaps(inside: np.ndarray) -> tuple[np.ndarray, ...]:
    """Texels in gaps between drawn ones of the same row, with their neighbours and interpolation share."""
    result = []
    columns = np.arange(inside.shape[1])
    for row in range(inside.shape[0]):
        drawn = columns[inside[row]]
        gaps = columns[~inside[row]]
        if len(drawn) < 2 or not len(gaps):
            continue
        after = np.searchsorted(drawn, gaps)
        ok = (after > 0) & (after < len(drawn))
        left, right = drawn[after[ok] - 1], drawn[after[ok]]
        share = (gaps[ok] - left) / (right - left)
        result.append(np.stack([np.full(ok.sum(), row), gaps[ok], left, right, share]))
    if not result:
        empty = np.zeros(0, int)
        return empty, empty, empty, empty, np.zeros((0, 1), np.float32)
    table = np.concatenate(result, axis=1)
    rows, columns, left, right = table[:4].astype(int)
    return rows, columns, left, right, table[4][:, None].astype(np.float32)


@dataclass(frozen=True, eq=False)
class HeadSurface:
    """points_mm (size, size, 3): rows are theta 0..pi, columns phi -pi..pi."""

    points_mm: np.ndarray

    def at(self, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Surface points (..., 3) in the given directions, bilinear, wrapping in phi."""
        return self._sample(self.points_mm, theta, phi)

    def radius_at(self, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        """Distance of the surface from the centre in the given directions, mm."""
        return self._sample(self._radius, theta, phi)

    @cached_property
    def _radius(self) -> np.ndarray:
        return np.linalg.norm(self.points_mm - CENTRE_MM, axis=-1)

    @staticmethod
    def _sample(grid: np.ndarray, theta: np.ndarray, phi: np.ndarray) -> np.ndarray:
        theta, phi = np.broadcast_arrays(np.asarray(theta, np.float32), np.asarray(phi, np.float32))
        size = grid.shape[0]
        # The resampler takes pictures with sides below 32768.
        flat = (theta.shape[0], -1)
        rows = np.clip(theta.reshape(flat) * (size / np.pi) - 0.5, 0.0, size - 1.0)
        columns = (phi.reshape(flat) + np.pi) * (size / (2 * np.pi)) - 0.5
        values = cv2.remap(
            grid, columns.astype(np.float32), rows.astype(np.float32), cv2.INTER_LINEAR, None, cv2.BORDER_WRAP
        )
        return values.reshape(*theta.shape, *grid.shape[2:])

    def theta_of_height(self, phi: np.ndarray, y_mm: np.ndarray) -> np.ndarray:
        """For each azimuth (K,), the inclination from the top where the surface is as low as y_mm (K,)."""
        theta = (np.arange(160) + 0.5) / 160 * np.pi
        heights = self.at(
            np.broadcast_to(theta[:, None], (160, len(phi))), np.broadcast_to(phi, (160, len(phi)))
        )
        return theta[np.argmax(heights[..., 1] >= y_mm[None, :], axis=0)]
