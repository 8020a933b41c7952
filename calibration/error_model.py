"""A network's own errors, measured on people with known gaze, as an error model for the simulation."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calibration.eye_frame import offset_between
from calibration.simulated_person import ErrorModel
from gaze.errors import DataError
from gaze.files import read_object
from gaze.geometry import FloatArray, vector_from_angles

SCHEMA = "gaze.errors/1"


def error_model(
    predicted_rad: FloatArray, true_rad: FloatArray, head_rad: FloatArray, person: FloatArray
) -> ErrorModel:
    """Split errors into what belongs to a person and what to a frame.

    ``predicted_rad``, ``true_rad`` gaze and ``head_rad`` head (pitch, yaw) (N, 2) in the normalised frame;
    ``person`` (N,) labels. Per person the error is fitted as offset + gain * gaze + gain * head by least
    squares; the spread of those over people, less what the fit's own uncertainty explains, makes the model,
    and the residuals are the noise of frames.

    Raises:
        DataError: fewer than four people with twelve frames each.
    """
    eye = np.broadcast_to(np.eye(3), (len(predicted_rad), 3, 3))
    # From true to predicted, so that a positive offset is what the simulation adds.
    error = offset_between(vector_from_angles(true_rad), vector_from_angles(predicted_rad), eye)
    coefficients, variances, residuals = [], [], []
    for name in np.unique(person):
        mine = person == name
        if mine.sum() < 12:
            continue
        basis = np.concatenate([np.ones((mine.sum(), 1)), true_rad[mine], head_rad[mine]], axis=1)
        solution, *_ = np.linalg.lstsq(basis, error[mine], rcond=None)
        rest = error[mine] - basis @ solution
        freedom = max(len(rest) - basis.shape[1], 1)
        residuals.append(rest * np.sqrt(len(rest) / freedom))
        inverse = np.linalg.pinv(basis.T @ basis)
        variances.append(np.outer(np.diag(inverse), (rest**2).sum(axis=0) / freedom))
        coefficients.append(solution)
    if len(coefficients) < 4:
        raise DataError(f"{len(coefficients)} people with 12 frames or more are too few; 4 are needed")
    # Means over people are errors that everybody has; they are part of what a calibration removes.
    square = np.mean(np.square(coefficients), axis=0) - np.mean(variances, axis=0)
    square = np.maximum(square, 0.0)
    rest = np.concatenate(residuals)
    rest -= rest.mean(axis=0)
    return ErrorModel(
        bias_deg=float(np.rad2deg(np.sqrt(square[0].sum()))),
        frame_deg=float(np.rad2deg(np.sqrt((rest**2).mean()))),
        gain=float(np.sqrt(np.mean([square[1, 0], square[2, 1]]))),
        head_gain=float(np.sqrt(square[3:].mean())),
        size=0.04,
        head_deg=0.7,
        head_mm=2.0,
        lapse=0.04,
        residuals_deg=np.rad2deg(rest),
    )


def load_errors(path: Path) -> ErrorModel:
    """Read measured errors.

    ``{"schema": "gaze.errors/1", "predicted_rad": [[pitch, yaw], ..], "true_rad": .., "head_rad": ..,
    "person": [..]}``, all of one length.

    Raises:
        DataError: the file is missing, not JSON, not as above, or holds too few people.
    """
    content = read_object(path, SCHEMA, DataError, "write one with `gaze calibrate rendered --errors`")
    try:
        angles = [
            np.array(content[name], dtype=np.float64) for name in ("predicted_rad", "true_rad", "head_rad")
        ]
        person = np.array(content["person"]).astype(str)
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path}: {error!r}") from error
    if any(column.shape != (len(person), 2) or not np.all(np.isfinite(column)) for column in angles):
        raise DataError(
            f"{path}: predicted_rad, true_rad and head_rad must be finite and (N, 2), person (N,)"
        )
    return error_model(*angles, person)
