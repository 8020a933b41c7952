"""Answers for faces of a prepared file, brought together with what the file knows of them."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gaze.datasets.normalized_rows import NormalizedRows
from gaze.geometry import FloatArray, mirror_angles
from gaze.training.runs import Predictions


def predictions_of(table: NormalizedRows, rows: np.ndarray, answers_rad: ArrayLike) -> Predictions:
    """Predictions of these rows, given the answers (N, 2), pitch and yaw, for the faces as they are shown.

    What is shown mirrored is turned back, truth and answer alike: errors stay the same, and a person's offset
    has one sign, so that bias and personal calibration mean what they say.
    """
    mirrored = table.mirrored[rows][:, None]

    def turned_back(angles_rad: ArrayLike) -> FloatArray:
        return np.where(mirrored, mirror_angles(angles_rad), angles_rad)

    return Predictions(
        person=table.person[rows],
        day=table.day[rows],
        frame_id=table.frame_id[rows],
        pitch_yaw_rad=turned_back(table.pitch_yaw_rad[rows]),
        predicted_rad=turned_back(answers_rad),
        head_rad=turned_back(table.head_pitch_yaw_rad[rows]),
        brightness=table.brightness[rows].astype(np.float64),
    )
