"""How much of an error is chance of the crop: the same faces seen by a slightly turned virtual camera.

A network answers a crop that lies a few millimetres elsewhere a little differently, as it would in the next
frame. One view of a small set of faces is therefore a noisy figure; the mean over many views is a steady one.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.face_folder import FaceFolder
from gaze.geometry import FloatArray, angles_from_vector, vector_from_angles
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.training.face_errors import Answers, square_faces
from gaze.training.metrics import offset_removed_deg, summary
from gaze.training.virtual_camera import turn_rotation, turn_warp, warp_face

# Standard deviations. A turn of 0.4 degrees moves a face 600 mm away by 4 mm.
TURN_DEG, ROLL_DEG, SCALE = 0.4, 1.0, 0.02
SEED = 0


def predict_views(folder: FaceFolder, answers: Answers, views: int) -> NDArray[np.float64]:
    """Answers (V, N, 2) in rad, in the frame of the crops as they are, to V turned views of N crops.

    The crops show 140 mm; NaN where no face was found. The turns are drawn from a fixed seed and are those of
    every model. A turned camera sees the gaze turned alike, which is taken back.

    Raises:
        DataError: a crop is not square, missing or truncated.
    """
    rng = np.random.default_rng(SEED)
    turns = np.deg2rad([TURN_DEG, TURN_DEG, ROLL_DEG]) * rng.standard_normal((views, 3))
    scales = np.exp(SCALE * rng.standard_normal(views))
    R = turn_rotation(*turns.T)
    seen = np.empty((views, len(folder), 2))
    for row, face in enumerate(square_faces(folder)):
        warps = turn_warp(DEFAULT_NORMALIZED_CAMERA.resized(len(face)), R, scales)
        seen[:, row] = answers([warp_face(face, warp) for warp in warps])
    for own, turn in zip(seen, R, strict=True):
        found = np.isfinite(own).all(axis=-1)
        own[found] = angles_from_vector(vector_from_angles(own[found]) @ turn)
    return seen


def views_summary(answers_rad: FloatArray, target_rad: FloatArray) -> dict[str, float | int]:
    """Figures of answers (V, N, 2) to V >= 2 views of N faces with gaze (N, 2).

    ``mean_offset_removed_deg``, ``corr_*``, ``slope_*``: the mean over the views of each view's own figure,
    and ``between_views_deg`` the standard deviation of the first; ``averaged_offset_removed_deg``: of the
    mean answer to all views; ``spread_*_deg``: standard deviation of one face's answers over the views.
    Answers that are NaN are left out; every face must have two others.
    """
    found = np.isfinite(answers_rad).all(axis=-1)
    each = [summary(own[rows], target_rad[rows]) for own, rows in zip(answers_rad, found, strict=True)]
    figures: dict[str, float | int] = {"views": len(each)}
    for name in ("mean_offset_removed_deg", "corr_pitch", "corr_yaw", "slope_pitch", "slope_yaw"):
        figures[name] = float(np.mean([one[name] for one in each]))
    figures["between_views_deg"] = float(np.std([one["mean_offset_removed_deg"] for one in each], ddof=1))
    figures["averaged_offset_removed_deg"] = float(
        offset_removed_deg(np.nanmean(answers_rad, axis=0), target_rad).mean()
    )
    spread = np.rad2deg(np.sqrt(np.nanvar(answers_rad, axis=0, ddof=1).mean(axis=0)))
    figures["spread_pitch_deg"], figures["spread_yaw_deg"] = float(spread[0]), float(spread[1])
    return figures
