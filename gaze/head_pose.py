"""The pose of the head from landmarks: a rigid 3-D template fitted to points of the raw picture.

Two fits, one for each kind of landmark. The live one uses 38 points that do not move with expression: the
six-point template is nearly flat, so its pitch and yaw flip between two solutions that fit equally well
(on video the six-point pitch jitters by 6 degrees, this one by 0.2). The six-point fit is that of
MPIIFaceGaze and is meant for its annotated points.

Lens distortion is in the fit's own projection, so the points stay raw: this is the one place where the live
path accounts for the distortion of landmarks.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import ArrayLike

from gaze.camera import Camera
from gaze.face_model import FACE_CENTRE_HEAD_MM, RIGID_LANDMARKS, RIGID_POINTS_MM, SIX_POINTS_MM
from gaze.geometry import FloatArray
from gaze.types import Face, HeadPose

# Faces differ from the template by 2 to 4 mm (root mean square); landmarks that are no face by 20 and more.
MAX_MISFIT_MM = 12.0
_RIGID_INDEX = np.array(RIGID_LANDMARKS)


def estimate_head_pose(face: Face, camera: Camera) -> HeadPose | None:
    """Pose of a face found by MediaPipe: the 38-point rigid fit.

    Returns None when no pose in front of the camera fits the landmarks within MAX_MISFIT_MM.
    """
    pose = _fit(RIGID_POINTS_MM, face.landmarks_px[_RIGID_INDEX], camera, cv2.SOLVEPNP_SQPNP)
    if pose is None or pose.reprojection_rms_px * pose.t_cam_mm[2] / camera.K[0, 0] > MAX_MISFIT_MM:
        return None
    return pose


def head_pose_from_six_points(points_px: ArrayLike, camera: Camera) -> HeadPose | None:
    """Pose from MPIIFaceGaze's six annotated points (6, 2), raw px, in the order of SIX_POINTS_MM.

    EPNP, then iterative refinement from it, as that data set's own pose was made. Returns None when there
    is no pose in front of the camera.
    """
    points_px = np.asarray(points_px, dtype=np.float64)
    return _fit(SIX_POINTS_MM, points_px, camera, cv2.SOLVEPNP_EPNP)


def face_centre_cam_mm(pose: HeadPose) -> FloatArray:
    """The face centre (3,), camera frame, mm: the mean of the six points, MPIIFaceGaze's gaze origin."""
    return pose.R_cam_head @ FACE_CENTRE_HEAD_MM + pose.t_cam_mm


def _fit(model_mm: FloatArray, points_px: FloatArray, camera: Camera, first_method: int) -> HeadPose | None:
    """Closed form, then Levenberg-Marquardt on the reprojection error in raw px."""
    lens = camera.K, camera.distortion
    if not np.isfinite(points_px).all():
        return None
    try:
        found, rvec, tvec = cv2.solvePnP(model_mm, points_px, *lens, flags=first_method)
        if not found:
            return None
        found, rvec, tvec = cv2.solvePnP(
            model_mm, points_px, *lens, rvec, tvec, useExtrinsicGuess=True, flags=cv2.SOLVEPNP_ITERATIVE
        )
    except cv2.error:  # degenerate points, such as all in one place
        return None
    if not found or not np.isfinite(rvec).all() or not np.isfinite(tvec).all():
        return None
    R, t = cv2.Rodrigues(rvec)[0], tvec.reshape(3)
    if np.any(model_mm @ R[2] + t[2] <= 0):
        return None
    projected_px, _ = cv2.projectPoints(model_mm, rvec, tvec, *lens)
    residual_px = projected_px.reshape(-1, 2) - points_px
    rms_px = math.sqrt(float(np.vdot(residual_px, residual_px)) / len(points_px))
    return HeadPose(R, t, rms_px)
