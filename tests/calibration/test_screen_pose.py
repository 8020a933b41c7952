import dataclasses

import cv2
import numpy as np
import pytest
from gaze_people import SIZE_PX, laptop, looks_at

from calibration.least_squares import solve
from calibration.samples import Samples
from calibration.screen_pose import AXES, estimate_screen_pose
from calibration.simulated_person import IDEAL, PLAIN, SimulatedPerson, facing_head, perturbed_screen
from calibration.simulation import pose_distance
from calibration.targets import layout, to_px
from gaze.errors import CalibrationError

MOVES = ((0, 0, 0), (150, 0, 0), (-150, 0, 0), (0, 0, -150), (0, 0, 200))


def from_places(seed, errors, moves=MOVES):
    """(estimate, assumed screen, true screen) of a person who looks at five targets from several places."""
    assumed = laptop("above")
    true = perturbed_screen(assumed, seed)
    person, head = SimulatedPerson(seed, errors), facing_head(true, seed)
    targets = to_px(layout(5), SIZE_PX)
    parts = [
        looks_at(person, true, targets, head.moved(move), first_look=5 * i, first_place=100 * i)
        for i, move in enumerate(moves)
    ]
    return estimate_screen_pose(Samples.join(parts), assumed), assumed, true


def test_pose_is_found_from_several_places():
    before, after = [], []
    for seed in range(8):
        estimate, assumed, true = from_places(seed, PLAIN)
        before.append(pose_distance(assumed, true))
        after.append(pose_distance(estimate.screen, true))
        assert estimate.screen.pose_source == "gaze"
    before, after = (np.sqrt(np.mean(np.square(rows), axis=0)) for rows in (before, after))
    assert after[0] < 15.0 < before[0]
    assert after[1] < 5.0 < before[1]


def test_stated_deviations_are_those_of_the_errors():
    """Errors over the stated deviations must have about unit size: neither boasting nor useless."""
    z = []
    for seed in range(12):
        estimate, _, true = from_places(seed, PLAIN)
        middle = [true.width_mm / 2, true.height_mm / 2]
        R = estimate.screen.R_cam_screen
        shift = R.T @ (true.to_camera(middle) - estimate.screen.to_camera(middle))
        turn = np.rad2deg(cv2.Rodrigues(R.T @ true.R_cam_screen)[0].ravel())
        z.append(np.concatenate([turn, shift]) / estimate.sd)
    rms = np.sqrt(np.mean(np.square(z)))
    assert 0.3 < rms < 1.4


def test_what_one_place_cannot_tell_is_said():
    estimate, *_ = from_places(1, IDEAL, moves=((0, 0, 0),))
    learned = dict(zip(AXES, estimate.learned, strict=True))
    # A shift of the screen and an offset of the eyes look the same from one place.
    assert learned["shift x"] < 0.4
    assert "hardly told by these gazes" in estimate.text()
    assert "--positions" in estimate.text()
    assert "--positions" not in dataclasses.replace(estimate, from_several_places=True).text()


@pytest.mark.parametrize(("moves", "several"), [(MOVES, True), (((0, 0, 0), (30, 0, -60)), False)])
def test_a_head_that_moved_is_told_from_one_that_sways(moves, several):
    assert from_places(1, PLAIN, moves)[0].from_several_places is several


def test_covariance_is_symmetric_and_smaller_than_the_prior():
    estimate, *_ = from_places(2, PLAIN)
    assert estimate.covariance == pytest.approx(estimate.covariance.T)
    assert np.all(np.linalg.eigvalsh(estimate.covariance) > 0)
    assert np.all(estimate.sd <= estimate.prior_sd * 1.001)


def test_too_few_looks_are_refused():
    person, screen = SimulatedPerson(1, IDEAL), laptop()
    samples = looks_at(person, screen, to_px(layout(4), SIZE_PX)[:3], facing_head(screen, 1))
    with pytest.raises(CalibrationError, match="3 looks are too few"):
        estimate_screen_pose(samples, screen)
    with pytest.raises(CalibrationError, match="no usable frame"):
        estimate_screen_pose(Samples.empty(), screen)


def test_least_squares_finds_a_known_line_and_its_covariance():
    rng = np.random.default_rng(0)
    x = np.linspace(0, 1, 200)
    y = 2.0 + 3.0 * x + rng.normal(0, 0.1, 200)
    fit = solve(lambda p: (p[0] + p[1] * x - y) / 0.1, [0.0, 0.0], [1e-3, 1e-3])
    expected, *_ = np.linalg.lstsq(np.stack([np.ones(200), x], axis=1), y, rcond=None)
    assert fit.x == pytest.approx(expected, abs=1e-6)
    basis = np.stack([np.ones(200), x], axis=1) / 0.1
    assert fit.covariance == pytest.approx(np.linalg.inv(basis.T @ basis), rel=1e-5)


def test_robust_least_squares_ignores_outliers():
    x = np.linspace(0, 1, 60)
    y = 1.0 - 2.0 * x
    y[::10] += 40.0
    fit = solve(lambda p: (p[0] + p[1] * x - y) / 0.1, [0.0, 0.0], [1e-3, 1e-3], robust=2.0)
    assert fit.x == pytest.approx([1.0, -2.0], abs=0.02)
    assert fit.weights[::10].max() < 0.01


def test_singular_fit_is_refused():
    with pytest.raises(CalibrationError, match="singular"):
        solve(lambda p: np.array([p[0] + p[1] - 1.0, 2 * p[0] + 2 * p[1] - 2.0]), [0.0, 0.0], [1e-3, 1e-3])
    with pytest.raises(CalibrationError, match="not finite"):
        solve(lambda p: np.array([np.nan]), [0.0], [1e-3])
