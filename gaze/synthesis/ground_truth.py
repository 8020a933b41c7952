"""What is known of a rendered head, as it stands in the JSON beside clips and pictures."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gaze.synthesis.posed_head import PosedHead


def head_truth(head: PosedHead, mm_digits: int) -> dict[str, object]:
    """Gaze, eyes and head in the camera frame; lengths in mm with so many decimals."""
    return {
        "direction_cam": rounded(head.gaze_cam, 6),
        "origin_cam_mm": rounded(head.face_centre_cam_mm, mm_digits),
        "target_cam_mm": rounded(head.target_cam_mm, mm_digits),
        "eye_open": rounded(head.eye_open, 3),
        "head": {"R_cam_head": rounded(head.R_cam_head, 6), "t_cam_mm": rounded(head.t_cam_mm, mm_digits)},
    }


def rounded(values: ArrayLike, digits: int) -> list:
    """Nested lists of an array, with so many decimals."""
    return np.round(np.asarray(values, np.float64), digits).tolist()
