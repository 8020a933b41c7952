"""Rendered views: the exact one against gaze.normalization, mirrored, and the live pipeline's strays."""

import numpy as np
import pytest

from gaze.geometry import angles_from_vector, mirror_angles
from gaze.normalization import normalizing_rotation, normalizing_warp
from gaze.synthesis.pose import head_rotation, sample_camera
from gaze.synthesis.view import exact_view, live_view
from gaze.types import NormalizedCamera

MIRROR = np.diag([-1.0, 1.0, 1.0])


def test_the_exact_view_is_the_normalised_camera():
    """Its px are those of the warp that the live pipeline applies to a webcam picture."""
    R, centre = head_rotation(-0.2, 0.4, 0.1), np.array([80.0, -40.0, 700.0])
    view = exact_view(R, centre, 224)
    camera = sample_camera(np.random.default_rng(0))
    target = NormalizedCamera(focal_px=960.0, distance_mm=600.0, size_px=224)
    R_norm = normalizing_rotation(R, centre)
    np.testing.assert_allclose(view.R_norm_cam, R_norm, atol=1e-12)
    points = centre + np.random.default_rng(1).uniform(-60, 60, (20, 3))
    W = normalizing_warp(camera.K, R_norm, centre, target)
    raw = np.c_[camera.project(points), np.ones(20)] @ W.T
    np.testing.assert_allclose(view.project(points), raw[:, :2] / raw[:, 2:], atol=1e-6)
    np.testing.assert_allclose(view.project(centre[None]), [[112.0, 112.0]], atol=1e-9)


def test_doubling_the_size_doubles_the_px():
    R, centre = head_rotation(0.1, 0.2), np.array([10.0, 20.0, 500.0])
    points = centre + np.random.default_rng(1).uniform(-60, 60, (20, 3))
    small, large = (exact_view(R, centre, size).project(points) for size in (112, 224))
    np.testing.assert_allclose(large, 2 * small, atol=1e-9)


def test_mirroring_flips_the_yaw_and_the_px():
    R, centre = head_rotation(-0.1, 0.3, 0.2), np.array([60.0, -20.0, 600.0])
    gaze = np.array([0.3, 0.2, -0.9])
    view, other = exact_view(R, centre, 224), exact_view(MIRROR @ R @ MIRROR, MIRROR @ centre, 224)
    np.testing.assert_allclose(
        angles_from_vector(other.R_norm_cam @ MIRROR @ gaze),
        mirror_angles(angles_from_vector(view.R_norm_cam @ gaze)),
        atol=1e-12,
    )
    points = centre + np.random.default_rng(1).uniform(-60, 60, (20, 3))
    mirrored = other.project(points @ MIRROR)
    np.testing.assert_allclose(mirrored, view.project(points) * [-1, 1] + [224, 0], atol=1e-9)


def test_live_views_stray_as_measured():
    R, centre = head_rotation(0.1, 0.1), np.array([0.0, 0.0, 600.0])
    views = [live_view(np.random.default_rng(k), R, centre, 224, 1.03) for k in range(300)]
    middle = np.array([view.project(centre[None])[0] for view in views]) - 112
    # 1.4 mm an axis is 2.2 px at 224 px for 140 mm.
    assert np.abs(middle.mean(axis=0)).max() < 0.6 and 1.5 < middle.std(axis=0).mean() < 3.5
    focal = np.array([view.focal_px for view in views]) / 960
    assert focal.mean() == pytest.approx(1.03, abs=0.01)
