"""Which size is asked of a webcam, and at which it is left by what it says of itself."""

import cv2
import pytest

from deploy.sources import captures, size_for_lens
from gaze.camera import Camera


class Webcam:
    """Takes every size; gives ``fps`` at 1280x720, or what was asked if that is less."""

    def __init__(self, fps):
        self.fps, self.set_values = fps, {}

    def isOpened(self):
        return True

    def set(self, name, value):
        self.set_values[name] = value
        return True

    def get(self, name):
        if name == cv2.CAP_PROP_FPS:
            return min(self.fps, self.set_values.get(name, self.fps))
        return self.set_values.get(name, 0)

    def release(self):
        pass


@pytest.mark.parametrize(
    ("gives_fps", "asked_fps", "large"),
    [(30.0, None, True), (10.0, None, False), (0.0, None, True), (30.0, 10.0, True), (7.5, 10.0, False)],
)
def test_the_large_picture_must_come_as_often_as_is_asked(monkeypatch, gives_fps, asked_fps, large):
    opened = []
    monkeypatch.setattr(
        captures.cv2, "VideoCapture", lambda *where: opened.append(Webcam(gives_fps)) or opened[-1]
    )
    captures.open_camera(0, fps=asked_fps)
    assert (opened[-1].set_values.get(cv2.CAP_PROP_FRAME_WIDTH) == 1280) == large
    assert opened[-1].set_values.get(cv2.CAP_PROP_FPS) == asked_fps


@pytest.mark.parametrize(
    ("lens", "asked"),
    [
        (Camera.from_hfov(60, 1280, 720, "calibrated"), (1280, 720)),
        (Camera.from_hfov(60, 800, 600, "calibrated"), (800, 600)),
        (Camera.from_hfov(60, 1280, 720), None),
        (Camera.guessed(1280, 720), None),
        (Camera.guessed(640, 480), (640, 480)),
    ],
)
def test_a_webcam_is_asked_for_the_size_that_its_intrinsics_hold_for(tmp_path, lens, asked):
    clip = tmp_path / "clip.mp4"
    clip.touch()
    assert size_for_lens("0", lens) == size_for_lens("/dev/video2", lens) == asked
    # A profile's: the webcam took this size when it was made.
    assert size_for_lens("0", lens, recorded=True) == (lens.width, lens.height)
    for other in (str(clip), str(tmp_path), "-", "rtsp://host/stream"):
        assert size_for_lens(other, lens, recorded=True) is None
