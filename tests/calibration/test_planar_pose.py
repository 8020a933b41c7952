"""The pose of a flat board against the pose it was drawn with."""

import cv2
import numpy as np
import pytest

from calibration import planar_pose as module
from calibration.planar_pose import planar_pose

K = np.array([[800.0, 0, 320], [0, 800.0, 240], [0, 0, 1]])
BOARD_MM = np.stack(np.meshgrid(np.arange(-80.0, 81, 20), np.arange(-60.0, 61, 20)), axis=-1).reshape(-1, 2)


def seen(R, t_mm):
    points = np.column_stack([BOARD_MM, np.zeros(len(BOARD_MM))]) @ R.T + t_mm
    points = points @ K.T
    return points[:, :2] / points[:, 2:]


@pytest.mark.parametrize("tilt", [(0.0, 0.0), (0.5, 0.0), (-0.3, 0.6)])
@pytest.mark.parametrize("broken", [False, True])
def test_the_pose_is_found_also_where_the_closed_form_breaks(monkeypatch, tilt, broken):
    R, t_mm = cv2.Rodrigues(np.array([*tilt, 0.2]))[0], np.array([15.0, -20.0, 500.0])
    solve = cv2.solvePnP

    def not_a_number(*args, flags):
        if flags == cv2.SOLVEPNP_IPPE:  # what a board from the front gave on 64-bit Arm
            return True, np.full((3, 1), np.nan), np.full((3, 1), np.nan)
        return solve(*args, flags=flags)

    if broken:
        monkeypatch.setattr(module.cv2, "solvePnP", not_a_number)
    found_R, found_t_mm = planar_pose(BOARD_MM, seen(R, t_mm), K)
    np.testing.assert_allclose(found_R, R, atol=1e-4)
    np.testing.assert_allclose(found_t_mm, t_mm, atol=0.05)


def test_no_pose_where_no_method_gives_one(monkeypatch):
    nothing = (False, np.zeros((3, 1)), np.zeros((3, 1)))
    monkeypatch.setattr(module.cv2, "solvePnP", lambda *args, flags: nothing)
    assert planar_pose(BOARD_MM, seen(np.eye(3), np.array([0, 0, 500.0])), K) is None
