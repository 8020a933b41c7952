"""A normalised face and its labels as in a mirror: what MPIIGaze's evaluation subset does with right eyes."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import mirror_angles

# The six points in a mirror: what was the left eye's outer corner is now where the right eye's is expected.
MIRRORED_SIX_POINTS = (3, 2, 1, 0, 5, 4)


def mirror_row(
    face: NDArray[np.uint8], columns: dict[str, object]
) -> tuple[NDArray[np.uint8], dict[str, object]]:
    """The mirrored face (S, S, 3) and its columns (gaze.datasets.normalized_rows), marked as mirrored.

    Gaze yaw and head yaw change their sign; the six landmarks change sides and order. ``R_norm_cam``,
    ``centre_cam_mm`` and ``target_cam_mm`` stay those of the real camera.
    """
    landmarks = np.array(columns["landmarks_norm_px"])[list(MIRRORED_SIX_POINTS)]
    landmarks[:, 0] = face.shape[1] - 1 - landmarks[:, 0]
    return np.ascontiguousarray(cv2.flip(face, 1)), {
        **columns,
        "pitch_yaw_rad": mirror_angles(columns["pitch_yaw_rad"]),
        "head_pitch_yaw_rad": mirror_angles(columns["head_pitch_yaw_rad"]),
        "landmarks_norm_px": landmarks,
        "mirrored": True,
    }
