"""The error of a model on a prepared data set: what it reads on people whom it was not trained on."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import numpy as np

from gaze.datasets.normalized_hdf5 import NormalizedFile
from gaze.errors import DataError
from gaze.training.bootstrap import bootstrap_interval
from gaze.training.face_errors import per_image, predict_faces
from gaze.training.fold_errors import figures
from gaze.training.prepared_predictions import predictions_of
from gaze.training.virtual_camera import VIEW_TOLERANCE, show_face

if TYPE_CHECKING:
    from gaze.estimator import Predictor

READ_AT_ONCE = 256


def check_fits(file: NormalizedFile, predictor: Predictor) -> None:
    """Refuse figures that would compare unlike things.

    Raises:
        DataError: labels and model are of different label spaces, or the faces show less than the model sees.
    """
    spec, header = predictor.spec, file.header
    if spec.label_space != header.label_space:
        raise DataError(
            f"{file.path}: labels are {header.label_space}, the model answers in {spec.label_space}; prepare "
            "the data in the model's label space"
        )
    # Of a wider view the middle is taken; one that is narrower by less than the tolerance is taken as it is.
    shown_mm, seen_mm = header.normalized_camera.view_mm, spec.normalized_camera.view_mm
    if shown_mm < seen_mm * (1.0 - VIEW_TOLERANCE):
        raise DataError(
            f"{file.path}: faces show {shown_mm:.0f} mm, the model sees {seen_mm:.0f} mm; "
            "prepare the data with a wider normalised camera"
        )


def evaluate_prepared(file: NormalizedFile, predictor: Predictor) -> dict[str, object]:
    """Figures over all faces, per person, and per face; and how long reading and the network took.

    The faces are read in pieces: memory does not grow with the file.

    Raises:
        DataError: see check_fits; there are fewer than two faces of a person, or a face cannot be read.
    """
    check_fits(file, predictor)
    shown, wanted = file.header.normalized_camera, predictor.spec.normalized_camera
    if shown.view_mm < wanted.view_mm:  # by less than VIEW_TOLERANCE
        wanted = shown.resized(wanted.size_px)
    answers, reading_s, started = [], 0.0, time.perf_counter()
    for start in range(0, len(file), READ_AT_ONCE):
        begun = time.perf_counter()
        rows = np.arange(start, min(start + READ_AT_ONCE, len(file)))
        faces = np.stack([show_face(face, shown, wanted) for face in file.read(rows)])
        reading_s += time.perf_counter() - begun
        answers.append(predict_faces(predictor, faces).pitch_yaw_rad.astype(np.float64))
    seconds = time.perf_counter() - started
    found = predictions_of(file.rows, np.arange(len(file)), np.concatenate(answers))
    persons = {name: figures(found.where(found.person == name)) for name in file.persons}
    means = np.array([row["mean_deg"] for row in persons.values()])
    return {
        **figures(found),
        "label_space": file.header.label_space,
        "provenance_id": file.header.provenance_id,
        "persons": persons,
        "mean_of_persons_deg": float(means.mean()),
        "interval_95_deg": list(bootstrap_interval(means)),
        "seconds": round(seconds, 2),
        "reading_s": round(reading_s, 2),
        "faces_per_s": round(len(file) / seconds, 1),
        "per_image": per_image(found.frame_id, found.person, found.pitch_yaw_rad, found.predicted_rad),
    }
