"""Where heads and targets are: angles, and what the eyes can reach."""

import numpy as np
import pytest

from gaze.geometry import angles_from_vector, head_angles_from_rotation, is_rotation
from gaze.synthesis.pose import head_rotation, sample_camera, sample_pose
from gaze.synthesis.view import exact_view


@pytest.mark.parametrize("pitch, yaw", [(0, 0), (0, 40), (20, -30), (-35, 10)])
def test_head_angles_come_back(pitch, yaw):
    R = head_rotation(*np.deg2rad([pitch, yaw]))
    assert is_rotation(R)
    np.testing.assert_allclose(np.rad2deg(head_angles_from_rotation(R)), [pitch, yaw], atol=1e-9)
    # Pitch is positive upwards, yaw towards image-left: where the nose (-z of the head) points.
    np.testing.assert_allclose(np.rad2deg(angles_from_vector(-R[:, 2])), [pitch, yaw], atol=1e-9)


def test_roll_is_clockwise_in_the_picture():
    R = head_rotation(0.0, 0.0, np.deg2rad(90))
    # The subject's left (image right) goes down.
    np.testing.assert_allclose(R @ [1, 0, 0], [0, 1, 0], atol=1e-12)


def test_sampled_poses_can_be_reached():
    poses, angles, heads = [], [], []
    for seed in range(400):
        rng = np.random.default_rng(seed)
        camera = sample_camera(rng)
        pose = sample_pose(rng, camera)
        u, v = camera.project(pose.eyes_cam_mm[None])[0]
        assert 0 < u < camera.width and 0 < v < camera.height
        sight = pose.target_cam_mm - pose.eyes_cam_mm
        assert np.linalg.norm(sight) >= 270
        in_head = np.rad2deg(angles_from_vector(pose.R_cam_head.T @ sight))
        assert abs(in_head[1]) < 42.5 and -43.5 < in_head[0] < 31.5
        view = exact_view(pose.R_cam_head, pose.eyes_cam_mm, 224)
        angles.append(np.rad2deg(angles_from_vector(view.R_norm_cam @ sight)))
        heads.append(np.rad2deg(head_angles_from_rotation(view.R_norm_cam @ pose.R_cam_head)))
        poses.append(pose)
    distances = [np.linalg.norm(pose.eyes_cam_mm) for pose in poses]
    assert 300 <= min(distances) < 340 and 1800 < max(distances) <= 2000
    angles, heads = np.array(angles), np.array(heads)
    # Wide enough for real use, and most of it where laptops are used: a little below the camera.
    assert np.abs(heads[:, 1]).max() > 50 and np.abs(heads[:, 0]).max() > 30
    assert angles[:, 1].std() > 12 and angles[:, 0].std() > 8
    screen = np.array([pose.kind == "screen" for pose in poses])
    assert screen.mean() == pytest.approx(0.36, abs=0.08) and np.median(angles[screen, 0]) < -5
    again = sample_pose(np.random.default_rng(7), sample_camera(np.random.default_rng(7)))
    assert np.array_equal(
        again.target_cam_mm,
        sample_pose(np.random.default_rng(7), sample_camera(np.random.default_rng(7))).target_cam_mm,
    )


def test_people_are_moved_along_their_ray_of_the_camera():
    rng = np.random.default_rng(5)
    camera = sample_camera(rng)
    pose = sample_pose(rng, camera)
    far = pose.at_distance(1500.0)
    assert np.linalg.norm(far.eyes_cam_mm) == pytest.approx(1500.0)
    np.testing.assert_allclose(camera.project(far.eyes_cam_mm[None]), camera.project(pose.eyes_cam_mm[None]))
    # What a head does before its own eyes stays.
    before, after = (each.target_cam_mm - each.eyes_cam_mm for each in (pose, far))
    np.testing.assert_allclose(after, before, atol=1e-9)
    assert np.array_equal(far.R_cam_head, pose.R_cam_head) and far.kind == pose.kind
