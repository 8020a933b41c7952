"""Camera intrinsics as a value that travels with every resize and crop."""

from __future__ import annotations

import os
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.errors import GazeError
from gaze.files import read_object, write_json
from gaze.geometry import FloatArray

SCHEMA = "gaze.camera/1"
SOURCES = ("calibrated", "field of view", "guessed")
DISTORTION_LENGTHS = (0, 4, 5, 8, 12, 14)
MOST_PX = 1_000_000
MOST_DISTORTION = 1e6
# Ordinary webcams lie between 55 and 78 degrees of horizontal field of view at 16:9.
ASSUMED_HFOV_DEG = 65.0


@dataclass(frozen=True, slots=True)
class Camera:
    """Pinhole intrinsics with OpenCV's distortion model.

    ``K`` (3, 3) px; ``distortion`` (k,) with k in 0, 4, 5, 8, 12, 14; ``width`` and ``height`` px;
    ``source`` says where the numbers come from: calibrated, field of view or guessed.

    Raises:
        GazeError: K is of the wrong shape, not finite, singular or not upper triangular with positive
            focal lengths; the distortion has an unknown length or is not finite; the size is not positive; or
            a number is far beyond what any camera has.
    """

    K: NDArray[np.float64]
    distortion: NDArray[np.float64]
    width: int
    height: int
    source: str = "calibrated"

    def __post_init__(self) -> None:
        K = _numbers(self.K, "K")
        if K.shape != (3, 3):
            raise GazeError(f"camera: K must be 3x3, got {K.shape}; run `gaze calibrate camera`")
        if not np.all(np.isfinite(K)):
            raise GazeError("camera: K holds NaN or infinity; run `gaze calibrate camera`")
        lower = (K[1, 0], K[2, 0], K[2, 1])
        if K[0, 0] <= 0 or K[1, 1] <= 0 or K[2, 2] != 1 or any(value != 0 for value in lower):
            raise GazeError(
                f"camera: K must be [[fx, s, cx], [0, fy, cy], [0, 0, 1]] with positive focal lengths, "
                f"got {K.tolist()}; run `gaze calibrate camera`"
            )
        distortion = _numbers(self.distortion, "distortion").reshape(-1)
        if distortion.size not in DISTORTION_LENGTHS:
            raise GazeError(
                f"camera: distortion has {distortion.size} coefficients, not one of {DISTORTION_LENGTHS}; "
                "run `gaze calibrate camera`, or leave it empty for a lens without"
            )
        if not np.all(np.isfinite(distortion)):
            raise GazeError("camera: distortion holds NaN or infinity; run `gaze calibrate camera`")
        for name in ("width", "height"):
            value = getattr(self, name)
            whole = isinstance(value, int | float | np.integer | np.floating) and value == np.floor(value)
            if isinstance(value, bool) or not whole or not 0 < value <= MOST_PX:
                raise GazeError(
                    f"camera: {name} must be a positive whole number of px, got {value!r}; give the size of "
                    "the pictures that K was measured on, or run `gaze calibrate camera`"
                )
        # Wider and narrower than any lens by far; beyond, lines of sight cannot be calculated with.
        if not 1e-4 < min(K[0, 0], K[1, 1]) / self.width <= max(K[0, 0], K[1, 1]) / self.width < 1e4:
            raise GazeError(
                f"camera: no lens has focal lengths of {K[0, 0]:.3g} and {K[1, 1]:.3g} px at a width of "
                f"{self.width} px; give K in px of that width, or run `gaze calibrate camera`"
            )
        if np.abs(K).max() > 1e4 * MOST_PX or np.abs(distortion).max(initial=0.0) > MOST_DISTORTION:
            raise GazeError(
                "camera: the principal point, skew or distortion is far beyond that of any lens; run "
                "`gaze calibrate camera`"
            )
        if self.source not in SOURCES:
            raise GazeError(
                f"camera: source must be one of {SOURCES}, got {self.source!r}; leave it out for a "
                "calibrated camera, or run `gaze calibrate camera`"
            )
        for name, value in (("K", K), ("distortion", distortion)):
            value.setflags(write=False)
            object.__setattr__(self, name, value)
        object.__setattr__(self, "width", int(self.width))
        object.__setattr__(self, "height", int(self.height))

    @classmethod
    def from_hfov(cls, hfov_deg: float, width: int, height: int, source: str = "field of view") -> Camera:
        """A camera without distortion whose picture is ``hfov_deg`` wide.

        Raises:
            GazeError: the field of view does not lie between 10 and 170 degrees.
        """
        if not 10.0 <= hfov_deg <= 170.0:
            raise GazeError(f"camera: horizontal field of view must be 10 to 170 degrees, got {hfov_deg}")
        focal = width / 2.0 / np.tan(np.deg2rad(hfov_deg) / 2.0)
        K = np.array([[focal, 0.0, (width - 1) / 2.0], [0.0, focal, (height - 1) / 2.0], [0.0, 0.0, 1.0]])
        return cls(K, np.zeros(0), width, height, source)

    @classmethod
    def guessed(cls, width: int, height: int) -> Camera:
        """A camera of an ordinary webcam's field of view; distances and angles are then approximate."""
        return cls.from_hfov(ASSUMED_HFOV_DEG, width, height, "guessed")

    @property
    def has_distortion(self) -> bool:
        """Whether any distortion coefficient differs from zero."""
        return bool(np.any(self.distortion != 0))

    @property
    def hfov_deg(self) -> float:
        """Horizontal field of view in degrees, from the focal length and the width."""
        return float(np.rad2deg(2.0 * np.arctan2(self.width / 2.0, self.K[0, 0])))

    def resized(self, width: int, height: int) -> Camera:
        """The intrinsics after the picture is resized.

        Pixel centres lie at whole numbers, as OpenCV calibrates, projects and resizes. (The normalised camera
        of the data sets is another matter: gaze.types.NormalizedCamera.K.)

        Raises:
            GazeError: the size is not positive.
        """
        if width <= 0 or height <= 0:
            raise GazeError(f"camera: size must be positive, got {width}x{height}")
        if (width, height) == (self.width, self.height):
            return self
        sx, sy = width / self.width, height / self.height
        shift = np.array([[sx, 0.0, 0.5 * sx - 0.5], [0.0, sy, 0.5 * sy - 0.5], [0.0, 0.0, 1.0]])
        return Camera(shift @ self.K, self.distortion, width, height, self.source)

    def for_frame(self, width: int, height: int) -> Camera:
        """The intrinsics of frames of another size from the same camera.

        A calibrated camera is scaled, which holds while the shape stays the same; one known by its
        horizontal field of view keeps that.

        Raises:
            GazeError: the camera is calibrated and the frames are of another shape (more than 1 % apart):
                cameras crop differently between such modes.
        """
        if (width, height) == (self.width, self.height):
            return self
        if self.source != "calibrated":
            return Camera.from_hfov(self.hfov_deg, width, height, self.source)
        if abs(width * self.height - height * self.width) > 0.01 * width * self.height:
            raise GazeError(
                f"camera: calibrated at {self.width}x{self.height}, but the frames are {width}x{height}, of "
                f"another shape; ask the camera for {self.width}x{self.height}, or run "
                f"`gaze calibrate camera` at {width}x{height}"
            )
        return self.resized(width, height)

    def cropped(self, left: int, top: int, width: int, height: int) -> Camera:
        """The intrinsics after a region is cut out, whose top left pixel is (left, top).

        Raises:
            GazeError: the size is not positive.
        """
        K = self.K.copy()
        K[0, 2] -= left
        K[1, 2] -= top
        return Camera(K, self.distortion, width, height, self.source)

    def project(self, points_cam_mm: ArrayLike) -> FloatArray:
        """Raw (distorted) px (N, 2) of camera-frame points (N, 3) in front of the camera."""
        points = np.asarray(points_cam_mm, dtype=np.float64).reshape(-1, 1, 3)
        projected, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), self.K, self.distortion)
        return projected.reshape(-1, 2)

    def undistort(self, points_px: ArrayLike) -> FloatArray:
        """Raw px (N, 2) -> undistorted px (N, 2) of a pinhole camera with the same K."""
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        if not self.has_distortion or len(points) == 0:
            return points.copy()
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-10)
        undistorted = cv2.undistortPointsIter(
            points.reshape(-1, 1, 2), self.K, self.distortion, None, self.K, criteria
        )
        return undistorted.reshape(-1, 2)

    def distort(self, points_px: ArrayLike) -> FloatArray:
        """Undistorted px (N, 2) -> raw px (N, 2): the inverse of undistort."""
        points = np.asarray(points_px, dtype=np.float64).reshape(-1, 2)
        if not self.has_distortion or len(points) == 0:
            return points.copy()
        return self.project(self._at_depth_one(points))

    def rays(self, points_px: ArrayLike) -> FloatArray:
        """Raw px (N, 2) -> where their lines of sight cross depth 1: (N, 3), camera frame, not unit vectors.

        ``project`` leads back from there, and from every other point of a line in front of the camera.
        """
        return self._at_depth_one(self.undistort(points_px))

    def _at_depth_one(self, undistorted_px: FloatArray) -> FloatArray:
        homogeneous = np.concatenate([undistorted_px, np.ones((len(undistorted_px), 1))], axis=1)
        return homogeneous @ np.linalg.inv(self.K).T

    def as_json(self) -> dict[str, object]:
        """The intrinsics as they stand in every file that holds a camera; from_json reads them."""
        return {
            "K": self.K.tolist(),
            "distortion": self.distortion.tolist(),
            "width": self.width,
            "height": self.height,
            "source": self.source,
        }

    @classmethod
    def from_json(cls, content: object) -> Camera:
        """Read what as_json wrote; what stands beside it is left alone.

        Intrinsics written by hand are welcome too: without a distortion they are of a lens without, without a
        source of a calibrated camera.

        Raises:
            GazeError: a key is missing, or the intrinsics are not valid.
        """
        if not isinstance(content, dict):
            raise GazeError(f"camera: must be an object, got {content!r:.60}; run `gaze calibrate camera`")
        if missing := [key for key in ("K", "width", "height") if key not in content]:
            raise GazeError(f"camera: lacks {', '.join(missing)}; run `gaze calibrate camera`")
        try:
            return cls(
                content["K"],
                content.get("distortion", []),
                content["width"],
                content["height"],
                content.get("source", "calibrated"),
            )
        except (TypeError, ValueError) as error:
            raise GazeError(f"camera: {error}; run `gaze calibrate camera`") from error

    def save(self, path: str | os.PathLike[str], **extra: object) -> None:
        """Write camera.json. ``extra`` is kept beside the intrinsics."""
        write_json(path, {"schema": SCHEMA, **self.as_json(), **extra})

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> Camera:
        """Read camera.json.

        Raises:
            GazeError: the file is missing, is not JSON or does not hold valid intrinsics.
        """
        content = read_object(path, SCHEMA, GazeError, "run `gaze calibrate camera`", stated=False)
        try:
            return cls.from_json(content)
        except GazeError as error:
            raise GazeError(f"{path}: {error}") from error


def _numbers(value: ArrayLike, name: str) -> FloatArray:
    try:
        return np.array(value, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise GazeError(f"camera: {name} must hold numbers in rows of one length, got {value!r}") from error
