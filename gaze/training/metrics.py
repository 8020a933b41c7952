"""Figures of a set of predictions, in degrees."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.geometry import angular_error_deg


def offset_removed_deg(predicted_rad: ArrayLike, target_rad: ArrayLike) -> NDArray[np.float64]:
    """Error (N,) of each sample after the mean (pitch, yaw) difference of all *other* samples is subtracted.

    Raises:
        ValueError: there are fewer than two samples.
    """
    predicted, target = np.asarray(predicted_rad, np.float64), np.asarray(target_rad, np.float64)
    n = len(predicted)
    if n < 2:
        raise ValueError(f"the offset of the others needs at least two samples, got {n}")
    difference = predicted - target
    others = (difference.sum(axis=0) - difference) / (n - 1)
    return angular_error_deg(predicted - others, target)


def summary(predicted_rad: ArrayLike, target_rad: ArrayLike) -> dict[str, float | int]:
    """Mean, median, p90, offset-removed mean, bias, correlation and slope of N >= 2 predictions (N, 2).

    Bias is the mean of prediction minus truth; slope is that of the regression of prediction on truth.
    Correlation and slope are NaN where the truth does not vary.
    """
    predicted, target = np.asarray(predicted_rad, np.float64), np.asarray(target_rad, np.float64)
    error = angular_error_deg(predicted, target)
    figures: dict[str, float | int] = {
        "mean_deg": float(error.mean()),
        "median_deg": float(np.median(error)),
        "p90_deg": float(np.percentile(error, 90)),
        "mean_offset_removed_deg": float(offset_removed_deg(predicted, target).mean()),
    }
    for column, name in enumerate(("pitch", "yaw")):
        p, t = predicted[:, column], target[:, column]
        figures[f"bias_{name}_deg"] = float(np.rad2deg(np.mean(p - t)))
        covariance = float(np.mean((p - p.mean()) * (t - t.mean())))
        spread = float(p.std() * t.std())
        figures[f"corr_{name}"] = covariance / spread if spread > 0 else float("nan")
        figures[f"slope_{name}"] = covariance / float(t.var()) if t.var() > 0 else float("nan")
    figures["n"] = len(error)
    return figures
