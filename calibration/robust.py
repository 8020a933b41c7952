"""The spread of points in a plane, of which some are elsewhere."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from gaze.geometry import FloatArray

# Points of a round Gaussian lie from its middle by distances of a Rayleigh distribution, whose median is
# sqrt(2 ln 2) deviations per axis.
MEDIAN_DISTANCE = 1.177
# Points further than this many deviations from the middle of their group are not part of it.
OUTLIER_DEVIATIONS = 3.5


def deviation_per_axis(distances: ArrayLike) -> float:
    """Deviation of points on one axis from their distances (N,) to the middle, up to half of them astray."""
    return float(np.median(distances)) / MEDIAN_DISTANCE


def near_middle(values: FloatArray, group: NDArray[np.int64]) -> NDArray[np.bool_]:
    """Which rows (N, 2) are near the median of their group (N,), ascending."""
    middle = np.stack([_group_median(column, group) for column in values.T], axis=1)
    distance = np.sqrt(((values - middle) ** 2).sum(axis=1))
    deviation = np.maximum(_group_median(distance, group) / MEDIAN_DISTANCE, 1e-9)
    return distance <= OUTLIER_DEVIATIONS * deviation


def _group_median(values: FloatArray, group: NDArray[np.int64]) -> FloatArray:
    """For each of the values (N,) the median of its group (N,), ascending."""
    ordered = values[np.lexsort((values, group))]
    starts = np.flatnonzero(np.diff(group, prepend=group[0] - 1))
    counts = np.diff(starts, append=len(group))
    medians = (ordered[starts + (counts - 1) // 2] + ordered[starts + counts // 2]) / 2
    return np.repeat(medians, counts)
