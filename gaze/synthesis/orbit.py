"""The shade about the inner corners of the eyes, which the smooth head model hardly has.

Real eyes lie deeper between nose and brow than the model's, behind lids and folds that it lacks, and little
light comes back out of there: on pictures of people the skin about the inner corner is 1 to 2 stops darker
than the cheek beside what the model's own geometry gives.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import EYEBALLS, SKIN_COUNT, HeadMesh

# Deepest point from the inner corner, mm: outwards, down; then how far the shade reaches to each side.
_OUTWARDS_MM, _DOWN_MM = 2.0, 1.0
_MEDIAL_MM, _LATERAL_MM, _UP_MM, _BELOW_MM = 6.0, 16.0, 9.0, 10.0


class OrbitShade:
    """Where the shade lies: a weight 0..1 for every vertex of skin and eyeballs of the neutral head."""

    def __init__(self, mesh: HeadMesh) -> None:
        points = mesh.vertices_mm
        self._weight = np.zeros(len(points), np.float32)
        parts = [slice(0, SKIN_COUNT), *EYEBALLS]
        for side, rings in enumerate(mesh.eyelids):
            corner = points[rings.inner_upper[0]]
            sign = 1.0 if side == 0 else -1.0
            for part in parts:
                outwards = (points[part, 0] - corner[0]) * sign - _OUTWARDS_MM
                down = points[part, 1] - corner[1] - _DOWN_MM
                across = outwards / np.where(outwards < 0.0, _MEDIAL_MM, _LATERAL_MM)
                along = down / np.where(down < 0.0, _UP_MM, _BELOW_MM)
                front = points[part, 2] < corner[2] + 12.0
                self._weight[part] = np.maximum(self._weight[part], np.exp(-(across**2) - along**2) * front)

    def __call__(self, stops: float) -> NDArray[np.float32]:
        """The factor (V,) on the light at every vertex, for a shade of so many stops where it is deepest."""
        return np.exp2(-np.float32(stops) * self._weight)
