"""A network's own errors, measured on people with known gaze, as an error model for the simulation."""

from __future__ import annotations

import numpy as np

from calibration.error_file import GazeErrors
from calibration.eye_frame import offset_between
from calibration.simulated_person import ErrorModel
from gaze.errors import DataError
from gaze.geometry import vector_from_angles


def error_model(errors: GazeErrors) -> ErrorModel:
    """Split errors into what belongs to a person and what to a frame.

    Per person the error is fitted as offset + gain * gaze + gain * head by least squares; the spread of those
    over people, less what the fit's own uncertainty explains, makes the model, and the residuals are the
    noise of frames.

    Raises:
        DataError: fewer than four people with twelve frames each.
    """
    eye = np.broadcast_to(np.eye(3), (len(errors), 3, 3))
    # From true to predicted, so that a positive offset is what the simulation adds.
    error = offset_between(vector_from_angles(errors.true_rad), vector_from_angles(errors.predicted_rad), eye)
    coefficients, variances, residuals = [], [], []
    for name in np.unique(errors.person):
        mine = errors.person == name
        if mine.sum() < 12:
            continue
        ones = np.ones((mine.sum(), 1))
        basis = np.concatenate([ones, errors.true_rad[mine], errors.head_rad[mine]], axis=1)
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
