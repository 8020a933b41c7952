"""Where a head is and where it looks: people before a webcam, drawn from seeds.

Camera frame: x right, y down, z forward, mm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.geometry import angles_from_vector, unit, vector_from_angles

EYE_YAW_LIMIT_DEG = 42.0
EYE_PITCH_LIMIT_DEG = (-43.0, 31.0)
FARTHEST_MM = 2000.0


@dataclass(frozen=True, slots=True)
class Pose:
    """Where a head is and what it looks at.

    ``R_cam_head`` (3, 3); ``eyes_cam_mm`` (3,) midway between the eyes' centres of rotation;
    ``target_cam_mm`` (3,) where both lines of sight meet; ``kind`` of situation: screen, wide, lens, or the
    caller's own name.
    """

    R_cam_head: NDArray[np.float64]
    eyes_cam_mm: NDArray[np.float64]
    target_cam_mm: NDArray[np.float64]
    kind: str

    def at_distance(self, distance_mm: float) -> Pose:
        """The same person on the same ray of the camera, eyes so far away, with the target moved along."""
        eyes_cam_mm = distance_mm * unit(self.eyes_cam_mm)
        return replace(
            self, eyes_cam_mm=eyes_cam_mm, target_cam_mm=self.target_cam_mm + eyes_cam_mm - self.eyes_cam_mm
        )


def head_rotation(pitch_rad: float, yaw_rad: float, roll_rad: float = 0.0) -> NDArray[np.float64]:
    """R_cam_head of a head at angles that head_angles_from_rotation gives back (zero roll: exactly).

    Pitch positive turns the face upwards, yaw towards image-left, roll clockwise in the picture.
    """
    cy, sy = np.cos(yaw_rad), np.sin(yaw_rad)
    cp, sp = np.cos(pitch_rad), np.sin(pitch_rad)
    cr, sr = np.cos(roll_rad), np.sin(roll_rad)
    yaw = np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    pitch = np.array([[1, 0, 0], [0, cp, sp], [0, -sp, cp]])
    roll = np.array([[cr, -sr, 0], [sr, cr, 0], [0, 0, 1]])
    return yaw @ pitch @ roll


def sample_camera(rng: np.random.Generator) -> Camera:
    """A webcam: 52 to 82 degrees wide, common sizes."""
    width, height = [(640, 480), (1280, 720), (1920, 1080)][rng.choice(3, p=[0.4, 0.4, 0.2])]
    return Camera.from_hfov(float(rng.uniform(52, 82)), width, height)


def sample_pose(rng: np.random.Generator, camera: Camera) -> Pose:
    """Head and target: people at a laptop, people looking into or near the lens, and anything in reach.

    Every pose is in reach (see in_reach); the eyes are in the camera's picture.
    """
    kind = ("screen", "wide", "lens")[rng.choice(3, p=[0.36, 0.46, 0.18])]
    for _ in range(200):
        pose = _draw_pose(rng, camera, kind)
        if in_reach(pose):
            return pose
        if rng.random() < 0.02:
            kind = "wide"
    return Pose(head_rotation(0, 0), np.array([0.0, 0.0, 600.0]), np.zeros(3), "lens")


def _draw_pose(rng: np.random.Generator, camera: Camera, kind: str) -> Pose:
    wide = kind == "wide"
    if wide:
        distance = float(np.exp(rng.uniform(np.log(320), np.log(FARTHEST_MM))))
    else:
        distance = float(np.clip(np.exp(rng.normal(np.log(580), 0.28)), 300, 1300))
    half = camera.hfov_deg / 2 - 12
    across = np.deg2rad(np.clip(rng.normal(0, 10 if not wide else 14), -half, half))
    down = np.deg2rad(np.clip(rng.normal(2, 7), -half * 0.55, half * 0.55))
    eyes = distance * unit([np.tan(across), np.tan(down), 1.0])
    # Angles are drawn relative to the line from the head to the camera.
    base_pitch, base_yaw = angles_from_vector(-eyes)
    roll = rng.normal(0, 6) if rng.random() < 0.85 else rng.normal(0, 15)
    if wide:
        if rng.random() < 0.55:
            yaw, pitch = rng.uniform(-62, 62), rng.uniform(-40, 40)
        else:
            yaw, pitch = rng.normal(0, 18), rng.normal(-2, 12)
        if rng.random() < 0.65:
            eye_yaw, eye_pitch = rng.uniform(-38, 38), rng.uniform(-41, 29)
        else:
            eye_yaw, eye_pitch = rng.normal(0, 13), rng.normal(-3, 9)
        R = head_rotation(base_pitch + np.deg2rad(pitch), base_yaw + np.deg2rad(yaw), np.deg2rad(roll))
        sight = R @ vector_from_angles(np.deg2rad([eye_pitch, eye_yaw]))
        reach = (
            distance * np.exp(rng.normal(0, 0.25)) if rng.random() < 0.7 else np.exp(rng.uniform(5.7, 8.6))
        )
        return Pose(R, eyes, eyes + max(280.0, reach) * sight, kind)
    if kind == "screen":
        below = rng.random() < 0.88
        target = np.array(
            [
                rng.uniform(-300, 300),
                rng.uniform(-15, 340) if below else rng.uniform(-360, 20),
                rng.normal(0, 15),
            ]
        )
    else:
        target = np.array([rng.normal(0, 30), rng.normal(0, 30), rng.normal(0, 20)])
        if rng.random() < 0.4:
            target = np.zeros(3)
    gaze_pitch, gaze_yaw = angles_from_vector(target - eyes)
    follow = rng.uniform(0.0, 0.9)
    spread = 14 if kind == "screen" else 20
    yaw = base_yaw + follow * (gaze_yaw - base_yaw) + np.deg2rad(rng.normal(0, spread * 0.7))
    pitch = base_pitch + follow * (gaze_pitch - base_pitch) + np.deg2rad(rng.normal(-1, spread * 0.55))
    return Pose(head_rotation(pitch, yaw, np.deg2rad(roll)), eyes, target, kind)


def in_reach(pose: Pose) -> bool:
    """Whether the eyes can turn to the target in the head, 270 mm away or farther so that they can fuse it.

    Heads turned 68 degrees or more from the camera are left out: half of the face is hidden.
    """
    to_target = pose.target_cam_mm - pose.eyes_cam_mm
    if np.linalg.norm(to_target) < 270:
        return False
    sight = pose.R_cam_head.T @ unit(to_target)
    pitch, yaw = np.rad2deg(angles_from_vector(sight))
    low, high = EYE_PITCH_LIMIT_DEG
    head = pose.R_cam_head.T @ unit(-pose.eyes_cam_mm)
    facing = np.degrees(np.arccos(np.clip(-head[2], -1, 1)))
    return abs(yaw) < EYE_YAW_LIMIT_DEG and low < pitch < high and facing < 68 and sight[2] < 0
