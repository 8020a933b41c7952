"""Every value is checked when it is made, and cannot be changed afterwards."""

import dataclasses

import numpy as np
import pytest

from gaze.types import (
    Estimate,
    Face,
    Frame,
    GazeRay,
    HeadPose,
    NormalizedCamera,
    NormalizedFace,
    PointOfGaze,
    Status,
)

PICTURE = np.zeros((4, 4, 3), np.uint8)
BOX, OPEN = np.array([0.0, 0, 10, 10]), np.ones(2)


@pytest.mark.parametrize(
    "image",
    [
        np.zeros((4, 4), np.uint8),  # grey
        np.zeros((4, 4, 4), np.uint8),  # with alpha
        np.zeros((4, 4, 3), np.uint16),
        np.zeros((4, 4, 3), np.float32),
        [[[0, 0, 0]]],
        None,
    ],
    ids=["grey", "alpha", "16 bit", "float", "list", "none"],
)
def test_frame_takes_uint8_bgr_only(image):
    with pytest.raises(ValueError, match="uint8 BGR"):
        Frame(image)


@pytest.mark.parametrize("shape", [(0, 4, 3), (4, 0, 3)])
def test_frame_is_not_empty(shape):
    with pytest.raises(ValueError, match="empty"):
        Frame(np.zeros(shape, np.uint8))


def test_frame_of_one_pixel_is_a_frame():
    assert Frame(np.zeros((1, 1, 3), np.uint8)).index == 0


@pytest.mark.parametrize(
    ("landmarks", "words"),
    [
        (np.zeros((468, 2)), r"\(468, 2\)"),
        (np.zeros((478, 3)), r"\(478, 3\)"),
        (np.full((478, 2), np.nan), "finite"),
    ],
)
def test_face_checks_its_landmarks(landmarks, words):
    with pytest.raises(ValueError, match=words):
        Face(BOX, landmarks, OPEN)


def test_values_are_copied_and_frozen():
    landmarks = np.zeros((478, 2))
    face = Face(BOX, landmarks, OPEN)
    landmarks[0] = 5
    assert face.landmarks_px[0, 0] == 0
    with pytest.raises(ValueError, match="read-only"):
        face.landmarks_px[0] = 1
    with pytest.raises(dataclasses.FrozenInstanceError):
        face.track_id = 3
    assert dataclasses.replace(face, track_id=3).track_id == 3
    assert face.track_id == -1


def test_head_pose_needs_a_rotation():
    HeadPose(np.eye(3), np.zeros(3), 0.0)
    for R in (np.diag([1.0, 1, -1]), np.ones((3, 3)), 1.1 * np.eye(3)):
        with pytest.raises(ValueError, match="rotation"):
            HeadPose(R, np.zeros(3), 0.0)
    with pytest.raises(ValueError, match="finite"):
        HeadPose(np.eye(3), np.array([0, 0, np.inf]), 0.0)


def test_normalized_face_is_square_and_rotated():
    NormalizedFace(PICTURE, np.eye(3), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="square"):
        NormalizedFace(np.zeros((4, 5, 3), np.uint8), np.eye(3), np.zeros(3), 1.0)
    with pytest.raises(ValueError, match="rotation"):
        NormalizedFace(PICTURE, np.zeros((3, 3)), np.zeros(3), 1.0)


def test_gaze_ray_makes_its_direction_unit():
    ray = GazeRay(np.zeros(3), np.array([0.0, 3, -4]))
    np.testing.assert_allclose(ray.direction_cam, [0, 0.6, -0.8])
    with pytest.raises(ValueError, match="zero"):
        GazeRay(np.zeros(3), np.zeros(3))


def test_point_of_gaze_shapes():
    assert PointOfGaze(np.zeros(2), np.zeros(2), True).covariance_mm2 is None
    with pytest.raises(ValueError, match="covariance"):
        PointOfGaze(np.zeros(2), np.zeros(2), True, np.zeros(2))


@pytest.mark.parametrize(
    "values", [(0.0, 600.0, 112), (960.0, -1.0, 224), (960.0, 600.0, 0), (np.nan, 600.0, 9)]
)
def test_normalized_camera_is_positive(values):
    with pytest.raises(ValueError, match="must be positive"):
        NormalizedCamera(*values)


def test_normalized_camera_matrix():
    np.testing.assert_array_equal(
        NormalizedCamera(960.0, 600.0, 224).K, [[960, 0, 112], [0, 960, 112], [0, 0, 1]]
    )


def test_stages_not_reached_are_none():
    estimate = Estimate(3, 0.1, Status.NO_FACE)
    assert estimate.face is None
    assert estimate.ray is None
    assert estimate.status == "NO_FACE"  # so that it can be written as text
