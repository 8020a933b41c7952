"""Which label space a set of normalised labels is in, found by matching them with raw 3-D targets."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaze.datasets.mpiifacegaze_annotations import Annotations
from gaze.datasets.mpiifacegaze_label import raw_label
from gaze.errors import DataError
from gaze.evenly import evenly_spread
from gaze.geometry import FloatArray, angles_from_vector, mirror_angles
from gaze.normalization import scale_direction
from gaze.types import ROTATION_ONLY, SCALED

# Two hypotheses are told apart when one explains the labels this closely and the other this much worse.
CLOSE_DEG = 0.2
FACTOR = 3.0


@dataclass(frozen=True, slots=True)
class LabelSpaceVerdict:
    """Median distance in degrees from a label to the nearest raw row, under both hypotheses.

    ``space`` is None when neither is close or both are.
    """

    space: str | None
    rotation_only_deg: float
    scaled_deg: float
    n: int


def labels_from_raw(
    annotations: Annotations, distance_mm: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Labels (N, 2) of raw rows: rotation-only gaze, scaled gaze, head; (pitch, yaw) in radians."""
    rotation_only, scaled, head = (np.empty((len(annotations), 2)) for _ in range(3))
    for row in range(len(annotations)):
        label = raw_label(annotations, row)
        distance_scale = distance_mm / float(np.linalg.norm(annotations.centre_cam_mm[row]))
        rotation_only[row] = label.gaze_pitch_yaw_rad
        scaled[row] = angles_from_vector(scale_direction(label.gaze_norm, distance_scale))
        head[row] = label.head_pitch_yaw_rad
    return rotation_only, scaled, head


def detect_label_space(
    gaze_rad: FloatArray,
    head_rad: FloatArray,
    annotations: Annotations,
    distance_mm: float,
    limit: int = 500,
) -> LabelSpaceVerdict:
    """Compare normalised gaze and head labels (M, 2) with the raw rows of the same person.

    The normalised files do not name their frames, so each label is matched with the nearest raw row in gaze
    and head together; pictures of right eyes may have been mirrored, so mirrored labels match too.
    ``distance_mm`` is that of the normalised camera. At most ``limit`` labels, evenly spread, are looked at.

    Raises:
        DataError: there is no label.
    """
    if len(gaze_rad) == 0:
        raise DataError("there is no label to find the label space of")
    chosen = evenly_spread(len(gaze_rad), limit)
    gaze_rad, head_rad = gaze_rad[chosen], head_rad[chosen]
    as_given = np.concatenate([gaze_rad, head_rad], axis=1)
    mirrored = np.concatenate([mirror_angles(gaze_rad), mirror_angles(head_rad)], axis=1)
    both_ways = np.stack([as_given, mirrored])
    rotation_only, scaled, head = labels_from_raw(annotations, distance_mm)
    medians = [
        _median_distance_deg(both_ways, np.concatenate([gaze, head], axis=1))
        for gaze in (rotation_only, scaled)
    ]
    space = None
    if medians[0] < CLOSE_DEG and medians[0] * FACTOR < medians[1]:
        space = ROTATION_ONLY
    elif medians[1] < CLOSE_DEG and medians[1] * FACTOR < medians[0]:
        space = SCALED
    return LabelSpaceVerdict(space, medians[0], medians[1], len(chosen))


def _median_distance_deg(both_ways: FloatArray, known: FloatArray) -> float:
    nearest = np.full(both_ways.shape[1], np.inf)
    for labels in both_ways:
        for start in range(0, len(labels), 64):
            difference = labels[start : start + 64, None, :] - known[None]
            distance = np.sqrt(np.min(np.sum(difference**2, axis=2), axis=1))
            nearest[start : start + 64] = np.minimum(nearest[start : start + 64], distance)
    return float(np.rad2deg(np.median(nearest)))
