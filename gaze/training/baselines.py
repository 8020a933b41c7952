"""What can be had without looking at the eyes: predictors that know only the other people's labels."""

from __future__ import annotations

import numpy as np

from gaze.geometry import FloatArray
from gaze.training.runs import Predictions

CONSTANT = "constant"
HEAD_POSE = "head pose only"


def constant_baseline(predictions: Predictions) -> FloatArray:
    """For each sample (N, 2) the mean gaze (pitch, yaw) of all people but its own, radians."""
    result = np.empty_like(predictions.pitch_yaw_rad)
    for person in np.unique(predictions.person):
        own = predictions.person == person
        result[own] = predictions.pitch_yaw_rad[~own].mean(axis=0)
    return result


def head_pose_baseline(predictions: Predictions) -> FloatArray | None:
    """For each sample (N, 2) the gaze that a quadratic in head pitch and yaw says, fitted on the others.

    Least squares on all people but the sample's own. None where a head pose is unknown.
    """
    if not np.all(np.isfinite(predictions.head_rad)):
        return None
    pitch, yaw = predictions.head_rad.T
    columns = np.stack([np.ones_like(pitch), pitch, yaw, pitch**2, pitch * yaw, yaw**2], axis=1)
    result = np.empty_like(predictions.pitch_yaw_rad)
    for person in np.unique(predictions.person):
        own = predictions.person == person
        weights, *_ = np.linalg.lstsq(columns[~own], predictions.pitch_yaw_rad[~own], rcond=None)
        result[own] = columns[own] @ weights
    return result
