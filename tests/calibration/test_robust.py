import numpy as np
import pytest

from calibration.robust import MEDIAN_DISTANCE, deviation_per_axis, near_middle


def test_the_median_distance_is_that_of_a_rayleigh_distribution():
    assert pytest.approx(np.sqrt(2 * np.log(2)), abs=1e-3) == MEDIAN_DISTANCE


def test_deviation_of_one_axis_is_found_where_a_third_is_astray():
    points = np.random.default_rng(0).normal(0, 2.5, (20_000, 2))
    distances = np.linalg.norm(points, axis=1)
    assert deviation_per_axis(distances) == pytest.approx(2.5, rel=0.02)
    distances[:6000] = 1e6
    assert deviation_per_axis(distances) < 2 * 2.5


def test_each_group_has_a_middle_of_its_own():
    """As the median and the deviation of each group say, taken one by one."""
    rng = np.random.default_rng(1)
    group = np.repeat([3, 5, 9], [40, 1, 25])
    values = rng.normal(0, 1.0, (66, 2)) + group[:, None] * 100.0
    values[[4, 50]] += 30.0
    kept = near_middle(values, group)
    assert not kept[[4, 50]].any()
    for number in np.unique(group):
        mine = values[group == number]
        distance = np.linalg.norm(mine - np.median(mine, axis=0), axis=1)
        limit = 3.5 * max(float(np.median(distance)) / 1.177, 1e-9)
        assert kept[group == number].tolist() == (distance <= limit).tolist()
