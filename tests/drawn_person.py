"""A crude drawn face whose eyes follow the gaze: an image source for tests of the stand-in data set."""

import cv2
import numpy as np

from gaze.face_model import SIX_POINTS_MM

BACK_OF_EYE_MM = 12.0


def _ring(centre, rx, ry, n=32):
    angle = np.linspace(0, 2 * np.pi, n, endpoint=False)
    return np.asarray(centre) + np.stack([rx * np.cos(angle), ry * np.sin(angle), np.zeros(n)], axis=1)


class DrawnPerson:
    """Draws head outline, eyes with irises, nose and mouth as flat patches through the real camera."""

    def close(self):
        """Nothing is held."""

    def render(self, person_seed, frame_seed, camera, target_cam_mm):
        """See gaze.synthesis.mpiifacegaze_standin.PersonRenderer."""
        person, frame = np.random.default_rng(person_seed), np.random.default_rng(frame_seed)
        skin = person.uniform([60, 90, 120], [170, 200, 240])
        iris = person.uniform(20, 110, 3)
        turn = np.deg2rad(frame.normal([0.0, 0.0, 0.0], [5.0, 8.0, 3.0]))
        R = cv2.Rodrigues(turn)[0]
        t = np.array([frame.normal(0, 25), frame.normal(10, 15), frame.uniform(420, 620)])
        light = frame.uniform(0.6, 1.1)
        image = np.full((camera.height, camera.width, 3), frame.uniform(30, 200, 3), np.float32).astype(
            np.uint8
        )

        def patch(points_head, colour):
            px = camera.project(points_head @ R.T + t)
            cv2.fillPoly(image, [np.rint(px * 16).astype(np.int32)], np.clip(colour * light, 0, 255).tolist(),
                         cv2.LINE_AA, 4)  # fmt: skip

        patch(_ring([0, 35, 10], 75, 105), skin)
        for x in (-33.2, 33.2):
            patch(_ring([x, 0, 0], 13, 6), np.array([235.0, 240, 240]))
            eye_cam = R @ np.array([x, 0.0, BACK_OF_EYE_MM]) + t
            gaze_head = R.T @ ((target_cam_mm - eye_cam) / np.linalg.norm(target_cam_mm - eye_cam))
            pupil = np.array([x, 0.0, BACK_OF_EYE_MM]) + gaze_head * BACK_OF_EYE_MM
            patch(_ring(pupil, 5.5, 5.5), iris)
            patch(_ring(pupil, 2.2, 2.2), np.array([10.0, 10, 10]))
        patch(np.array([[0.0, 15, -8], [-10, 45, -10], [10, 45, -10]]), skin * 0.85)
        patch(_ring([0, 68.6, 0], 26, 6), np.array([90.0, 80, 170]))
        image = cv2.add(image, np.tile(frame.integers(0, 8, (180, 160, 3), dtype=np.uint8), (4, 8, 1)))
        return image, camera.project(SIX_POINTS_MM @ R.T + t), R, t
