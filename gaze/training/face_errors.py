"""The error of a model on a folder of normalised face crops."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.camera import Camera
from gaze.datasets.face_folder import FaceFolder
from gaze.errors import DataError
from gaze.geometry import angles_from_vector, angular_error_deg
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.picture_files import check_square
from gaze.training.metrics import offset_removed_deg, summary
from gaze.training.virtual_camera import show_face
from gaze.types import Prediction

if TYPE_CHECKING:
    from gaze.estimator import GazeEstimator, Predictor


# Square crops (S, S, 3) BGR of any sizes -> gaze (pitch, yaw) (N, 2) rad in the crop's frame.
Answers = Callable[[Sequence[NDArray[np.uint8]]], NDArray[np.float64]]
# What a crop of 140 mm is a picture of; its size follows the picture's.
CROP_CAMERA = Camera(DEFAULT_NORMALIZED_CAMERA.resized(448).K, np.zeros(5), 448, 448)


def predict_faces(predictor: Predictor, faces: NDArray[np.uint8], batch: int = 32) -> Prediction:
    """Angles of faces (N, S, S, 3) and deviations, if any."""
    parts = [predictor.predict(faces[k : k + batch]) for k in range(0, len(faces), batch)]
    sigmas = [part.sigma_rad for part in parts if part.sigma_rad is not None]
    return Prediction(
        np.concatenate([part.pitch_yaw_rad for part in parts]), np.concatenate(sigmas) if sigmas else None
    )


def crop_answers(predictor: Predictor) -> Answers:
    """Answers of a network to crops of 140 mm as they are.

    They raise DataError where the network sees more than the crops show.
    """
    wanted = predictor.spec.normalized_camera

    def answer(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        faces = np.stack([show_face(crop, DEFAULT_NORMALIZED_CAMERA, wanted) for crop in crops])
        return predict_faces(predictor, faces).pitch_yaw_rad.astype(np.float64)

    return answer


def live_answers(estimator: GazeEstimator) -> Answers:
    """Answers of the whole pipeline to crops as pictures of its camera: landmarks, head pose, normalisation.

    NaN where it finds no face. The camera is to be CROP_CAMERA or another that the crops are pictures of.
    """

    def answer(crops: Sequence[NDArray[np.uint8]]) -> NDArray[np.float64]:
        answers = np.full((len(crops), 2), np.nan)
        for row, crop in enumerate(crops):
            rays = [found.ray for found in estimator.estimate(crop) if found.ray is not None]
            if rays:
                answers[row] = angles_from_vector(rays[0].direction_cam)
        return answers

    return answer


def square_faces(folder: FaceFolder) -> Iterator[NDArray[np.uint8]]:
    """The crops (S, S, 3) of a folder, one after the other, each at its own size.

    Raises:
        DataError: a crop is not square, missing or truncated.
    """
    for sample in folder.samples():
        check_square(sample.image, folder.images / sample.frame_id)
        yield sample.image


def evaluate_faces(folder: FaceFolder, answers: Answers) -> dict[str, object]:
    """All figures of answers to a folder of crops that show 140 mm: metrics.summary and ``per_image``.

    Both are of the faces that were found; ``not_found`` names the others.

    Raises:
        DataError: there are fewer than two crops or fewer than two faces in them, or one cannot be used.
    """
    if len(folder) < 2:
        raise DataError(f"{folder.images}: {len(folder)} labelled crop; at least two are needed: label more")
    predicted = answers(list(square_faces(folder)))
    found = np.isfinite(predicted).all(axis=-1)
    if found.sum() < 2:
        raise DataError(
            f"{folder.images}: a face was found in {found.sum()} of {len(folder)} crops, two are needed; "
            "give crops that show the whole face, or leave --live away"
        )
    target = folder.pitch_yaw_rad[found]
    return {
        **summary(predicted[found], target),
        "not_found": [str(name) for name in folder.file[~found]],
        "per_image": per_image(folder.file[found], folder.person[found], target, predicted[found]),
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
