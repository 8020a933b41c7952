"""How far lids go with the eyes, over many faces: MediaPipe's landmarks against gaze and head pitch."""

from __future__ import annotations

import numpy as np

from gaze.geometry import FloatArray
from gaze.mesh_landmarks import EYES
from gaze.types import Face

NAMES = ("iris", "upper lid", "slit")


def lid_heights_px(face: Face) -> FloatArray:
    """(3,) px, mean of both eyes: iris and upper lid above the eye's corners, and the slit between the lids.

    ``face`` is of a normalised view, whose rows are level with the eyes, with 478 landmarks.
    """
    rows = face.landmarks_px[:, 1]
    heights = []
    for eye in EYES:
        upper, lower, corners = (
            rows[list(part)].mean() for part in (eye.upper, eye.lower, (eye.outer, eye.inner))
        )
        heights.append((corners - rows[eye.iris], corners - upper, lower - upper))
    return np.mean(heights, axis=0)


def slope(values: FloatArray, against: FloatArray, held: FloatArray) -> tuple[float, float]:
    """By how much N ``values`` grow with ``against`` where ``held`` stays the same, and its standard error.

    Ordinary least squares on both and a constant; NaN for fewer than four faces or regressors that cannot be
    told apart.
    """
    X = np.column_stack([against, held, np.ones(len(values))])
    free = len(values) - X.shape[1]
    if free < 1 or np.linalg.matrix_rank(X) < X.shape[1]:
        return float("nan"), float("nan")
    coefficients, *_ = np.linalg.lstsq(X, values, rcond=None)
    rest = values - X @ coefficients
    variance = rest @ rest / free * np.linalg.inv(X.T @ X)[0, 0]
    return float(coefficients[0]), float(np.sqrt(variance))
