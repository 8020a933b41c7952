"""How much of an error is chance of the crop: the same faces seen by a slightly turned virtual camera.

A network answers a crop that lies a few millimetres elsewhere a little differently, as it would in the next
frame. One view of a small set of faces is therefore a noisy figure; the mean over many views is a steady one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gaze.datasets.face_folder import FaceFolder
from gaze.geometry import FloatArray, angles_from_vector, vector_from_angles
from gaze.training.evaluate_faces import predict_faces, square_faces
from gaze.training.metrics import offset_removed_deg, summary
from gaze.training.virtual_camera import resize_face, turn_rotation, turn_warp, warp_face

if TYPE_CHECKING:
    from gaze.estimator import Predictor

# Standard deviations. A turn of 0.4 degrees moves a face 600 mm away by 4 mm.
TURN_DEG, ROLL_DEG, SCALE = 0.4, 1.0, 0.02
SEED = 0


def predict_views(
    folder: FaceFolder, predictor: Predictor, views: int, mirror: bool = False
) -> NDArray[np.float64]:
    """Answers (V, N, 2) in rad, in the frame of the crops as they are, to V turned views of N crops.

    The turns are drawn from a fixed seed and are those of every model. A turned camera sees the gaze turned
    alike, which is taken back.

    Raises:
        DataError: a crop is not square, missing or truncated.
    """
    spec = predictor.spec
    rng = np.random.default_rng(SEED)
    turns = np.deg2rad([TURN_DEG, TURN_DEG, ROLL_DEG]) * rng.standard_normal((views, 3))
    scales = np.exp(SCALE * rng.standard_normal(views))
    R = turn_rotation(*turns.T)
    faces = np.empty((views, len(folder), spec.input_size, spec.input_size, 3), np.uint8)
    for row, face in enumerate(square_faces(folder)):
        warps = turn_warp(spec.normalized_camera.resized(len(face)), R, scales)
        for view, warp in enumerate(warps):
            faces[view, row] = resize_face(warp_face(face, warp), spec.input_size)
    answers = [predict_faces(predictor, own, mirror) for own in faces]
    return np.stack(
        [angles_from_vector(vector_from_angles(a) @ turn) for a, turn in zip(answers, R, strict=True)]
    )


def views_summary(answers_rad: FloatArray, target_rad: FloatArray) -> dict[str, float | int]:
    """Figures of answers (V, N, 2) to V >= 2 views of N faces with gaze (N, 2).

    ``mean_offset_removed_deg``, ``corr_*``, ``slope_*``: the mean over the views of each view's own figure,
    and ``between_views_deg`` the standard deviation of the first; ``averaged_offset_removed_deg``: of the
    mean answer to all views; ``spread_*_deg``: standard deviation of one face's answers over the views.
    """
    each = [summary(answers, target_rad) for answers in answers_rad]
    figures: dict[str, float | int] = {"views": len(each)}
    for name in ("mean_offset_removed_deg", "corr_pitch", "corr_yaw", "slope_pitch", "slope_yaw"):
        figures[name] = float(np.mean([one[name] for one in each]))
    figures["between_views_deg"] = float(np.std([one["mean_offset_removed_deg"] for one in each], ddof=1))
    figures["averaged_offset_removed_deg"] = float(
        offset_removed_deg(answers_rad.mean(axis=0), target_rad).mean()
    )
    spread = np.rad2deg(np.sqrt(np.asarray(answers_rad).var(axis=0, ddof=1).mean(axis=0)))
    figures["spread_pitch_deg"], figures["spread_yaw_deg"] = float(spread[0]), float(spread[1])
    return figures
