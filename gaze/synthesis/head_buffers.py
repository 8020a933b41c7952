"""The head's vertices on the GPU: places, normals and what each sees of the light."""

from __future__ import annotations

import moderngl
import numpy as np
from numpy.typing import NDArray

from gaze.synthesis.expression import VertexNormals
from gaze.synthesis.light import LightRig
from gaze.synthesis.mesh import EYEBALLS, MOUTH, SKIN_COUNT, HeadMesh
from gaze.synthesis.orbit import OrbitShade
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.visibility import Visibility

BEHIND_EARS_MM = 40.0


class HeadBuffers:
    """Vertex buffers that skin, eyes and mouth share, written for each picture.

    ``position``, ``normal`` and ``visibility`` are entries of a vertex array's layout.
    """

    def __init__(self, context: moderngl.Context, mesh: HeadMesh, visibility: Visibility | None) -> None:
        """Without ``visibility`` nothing is in shadow."""
        self._mesh = mesh
        self._neutral_visibility = visibility
        self._orbit_shade = OrbitShade(mesh)
        mouth_triangles = np.concatenate([mesh.gum_triangles, mesh.teeth_triangles])
        self._mouth_normals = VertexNormals(mouth_triangles, MOUTH.stop)(mesh.vertices_mm)[MOUTH]
        count = len(mesh.vertices_mm)
        self._positions = context.buffer(reserve=count * 12, dynamic=True)
        self._normals = context.buffer(reserve=count * 12, dynamic=True)
        self._seen = context.buffer(reserve=count * 16, dynamic=True)
        self.position = (self._positions, "3f", "position")
        self.normal = (self._normals, "3f", "normal")
        self.visibility = (self._seen, "4f", "visibility")

    def write(self, head: PosedHead, rig: LightRig, orbit_stops: float) -> None:
        """Take over a posed head in its light; ``orbit_stops`` as of SkinFinish."""
        visibility = self._visibility_towards_light(head, rig)
        visibility *= self._orbit_shade(orbit_stops)[:, None]
        self._positions.write(np.ascontiguousarray(head.vertices_cam_mm, np.float32))
        self._normals.write(np.ascontiguousarray(head.normals_cam, np.float32))
        mouth_normals = self._mouth_normals @ head.R_cam_head.T.astype(np.float32)
        self._normals.write(np.ascontiguousarray(mouth_normals), offset=MOUTH.start * 12)
        self._seen.write(visibility)

    def _visibility_towards_light(self, head: PosedHead, rig: LightRig) -> NDArray[np.float32]:
        """(N, 4): openness to the surroundings, then how much of each lamp a vertex sees."""
        values = np.ones((len(self._mesh.vertices_mm), 4), np.float32)
        if self._neutral_visibility is None:
            return values
        rows = self._neutral_visibility.openness
        values[:SKIN_COUNT, 0] = rows[:SKIN_COUNT]
        eyes = self._neutral_visibility.rows_of_eyeballs
        for ball, part in zip(EYEBALLS, eyes, strict=True):
            values[ball, 0] = rows[part]
        directions = rig.lamp_directions_cam()
        if len(directions):
            towards = self._neutral_visibility.towards(directions @ head.R_cam_head)
            columns = slice(1, 1 + len(directions))
            values[:SKIN_COUNT, columns] = towards[:SKIN_COUNT]
            for ball, part in zip(EYEBALLS, eyes, strict=True):
                values[ball, columns] = towards[part]
        return values


def in_front(mesh: HeadMesh, triangles: NDArray[np.int32], facing: float) -> NDArray[np.int32]:
    """The triangles (K, 3) that a crop can show: not behind the ears, not turned away.

    ``facing`` is the least share of the outward normal that points forwards. Neighbours come one after the
    other, so that a vertex is transformed once for most of its triangles.
    """
    corners = mesh.vertices_mm[triangles]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    normals /= np.linalg.norm(normals, axis=1, keepdims=True) + 1e-9
    centre = corners.mean(axis=1)
    kept = (centre[:, 2] < BEHIND_EARS_MM) & (-normals[:, 2] >= facing)
    triangles = triangles[kept]
    return triangles[np.argsort(triangles.min(axis=1), kind="stable")]
