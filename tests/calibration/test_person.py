import dataclasses

import numpy as np
import pytest
from gaze_people import SIZE_PX, calibrated_person, looks_at

from calibration.locate import View, locate, points_mm
from calibration.person import CANDIDATES, KINDS, fit, look_variance_rad2, place_weights, score
from calibration.samples import Looks, Samples, condense, features
from calibration.simulated_person import IDEAL, PLAIN, ErrorModel
from calibration.targets import to_px, validation_layout
from gaze.errors import CalibrationError

DEG = np.pi / 180


def synthetic_looks(offset, count=9, seed=0):
    """Looks on a grid whose offset is a function of the gaze angles (pitch, yaw)."""
    rng = np.random.default_rng(seed)
    pitch, yaw = np.meshgrid(np.linspace(-0.2, 0.05, 3), np.linspace(-0.25, 0.25, 3))
    gaze = np.stack([pitch.ravel(), yaw.ravel()], axis=1)[:count]
    rows = np.concatenate([gaze, rng.normal(0, 0.02, (count, 3))], axis=1)
    return Looks(
        rows,
        np.array([offset(*g) for g in gaze]),
        np.full(count, 0.2 * DEG),
        np.full(count, 0.05 * DEG),
        np.full(count, 20),
        np.arange(count),
    )


def test_constant_offset_is_two_numbers():
    looks = synthetic_looks(lambda p, y: (0.05, -0.03))
    correction = fit(looks, "offset")
    assert correction.offset_rad(np.zeros((1, 5)))[0] == pytest.approx([0.05, -0.03], abs=1e-4)
    assert correction.held_out_rad < 0.02 * DEG


def test_affine_recovers_a_gain():
    looks = synthetic_looks(lambda p, y: (0.02 + 0.1 * p, -0.01 + 0.2 * y))
    correction = fit(looks, "affine")
    at = np.array([[-0.1, 0.2, 0, 0, 0]])
    assert correction.offset_rad(at)[0] == pytest.approx([0.01, 0.03], abs=2e-3)


def test_gaussian_process_follows_a_wave_that_affine_cannot():
    looks = synthetic_looks(lambda p, y: (0.0, 0.05 * np.cos(14 * y)))
    errors = {kind: fit(looks, kind).held_out_rad for kind in ("affine", "gp")}
    assert errors["gp"] < 0.9 * errors["affine"]


@pytest.mark.parametrize(
    "prior", CANDIDATES, ids=lambda p: f"{p.kind}-{p.floor_rad:.4f}-{p.gain}-{p.wave_rad:.3f}"
)
def test_closed_form_held_out_error_equals_fitting_without_the_place(prior):
    """The formula for held-out blocks against really leaving them out, with two looks at one place."""
    looks = synthetic_looks(lambda p, y: (0.02 + 0.3 * y * y, 0.1 * p))
    looks = dataclasses.replace(looks, place=np.array([0, 1, 2, 3, 4, 5, 6, 7, 7]))
    weights = np.ones(9)
    result = score(prior, looks, weights)
    noise = look_variance_rad2(prior, looks)
    for place in range(8):
        out = looks.place == place
        K = prior.covariance(looks.features[~out], looks.features[~out]) + np.diag(noise[~out])
        cross = prior.covariance(looks.features[out], looks.features[~out])
        predicted = cross @ np.linalg.solve(K, looks.offset_rad[~out])
        assert result.residual_rad[out] == pytest.approx(looks.offset_rad[out] - predicted, abs=1e-9)


def test_predictive_variance_grows_away_from_the_looks():
    correction = fit(synthetic_looks(lambda p, y: (0.01, 0.02)), "affine")
    near, far = correction.model_variance_rad2(np.array([[-0.1, 0.0, 0, 0, 0], [0.6, 0.9, 0, 0, 0]]))
    assert far > 4 * near
    covariance = correction.covariance_rad2(np.zeros((1, 5)))[0]
    assert np.all(np.linalg.eigvalsh(covariance) > 0)


def test_simple_error_gets_a_simple_model():
    kinds = [fit(condense(*calibrated_person(seed, PLAIN)[::3])).kind for seed in range(20)]
    assert kinds.count("offset") >= 12


def test_no_correction_where_none_is_better():
    rng = np.random.default_rng(5)
    looks = synthetic_looks(lambda p, y: tuple(rng.normal(0, 2 * DEG, 2)))
    correction = fit(looks)
    assert correction.kind == "none"
    assert np.all(correction.offset_rad(looks.features) == 0)


def test_every_kind_brings_an_ideal_person_to_the_target():
    samples, person, head, screen = calibrated_person(3, IDEAL)
    held_out = looks_at(person, screen, to_px(validation_layout(8), SIZE_PX), head, frames=2)
    view = View(held_out.pitch_yaw_rad, held_out.R_norm_cam, held_out.R_cam_head, held_out.origin_cam_mm)
    looks = condense(samples, screen)
    target = screen.px_to_mm(held_out.target_px)
    before = np.linalg.norm(points_mm(view, fit(looks, "none"), screen) - target, axis=1).mean()
    assert before > 20.0
    for kind in KINDS[1:]:
        after = np.linalg.norm(points_mm(view, fit(looks, kind), screen) - target, axis=1)
        # 0.05 degrees at 600 mm are 0.52 mm.
        assert after.max() < 0.52, kind


def test_a_look_elsewhere_does_not_spoil_the_fit():
    looks = synthetic_looks(lambda p, y: (0.04, -0.02))
    offset = looks.offset_rad.copy()
    offset[4] += [0.3, -0.2]
    spoiled = dataclasses.replace(looks, offset_rad=offset)
    assert place_weights(spoiled)[4] < 0.05
    assert fit(spoiled, "offset").offset_rad(np.zeros((1, 5)))[0] == pytest.approx([0.04, -0.02], abs=0.003)


def test_many_looks_at_one_place_do_not_outvote_the_others():
    """Twenty looks at one place that are all wrong, against nine places that agree."""
    looks = synthetic_looks(lambda p, y: (0.04, -0.02))
    many = looks.take(np.r_[np.arange(9), np.full(20, 4)])
    offset, place = many.offset_rad.copy(), many.place.copy()
    offset[9:] += [0.3, -0.2]
    place[9:] = 99
    spoiled = dataclasses.replace(many, offset_rad=offset, place=place)
    assert place_weights(spoiled)[9:].max() < 0.05
    assert fit(spoiled, "offset").offset_rad(np.zeros((1, 5)))[0] == pytest.approx([0.04, -0.02], abs=0.003)


def test_samples_of_one_target_are_refused():
    samples, *_, screen = calibrated_person(1)
    one = samples.take(samples.place == 4)
    with pytest.raises(CalibrationError, match="samples from 1 target only"):
        fit(condense(one, screen))


def test_targets_in_one_spot_are_refused():
    looks = synthetic_looks(lambda p, y: (0.0, 0.0))
    same = dataclasses.replace(looks, features=np.zeros_like(looks.features))
    with pytest.raises(CalibrationError, match="within one degree"):
        fit(same)


def test_unknown_model_is_refused():
    with pytest.raises(CalibrationError, match="no correction model 'spline'"):
        fit(synthetic_looks(lambda p, y: (0.0, 0.0)), "spline")


def test_condense_drops_frames_that_stray():
    samples, *_, screen = calibrated_person(2, ErrorModel(blinks_per_s=0, lapse=0, frame_deg=0.3))
    angles = samples.pitch_yaw_rad.copy()
    angles[5] += 0.3
    changed = dataclasses.replace(samples, pitch_yaw_rad=angles)
    looks, clean = condense(changed, screen), condense(samples, screen)
    assert looks.frames[0] == clean.frames[0] - 1
    assert np.array_equal(looks.frames[1:], clean.frames[1:])
    assert np.abs(looks.offset_rad - clean.offset_rad).max() < 0.15 * DEG


def test_condense_of_nothing_says_so():
    *_, screen = calibrated_person(1)
    with pytest.raises(CalibrationError, match="no usable frame"):
        condense(Samples.empty(), screen)


def test_samples_survive_json():
    samples, *_ = calibrated_person(1)
    read = Samples.from_json(samples.to_json(), "here")
    assert read.pitch_yaw_rad == pytest.approx(samples.pitch_yaw_rad, abs=1e-7)
    assert read.place.tolist() == samples.place.tolist()
    broken = samples.to_json()
    broken["origin_cam_mm"] = broken["origin_cam_mm"][:-1]
    with pytest.raises(CalibrationError, match="differ in length"):
        Samples.from_json(broken, "here")
    broken["target_px"] = [[1.0, 2.0, 3.0]]
    with pytest.raises(CalibrationError, match="target_px"):
        Samples.from_json(broken, "here")


def test_features_are_gaze_head_and_distance():
    row = features(np.array([[0.1, -0.2]]), np.eye(3)[None], np.array([1200.0]))[0]
    assert row == pytest.approx([0.1, -0.2, 0.0, 0.0, np.log(2.0)])


def test_located_point_carries_its_covariance_to_the_screen():
    """The ellipse against a cloud of points made with offsets drawn from the angular covariance."""
    samples, *_, screen = calibrated_person(4, PLAIN)
    correction = fit(condense(samples, screen), "offset")
    view = View(
        samples.pitch_yaw_rad[:1], samples.R_norm_cam[:1], samples.R_cam_head[:1], samples.origin_cam_mm[:1]
    )
    ray, point = locate(view, correction, (screen,))
    assert point.screen == "panel"
    assert screen.intersect(ray.origin_cam_mm, ray.direction_cam) == pytest.approx(point.screen_mm, abs=1e-6)
    rng = np.random.default_rng(0)
    offsets = rng.multivariate_normal(
        correction.offset_rad(view.features)[0], correction.covariance_rad2(view.features)[0], 4000
    )
    cloud = [screen.intersect(view.origin_cam_mm[0], view.direction_cam(row)[0]) for row in offsets]
    assert np.cov(np.array(cloud).T) == pytest.approx(point.covariance_mm2, rel=0.12, abs=8.0)
