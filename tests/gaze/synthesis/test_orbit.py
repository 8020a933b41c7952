"""Where the shade about the inner corners of the eyes lies."""

import numpy as np
import pytest

from gaze.synthesis.mesh import EYEBALLS, LANDMARKS_68, SKIN_COUNT
from gaze.synthesis.orbit import OrbitShade

INNER_CORNERS = LANDMARKS_68[[39, 42]]
FAR = LANDMARKS_68[[0, 8, 16, 19, 24, 30, 33, 51, 57]]  # jaw, brows, nose and lips
MIRRORED = {39: 42, 36: 45, 37: 44, 41: 46, 21: 22}


@pytest.fixture(scope="module")
def shade(mesh):
    return OrbitShade(mesh)


def test_deep_in_the_inner_corner_and_nowhere_else(shade, mesh):
    factor = shade(3.0)
    assert factor.shape == (len(mesh.vertices_mm),)
    assert factor.min() == pytest.approx(0.125, rel=0.02)
    assert np.all(factor[INNER_CORNERS] < 0.5)
    np.testing.assert_allclose(factor[FAR], 1.0, atol=0.06)
    deepest = mesh.vertices_mm[factor[:SKIN_COUNT].argmin()]
    distances = np.linalg.norm(mesh.vertices_mm[INNER_CORNERS] - deepest, axis=1)
    assert distances.min() < 6.0


def test_both_eyes_alike(shade):
    factor = shade(1.5)
    for right, left in MIRRORED.items():
        assert factor[LANDMARKS_68[right]] == pytest.approx(factor[LANDMARKS_68[left]], abs=0.03)


def test_the_ball_is_darker_towards_the_nose(shade, mesh):
    factor = shade(1.0)
    for ball, sign in zip(EYEBALLS, (1.0, -1.0), strict=True):
        points = mesh.vertices_mm[ball]
        middle = points[points[:, 2].argmin()]
        front = (points[:, 2] < middle[2] + 4.0) & (np.abs(points[:, 1] - middle[1]) < 3.0)
        outwards = (points[front, 0] - points[front, 0].mean()) * sign
        assert np.corrcoef(outwards, factor[ball][front])[0, 1] > 0.7


def test_stops_add_up_and_none_is_none(shade):
    np.testing.assert_allclose(shade(0.7) * shade(1.1), shade(1.8), rtol=1e-5)
    np.testing.assert_array_equal(shade(0.0), 1.0)
