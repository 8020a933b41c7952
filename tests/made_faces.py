"""Faces made by projecting the rigid head template, for tests that need exact truth."""

import cv2
import numpy as np

from gaze.camera import Camera
from gaze.face_model import RIGID_LANDMARKS, RIGID_POINTS_MM
from gaze.types import LANDMARK_COUNT, Face

PINHOLE = Camera([[600.0, 0, 319.5], [0, 600.0, 239.5], [0, 0, 1]], [], 640, 480)
DISTORTED = Camera(
    [[600.0, 0, 322.0], [0, 604.0, 236.0], [0, 0, 1]], [-0.3, 0.12, 0.001, -0.002, -0.02], 640, 480
)


def rotation(pitch_deg=0.0, yaw_deg=0.0, roll_deg=0.0):
    """A head rotation R_cam_head by turning about x, then y, then z."""
    turns = [
        cv2.Rodrigues(np.deg2rad(angle) * np.array(axis))[0]
        for angle, axis in ((pitch_deg, (1.0, 0, 0)), (yaw_deg, (0, 1.0, 0)), (roll_deg, (0, 0, 1.0)))
    ]
    return turns[2] @ turns[1] @ turns[0]


def face_at(R_cam_head, t_cam_mm, camera, eye_open=(1.0, 1.0)):
    """The Face of a head that is exactly the template; landmarks off the template lie on the nose tip."""
    points_px = camera.project(RIGID_POINTS_MM @ np.asarray(R_cam_head).T + t_cam_mm)
    landmarks_px = np.tile(points_px[RIGID_LANDMARKS.index(1)], (LANDMARK_COUNT, 1))
    landmarks_px[list(RIGID_LANDMARKS)] = points_px
    return Face(
        np.concatenate([points_px.min(axis=0), points_px.max(axis=0)]), landmarks_px, np.array(eye_open)
    )
