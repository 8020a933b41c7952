"""How far lids go with the eyes: against lids that were moved by a known share."""

import numpy as np
import pytest

from gaze.synthesis.lid_movement import NAMES, lid_heights_px, slope
from gaze.types import Face

UPPER, LOWER = [159, 158, 160, 386, 385, 387], [145, 144, 153, 374, 380, 373]
CORNERS, IRISES = [33, 133, 362, 263], [468, 473]


def test_heights_are_above_the_corners():
    landmarks = np.zeros((478, 2))
    for points, row in ((CORNERS, 200.0), (IRISES, 196.0), (UPPER, 185.0), (LOWER, 208.0)):
        landmarks[points, 1] = row
    heights = dict(zip(NAMES, lid_heights_px(Face(np.zeros(4), landmarks, np.ones(2))), strict=True))
    assert heights == {"iris": 4.0, "upper lid": 15.0, "slit": 23.0}


def test_a_slope_with_the_head_held_is_found_with_its_error():
    """The true slope lies within two standard errors in 95 of 100 sets of faces."""
    rng = np.random.default_rng(3)
    within, errors = 0, []
    for _ in range(300):
        gaze, head = rng.normal(0, 10, 30), rng.normal(0, 5, 30)
        lids = 0.1 * gaze - 0.05 * head + 7 + rng.normal(0, 0.5, 30)
        found, error = slope(lids, gaze + 0.4 * head, head)
        within += abs(found - 0.1) < 2.05 * error
        errors.append(error)
    assert within / 300 == pytest.approx(0.95, abs=0.03)
    # sigma / (sqrt(n) * deviation of the gaze), by the textbook.
    assert np.mean(errors) == pytest.approx(0.5 / (np.sqrt(30) * 10), rel=0.1)


@pytest.mark.parametrize("count", [3, 8])
def test_too_few_faces_or_heads_that_are_all_alike(count):
    values = np.arange(float(count))
    assert np.isnan(slope(values, values, np.full(count, 2.0))).all()
