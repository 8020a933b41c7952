"""Where the parts of a face lie, in mm of the head frame: MediaPipe's landmarks and the head pose."""

from __future__ import annotations

import numpy as np

from gaze.camera import Camera
from gaze.geometry import FloatArray
from gaze.head_pose import face_centre_cam_mm
from gaze.mesh_landmarks import FACE_SIDES, LEFT_EYE, MOUTH_CORNERS, RIGHT_EYE
from gaze.types import Face, HeadPose

# Heights below the middle of the template's eyes, mm: the landmarks whose mean each one is. All of them lie
# near the plane of the face centre, so that how a head is turned hardly counts.
HEIGHTS = {
    "eye corners": (RIGHT_EYE.outer, RIGHT_EYE.inner, LEFT_EYE.inner, LEFT_EYE.outer),
    "irises": (RIGHT_EYE.iris, LEFT_EYE.iris),
    "mouth corners": MOUTH_CORNERS,
}
# Distances, mm, between two landmarks.
WIDTHS = {
    "outer eye corners apart": (RIGHT_EYE.outer, LEFT_EYE.outer),
    "inner eye corners apart": (RIGHT_EYE.inner, LEFT_EYE.inner),
    "irises apart": (RIGHT_EYE.iris, LEFT_EYE.iris),
    "mouth corners apart": MOUTH_CORNERS,
    "face wide": FACE_SIDES,
}


def face_proportions(face: Face, pose: HeadPose, camera: Camera) -> FloatArray:
    """(len(HEIGHTS) + len(WIDTHS),) mm, in their order.

    Landmarks are taken to lie in the plane through the face centre, at right angles to where the face points.
    """
    rays = camera.rays(face.landmarks_px)
    normal = pose.R_cam_head[:, 2]
    points_cam = rays * ((face_centre_cam_mm(pose) @ normal) / (rays @ normal))[:, None]
    points = (points_cam - pose.t_cam_mm) @ pose.R_cam_head
    heights = [points[list(index), 1].mean() for index in HEIGHTS.values()]
    widths = [np.linalg.norm(points[a, :2] - points[b, :2]) for a, b in WIDTHS.values()]
    return np.array([*heights, *widths])
