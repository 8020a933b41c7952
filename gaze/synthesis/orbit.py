"""The shade in the sockets of the eyes, which the smooth head model hardly has.

Real eyes lie deeper between nose and brow than the model's, behind lids and folds that it lacks, and little
light comes back out of there: on pictures of people the skin about the inner corner is 1 to 2 stops darker
than the cheek beside what the model's own geometry gives.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.mesh import EYEBALLS, OUTWARDS, SKIN_COUNT, HeadMesh


@dataclass(frozen=True, slots=True)
class _Hollow:
    """A place in shade: how deep, as a share, and where from the inner corner its deepest point lies, mm;
    then how far its shade reaches to each side of that."""

    depth: float
    outwards_mm: float
    down_mm: float
    medial_mm: float
    lateral_mm: float
    up_mm: float
    below_mm: float


# The socket about the inner corner, that corner itself, the fold above the inner half of the upper lid, the
# one under the lower lid.
_HOLLOWS = (
    _Hollow(1.0, 2.0, 1.0, 5.0, 15.0, 8.0, 10.0),
    _Hollow(0.7, -0.5, -1.5, 4.0, 4.0, 4.0, 3.0),
    _Hollow(0.6, 2.5, -8.0, 3.5, 6.0, 3.5, 3.5),
    _Hollow(0.5, 11.5, 5.5, 7.0, 8.0, 3.0, 3.0),
)


class OrbitShade:
    """Where the shade lies: a weight 0..1 for every vertex of skin and eyeballs of the neutral head."""

    def __init__(self, mesh: HeadMesh) -> None:
        points = mesh.vertices_mm
        self._weight = np.zeros(len(points), np.float32)
        parts = [slice(0, SKIN_COUNT), *EYEBALLS]
        for side, rings in enumerate(mesh.eyelids):
            corner = points[rings.inner_upper[0]]
            for part in parts:
                front = points[part, 2] < corner[2] + 12.0
                from_corner = (points[part] - corner) * (OUTWARDS[side], 1.0, 1.0)
                shade = sum(_depth(hollow, from_corner) for hollow in _HOLLOWS)
                self._weight[part] = np.maximum(self._weight[part], shade * front)
        self._weight /= self._weight.max()

    def __call__(self, stops: float) -> NDArray[np.float32]:
        """The factor (V,) on the light at every vertex, for a shade of so many stops where it is deepest."""
        return np.exp2(-np.float32(stops) * self._weight)


def _depth(hollow: _Hollow, from_corner_mm: NDArray[np.floating]) -> NDArray[np.floating]:
    """The share of the shade at points (N, 3) from the inner corner: outwards, down, into the head."""
    outwards = from_corner_mm[:, 0] - hollow.outwards_mm
    down = from_corner_mm[:, 1] - hollow.down_mm
    across = outwards / np.where(outwards < 0.0, hollow.medial_mm, hollow.lateral_mm)
    along = down / np.where(down < 0.0, hollow.up_mm, hollow.below_mm)
    return hollow.depth * np.exp(-(across**2) - along**2)
