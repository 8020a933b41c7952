"""The rendered faces in the package, with their true gaze: what exported models are compared on."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.array_files import DAMAGED_ARRAYS
from gaze.errors import DataError
from gaze.training.virtual_camera import show_face
from gaze.types import NormalizedCamera

FILE = Path(__file__).parent / "assets" / "rendered_faces.npz"


def read_rendered_faces(
    camera: NormalizedCamera, path: Path = FILE
) -> tuple[NDArray[np.uint8], NDArray[np.float64]]:
    """The packed faces (N, S, S, 3) BGR as a network with this camera sees them, and their angles (N, 2).

    Raises:
        DataError: the file is missing or damaged, or the faces show less than the camera.
    """
    try:
        with np.load(path, allow_pickle=False) as packed:
            pictures = np.split(packed["jpeg"], packed["ends"][:-1])
            angles_rad = packed["pitch_yaw_rad"].astype(np.float64)
            focal_px, distance_mm, size_px = packed["normalized_camera"].tolist()
        taken = NormalizedCamera(focal_px, distance_mm, int(size_px))
        faces = [show_face(cv2.imdecode(each, cv2.IMREAD_COLOR), taken, camera) for each in pictures]
        return np.stack(faces), angles_rad
    except (*DAMAGED_ARRAYS, cv2.error) as error:
        raise DataError(f"{path}: cannot be read ({error}); install the package again") from error


def kept_apart(count: int) -> NDArray[np.bool_]:
    """Which of so many faces (count,) judge, a fifth of them: an export calibrates on the others."""
    return np.arange(count) % 5 == 4
