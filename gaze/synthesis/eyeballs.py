"""The balls that the lids lie on: made round, and kept under the lids as these move."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import FACE

# The lids' inner edges lie this far outside the sphere fitted to the mesh's ball.
_FILL_MM = 0.35
LID_CLEARANCE_MM = 0.2


@dataclass(frozen=True)
class Eyeball:
    """Centre (3,) and radius in the head frame, mm, and the face vertices that may touch it."""

    centre_mm: NDArray[np.float64]
    radius_mm: float
    near: NDArray[np.int32]


def fit_sphere(points: NDArray[np.floating]) -> tuple[NDArray[np.float64], float]:
    """Centre and radius of the least-squares sphere through points (N, 3): |p|^2 = 2 p.c + k."""
    points = np.asarray(points, np.float64)
    system = np.c_[2.0 * points, np.ones(len(points))]
    solution = np.linalg.lstsq(system, np.sum(points**2, axis=1), rcond=None)[0]
    centre = solution[:3]
    return centre, float(np.sqrt(solution[3] + centre @ centre))


def round_eyeball(vertices_mm: NDArray[np.float32], ball: slice) -> Eyeball:
    """Make a neutral head's eyeball a sphere that fills its slit, in place."""
    centre, radius = fit_sphere(vertices_mm[ball])
    radius += _FILL_MM
    offset = vertices_mm[ball] - centre
    vertices_mm[ball] = centre + offset * (radius / np.linalg.norm(offset, axis=1, keepdims=True))
    face = vertices_mm[FACE]
    distance = np.linalg.norm(face - centre, axis=1)
    near = np.flatnonzero((distance < radius + 9.0) & (face[:, 2] < centre[2])).astype(np.int32)
    return Eyeball(centre, radius, near)


def lift_lids(vertices_mm: NDArray[np.float32], ball: Eyeball) -> None:
    """Push face vertices that sank into a ball out to just above it, in place.

    Blendshapes move lids on straight lines; a real lid slides over the ball.
    """
    offset = vertices_mm[ball.near] - ball.centre_mm.astype(np.float32)
    distance = np.linalg.norm(offset, axis=1)
    least = np.float32(ball.radius_mm + LID_CLEARANCE_MM)
    # The inner corner lies below the ball's surface by nature: only what rises in front of that is lifted.
    outwards = offset[:, 0] * np.sign(ball.centre_mm[0])
    steepest = np.where(outwards < -0.35 * distance, np.float32(0.75), np.float32(0.4))
    sunk = (distance < least) & (distance > ball.radius_mm - 5.0) & (-offset[:, 2] > steepest * distance)
    lifted = ball.near[sunk]
    vertices_mm[lifted] = ball.centre_mm + offset[sunk] * (least / distance[sunk])[:, None]
