"""The neutral head of a rendered person."""

import numpy as np
import pytest

from gaze.synthesis import person
from gaze.synthesis.mesh import EYEBALLS, FACE, SIX_POINTS, SKIN_COUNT
from gaze.synthesis.person import SHORTER_MM, Person


@pytest.fixture(scope="module")
def before_and_after(mesh):
    """Vertices (N, 3) of the mean head, and with the mouth nearer to the eyes."""
    after = mesh.vertices_mm.copy()
    person._shorten(after)
    return mesh.vertices_mm, after


def test_a_seed_is_one_person(mesh):
    first, again, other = (Person.sample(seed, mesh) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.vertices_mm, again.vertices_mm)
    assert first.eyes == again.eyes
    assert np.abs(first.vertices_mm - other.vertices_mm).max() > 1.0


def test_the_mouth_is_nearer_to_the_eyes_and_the_eyes_stay(before_and_after):
    before, after = before_and_after
    moved = after - before
    np.testing.assert_allclose(moved[SIX_POINTS[4:]], [[0.0, -SHORTER_MM, 0.0]] * 2, atol=0.3)
    for ball in EYEBALLS:
        assert np.abs(moved[ball]).max() < 1e-4
    lids = before[:SKIN_COUNT, 1] < max(before[ball, 1].mean() for ball in EYEBALLS)
    assert np.abs(moved[:SKIN_COUNT][lids]).max() < 1e-4


def test_nothing_folds(before_and_after):
    before, after = before_and_after
    face = before[FACE]
    order = np.argsort(face[:, 1])
    # What lay below still does, but for rounding.
    assert np.diff(after[FACE][order, 1]).min() > -1e-3
