"""The Calibration folder of a person in MPIIFaceGaze: Camera.mat, monitorPose.mat, screenSize.mat."""

from __future__ import annotations

import os
import struct
import zlib
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.camera import Camera
from gaze.errors import DataError
from gaze.geometry import FloatArray

# How far the principal point may lie from the middle of the picture, as a share of its size. The fifteen
# published cameras stay within 3 %; a picture of half the size is off by 50 %.
PRINCIPAL_POINT_SHARE = 0.15
MEND = "download the data set again, or restore the file"


@dataclass(frozen=True, slots=True)
class CameraMat:
    """Camera.mat: ``K`` (3, 3) px, ``distortion`` (5,), ``rms_px`` and the views of its calibration.

    ``rvecs`` and ``tvecs_mm`` (V, 3): one pose of the calibration board per view, in the camera frame. The
    data set does not state the unit of these lengths; mm puts the boards 0.4 to 1.2 m away.
    """

    K: FloatArray
    distortion: FloatArray
    rms_px: float
    rvecs: FloatArray
    tvecs_mm: FloatArray

    def camera(self, width: int, height: int) -> Camera:
        """The camera for pictures of this size, which Camera.mat itself does not state.

        Raises:
            DataError: the principal point is too far from the middle for pictures of that size.
        """
        centre = self.K[:2, 2]
        offset = np.abs(centre - [(width - 1) / 2.0, (height - 1) / 2.0]) / [width, height]
        if np.any(offset > PRINCIPAL_POINT_SHARE):
            raise DataError(
                f"the picture is {width}x{height}, but Camera.mat has its principal point at "
                f"({centre[0]:.0f}, {centre[1]:.0f}), that of a picture of about {2 * centre[0]:.0f}x"
                f"{2 * centre[1]:.0f}; use the pictures as published, not resized"
            )
        return Camera(self.K, self.distortion, width, height)


@dataclass(frozen=True, slots=True)
class LaptopScreen:
    """The screen of a laptop: size in px and mm, and its pose in the camera frame.

    A pixel (u, v) lies at ``R (u w_mm/w_px, v h_mm/h_px, 0) + t`` in the camera frame.
    """

    width_px: int
    height_px: int
    width_mm: float
    height_mm: float
    R_cam_screen: FloatArray
    t_cam_mm: FloatArray

    def to_camera(self, screen_px: ArrayLike) -> FloatArray:
        """Camera-frame points (N, 3) mm of screen pixels (N, 2)."""
        pixels = np.asarray(screen_px, dtype=np.float64).reshape(-1, 2)
        plane = np.zeros((len(pixels), 3))
        plane[:, 0] = pixels[:, 0] * self.width_mm / self.width_px
        plane[:, 1] = pixels[:, 1] * self.height_mm / self.height_px
        return plane @ self.R_cam_screen.T + self.t_cam_mm

    def contains(self, screen_px: ArrayLike) -> NDArray[np.bool_]:
        """Whether pixels (N, 2) lie on the screen."""
        pixels = np.asarray(screen_px, dtype=np.float64).reshape(-1, 2)
        return np.all((pixels >= 0) & (pixels <= [self.width_px, self.height_px]), axis=1)


@dataclass(frozen=True, slots=True)
class PersonCalibration:
    """Everything in the Calibration folder of one person."""

    camera_mat: CameraMat
    screen: LaptopScreen


def calibration_files(folder: str | os.PathLike[str]) -> tuple[Path, Path, Path]:
    """Camera.mat, monitorPose.mat and screenSize.mat in a Calibration folder.

    Raises:
        DataError: one is missing.
    """
    files = tuple(Path(folder) / name for name in ("Camera.mat", "monitorPose.mat", "screenSize.mat"))
    for path in files:
        if not path.is_file():
            raise DataError(f"{path}: missing calibration file; {MEND}")
    return files


def load_calibration(folder: str | os.PathLike[str]) -> PersonCalibration:
    """Read a Calibration folder.

    Raises:
        DataError: a file is missing, truncated, or lacks a value, or a value is impossible.
    """
    camera_path, pose_path, size_path = calibration_files(folder)
    pose = _load_mat(pose_path)
    # The published files say `rvects`, the data set's readme `rvecs`.
    rvec = _numbers(pose, ("rvects", "rvecs"), pose_path, 3)
    tvec = _numbers(pose, ("tvecs",), pose_path, 3)
    size = _load_mat(size_path)
    names = ("width_pixel", "height_pixel", "width_mm", "height_mm")
    values = [float(_numbers(size, (name,), size_path, 1)[0]) for name in names]
    for name, value in zip(names, values, strict=True):
        if value <= 0:
            raise DataError(f"{size_path}: {name} must be positive, got {value:g}; {MEND}")
    screen = LaptopScreen(
        width_px=int(values[0]),
        height_px=int(values[1]),
        width_mm=values[2],
        height_mm=values[3],
        R_cam_screen=cv2.Rodrigues(rvec)[0],
        t_cam_mm=tvec,
    )
    return PersonCalibration(load_camera_mat(camera_path), screen)


def load_camera_mat(path: str | os.PathLike[str]) -> CameraMat:
    """Read Camera.mat.

    Raises:
        DataError: the file is missing, truncated, or its numbers are not those of a camera.
    """
    path = Path(path)
    content = _load_mat(path)
    K = _numbers(content, ("cameraMatrix",), path, 9).reshape(3, 3)
    if K[0, 0] <= 0 or K[1, 1] <= 0 or not np.allclose(K[2], [0, 0, 1]):
        raise DataError(f"{path}: cameraMatrix is not that of a camera: {K.tolist()}; {MEND}")
    return CameraMat(
        K,
        _numbers(content, ("distCoeffs",), path, 5),
        float(_numbers(content, ("retval",), path, 1)[0]),
        _numbers(content, ("rvecs",), path).reshape(-1, 3),
        _numbers(content, ("tvecs",), path).reshape(-1, 3),
    )


def _load_mat(path: Path) -> dict[str, object]:
    import scipy.io  # here, so that commands which read no .mat file start without it

    try:
        return scipy.io.loadmat(path)
    except FileNotFoundError as error:
        raise DataError(f"{path}: no such file; {MEND}") from error
    except (
        OSError,
        ValueError,
        TypeError,
        NotImplementedError,
        zlib.error,
        struct.error,
        scipy.io.matlab.MatReadError,
    ) as error:
        raise DataError(f"{path}: is not a readable MATLAB file ({error}); {MEND}") from error


def _numbers(
    content: dict[str, object], names: tuple[str, ...], path: Path, count: int | None = None
) -> FloatArray:
    found = next((name for name in names if name in content), None)
    if found is None:
        raise DataError(f"{path}: lacks {' or '.join(names)}; {MEND}")
    try:
        values = np.asarray(content[found], dtype=np.float64).reshape(-1)
    except (TypeError, ValueError) as error:
        raise DataError(f"{path}: {found} must hold numbers ({error}); {MEND}") from error
    if count is not None and values.size != count:
        raise DataError(f"{path}: {found} must hold {count} numbers, got {values.size}; {MEND}")
    if not np.all(np.isfinite(values)):
        raise DataError(f"{path}: {found} holds NaN or infinity; {MEND}")
    return values
