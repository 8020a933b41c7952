"""Invented laptops for the stand-in of MPIIFaceGaze: camera, screen and the Calibration folder.

The ranges follow the fifteen published Camera.mat: focal lengths of 980 to 1065 px at 1280x720, a principal
point within 3 % of the middle, and two families of lens distortion.
"""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np

from gaze.camera import Camera
from gaze.datasets.mpiifacegaze_calibration import LaptopScreen

WIDTH_PX, HEIGHT_PX = 1280, 720
# Laptop screens: px and mm.
SCREENS = (
    (1280, 800, 286.0, 179.0),
    (1440, 900, 286.0, 179.0),
    (1440, 900, 331.0, 207.0),
    (1920, 1080, 344.0, 194.0),
)
DISTORTIONS = ((-0.16, 0.66, 0.001, -0.001, -1.0), (0.125, -0.42, 0.0, -0.002, 0.42))


def invent_camera(rng: np.random.Generator) -> Camera:
    """A webcam of a laptop, calibrated, with lens distortion."""
    fx = rng.uniform(980.0, 1065.0)
    K = np.array(
        [
            [fx, 0.0, 640.0 + rng.normal(0.0, 8.0)],
            [0.0, fx * rng.uniform(1.0, 1.004), 360.0 + rng.normal(0.0, 7.0)],
            [0.0, 0.0, 1.0],
        ]
    )
    family = np.array(DISTORTIONS[rng.integers(len(DISTORTIONS))])
    distortion = family * rng.uniform(0.8, 1.2) + [0.0, 0.0, *rng.normal(0.0, 0.002, 2), 0.0]
    return Camera(K, distortion, WIDTH_PX, HEIGHT_PX)


def invent_screen(rng: np.random.Generator) -> LaptopScreen:
    """A screen below its camera, leaning back a little; its pixels run against the camera's x axis."""
    width_px, height_px, width_mm, height_mm = SCREENS[rng.integers(len(SCREENS))]
    turn = np.diag([-1.0, 1.0, -1.0])
    tilt, _ = cv2.Rodrigues(np.deg2rad(rng.normal([6.0, 0.0, 0.0], [4.0, 1.0, 0.5])))
    t = np.array([width_mm / 2.0, 8.0, 0.0]) + rng.normal(0.0, [3.0, 2.0, 3.0])
    return LaptopScreen(
        width_px=width_px,
        height_px=height_px,
        width_mm=width_mm,
        height_mm=height_mm,
        R_cam_screen=tilt @ turn,
        t_cam_mm=t,
    )


def write_calibration(folder: Path, camera: Camera, screen: LaptopScreen, rng: np.random.Generator) -> None:
    """Write Camera.mat, monitorPose.mat and screenSize.mat as the published set has them."""
    folder.mkdir(parents=True)
    import scipy.io  # here, so that --help needs no package of training

    scipy.io.savemat(
        folder / "Camera.mat",
        {
            "cameraMatrix": camera.K,
            "distCoeffs": camera.distortion.reshape(1, 5),
            "retval": rng.uniform(0.45, 0.75),
            "rvecs": rng.normal(0.0, 0.4, (100, 3)),
            "tvecs": rng.normal([0.0, 0.0, 800.0], [120.0, 60.0, 150.0], (100, 3)),
        },
    )
    pose = {"rvects": cv2.Rodrigues(screen.R_cam_screen)[0], "tvecs": screen.t_cam_mm.reshape(3, 1)}
    scipy.io.savemat(folder / "monitorPose.mat", pose)
    scipy.io.savemat(
        folder / "screenSize.mat",
        {
            "width_pixel": screen.width_px,
            "height_pixel": screen.height_px,
            "width_mm": screen.width_mm,
            "height_mm": screen.height_mm,
        },
    )
