"""Error on rendered people by group: skin, glasses, mask, light, head angle, gaze angle, distance, blur."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.shard_features import shows_plainly
from gaze.geometry import angular_error_rad, vector_from_angles

# Fewer samples than this make no group's mean.
LEAST = 20
_STRAIGHT = np.array([0.0, 0.0, -1.0])
# What makes conditions good: nothing on or before the face, enough light, and at least so much of the rest.
_GOOD_GRID_PX, _GOOD_OPEN, _GOOD_HEAD_DEG = 220, 0.6, 30.0
# Length of a smear by motion, and deviation of the blur of a lens out of focus, in px of the crop; below the
# first is none.
_SMEAR_PX, _DEFOCUS_PX = (1.0, 3.0), (0.5, 0.9)


@dataclass(frozen=True, slots=True)
class GroupError:
    """Mean error in degrees of the samples with one value of one attribute."""

    attribute: str
    value: str
    count: int
    mean_deg: float


def _bands(values: NDArray[np.float64], edges: Sequence[float], unit: str) -> list[str]:
    low = [-np.inf, *edges]
    high = [*edges, np.inf]
    names = [
        f"below {b:g}{unit}"
        if np.isinf(a)
        else f"from {a:g}{unit}"
        if np.isinf(b)
        else f"{a:g} to {b:g}{unit}"
        for a, b in zip(low, high, strict=True)
    ]
    return [names[k] for k in np.searchsorted(edges, values, side="right")]


def group_labels(
    attributes: Sequence[dict[str, object]],
    pitch_yaw_rad: NDArray[np.floating],
    head_pitch_yaw_rad: NDArray[np.floating],
) -> dict[str, list[str]]:
    """Attribute -> each sample's group. ``attributes`` are those of the shards; angles (N, 2) in radians.
    Shards that do not tell how the sensor blurred a crop have no group of blur.

    Conditions are good for open eyes with nothing on or before the face, in a lit place, on a sensor as fine
    as the crop, with a head turned by less than 30 degrees.
    """

    def column(name: str) -> NDArray[np.float64]:
        return np.array([float(sample[name]) for sample in attributes])

    gaze_deg = np.rad2deg(angular_error_rad(vector_from_angles(pitch_yaw_rad), _STRAIGHT))
    head_deg = np.rad2deg(angular_error_rad(vector_from_angles(head_pitch_yaw_rad), _STRAIGHT))
    open_least = np.array([min(sample["eye_open"]) for sample in attributes])
    good = [
        head < _GOOD_HEAD_DEG and shows_plainly(sample, _GOOD_GRID_PX, _GOOD_OPEN)
        for head, sample in zip(head_deg, attributes, strict=True)
    ]
    return {
        "skin": _bands(column("melanin"), (0.33, 0.67), " melanin"),
        "glasses": [
            "sunglasses" if sample["sunglasses"] else "glasses" if sample["glasses"] else "none"
            for sample in attributes
        ],
        "mask": ["mask" if sample["mask"] else "none" for sample in attributes],
        "held before the face": [str(sample["held"]) or "nothing" for sample in attributes],
        "light": [str(sample["scene"]) for sample in attributes],
        "head angle": _bands(head_deg, (15, 30, 45), "°"),
        "gaze angle": _bands(gaze_deg, (15, 30, 45), "°"),
        "distance": _bands(column("distance_mm"), (450, 700, 1000), " mm"),
        "sensor px across the crop": _bands(column("grid_px"), (90, 150, 220), " px"),
        **_blur_labels(attributes),
        "lids": _bands(open_least, (0.3, 0.6), " of open"),
        "conditions": ["good" if each else "other" for each in good],
    }


def _blur_labels(attributes: Sequence[dict[str, object]]) -> dict[str, list[str]]:
    if not any("smear_px" in sample for sample in attributes):  # older shards
        return {}
    return {"blur": [_blur(sample) for sample in attributes]}


def _blur(sample: dict[str, object]) -> str:
    """What blurs a crop most visibly; lengths are px of the crop."""
    if "smear_px" not in sample:
        return "unknown"
    for name, length_px, edges_px in (
        ("motion", sample["smear_px"], _SMEAR_PX),
        ("defocus", sample["defocus_px"], _DEFOCUS_PX),
    ):
        if length_px >= edges_px[0]:
            return f"{name} {_bands(np.array([length_px]), edges_px, ' px')[0]}"
    return "none"


def errors_by_group(error_deg: NDArray[np.floating], labels: dict[str, list[str]]) -> list[GroupError]:
    """Mean error of every group of at least LEAST samples, in the order of the attributes."""
    rows = []
    for attribute, values in labels.items():
        names = np.array(values)
        for value in sorted(set(values)):
            chosen = names == value
            if chosen.sum() >= LEAST:
                rows.append(GroupError(attribute, value, int(chosen.sum()), float(error_deg[chosen].mean())))
    return rows
