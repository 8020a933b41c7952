"""Leaves out triangles that lie wholly outside the picture: most of a head and its hair does in a crop.

A software rasteriser transforms and clips every triangle that it is given, on one core.
"""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

_LEFT, _RIGHT, _UP, _DOWN, _BEHIND = 1, 2, 4, 8, 16


def triangles_in_view(
    vertices_mm: NDArray[np.float32], corners: NDArray[np.intp], clip: NDArray[np.float32]
) -> NDArray[np.intp]:
    """Which triangles have not all corners beyond the same edge of the picture: their numbers.

    ``vertices_mm`` (N, 3) in the frame that ``clip`` (4, 4) takes to clip space; ``corners`` (3, K), the
    first vertex of each triangle, then the second and the third.
    """
    x, y, w = clip[[0, 1, 3], :3] @ vertices_mm.T + clip[[0, 1, 3], 3:]
    beyond = np.zeros(len(w), np.uint8)
    edges = ((_LEFT, x < -w), (_RIGHT, x > w), (_UP, y < -w), (_DOWN, y > w), (_BEHIND, w <= 0))
    for bit, there in edges:
        beyond |= there.view(np.uint8) * np.uint8(bit)
    a, b, c = beyond.take(corners)
    return np.flatnonzero((a & b & c) == 0)


class CulledArray:
    """A vertex array whose index buffer is written anew for each picture."""

    def __init__(
        self,
        context: moderngl.Context,
        program: moderngl.Program,
        layout: list[tuple],
        triangles: NDArray[np.integer],
    ) -> None:
        self._triangles = np.ascontiguousarray(triangles, np.int32)
        # In the type of numpy's indices, which it would else convert them to for each picture.
        self._corners = np.ascontiguousarray(self._triangles.T, np.intp)
        self._index = context.buffer(reserve=max(self._triangles.nbytes, 12), dynamic=True)
        self._array = context.vertex_array(program, layout, self._index)

    def render(self, vertices_mm: NDArray[np.float32], clip: NDArray[np.float32]) -> None:
        """Draw what is in view of ``clip`` (4, 4), the matrix from the vertices' frame to clip space."""
        seen = self._triangles.take(triangles_in_view(vertices_mm, self._corners, clip), axis=0)
        if len(seen):
            self._index.write(seen.tobytes())
            self._array.render(vertices=3 * len(seen))

    def release(self) -> None:
        """Free the GPU's memory, but for the vertices."""
        self._array.release()
        self._index.release()
