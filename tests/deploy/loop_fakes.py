"""Frames, faces and an estimator made by hand, for tests of the loop without MediaPipe or a network."""

import io
import json
import time

import cv2
import numpy as np

from deploy.sources.base import Source
from gaze.camera import Camera
from gaze.errors import SourceError
from gaze.geometry import vector_from_angles
from gaze.normalization import normalizing_rotation
from gaze.types import Estimate, Face, Frame, GazeAngles, GazeRay, HeadPose, NormalizedFace, Status

SIZE = (160, 120)


def noise(seed=0, size=SIZE):
    """A picture (H, W, 3) that differs everywhere from one seed to the next."""
    return np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)


def sharp_face(size=112):
    """A normalised face with enough detail to pass the blur gate."""
    return noise(1, (size, size))


class PipeWithoutReader(io.StringIO):
    """Standard output whose reader has gone, as in `gaze ... | head`."""

    def write(self, text):
        raise BrokenPipeError(32, "Broken pipe")


def make_face(box=(50, 30, 110, 100), eye_open=(0.9, 0.8)):
    left, top, right, bottom = box
    grid = np.random.default_rng(2).uniform(0, 1, (478, 2))
    return Face(box, grid * (right - left, bottom - top) + (left, top), eye_open)


def make_estimate(index, t_s, angles_rad=(0.1, 0.2), face=None, image=None, status=Status.OK):
    """An estimate whose gaze has these (pitch, yaw) angles in the camera frame."""
    pose = HeadPose(np.eye(3), (0.0, 0.0, 600.0), 0.5)
    centre = np.array([0.0, 23.0, 600.0])
    R = normalizing_rotation(pose.R_cam_head, centre)
    normalized = NormalizedFace(sharp_face() if image is None else image, R, centre, 1.0)
    ray = GazeRay(centre, vector_from_angles(angles_rad))
    if status is not Status.OK:
        return Estimate(index, t_s, status, face or make_face())
    return Estimate(index, t_s, status, face or make_face(), pose, normalized, GazeAngles(*angles_rad), ray)


class FakeEstimator:
    """Answers with what ``script(frame)`` gives, a list of estimates."""

    def __init__(self, script=None):
        self.script = script or (lambda frame: [make_estimate(frame.index, frame.t_s)])
        self.camera = None
        self.last_stage_ms = {}
        self.closed = False

    def estimate(self, frame):
        height, width = frame.image.shape[:2]
        self.camera = Camera.from_hfov(60.0, width, height)
        self.last_stage_ms = {"landmarks": 3.0, "head_pose": 0.1, "normalize": 0.2, "network": 2.0}
        return self.script(frame) or [Estimate(frame.index, frame.t_s, Status.NO_FACE)]


class ListSource(Source):
    """Pictures from a list at 25 frames a second; ``fail_at`` breaks off there."""

    name = "list"
    fps = 25.0

    def __init__(self, images, live=False, fail_at=None):
        self._images, self._next, self._fail_at = list(images), 0, fail_at
        self.live, self.frame_count = live, len(self._images)
        self.closed = False

    def read(self, timeout_s):
        if self._next == self._fail_at:
            raise SourceError("list: breaks off")
        if self._next >= len(self._images):
            self.state = "ended"
            return None
        self.state = "running"
        self._next += 1
        return Frame(self._images[self._next - 1], self._next - 1, (self._next - 1) / 25.0)

    def close(self):
        self.closed, self.state = True, "ended"


def write_clip(path, frames=12, size=SIZE, fps=25.0, codec="mp4v"):
    """A little video; frame i has grey level 10 * i in its left half."""
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter_fourcc(*codec), fps, size)
    assert writer.isOpened()
    for i in range(frames):
        image = np.full((size[1], size[0], 3), 10 * i % 250, np.uint8)
        writer.write(image)
    writer.release()
    return path


def read_clip(path):
    """Every frame of a video."""
    capture, frames = cv2.VideoCapture(str(path)), []
    while (answer := capture.read())[0]:
        frames.append(answer[1])
    return frames


def until(condition, timeout_s=5.0):
    """Wait for a condition; whether it came true."""
    end = time.monotonic() + timeout_s
    while time.monotonic() < end:
        if condition():
            return True
        time.sleep(0.005)
    return False


def drain(source, timeout_s=5.0):
    """Every frame that a source gives until it ends, for so long at most."""
    frames, end = [], time.monotonic() + timeout_s
    while not source.ended and time.monotonic() < end:
        frame = source.read(0.05)
        if frame is not None:
            frames.append(frame)
    return frames


def records(path):
    """The objects of a JSONL file."""
    return [json.loads(line) for line in path.read_text().splitlines()]
