import cv2
import numpy as np
import pytest

from calibration.eye_frame import apply_offset, eye_rotation, offset_between
from gaze.geometry import angular_error_rad, is_rotation, vector_from_angles


def random_rotations(count, sd, seed=0):
    return np.array([cv2.Rodrigues(v)[0] for v in np.random.default_rng(seed).normal(0, sd, (count, 3))])


def test_eye_rotation_turns_straight_ahead_into_the_line_of_sight():
    R_head = random_rotations(40, 0.4)
    gaze = vector_from_angles(np.random.default_rng(1).normal(0, 0.3, (40, 2)))
    R = eye_rotation(gaze, R_head)
    assert all(is_rotation(one) for one in R)
    assert np.abs(R @ [0.0, 0.0, -1.0] - gaze).max() < 1e-12


def test_eye_turns_by_the_shortest_way_in_the_head():
    """Listing's law: the axis of the eye's turn is at right angles to straight ahead, in the head's frame."""
    R_head = random_rotations(20, 0.3)
    gaze = vector_from_angles(np.random.default_rng(2).normal(0, 0.3, (20, 2)))
    in_head = np.swapaxes(R_head, 1, 2) @ eye_rotation(gaze, R_head)
    for one in in_head:
        axis = cv2.Rodrigues(one)[0].ravel()
        assert axis[2] == pytest.approx(0.0, abs=1e-9)


def test_offset_between_is_the_inverse_of_apply_offset():
    rng = np.random.default_rng(3)
    R_head, gaze = random_rotations(50, 0.3), vector_from_angles(rng.normal(0, 0.3, (50, 2)))
    offset = rng.normal(0, 0.08, (50, 2))
    turned = apply_offset(gaze, R_head, offset)
    assert offset_between(gaze, turned, R_head) == pytest.approx(offset, abs=1e-12)
    # The angle does not depend on where the eye looks.
    expected = angular_error_rad(vector_from_angles(offset), vector_from_angles([0.0, 0.0]))
    assert angular_error_rad(gaze, turned) == pytest.approx(expected, abs=1e-12)


def test_offset_has_the_signs_of_gaze_angles():
    straight = np.array([0.0, 0.0, -1.0])
    up = apply_offset(straight, np.eye(3), [0.1, 0.0])
    left_of_image = apply_offset(straight, np.eye(3), [0.0, 0.1])
    assert up[1] < 0
    assert left_of_image[0] < 0
