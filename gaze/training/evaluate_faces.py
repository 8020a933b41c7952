"""The error of a model on a folder of normalised face crops."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.datasets.face_folder import FaceFolder
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.mirrored import MirroredPredictor
from gaze.training.metrics import offset_removed_deg, summary
from gaze.training.virtual_camera import resize_face

if TYPE_CHECKING:
    from gaze.estimator import Predictor


def predict_faces(
    predictor: Predictor, faces: NDArray[np.uint8], mirror: bool = False, batch: int = 32
) -> NDArray[np.float64]:
    """(pitch, yaw) (N, 2) rad of faces (N, S, S, 3); with ``mirror`` the mean with the mirrored faces."""
    if mirror:
        predictor = MirroredPredictor(predictor)
    parts = [predictor.predict(faces[k : k + batch]).pitch_yaw_rad for k in range(0, len(faces), batch)]
    return np.concatenate(parts).astype(np.float64)


def square_faces(folder: FaceFolder) -> Iterator[NDArray[np.uint8]]:
    """The crops (S, S, 3) of a folder, one after the other, each at its own size.

    Raises:
        DataError: a crop is not square, missing or truncated.
    """
    for sample in folder.samples():
        height, width = sample.image.shape[:2]
        if height != width:
            raise DataError(f"{folder.images / sample.frame_id}: must be a square crop, is {width}x{height}")
        yield sample.image


def load_faces(folder: FaceFolder, size_px: int) -> NDArray[np.uint8]:
    """All crops (N, size, size, 3), averaged down or enlarged to the model's size; errors as square_faces."""
    return np.stack([resize_face(face, size_px) for face in square_faces(folder)])


def evaluate_faces(folder: FaceFolder, predictor: Predictor, mirror: bool = False) -> dict[str, object]:
    """All figures of a model on a folder of crops: gaze.training.metrics.summary and ``per_image``.

    Raises:
        DataError: there are fewer than two crops, or one cannot be used.
    """
    if len(folder) < 2:
        raise DataError(f"{folder.images}: {len(folder)} labelled crop; at least two are needed")
    target = folder.pitch_yaw_rad
    predicted = predict_faces(predictor, load_faces(folder, predictor.spec.input_size), mirror)
    return {
        **summary(predicted, target),
        "per_image": per_image(folder.file, folder.person, target, predicted),
    }


def per_image(
    files: NDArray[np.str_], persons: NDArray[np.str_], target: ArrayLike, predicted: ArrayLike
) -> list[dict[str, object]]:
    """One dictionary a face: names, true and predicted (pitch, yaw) of (N, 2) rad, and its two errors."""
    target, predicted = np.asarray(target, np.float64), np.asarray(predicted, np.float64)
    error, without_offset = angular_error_deg(predicted, target), offset_removed_deg(predicted, target)
    return [
        {
            "file": str(files[row]),
            "person": str(persons[row]),
            "pitch_rad": float(target[row, 0]),
            "yaw_rad": float(target[row, 1]),
            "predicted_pitch_rad": float(predicted[row, 0]),
            "predicted_yaw_rad": float(predicted[row, 1]),
            "error_deg": float(error[row]),
            "error_offset_removed_deg": float(without_offset[row]),
        }
        for row in range(len(target))
    ]
