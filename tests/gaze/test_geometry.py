"""Angles, vectors and rotations against hand-worked values and the published formulas."""

import cv2
import numpy as np
import pytest

from gaze.geometry import (
    angles_from_vector,
    angular_error_deg,
    angular_error_rad,
    cross,
    head_angles_from_rotation,
    head_roll_from_rotation,
    is_rotation,
    mirror_angles,
    unit,
    vector_from_angles,
)


def test_looking_into_the_camera_is_zero_zero():
    np.testing.assert_allclose(vector_from_angles([0.0, 0.0]), [0, 0, -1], atol=1e-15)
    np.testing.assert_allclose(angles_from_vector([0, 0, -2.0]), [0, 0], atol=1e-15)


@pytest.mark.parametrize(
    ("direction", "pitch_deg", "yaw_deg"),
    [
        ((0, -1, -1), 45.0, 0.0),  # up in the picture: pitch positive
        ((-1, 0, -1), 0.0, 45.0),  # to the picture's left, the subject's right: yaw positive
        ((1, 0, -1), 0.0, -45.0),
        ((0, 1, 0), -90.0, 0.0),
        ((-1, 0, 0), 0.0, 90.0),
        ((0, 0, 1), 0.0, 180.0),
    ],
)
def test_signs_of_gaze_angles(direction, pitch_deg, yaw_deg):
    pitch, yaw = np.rad2deg(angles_from_vector(np.array(direction, float)))
    assert pitch == pytest.approx(pitch_deg, abs=1e-12)
    if abs(pitch_deg) < 90:
        assert abs(yaw) == pytest.approx(abs(yaw_deg), abs=1e-12)
        assert yaw_deg == 180.0 or yaw == pytest.approx(yaw_deg, abs=1e-12)


def test_angles_and_vectors_are_inverse():
    rng = np.random.default_rng(0)
    angles = rng.uniform([-1.5, -3.1], [1.5, 3.1], (500, 2))
    vectors = vector_from_angles(angles)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, atol=1e-14)
    np.testing.assert_allclose(angles_from_vector(vectors * rng.uniform(0.1, 9, (500, 1))), angles, atol=1e-7)


def test_head_angles_are_those_of_the_third_column():
    R = cv2.Rodrigues(np.array([0.0, np.deg2rad(20.0), 0.0]))[0]
    np.testing.assert_allclose(np.rad2deg(head_angles_from_rotation(R)), [0, 20], atol=1e-12)
    # Zv = R z, and a rotation about x by +a carries z to (0, -sin a, cos a).
    R = cv2.Rodrigues(np.array([np.deg2rad(-15.0), 0.0, 0.0]))[0]
    np.testing.assert_allclose(np.rad2deg(head_angles_from_rotation(R)), [15, 0], atol=1e-12)
    R = cv2.Rodrigues(np.array([0.0, 0.0, np.deg2rad(30.0)]))[0]
    assert np.rad2deg(head_roll_from_rotation(R)) == pytest.approx(30.0)


def test_angular_error_agrees_with_arccos_and_is_exact_for_small_angles():
    rng = np.random.default_rng(1)
    a, b = rng.normal(size=(2, 200, 3))
    expected = np.arccos(np.sum(unit(a) * unit(b), axis=1))
    np.testing.assert_allclose(angular_error_rad(a, b), expected, atol=1e-7)
    tiny = 1e-9
    assert angular_error_rad([0, 0, 1], [np.sin(tiny), 0, np.cos(tiny)]) == pytest.approx(tiny, rel=1e-6)
    assert angular_error_rad([0, 0, 1], [0, 0, -1]) == pytest.approx(np.pi)


def test_angular_error_is_not_a_difference_of_angles():
    # 10 degrees of yaw at 60 degrees of pitch: 2 asin(cos 60 sin 5).
    expected = np.rad2deg(2 * np.arcsin(np.cos(np.deg2rad(60)) * np.sin(np.deg2rad(5))))
    error = angular_error_deg(np.deg2rad([60, 0]), np.deg2rad([60, 10]))
    assert error == pytest.approx(expected, abs=1e-9)
    assert error == pytest.approx(4.9952, abs=1e-3)


def test_mirroring_angles_mirrors_the_vector():
    angles = np.array([[0.3, 0.7], [-0.2, -0.4]])
    mirrored = vector_from_angles(mirror_angles(angles))
    np.testing.assert_allclose(mirrored, vector_from_angles(angles) * [-1, 1, 1], atol=1e-15)


def test_cross_agrees_with_numpy():
    a, b = np.random.default_rng(2).normal(size=(2, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), rtol=1e-15)


@pytest.mark.parametrize("bad", [[0, 0, 0], [np.nan, 0, 1], [np.inf, 0, 1]])
def test_unit_refuses_what_has_no_direction(bad):
    with pytest.raises(ValueError, match="zero or not finite"):
        unit(bad)


def test_is_rotation():
    R = cv2.Rodrigues(np.array([0.4, -0.3, 1.0]))[0]
    assert is_rotation(R)
    assert not is_rotation(R @ np.diag([1, 1, -1]))  # a reflection
    assert not is_rotation(R * 1.01)
    assert not is_rotation(np.full((3, 3), np.nan))
    assert not is_rotation(np.eye(4))
