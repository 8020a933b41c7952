"""The ellipse of two deviations that is drawn about a point of gaze."""

import numpy as np
import pytest

from deploy.display.ellipse import draw_ellipse


@pytest.mark.parametrize("turn_deg", [0.0, 30.0, 120.0])
def test_its_rim_is_two_deviations_away_along_both_axes(turn_deg):
    turn = np.deg2rad(turn_deg)
    long = np.array([np.cos(turn), np.sin(turn)])
    short = np.array([-long[1], long[0]])
    covariance = 30.0**2 * np.outer(long, long) + 10.0**2 * np.outer(short, short)
    image = np.zeros((201, 201, 3), np.uint8)
    draw_ellipse(image, np.array([100.0, 100.0]), covariance, (0, 0, 255), 1, most_px=500.0)
    y, x = np.nonzero(image[..., 2] > 128)
    rim = np.stack([x, y], axis=1) - 100.0
    assert np.abs(rim @ long).max() == pytest.approx(60.0, abs=1.5)
    assert np.abs(rim @ short).max() == pytest.approx(20.0, abs=1.5)


def test_an_axis_is_no_longer_than_allowed_nor_shorter_than_a_pixel():
    image = np.zeros((101, 101, 3), np.uint8)
    draw_ellipse(image, np.array([50.0, 50.0]), np.diag([1e6, 0.0]), (0, 0, 255), 1, most_px=20.0)
    y, x = np.nonzero(image[..., 2] > 128)
    assert np.abs(x - 50).max() == pytest.approx(20, abs=1)
    assert 1 <= np.abs(y - 50).max() <= 2
