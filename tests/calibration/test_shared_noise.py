"""Parameters whose measurements share errors, against formulas and simulated truth."""

import numpy as np
import pytest

from calibration.shared_noise import posterior
from gaze.errors import CalibrationError


def pictures(count, points=20, spread_px=5.0, seed=0):
    """Places (points, 2) of so many pictures."""
    rng = np.random.default_rng(seed)
    return [rng.normal([640, 360], spread_px, (points, 2)) for _ in range(count)]


def mean_problem(seed, views, own_px, shared_px, none=0.0):
    """(y, J, common, places): one shift (2,) of all points; neighbours in a picture share an error."""
    rng = np.random.default_rng(seed)
    places = pictures(views, seed=seed)
    y = np.concatenate(
        [(rng.normal(0, own_px, (20, 2)) + rng.normal(0, shared_px, 2) + none).ravel() for _ in places]
    )
    return y, np.tile(np.eye(2), (20 * views, 1)), np.zeros((40 * views, 0)), places


def test_independent_errors_give_the_deviation_of_the_mean():
    """Of 800 points with 0.3 px each."""
    found = posterior(*mean_problem(1, 40, 0.3, 0.0), 1280)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(0.3 / np.sqrt(800), rel=0.35)
    assert found.own_px == pytest.approx(0.3, rel=0.05)
    assert found.shared_px < 0.05


def test_shared_errors_count_once_a_picture():
    """All points of a picture miss by the same: 12 pictures are 12 measurements, not 240."""
    found = posterior(*mean_problem(2, 12, 0.05, 0.4), 1280)
    assert np.sqrt(np.diag(found.covariance)) == pytest.approx(0.4 / np.sqrt(12), rel=0.3)
    assert found.shared_px == pytest.approx(0.4, rel=0.3)


@pytest.mark.parametrize(("shared_px", "low"), [(0.0, 0.1), (0.2, 0.5), (0.4, 0.5)])
def test_errors_lie_within_the_stated_deviations(shared_px, low):
    """Four pictures hardly tell how much is shared, so the statement is rather on the safe side."""
    z = []
    for seed in range(60):
        found = posterior(*mean_problem(seed, 4, 0.2, shared_px, none=0.7), 1280)
        # The shift that is in the points: the parameters take it out, so the step is its negative.
        z.append((found.step + 0.7) / np.sqrt(np.diag(found.covariance)))
    assert low < np.mean(np.square(z)) < 1.4
    assert np.mean(np.abs(z) < 2) > 0.9


def test_error_common_to_all_pictures_is_found_and_counted():
    """A scale that all pictures share, known to one part in a hundred beforehand."""
    rng = np.random.default_rng(3)
    places = pictures(6, spread_px=150.0)
    common = 0.01 * np.concatenate([(place - [640, 360]).ravel() for place in places])[:, None]
    y = 1.5 * common[:, 0] + rng.normal(0, 0.1, len(common))
    J = np.tile(np.eye(2), (120, 1))
    found = posterior(y, J, common, places, 1280)
    assert found.common == pytest.approx([-1.5], abs=0.1)
    blind = posterior(y, J, np.zeros((240, 0)), places, 1280)
    assert blind.own_px + blind.shared_px > 5 * found.own_px
    # What cannot be told from it stays as unsure as it was.
    J = np.concatenate([J, common], axis=1)
    unsure = posterior(y, J, common, places, 1280)
    assert np.sqrt(unsure.covariance[2, 2]) == pytest.approx(1.0, rel=0.1)


def test_parameters_that_nothing_determines_are_refused():
    y, J, common, places = mean_problem(1, 3, 0.1, 0.0)
    with pytest.raises(CalibrationError, match="singular"):
        posterior(y, np.concatenate([J, J[:, :1]], axis=1), common, places, 1280)
