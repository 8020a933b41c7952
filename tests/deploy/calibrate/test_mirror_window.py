"""The mirror method as a person does it: a real window, a virtual webcam that sees it in a hand mirror."""

import subprocess
import sys
import tempfile
import threading

import cv2
import numpy as np
import pytest
import virtual_camera
from xvfb import AVAILABLE, virtual_display

from calibration.screen import load_screens
from calibration.screen_presets import PRESETS, placed_screen
from calibration.simulated_person import perturbed_screen
from calibration.simulation import pose_distance
from gaze.camera import Camera

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not AVAILABLE, reason="needs Xvfb, xdotool and openbox"),
    pytest.mark.skipif(virtual_camera.why_not() is not None, reason=str(virtual_camera.why_not())),
]
SIZE_PX = (1920, 1080)
CAMERA = Camera([[905.0, 0, 644.0], [0, 903.0, 357.0], [0, 0, 1]], [], 1280, 720)
HELD_S = 2.2


def seen_in_mirrors(screen, count, seed=1):
    """Where the corners of the screen are seen, px (4, 2), in mirrors that stand before the camera."""
    rng = np.random.default_rng(seed)
    width, height = SIZE_PX
    corners = np.array([[0, 0], [width - 1, 0], [width - 1, height - 1], [0, height - 1]], float)
    corners_cam = np.array([screen.to_camera(screen.px_to_mm(corner)) for corner in corners])
    middle = corners_cam.mean(axis=0)
    seen = []
    while len(seen) < count:
        mirror = rng.uniform((-60, -60, 260), (60, 40, 380))
        to_camera, to_screen = (
            -mirror / np.linalg.norm(mirror),
            (middle - mirror) / np.linalg.norm(middle - mirror),
        )
        axis = rng.normal(size=3)
        turn = cv2.Rodrigues(axis / np.linalg.norm(axis) * rng.uniform(0.03, 0.12))[0]
        normal = turn @ ((to_camera + to_screen) / np.linalg.norm(to_camera + to_screen))
        behind = corners_cam - 2 * ((corners_cam - mirror) @ normal)[:, None] * normal
        points = behind @ np.asarray(CAMERA.K).T
        points = points[:, :2] / points[:, 2:]
        if np.all(points > 5) and np.all(points < [CAMERA.width - 5, CAMERA.height - 5]):
            seen.append(points)
    return corners, seen


def picture_of(shown, corners, points, rng):
    """What the camera sees of a screen (H, W, 3) whose corners lie at these points: with blur and noise."""
    H = cv2.getPerspectiveTransform(corners.astype(np.float32), points.astype(np.float32))
    twice = cv2.warpPerspective(
        cv2.GaussianBlur(shown, (0, 0), 1.2),
        np.diag([2.0, 2.0, 1.0]) @ H,
        (2 * CAMERA.width, 2 * CAMERA.height),
        borderValue=(70, 80, 90),
    )
    picture = cv2.resize(twice, (CAMERA.width, CAMERA.height), interpolation=cv2.INTER_AREA) * 0.8 + 10
    return [np.clip(picture + rng.normal(0, 2.5, picture.shape), 0, 255).astype(np.uint8) for _ in range(3)]


def test_the_place_of_the_screen_is_found_in_a_hand_mirror(tmp_path):
    assumed = placed_screen(PRESETS["laptop"], SIZE_PX, (344.0, 194.0), "panel")
    true = perturbed_screen(assumed, 5)
    CAMERA.save(tmp_path / "camera.json")
    corners, mirrors = seen_in_mirrors(true, 14)
    rng = np.random.default_rng(2)
    ended = threading.Event()
    with (
        tempfile.TemporaryDirectory(dir=virtual_camera.PLACE) as folder,
        tempfile.TemporaryDirectory() as kept,
        virtual_display(kept, SIZE_PX) as display,
    ):
        camera = virtual_camera.VirtualCamera(folder, virtual_camera.build(tmp_path))
        camera.show(picture_of(np.full((1080, 1920, 3), 90, np.uint8), corners, mirrors[0], rng))

        def hold_mirrors():
            while display.window() is None and not ended.wait(0.2):
                pass
            for points in mirrors:
                if ended.wait(HELD_S):
                    return
                camera.show(picture_of(display.picture(), corners, points, rng))

        holding = threading.Thread(target=hold_mirrors)
        holding.start()
        options = ["--mirror", "--size-mm", "344x194", "--camera", "camera.json", "--source", camera.device]
        try:
            process = subprocess.run(
                [sys.executable, "-m", "gaze.cli", "calibrate", "screen", *options],
                cwd=tmp_path,
                env=camera.environment | {"DISPLAY": display.name, "QT_QPA_PLATFORM": "xcb"},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=200,
                check=False,
            )
        finally:
            ended.set()
            holding.join()
    assert process.returncode == 0, process.stdout
    before, after = (
        pose_distance(screen, true) for screen in (assumed, load_screens(tmp_path / "screens.json")[0])
    )
    # Millimetres, degrees.
    assert after[0] < 4.0 < before[0]
    assert after[1] < 0.3 < before[1]
