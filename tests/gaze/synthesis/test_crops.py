"""Crops from seeds: the same seeds give the same px and labels, which agree with the geometry."""

import json

import numpy as np
import pytest

from gaze.geometry import angular_error_deg, head_angles_from_rotation, vector_from_angles
from gaze.synthesis.crops import BLINK_SHARE
from gaze.synthesis.moment import LATE_SHARE, blinking, sample_moment, with_late_lids

SEED = 3


@pytest.fixture(scope="module")
def crops(crop_renderer):
    """Four pictures of one person."""
    with crop_renderer.dress(SEED) as dressed:
        return [crop_renderer.render(dressed, SEED * 1000 + k) for k in range(4)]


def test_a_crop_is_what_a_shard_needs(crops):
    for k, crop in enumerate(crops):
        assert crop.image.shape == (224, 224, 3) and crop.image.dtype == np.uint8
        assert crop.person_seed == SEED and crop.picture_seed == SEED * 1000 + k
        attributes = json.loads(crop.attributes_json)
        assert {
            "crop",
            "pose",
            "scene",
            "distance_mm",
            "eye_open",
            "melanin",
            "hair",
            "held",
        } <= attributes.keys()
        # A picture, not a flat surface.
        assert crop.image.std() > 8
    assert len({crop.image.tobytes() for crop in crops}) == 4


def test_the_same_seeds_give_the_same_pixels(crop_renderer, crops):
    """After other people and pictures, dressed anew: nothing is left over from what was drawn before."""
    with crop_renderer.dress(SEED + 1) as other, crop_renderer.dress(SEED) as dressed:
        crop_renderer.render(other, 77)
        for k in (2, 0):
            again = crop_renderer.render(dressed, SEED * 1000 + k)
            assert np.array_equal(again.image, crops[k].image)
            assert np.array_equal(again.pitch_yaw_rad, crops[k].pitch_yaw_rad)
            assert again.attributes_json == crops[k].attributes_json


def test_labels_follow_from_the_geometry(crops):
    for crop in crops:
        head, R = crop.head, crop.view.R_norm_cam
        corners = np.asarray(head.vertices_cam_mm, np.float64)[[1507, 1528, 3742, 3721, 5708, 6213]]
        gaze = head.target_cam_mm - corners.mean(axis=0)
        gaze /= np.sqrt(gaze @ gaze)
        # Turned into the crop's frame only, never scaled.
        np.testing.assert_allclose(vector_from_angles(crop.pitch_yaw_rad), R @ gaze, atol=1e-6)
        np.testing.assert_allclose(R @ R.T, np.eye(3), atol=1e-9)
        expected = head_angles_from_rotation(R @ head.R_cam_head)
        np.testing.assert_allclose(crop.head_pitch_yaw_rad, expected, atol=1e-9)
        # Both eyes look at the target but for kappa, at most about ten degrees.
        for side in (0, 1):
            sight = head.target_cam_mm - head.centres_cam_mm[side]
            assert head.axes_cam[side] @ sight / np.linalg.norm(sight) > np.cos(np.deg2rad(11))


def test_the_face_fills_the_crop(crops):
    for crop in crops:
        px = crop.view.project(crop.head.six_points_cam_mm)
        scale = crop.view.size_px / 224
        assert np.abs(px.mean(axis=0) / scale - 112).max() < 20
        assert 45 * scale < np.linalg.norm(px[3] - px[0]) < 190 * scale


@pytest.mark.parametrize("kind", ["ordinary", "pipeline"])
def test_half_the_size_keeps_seeds_labels_and_picture(crop_renderer, assets_dir, monkeypatch, mesh, kind):
    from gaze.synthesis import crops as crops_module
    from gaze.synthesis import people_renderer
    from gaze.synthesis import renderer as renderer_module
    from gaze.synthesis.mesh import HeadMesh

    monkeypatch.setattr(renderer_module, "Visibility", lambda *rest: crop_renderer.renderer.visibility)
    monkeypatch.setattr(HeadMesh, "load", classmethod(lambda cls, path: mesh))
    monkeypatch.setattr(people_renderer, "load_environments", lambda path: crop_renderer.environments)
    monkeypatch.setattr(crops_module, "PIPELINE_SHARE", 1.0 if kind == "pipeline" else 0.0)
    crops = []
    with crops_module.CropRenderer(assets_dir, 112) as small_renderer:
        for renderer in (small_renderer, crop_renderer):
            with renderer.dress(SEED) as dressed:
                crops.append(renderer.render(dressed, SEED * 1000 + 1))
    small, large = crops
    assert (large.attributes["crop"] == "pipeline") == (kind == "pipeline")
    assert float(angular_error_deg(small.pitch_yaw_rad, large.pitch_yaw_rad)) < 1e-6
    np.testing.assert_allclose(small.head_pitch_yaw_rad, large.head_pitch_yaw_rad, atol=1e-12)
    of_size = ("grid_px", "defocus_px", "smear_px")
    assert {k: v for k, v in small.attributes.items() if k not in of_size} == {
        k: v for k, v in large.attributes.items() if k not in of_size
    }
    # A picture's blur is that of the face, and its crop may be finer; else it is drawn in px of the crop.
    finer = 2.0 if kind == "pipeline" else 1.0
    for name in of_size[1:]:
        assert large.attributes[name] == pytest.approx(finer * small.attributes[name], abs=0.02)
    fine = large.image.astype(np.float32).reshape(112, 2, 112, 2, 3).mean(axis=(1, 3))
    # The noise of the sensor is another; the scene is the same.
    assert np.corrcoef(fine.ravel(), small.image.astype(np.float32).ravel())[0, 1] > 0.93
    # Views are in px of their own picture, whichever kind it is.
    for crop, size_px in ((small, 112), (large, 224)):
        assert crop.view.size_px == size_px == len(crop.image)
    points = small.head.six_points_cam_mm
    np.testing.assert_allclose(2.0 * small.view.project(points), large.view.project(points), atol=1e-6)


def test_moments_are_mostly_open_eyes():
    moments = [sample_moment(np.random.default_rng(seed), 300.0) for seed in range(400)]
    blink = np.array([moment.lids.blink for moment in moments]).max(axis=1)
    assert 0.02 < (blink > 0.15).mean() < 0.12 and blink.max() <= 1.0
    pupil = np.array([moment.pupil_radius_mm for moment in moments])
    # Diameters of 2 to 7 mm.
    assert pupil.min() >= 0.95 and pupil.max() <= 3.6
    dark = np.mean([sample_moment(np.random.default_rng(seed), 2.0).pupil_radius_mm for seed in range(200)])
    assert dark > pupil.mean() + 0.3


def test_blinks_are_at_all_stages():
    """The share of a crop's pictures that are within one, and how far closed they are; all else stays."""
    before = sample_moment(np.random.default_rng(0), 300.0)
    moments = [blinking(np.random.default_rng(seed), before, BLINK_SHARE) for seed in range(20000)]
    changed = [moment for moment in moments if moment is not before]
    assert len(changed) / len(moments) == pytest.approx(0.015, abs=0.003)
    closing = np.array([moment.lids.blink for moment in changed])
    assert np.array_equal(closing[:, 0], closing[:, 1])
    counts, _ = np.histogram(closing[:, 0], [0.1, 0.4, 0.7, 0.999, 1.001])
    assert counts.min() > 0.06 * len(changed) and counts.sum() == len(changed)
    assert changed[0].expression is before.expression and changed[0].lids.widen_mm == before.lids.widen_mm


def test_a_few_pictures_are_taken_while_lids_are_late():
    before = sample_moment(np.random.default_rng(0), 300.0)

    def behind_deg(lag_s):
        moments = [with_late_lids(np.random.default_rng(seed), before, lag_s) for seed in range(6000)]
        angles = np.rad2deg([moment.lids.behind_rad for moment in moments])
        return angles[angles != 0]

    quick, slow = behind_deg(0.01), behind_deg(0.06)
    assert len(quick) / 6000 == len(slow) / 6000 == pytest.approx(LATE_SHARE, abs=0.01)
    # Up as often as down; the slower the lids, the farther behind.
    assert abs(np.mean(slow > 0) - 0.5) < 0.1
    assert 1.0 < 2.0 * np.abs(quick).mean() < np.abs(slow).mean() < 10.0
