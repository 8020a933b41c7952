"""Ground truth beside a clip or a picture, and the error of a run against it."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.pipeline import FrameResult
from gaze.camera import Camera
from gaze.closed_eyes import eyes_closed
from gaze.errors import DataError, GazeError
from gaze.files import parse_json, read_object, read_text
from gaze.geometry import angular_error_rad
from gaze.types import Estimate, Status

SCHEMA = "gaze.truth/1"
PICTURE_SCHEMA = "gaze.picture/1"
_PICTURES = "make such pictures with `gaze synthesize pictures`"
# Further away than any face that a webcam shows.
FARTHEST_MM = 100_000.0


@dataclass(frozen=True, slots=True)
class TruthFace:
    """One person in one frame of a clip, camera frame."""

    direction_cam: NDArray[np.float64]
    origin_cam_mm: NDArray[np.float64]
    eyes_open: bool


@dataclass(frozen=True, slots=True)
class Truth:
    """The camera of a clip and the faces of each of its frames."""

    camera: Camera
    frames: dict[int, tuple[TruthFace, ...]]

    def for_frame(self, width: int, height: int) -> Truth:
        """The same of a clip whose pictures were made larger or smaller."""
        return replace(self, camera=self.camera.resized(width, height))


def load_truth(path: Path) -> Truth:
    """Read a ``gaze.truth/1`` JSONL file.

    Raises:
        DataError: it is missing or a line does not hold what the format promises.
    """
    try:
        lines = read_text(path).splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); give the clip's .truth.jsonl") from error
    except UnicodeDecodeError as error:
        raise DataError(f"{path}: is no text; give the clip's .truth.jsonl") from error
    if not lines:
        raise DataError(f"{path}: is empty; write the file again")
    number = 1
    try:
        head = parse_json(lines[0])
        if head["schema"] != SCHEMA:
            raise DataError(f"{path}: line 1: schema is {head['schema']!r}, wanted {SCHEMA!r}")
        camera = Camera.from_json(head["camera"])
        frames = {}
        for line in lines[1:]:
            number += 1
            record = parse_json(line)
            frames[int(record["frame"])] = tuple(map(_face, record["faces"]))
    except (KeyError, TypeError, ValueError, GazeError) as error:
        if isinstance(error, DataError):
            raise
        raise DataError(f"{path}: line {number}: {_told(error, SCHEMA)}; write the file again") from error
    return Truth(camera, frames)


def load_picture_truth(path: Path) -> Truth:
    """Read the ``gaze.picture/1`` JSON that lies beside a picture of a camera; the picture is frame 0.

    Raises:
        DataError: it is missing or does not hold what the format promises.
    """
    content = read_object(path, PICTURE_SCHEMA, DataError, _PICTURES)
    try:
        return Truth(Camera.from_json(content["camera"]), {0: (_face(content),)})
    except (KeyError, TypeError, ValueError, GazeError) as error:
        raise DataError(f"{path}: {_told(error, PICTURE_SCHEMA)}; {_PICTURES}") from error


def _told(error: Exception, schema: str) -> str:
    if isinstance(error, KeyError):
        return f"lacks {error}"
    return str(error) if isinstance(error, (GazeError, ValueError)) else f"is not as {schema} has it"


def _face(record: dict) -> TruthFace:
    direction, origin = (np.array(record[key], float) for key in ("direction_cam", "origin_cam_mm"))
    if direction.shape != (3,) or origin.shape != (3,) or not np.isfinite([*direction, *origin]).all():
        raise ValueError("direction_cam and origin_cam_mm must be three finite numbers")
    if abs(float(np.hypot.reduce(direction)) - 1.0) > 0.01 or not 0 < origin[2] < FARTHEST_MM:
        raise ValueError(
            "direction_cam must have length 1 and origin_cam_mm lie in front of the camera, within "
            f"{FARTHEST_MM:,.0f} mm; got {direction.tolist()} and {origin.tolist()}"
        )
    return TruthFace(direction, origin, not eyes_closed(record.get("eye_open", [1.0])))


def nearest_box(true: TruthFace, camera: Camera, boxes_px: Sequence[Sequence[float]]) -> int | None:
    """Which found box (left, top, right, bottom) holds the true face's centre, seen by ``camera``.

    The one centred nearest to it if several do, None if none does.
    """
    u, v = camera.project([true.origin_cam_mm])[0]
    inside = []
    for row, (left, top, right, bottom) in enumerate(boxes_px):
        if left <= u <= right and top <= v <= bottom:
            inside.append((math.hypot((left + right) / 2 - u, (top + bottom) / 2 - v), row))
    return min(inside)[1] if inside else None


def _error_deg(estimate: Estimate, true: TruthFace) -> float:
    return float(np.rad2deg(angular_error_rad(estimate.ray.direction_cam, true.direction_cam)))


class TruthScore:
    """Collects angular errors of a run, frame by frame."""

    def __init__(self, truth: Truth) -> None:
        self._truth = truth
        self._errors_deg: list[float] = []
        self._unsmoothed_deg: list[float] = []
        self._wanted = 0
        self._missing: dict[str, int] = {}

    def add(self, result: FrameResult) -> None:
        """Compare a frame's faces with the truth; each true face with the nearest found one."""
        height, width = result.frame.image.shape[:2]
        truth = self._truth.for_frame(width, height)
        for true in truth.frames.get(result.frame.index, ()):
            if not true.eyes_open:
                continue
            self._wanted += 1
            row = nearest_box(true, truth.camera, [estimate.face.box_px for estimate in result.estimates])
            estimate = None if row is None else result.estimates[row]
            if estimate is None or estimate.ray is None:
                status = Status.NO_FACE if estimate is None else estimate.status
                self._missing[status.value] = self._missing.get(status.value, 0) + 1
                continue
            self._errors_deg.append(_error_deg(estimate, true))
            if result.unsmoothed:
                self._unsmoothed_deg.append(_error_deg(result.unsmoothed[row], true))

    @property
    def errors_deg(self) -> Sequence[float]:
        """One error per measured face, degrees."""
        return self._errors_deg

    def summary(self) -> str:
        """One line: the mean angular error, before smoothing too, and how much of the truth it covers."""
        if not self._errors_deg:
            return f"no gaze to compare with the ground truth in {self._wanted} true faces"
        errors = np.array(self._errors_deg)
        line = (
            f"mean angular error {errors.mean():.2f} degrees (median {np.median(errors):.2f}, "
            f"90 % below {np.percentile(errors, 90):.2f}) over {errors.size} of {self._wanted} true gazes"
        )
        if self._unsmoothed_deg:
            line += f", smoothed (--smooth); {np.mean(self._unsmoothed_deg):.2f} degrees before smoothing"
        if self._missing:
            line += "; without a gaze: " + ", ".join(f"{n} {name}" for name, n in self._missing.items())
        return line
