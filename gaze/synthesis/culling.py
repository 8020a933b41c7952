"""Leaves out triangles that lie wholly outside the picture: most of a head and its hair does in a crop.

A software rasteriser transforms and clips every triangle that it is given, on one core.
"""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

_LEFT, _RIGHT, _UP, _DOWN, _BEHIND = 1, 2, 4, 8, 16


def triangles_in_view(
    vertices_mm: NDArray[np.float32], triangles: NDArray[np.int32], clip: NDArray[np.float32]
) -> NDArray[np.int32]:
    """The triangles (K, 3) of which not all corners lie beyond the same edge of the picture.

    ``vertices_mm`` (N, 3) in the frame that ``clip`` (4, 4) takes to clip space.
    """
    x, y, w = clip[[0, 1, 3], :3] @ vertices_mm.T + clip[[0, 1, 3], 3:]
    beyond = ((x < -w) * np.uint8(_LEFT)) | ((x > w) * np.uint8(_RIGHT))
    beyond |= ((y < -w) * np.uint8(_UP)) | ((y > w) * np.uint8(_DOWN)) | ((w <= 0) * np.uint8(_BEHIND))
    a, b, c = beyond.take(triangles.T)
    return triangles.take(np.flatnonzero((a & b & c) == 0), axis=0)


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
        self._index = context.buffer(reserve=max(self._triangles.nbytes, 12), dynamic=True)
        self._array = context.vertex_array(program, layout, self._index)

    def render(self, vertices_mm: NDArray[np.float32], clip: NDArray[np.float32]) -> None:
        """Draw what is in view of ``clip`` (4, 4), the matrix from the vertices' frame to clip space."""
        seen = triangles_in_view(vertices_mm, self._triangles, clip)
        if len(seen):
            self._index.write(seen.tobytes())
            self._array.render(vertices=3 * len(seen))

    def release(self) -> None:
        """Free the GPU's memory, but for the vertices."""
        self._array.release()
        self._index.release()
