"""The text file of a person in raw MPIIFaceGaze: 28 columns, one row a picture.

Columns (1-based, from the data set's readme): 1 path; 2-3 gaze on the screen, px; 4-15 six landmarks, px;
16-18 head rotation vector; 19-21 head translation; 22-24 face centre; 25-27 gaze target; 28 the eye of the
evaluation subset. Lengths in mm in the camera frame.
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.datasets.mpiifacegaze_calibration import PersonCalibration
from gaze.errors import DataError
from gaze.face_model import FACE_CENTRE_HEAD_MM, SIX_POINTS_MM
from gaze.geometry import FloatArray
from gaze.picture_files import READABLE

COLUMNS = 28
# What no camera, head and screen give; further away a number is a slip of the file. By column, from 2 on.
LIMITS = np.repeat([1e5, 100.0, 1e5], [14, 3, 9])
UNITS = np.repeat(["px", "rad", "mm"], [14, 3, 9])


@dataclass(frozen=True, slots=True)
class RowProblem:
    """A row that cannot be used: where it stands and why."""

    path: str
    line: int
    reason: str

    def __str__(self) -> str:
        return f"{self.path}: line {self.line}: {self.reason}"


@dataclass(frozen=True, slots=True)
class Annotations:
    """The rows of one person, N of them.

    ``image`` (N,) path below the person's folder; ``line`` (N,) in the text file, from 1; ``screen_px``
    (N, 2); ``landmarks_px`` (N, 6, 2) on the raw, distorted picture; ``head_rvec``, ``head_tvec_mm``,
    ``centre_cam_mm``, ``target_cam_mm`` (N, 3); ``eye`` (N,) "left" or "right".
    """

    image: NDArray[np.str_]
    line: NDArray[np.int64]
    screen_px: FloatArray
    landmarks_px: FloatArray
    head_rvec: FloatArray
    head_tvec_mm: FloatArray
    centre_cam_mm: FloatArray
    target_cam_mm: FloatArray
    eye: NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.image)

    def R_cam_head(self, row: int) -> FloatArray:
        """The head's rotation (3, 3) of a row."""
        return cv2.Rodrigues(self.head_rvec[row])[0]


def read_annotations(path: str | os.PathLike[str]) -> tuple[Annotations, list[RowProblem]]:
    """Parse pXX.txt. Rows that cannot be used are left out and come back as problems.

    Raises:
        DataError: the file is missing, is not text, or no row of it can be used.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8-sig").splitlines()
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); download the person again") from error
    except UnicodeDecodeError as error:
        line_number = error.object.count(b"\n", 0, error.start) + 1
        raise DataError(
            f"{path}: line {line_number} is not text ({error.reason}); download the person again"
        ) from error
    images, eyes, line_numbers, numbers, problems = [], [], [], [], []
    seen: dict[str, int] = {}
    for line_number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            image, values, eye = _parse(line)
            if image in seen:
                raise ValueError(f"{image} stands on line {seen[image]} already")
        except ValueError as error:
            problems.append(RowProblem(str(path), line_number, str(error)))
            continue
        seen[image] = line_number
        images.append(image)
        eyes.append(eye)
        line_numbers.append(line_number)
        numbers.append(values)
    if not images:
        first = f"; {problems[0]}" if problems else ""
        raise DataError(f"{path}: holds no usable row; download the person again{first}")
    table = np.array(numbers)
    annotations = Annotations(
        image=np.array(images),
        line=np.array(line_numbers),
        screen_px=table[:, 0:2],
        landmarks_px=table[:, 2:14].reshape(-1, 6, 2),
        head_rvec=table[:, 14:17],
        head_tvec_mm=table[:, 17:20],
        centre_cam_mm=table[:, 20:23],
        target_cam_mm=table[:, 23:26],
        eye=np.array(eyes),
    )
    return annotations, problems


def _parse(line: str) -> tuple[str, FloatArray, str]:
    # Split from the right: a file name may hold spaces, and then there are more than 28 words.
    words = line.strip().rsplit(None, COLUMNS - 1)
    if len(words) != COLUMNS or not words[0].lower().endswith(READABLE):
        raise ValueError(f"{len(line.split())} columns instead of {COLUMNS}")
    values = np.empty(COLUMNS - 2)
    for index, word in enumerate(words[1:-1]):
        try:
            values[index] = float(word)
        except ValueError as error:
            raise ValueError(f"column {index + 2} must be a number, got {word!r}") from error
        if not np.isfinite(values[index]):
            raise ValueError(f"column {index + 2} is {word}")
        if abs(values[index]) > LIMITS[index]:
            raise ValueError(
                f"column {index + 2} is {word}: more than {LIMITS[index]:,.0f} {UNITS[index]} cannot be right"
            )
    if words[-1] not in ("left", "right"):
        raise ValueError(f"column {COLUMNS} must be left or right, got {words[-1]!r}")
    if values[19] <= 0 or values[22] <= 0:
        raise ValueError("the head or face centre lies behind the camera (columns 21 and 24)")
    if np.array_equal(values[20:23], values[23:26]):
        raise ValueError("gaze target and face centre are the same point (columns 22-27)")
    return words[0], values, words[-1]


@dataclass(frozen=True, slots=True)
class Consistency:
    """How well the columns of one person agree with each other and with the calibration, N rows.

    ``screen_deviation_mm`` (N,): from the stored target to the one that screen pixel, monitorPose and
    screenSize give. ``off_screen`` (N,): the screen pixel lies outside the screen.
    ``centre_deviation_mm`` (N,): from the stored face centre to that of head pose and six-point model.
    ``landmark_rms_px`` (N,): the six-point model through head pose and camera against the landmarks.
    """

    screen_deviation_mm: FloatArray
    off_screen: NDArray[np.bool_]
    centre_deviation_mm: FloatArray
    landmark_rms_px: FloatArray


def consistency(annotations: Annotations, calibration: PersonCalibration) -> Consistency:
    """Check each row against the calibration (see Consistency)."""
    expected = calibration.screen.to_camera(annotations.screen_px)
    centre_deviation, landmark_rms = np.empty(len(annotations)), np.empty(len(annotations))
    camera = calibration.camera_mat
    for row in range(len(annotations)):
        rvec, tvec = annotations.head_rvec[row], annotations.head_tvec_mm[row]
        centre = annotations.R_cam_head(row) @ FACE_CENTRE_HEAD_MM + tvec
        centre_deviation[row] = np.linalg.norm(centre - annotations.centre_cam_mm[row])
        projected, _ = cv2.projectPoints(SIX_POINTS_MM, rvec, tvec, camera.K, camera.distortion)
        difference = projected.reshape(6, 2) - annotations.landmarks_px[row]
        landmark_rms[row] = np.sqrt(np.mean(np.sum(difference**2, axis=1)))
    return Consistency(
        np.linalg.norm(expected - annotations.target_cam_mm, axis=1),
        ~calibration.screen.contains(annotations.screen_px),
        centre_deviation,
        landmark_rms,
    )
