"""How far a calibrated camera's intrinsics may be off, for results that rest on them."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.camera import Camera
from gaze.errors import CalibrationError
from gaze.files import read_json
from gaze.geometry import FloatArray

# Where nothing is stated: focal length in parts of itself, its two values apart, principal point in parts of
# the width; four of five calibrations of ten to twenty hand-held views are better.
ASSUMED_FOCAL, ASSUMED_ASPECT, ASSUMED_MIDDLE = 0.003, 0.0005, 0.002
KEY = "covariance"


@dataclass(frozen=True, slots=True)
class CameraSpread:
    """A camera and its doubt: ``covariance`` (4 + k, 4 + k) of fx, fy, cx, cy in px and of its k distortion
    coefficients.

    Raises:
        CalibrationError: the covariance is of another size, or is none.
    """

    camera: Camera
    covariance: NDArray[np.float64]

    def __post_init__(self) -> None:
        count = 4 + self.camera.distortion.size
        value = np.array(self.covariance, dtype=np.float64)
        if value.shape != (count, count) or not np.all(np.isfinite(value)):
            raise CalibrationError(
                f"the covariance of the intrinsics must be {count}x{count} finite numbers, got "
                f"{value.shape}; run `gaze calibrate camera` again"
            )
        scale = np.sqrt(np.maximum(np.diag(value), 0.0))
        scale[scale == 0.0] = 1.0
        scaled = value / np.outer(scale, scale)
        if not np.allclose(scaled, scaled.T, atol=1e-6) or np.linalg.eigvalsh(scaled).min() < -1e-6:
            raise CalibrationError(
                "the covariance of the intrinsics is none (not symmetric, or negative); "
                "run `gaze calibrate camera` again"
            )
        value.setflags(write=False)
        object.__setattr__(self, KEY, value)

    @classmethod
    def assumed(cls, camera: Camera) -> CameraSpread:
        """What an ordinary calibration leaves open."""
        fx, fy = camera.K[0, 0], camera.K[1, 1]
        focal = ASSUMED_FOCAL**2 * np.outer([fx, fy], [fx, fy]) + np.diag([(ASSUMED_ASPECT * fy) ** 2] * 2)
        covariance = np.zeros((4 + camera.distortion.size,) * 2)
        covariance[:2, :2] = focal
        covariance[2:4, 2:4] = (ASSUMED_MIDDLE * camera.width) ** 2 * np.eye(2)
        return cls(camera, covariance)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> CameraSpread:
        """Of a camera.json; assumed where the file does not state it.

        Raises:
            GazeError: the file is no camera.
            CalibrationError: what it states is no covariance.
        """
        camera = Camera.load(path)
        stated = read_json(path).get(KEY)
        if stated is None:
            return cls.assumed(camera)
        try:
            return cls(camera, stated)
        except CalibrationError as error:
            raise CalibrationError(f"{Path(path)}: {error}") from error
        except (TypeError, ValueError) as error:
            raise CalibrationError(
                f"{Path(path)}: the covariance of the intrinsics must hold rows of numbers ({error}); "
                "run `gaze calibrate camera` again"
            ) from error

    def for_frame(self, width: int, height: int) -> CameraSpread:
        """The same of frames of another size of the same camera (see Camera.for_frame)."""
        camera = self.camera.for_frame(width, height)
        across, down = width / self.camera.width, height / self.camera.height
        scale = np.array([across, down, across, down, *[1.0] * self.camera.distortion.size])
        return CameraSpread(camera, self.covariance * np.outer(scale, scale))

    def shifts_px(self, points_cam_mm: FloatArray) -> FloatArray:
        """How images of points (N, 3) move by one deviation of each independent error.

        Raw px (2N, q), x and y of each point in turn.
        """
        scale = np.sqrt(np.diag(self.covariance))
        used = scale > 0
        values, vectors = np.linalg.eigh(
            self.covariance[np.ix_(used, used)] / np.outer(scale[used], scale[used])
        )
        columns = np.zeros((2 * len(points_cam_mm), len(values)))
        for i, (value, vector) in enumerate(zip(values, vectors.T, strict=True)):
            # A tenth of a deviation each way, so that the lens stays near the one that was found.
            step = np.zeros_like(scale)
            step[used] = 0.1 * np.sqrt(max(value, 0.0)) * vector * scale[used]
            ends = [self._moved(sign * step).project(points_cam_mm) for sign in (1.0, -1.0)]
            columns[:, i] = (ends[0] - ends[1]).ravel() / 0.2
        return columns

    def _moved(self, step: FloatArray) -> Camera:
        K = self.camera.K.copy()
        K[0, 0], K[1, 1], K[0, 2], K[1, 2] = np.array([K[0, 0], K[1, 1], K[0, 2], K[1, 2]]) + step[:4]
        return Camera(K, self.camera.distortion + step[4:], self.camera.width, self.camera.height)
