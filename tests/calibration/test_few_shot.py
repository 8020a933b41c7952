"""The calibrated error on predictions whose error is known."""

import numpy as np
import pytest

from calibration.few_shot import few_shot_errors, head_rotation
from gaze.geometry import angular_error_deg, head_angles_from_rotation, is_rotation
from gaze.training.runs import Predictions


def _people(noise_deg, bias_deg=4.0, people=5, n=40):
    rng = np.random.default_rng(0)
    names = np.repeat([f"p{i:02d}" for i in range(people)], n)
    bias = np.repeat(np.deg2rad(rng.normal(0, bias_deg, (people, 2))), n, axis=0)
    truth = rng.normal([-0.15, 0.0], [0.1, 0.2], (people * n, 2))
    said = truth + bias + np.deg2rad(rng.normal(0, noise_deg, truth.shape))
    head = rng.normal(0, 0.15, truth.shape)
    return Predictions(names, names, names, truth, said, head, np.full(len(names), np.nan)), said - bias


def test_a_constant_offset_is_taken_away():
    predictions, _ = _people(noise_deg=0.05)
    before = angular_error_deg(predictions.pitch_yaw_rad, predictions.predicted_rad).mean()
    after = {item.shots: item.mean_deg for item in few_shot_errors(predictions, draws=3)}
    assert before > 3
    assert set(after) == {1, 4, 9, 16}
    assert after[4] < 0.5
    assert after[16] < 0.3


def test_with_noise_more_samples_help_and_the_noise_is_the_floor():
    predictions, without_bias = _people(noise_deg=2.0)
    before = angular_error_deg(predictions.pitch_yaw_rad, predictions.predicted_rad).mean()
    floor = angular_error_deg(predictions.pitch_yaw_rad, without_bias).mean()
    after = {item.shots: item.mean_deg for item in few_shot_errors(predictions, draws=4)}
    assert before > after[1] > after[4] > after[16] > floor
    assert after[16] < floor * 1.15


def test_the_same_seed_gives_the_same_figures_and_the_mean_is_that_of_the_people():
    predictions, _ = _people(noise_deg=1.0)
    first, second = (few_shot_errors(predictions, shots=(4,), draws=2) for _ in range(2))
    assert first == second
    assert first[0].mean_deg == pytest.approx(np.mean(list(first[0].per_person_deg.values())))


def test_counts_that_leave_too_few_pictures_are_left_out():
    predictions, _ = _people(noise_deg=1.0, n=10)
    assert [item.shots for item in few_shot_errors(predictions, draws=1)] == [1, 4]


def test_head_rotations_have_the_angles_and_no_roll():
    angles = np.array([[0.2, -0.5], [0.0, 0.0], [-0.3, 0.9], [np.nan, np.nan]])
    R = head_rotation(angles)
    assert all(is_rotation(r) for r in R)
    np.testing.assert_allclose(head_angles_from_rotation(R[:3]), angles[:3], atol=1e-12)
    np.testing.assert_allclose(R[:, 1, 0], 0.0, atol=1e-15)
    np.testing.assert_allclose(R[3], np.eye(3), atol=1e-15)
