"""Where a posed head's landmarks of gaze.learned_landmarks lie in space."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.learned_landmarks import FACE_68, LOWER_LID, RIM, UPPER_LID
from gaze.synthesis.eyes import LIMBUS_TO_ROTATION_MM
from gaze.synthesis.mesh import LANDMARKS_68, EyelidRings, HeadMesh
from gaze.synthesis.posed_head import PosedHead

_DOWN = np.array([0.0, 1.0, 0.0])


def head_landmarks_cam_mm(mesh: HeadMesh, head: PosedHead, iris_radius_mm: float) -> NDArray[np.float64]:
    """The landmarks (LEARNED_COUNT, 3) in the camera frame, in the order of gaze.learned_landmarks."""
    points = []
    for side, lids in enumerate(mesh.eyelids):
        rotation_centre, axis = head.centres_cam_mm[side], head.axes_cam[side]
        iris = rotation_centre + LIMBUS_TO_ROTATION_MM * axis
        points += [iris[None], _rim(iris, axis, iris_radius_mm), head.vertices_cam_mm[_lid_vertices(lids)]]
        points.append(rotation_centre[None])
    points.append(head.vertices_cam_mm[LANDMARKS_68[list(FACE_68)]])
    return np.vstack(points).astype(np.float64)


def _rim(iris: NDArray[np.float64], axis: NDArray[np.float64], radius_mm: float) -> NDArray[np.float64]:
    """Points about the iris, the first at the picture's right, on through the top."""
    right = np.cross(axis, _DOWN)
    right /= np.linalg.norm(right)
    up = np.cross(axis, right)
    turn = np.linspace(0.0, 2.0 * np.pi, RIM.stop - RIM.start, endpoint=False)[:, None]
    return iris + radius_mm * (np.cos(turn) * right + np.sin(turn) * up)


def _lid_vertices(lids: EyelidRings) -> NDArray[np.int32]:
    """The upper lid's vertices from corner to corner, then the lower one's between them."""
    upper = _evenly(lids.margin_upper, UPPER_LID.stop - UPPER_LID.start)
    lower = _evenly(lids.margin_lower, LOWER_LID.stop - LOWER_LID.start + 2)
    return np.concatenate([upper, lower[1:-1]])


def _evenly(ring: NDArray[np.int32], count: int) -> NDArray[np.int32]:
    return ring[np.linspace(0, len(ring) - 1, count).round().astype(int)]
