import dataclasses

import numpy as np
import pytest

from calibration.gaze_filter import POINT_SMOOTHING, GazeFilter


def run(points, rate=30.0):
    gaze = GazeFilter(saccade=40.0)
    return np.array([gaze(point, i / rate) for i, point in enumerate(points)])


def test_rest_is_calmed():
    noise = np.random.default_rng(0).normal(0, 10.0, (300, 2))
    smooth = run(noise + 100.0)
    assert smooth[60:].std() < 0.45 * noise.std()
    assert smooth[60:].mean(axis=0) == pytest.approx([100.0, 100.0], abs=3.0)


def test_jump_arrives_within_two_frames():
    rng = np.random.default_rng(1)
    points = np.concatenate([np.full((60, 2), 0.0), np.full((60, 2), 200.0)]) + rng.normal(0, 3, (120, 2))
    smooth = run(points)
    assert np.abs(smooth[61] - 200.0).max() < 12.0
    # A plain low-pass of the same calm is still on its way five frames later.
    slow = GazeFilter(1e9, dataclasses.replace(POINT_SMOOTHING, beta=0.0))
    plain = np.array([slow(point, i / 30) for i, point in enumerate(points)])
    assert np.abs(plain[66] - 200.0).max() > 50.0


def test_one_stray_frame_is_not_followed():
    points = np.zeros((60, 2))
    points[30] = 300.0
    assert np.abs(run(points)).max() == 0.0


def test_two_stray_frames_in_different_places_are_no_jump():
    points = np.zeros((60, 2))
    points[30], points[31] = 300.0, -300.0
    assert np.abs(run(points)).max() == 0.0


def test_reset_is_a_fresh_start():
    rng = np.random.default_rng(2)
    first, second = rng.normal(0, 5, (40, 2)), rng.normal(50, 5, (40, 2))
    gaze = GazeFilter(saccade=1e9)
    for i, point in enumerate(first):
        gaze(point, i / 30)
    gaze.reset()
    fresh = GazeFilter(saccade=1e9)
    for i, point in enumerate(second):
        assert gaze(point, i / 30) == pytest.approx(fresh(point, i / 30))


def test_time_zero_is_a_time():
    gaze = GazeFilter(saccade=1e9)
    gaze([0.0, 0.0], 0.0)
    assert 0.0 < gaze([10.0, 0.0], 1 / 30)[0] < 10.0


def test_a_long_gap_starts_afresh():
    gaze = GazeFilter(saccade=1e9)
    gaze([0.0, 0.0], 0.0)
    assert gaze([10.0, 5.0], 0.31) == pytest.approx([10.0, 5.0])


def test_time_that_stands_still_changes_nothing():
    gaze = GazeFilter(saccade=1e9)
    gaze([0.0, 0.0], 0.0)
    before = gaze([10.0, 0.0], 0.1)
    assert gaze([99.0, 99.0], 0.1) == pytest.approx(before)
