"""The figures by hand."""

import numpy as np
import pytest

from gaze.geometry import angular_error_deg
from gaze.training.metrics import offset_removed_deg, summary


def test_offset_of_the_others_is_removed():
    rng = np.random.default_rng(0)
    target = rng.uniform(-0.5, 0.5, (9, 2))
    predicted = target + rng.normal(0, 0.05, (9, 2)) + (0.15, -0.1)
    got = offset_removed_deg(predicted, target)
    for row in range(9):
        others = [i for i in range(9) if i != row]
        offset = np.mean([predicted[i] - target[i] for i in others], axis=0)
        assert got[row] == pytest.approx(float(angular_error_deg(predicted[row] - offset, target[row])))


def test_constant_offset_leaves_nothing():
    target = np.random.default_rng(0).uniform(-0.5, 0.5, (5, 2))
    figures = summary(target + np.deg2rad([8, -3]), target)
    assert figures["mean_offset_removed_deg"] == pytest.approx(0.0, abs=1e-9)
    assert figures["bias_pitch_deg"] == pytest.approx(8)
    assert figures["bias_yaw_deg"] == pytest.approx(-3)
    assert figures["corr_yaw"] == pytest.approx(1)
    assert figures["slope_pitch"] == pytest.approx(1)
    assert figures["n"] == 5


def test_correlation_and_slope_against_numpy():
    rng = np.random.default_rng(1)
    target = rng.normal(0, 0.3, (200, 2))
    predicted = 0.8 * target + rng.normal(0, 0.1, (200, 2))
    figures = summary(predicted, target)
    for column, name in enumerate(("pitch", "yaw")):
        assert figures[f"corr_{name}"] == pytest.approx(
            np.corrcoef(predicted[:, column], target[:, column])[0, 1]
        )
        slope = np.polyfit(target[:, column], predicted[:, column], 1)[0]
        assert figures[f"slope_{name}"] == pytest.approx(slope)
    error = angular_error_deg(predicted, target)
    assert figures["median_deg"] == pytest.approx(np.median(error))
    assert figures["p90_deg"] == pytest.approx(np.percentile(error, 90))


def test_one_sample_has_no_others():
    with pytest.raises(ValueError, match="at least two"):
        offset_removed_deg(np.zeros((1, 2)), np.zeros((1, 2)))


def test_constant_truth_has_no_slope():
    figures = summary(np.random.default_rng(0).normal(size=(4, 2)) * 0.1, np.zeros((4, 2)))
    assert np.isnan(figures["slope_yaw"])
    assert np.isnan(figures["corr_pitch"])
