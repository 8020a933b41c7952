"""Only triangles that cannot be seen are left out."""

import numpy as np

from gaze.camera import Camera
from gaze.synthesis.culling import triangles_in_view
from gaze.synthesis.pose import head_rotation, sample_pose
from gaze.synthesis.view import exact_view, projection_of, rays_of


def _view(seed):
    rng = np.random.default_rng(seed)
    pose = sample_pose(rng, Camera.from_hfov(60.0, 640, 480))
    return exact_view(pose.R_cam_head, pose.eyes_cam_mm, 224)


def test_a_triangle_is_kept_when_a_part_of_it_may_be_in_the_picture():
    rng = np.random.default_rng(0)
    for seed in range(5):
        view = _view(seed)
        clip = projection_of(view)
        vertices = (view.centre_cam_mm + rng.normal(0, 120, (600, 3))).astype(np.float32)
        triangles = np.arange(600, dtype=np.int32).reshape(-1, 3)
        kept = {tuple(row) for row in triangles[triangles_in_view(vertices, triangles.T, clip)]}
        # A fine grid of points on each triangle, projected by the view's own way.
        a, b = np.meshgrid(np.linspace(0, 1, 30), np.linspace(0, 1, 30))
        weights = np.stack([a, b, 1 - a - b], -1)[a + b <= 1]
        seen = 0
        for row in triangles:
            px = view.project(weights @ vertices[row].astype(np.float64))
            if ((px > 0) & (px < 223)).all(axis=1).any():
                seen += 1
                assert tuple(row) in kept
        assert 10 < seen <= len(kept) < 200


def test_everything_behind_the_camera_is_left_out():
    view = exact_view(head_rotation(0, 0), np.array([0.0, 0.0, 600.0]), 224)
    clip = projection_of(view)
    vertices = np.array([[0, 0, -500], [10, 0, -500], [0, 10, -500]], np.float32)
    assert len(triangles_in_view(vertices, np.array([[0], [1], [2]]), clip)) == 0


def test_rays_go_through_the_points_that_the_view_projects():
    view = _view(3)
    point = np.add(view.centre_cam_mm, [20.0, -30.0, 15.0])
    ray = rays_of(view) @ [*view.project(point[None])[0], 1.0]
    depth = (view.R_norm_cam @ point)[2]
    np.testing.assert_allclose(ray * depth, point, atol=1e-6)
