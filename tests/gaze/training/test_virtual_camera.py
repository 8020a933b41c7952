"""Turning the virtual camera against points in space."""

import cv2
import numpy as np
import pytest

from gaze.errors import DataError
from gaze.geometry import unit, vector_from_angles
from gaze.normalization import resize_face
from gaze.training.virtual_camera import (
    show_face,
    turn_label,
    turn_rotation,
    turn_warp,
    warp_face,
)
from gaze.types import NormalizedCamera

CAMERA = NormalizedCamera(480.0, 600.0, 112)


def project(K, points):
    uv = points @ np.asarray(K).T
    return uv[:, :2] / uv[:, 2:]


@pytest.mark.parametrize("turn", [(0.03, 0.0, 0.0), (0.0, -0.04, 0.0), (0.0, 0.0, 0.2), (0.02, 0.03, -0.1)])
def test_turn_moves_pixels_and_label_as_a_turned_camera_sees_them(turn):
    """Points of a face and a gaze target in space, seen by a camera and by the same camera turned."""
    R = turn_rotation(*turn)
    np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-12)
    rng = np.random.default_rng(0)
    face = rng.uniform(-50, 50, (20, 3)) + np.array([0, 0, 600])
    centre, target = np.array([0.0, 0.0, 600.0]), np.array([-130.0, 60.0, 20.0])

    warp = turn_warp(CAMERA, R)
    before = np.column_stack([project(CAMERA.K, face), np.ones(20)])
    np.testing.assert_allclose(project(np.eye(3), before @ warp.T), project(CAMERA.K, face @ R.T), atol=1e-9)

    g = unit(target - centre)
    label = [np.arcsin(-g[1]), np.arctan2(-g[0], -g[2])]
    seen = unit((R @ target) - (R @ centre))
    np.testing.assert_allclose(vector_from_angles(turn_label(label, R)), seen, atol=1e-12)


def test_roll_turns_the_label_in_the_image_plane():
    """A clockwise picture (as seen) turns the gaze's arrow clockwise by the same angle."""
    label = np.array([0.0, -0.3])  # towards image right
    R = turn_rotation(0.0, 0.0, np.deg2rad(90))
    warped = project(np.eye(3), np.array([[100.0, 56.0, 1.0]]) @ turn_warp(CAMERA, R).T)[0]
    np.testing.assert_allclose(warped, [56.0, 100.0], atol=1e-9)
    pitch, yaw = turn_label(label, R)
    assert pitch == pytest.approx(-0.3)
    assert yaw == pytest.approx(0.0, abs=1e-12)


def test_small_roll_by_hand():
    """First order: pitch' = pitch + roll yaw, yaw' = yaw - roll pitch for small angles."""
    roll = 0.01
    pitch, yaw = turn_label([0.05, 0.08], turn_rotation(0, 0, roll))
    assert pitch == pytest.approx(0.05 + roll * 0.08, abs=2e-5)
    assert yaw == pytest.approx(0.08 - roll * 0.05, abs=2e-5)


def test_scale_and_resize_in_one_warp():
    target = CAMERA.resized(224)
    warp = turn_warp(CAMERA, np.eye(3), 1.1, target)
    point = project(np.eye(3), np.array([[66.0, 36.0, 1.0]]) @ warp.T)[0]
    np.testing.assert_allclose(point, [112 + 2.2 * 10, 112 - 2.2 * 20], atol=1e-9)


def test_batched_turns_equal_single_ones():
    rng = np.random.default_rng(3)
    turns, scales = rng.normal(0, 0.05, (6, 3)), rng.uniform(0.9, 1.1, 6)
    R = turn_rotation(*turns.T)
    warps = turn_warp(CAMERA, R, scales)
    for row in range(6):
        one = turn_rotation(*turns[row])
        np.testing.assert_allclose(R[row], one)
        np.testing.assert_allclose(warps[row], turn_warp(CAMERA, one, scales[row]))


def test_warped_picture_moves_with_the_warp():
    face = np.zeros((112, 112, 3), np.uint8)
    cv2.circle(face, (70, 40), 3, (255, 255, 255), -1)
    warp = turn_warp(CAMERA, turn_rotation(0.02, -0.03, 0.1), 1.05)
    out = warp_face(face, warp)
    ys, xs = np.nonzero(out[..., 0] > 127)
    expected = project(np.eye(3), np.array([[70.0, 40.0, 1.0]]) @ warp.T)[0]
    np.testing.assert_allclose([xs.mean(), ys.mean()], expected, atol=0.3)


def test_a_narrower_camera_of_the_same_direction_shows_the_middle():
    wide = NormalizedCamera(960.0, 600.0, 224)
    narrow = wide.central(120.0)
    assert narrow == NormalizedCamera(960.0, 600.0, 192)
    face = np.random.default_rng(0).integers(0, 256, (224, 224, 3), np.uint8)
    warped = warp_face(face, turn_warp(wide, np.eye(3), 1.0, narrow), 192)
    np.testing.assert_array_equal(show_face(face, wide, narrow), warped)
    small = show_face(face, wide.resized(30), narrow.resized(96))
    np.testing.assert_array_equal(small, resize_face(warped, 96))
    np.testing.assert_array_equal(show_face(face, wide, wide), face)
    with pytest.raises(DataError, match="140 mm cannot be taken out of one of 120 mm"):
        show_face(face, narrow, wide)
