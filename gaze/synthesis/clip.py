"""Clips of rendered people with smooth head and eye motion, and their ground truth frame by frame."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.disk_space import SpaceWatch
from gaze.errors import DataError
from gaze.files import replacing
from gaze.geometry import angles_from_vector
from gaze.picture_files import opencv_path
from gaze.synthesis import streams
from gaze.synthesis.ground_truth import head_truth
from gaze.synthesis.lids import LidState
from gaze.synthesis.moment import Moment
from gaze.synthesis.pose import Pose, head_rotation
from gaze.synthesis.posed_head import PosedHead
from gaze.synthesis.streams import stream
from gaze.synthesis.webcam import WebcamRenderer

TRUTH_SCHEMA = "gaze.truth/1"
_BLINK_S = 0.30
_MEND = "free some space, or choose another --out, and run again"
# The lids' lag is summed over so many time constants, in so many steps.
_LAGS, _STEPS = 5.0, 40


@dataclass(frozen=True, slots=True)
class ClipOptions:
    """``seconds`` at ``fps``, shared among the people of ``person_seeds`` one after the other."""

    person_seeds: tuple[int, ...]
    seconds: float = 9.0
    fps: int = 20
    seed: int = 0
    clean: bool = False


def render_clip(
    renderer: WebcamRenderer, options: ClipOptions
) -> Iterator[tuple[NDArray[np.uint8], dict[str, object]]]:
    """Yield every frame (H, W, 3) uint8 BGR with its line of ground truth."""
    per_person = round(options.seconds * options.fps / len(options.person_seeds))
    frame = 0
    for number, person_seed in enumerate(options.person_seeds):
        rng = stream(options.seed, streams.CLIP + number)
        script = _Script(rng, per_person / options.fps)
        shot = renderer.set_up(rng, script.pose(0.0).eyes_cam_mm, options.clean)
        smile = rng.uniform(0.0, 0.5)
        with renderer.dress(person_seed) as dressed:
            for k in range(per_person):
                t_s = k / options.fps
                expression = {f"mouthSmile_{side}": smile * 0.5 * (1 - np.cos(0.8 * t_s)) for side in "LR"}
                closing = script.blink(t_s)
                behind_rad = script.lids_behind_rad(t_s, dressed.person.lid_habit.lag_s)
                lids = LidState(blink=(closing, closing), behind_rad=behind_rad)
                moment = Moment(expression, lids, 1.9)
                picture, head = renderer.render(dressed, script.pose(t_s), moment, shot, rng)
                yield picture, _truth_line(frame, frame / options.fps, head)
                frame += 1


class _Script:
    """What one person does: fixations with quick saccades, a slowly moving head, blinks."""

    def __init__(self, rng: np.random.Generator, seconds: float) -> None:
        self._eyes = np.array([rng.normal(0, 20), rng.normal(10, 12), rng.uniform(430, 540)])
        self._phase = rng.uniform(0, 2 * np.pi, 8)
        self._rate = rng.uniform(0.35, 1.1, 8)
        self._onsets = [0.0]
        self._targets = [np.zeros(3)]
        while self._onsets[-1] < seconds:
            self._onsets.append(self._onsets[-1] + rng.uniform(0.45, 1.0))
            spread = 300.0 if rng.random() < 0.8 else 480.0
            self._targets.append(
                np.array([rng.uniform(-spread, spread), rng.uniform(-160.0, 330.0), rng.normal(0, 15)])
            )
        self._blinks = np.cumsum(rng.uniform(1.6, 3.2, 12))

    def _wave(self, k: int, t_s: float) -> float:
        return float(np.sin(self._phase[k] + 2 * np.pi * self._rate[k] * 0.35 * t_s))

    def pose(self, t_s: float) -> Pose:
        """Head and target at a time; a saccade takes about 50 ms, the head follows part of the way."""
        k = int(np.searchsorted(self._onsets, t_s, side="right")) - 1
        share = np.clip((t_s - self._onsets[k]) / 0.05, 0.0, 1.0) if k else 1.0
        ease = share * share * (3 - 2 * share)
        target = self._targets[max(k - 1, 0)] * (1 - ease) + self._targets[k] * ease
        eyes = self._eyes + np.array(
            [18 * self._wave(0, t_s), 8 * self._wave(1, t_s), 25 * self._wave(2, t_s)]
        )
        yaw = np.deg2rad(13 * self._wave(3, t_s) + 6 * self._wave(4, t_s))
        pitch = np.deg2rad(6 * self._wave(5, t_s) - 2)
        roll = np.deg2rad(3 * self._wave(6, t_s))
        return Pose(head_rotation(pitch, yaw, roll), eyes, target, "screen")

    def lids_behind_rad(self, t_s: float, lag_s: float) -> float:
        """How far the pitch of the lids, a first-order lag behind the eyes' in the head, is from it."""
        age_s = np.linspace(0.0, _LAGS * lag_s, _STEPS)
        pitch_rad = [self._eye_pitch_rad(max(t_s - age, 0.0)) for age in age_s]
        return float(np.average(pitch_rad, weights=np.exp(-age_s / lag_s)) - pitch_rad[0])

    def _eye_pitch_rad(self, t_s: float) -> float:
        pose = self.pose(t_s)
        sight_head = pose.R_cam_head.T @ (pose.target_cam_mm - pose.eyes_cam_mm)
        return float(angles_from_vector(sight_head)[0])

    def blink(self, t_s: float) -> float:
        """How far the lids are closed, 0..1."""
        since = t_s - self._blinks[np.searchsorted(self._blinks, t_s, side="right") - 1]
        if t_s < self._blinks[0] or since > _BLINK_S:
            return 0.0
        return float(np.sin(np.pi * since / _BLINK_S) ** 2)


def _truth_line(frame: int, t_s: float, head: PosedHead) -> dict[str, object]:
    return {
        "frame": frame,
        "t_s": round(t_s, 4),
        "faces": [{"id": 0, **head_truth(head, mm_digits=2)}],
    }


def write_clip(path: Path, camera: Camera, frames, fps: int) -> int:
    """Write a film and ``<stem>.truth.jsonl`` beside it; returns the number of frames.

    Raises:
        DataError: the film cannot be written, or not all of it; nothing of it is then there.
    """
    truth_path = path.with_name(path.stem + ".truth.jsonl")
    count = 0
    try:
        with replacing(path) as film_path, replacing(truth_path) as truth_name:
            with (
                _opened(path, film_path, camera, fps) as film,
                truth_name.open("w", encoding="utf-8") as truth,
            ):
                space = SpaceWatch(film_path)
                truth.write(json.dumps({"schema": TRUTH_SCHEMA, "camera": camera.as_json()}) + "\n")
                for picture, line in frames:
                    if (why := space.why_no_more()) is not None:
                        raise DataError(f"{path}: {why}")
                    film.write(picture)
                    truth.write(json.dumps(line) + "\n")
                    count += 1
            if (found := _frames_in(film_path)) != count:
                raise DataError(f"{path}: only {found} of {count} frames could be written; {_MEND}")
    except OSError as error:
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); {_MEND}") from error
    return count


@contextmanager
def _opened(path: Path, film_path: Path, camera: Camera, fps: int) -> Iterator[cv2.VideoWriter]:
    writer = cv2.VideoWriter(
        opencv_path(film_path), cv2.VideoWriter_fourcc(*"mp4v"), fps, (camera.width, camera.height)
    )
    if not writer.isOpened():
        raise DataError(f"{path}: this OpenCV cannot write a film there; name a folder that exists")
    try:
        yield writer
    finally:
        writer.release()


def _frames_in(film_path: Path) -> int:
    """How many frames can be read back: OpenCV says nothing of those that it could not write."""
    film = cv2.VideoCapture(opencv_path(film_path))
    count = 0
    while film.grab():
        count += 1
    film.release()
    return count
