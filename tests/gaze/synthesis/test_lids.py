"""Lids follow the gaze in mm, close, and never let the eyeball through."""

from dataclasses import replace

import numpy as np
import pytest

from gaze.synthesis.lids import LidHabit
from gaze.synthesis.mesh import FACE, SIX_POINTS
from gaze.synthesis.person import Person
from tests.gaze.synthesis.plain import HABIT, in_head, lid_heights, plain_person, posed, target_at

# From the centre of rotation to where cornea and sclera meet, what the lids follow; and an opening of 1.
LIMBUS_MM, OPEN_MM = 10.4, 9.5


@pytest.fixture(scope="module")
def person(mesh):
    return plain_person(mesh)


@pytest.mark.parametrize("pitch", [-30, -15, 0, 12, 24])
@pytest.mark.parametrize(("up", "down"), [(0.8, 0.9), (1.5, 1.3)])
def test_the_upper_lid_rests_where_the_habit_says(mesh, normals_of, pitch, up, down):
    """Height over the pupil's centre at rest, then so much of the way that the eye goes."""
    person = plain_person(mesh, replace(HABIT, upper_gain_up=up, upper_gain_down=down))
    head = posed(mesh, normals_of, person, target_at(pitch, 0, 2000))
    travel = LIMBUS_MM * np.sin(np.deg2rad(pitch))
    wanted = 4.5 + (up if pitch > 0 else down) * travel
    for side in (0, 1):
        upper, _ = lid_heights(mesh, person, head, side)
        assert upper == pytest.approx(wanted, abs=0.6)


def test_the_lower_lid_follows_half_as_far(mesh, normals_of, person):
    lower = [
        lid_heights(mesh, person, posed(mesh, normals_of, person, target_at(pitch, 0, 2000)), 0)[1]
        for pitch in (-24, -12, 12, 24)
    ]
    assert (np.diff(lower) > 0).all()
    travel = 2 * LIMBUS_MM * np.sin(np.deg2rad(24))
    assert (lower[-1] - lower[0]) / travel == pytest.approx(0.5, abs=0.15)


@pytest.mark.parametrize("seed", [None, 1, 4, 7])
def test_the_lower_lid_rests_where_the_habit_says(mesh, normals_of, person, seed):
    """Height under the pupil's centre when the eyes look straight; a squint raises it."""
    person = person if seed is None else Person.sample(seed, mesh)
    head = posed(mesh, normals_of, person, target_at(0, 0, 2000))
    for side in (0, 1):
        _, lower = lid_heights(mesh, person, head, side)
        wanted = person.lid_habit.lower_rest_mm[side] - 1.9 * person.lid_habit.squint
        assert -lower == pytest.approx(wanted, abs=0.7)


def test_settling_the_lower_lid_leaves_corners_upper_lid_and_mouth(mesh):
    low, high = (plain_person(mesh, replace(HABIT, lower_rest_mm=(rest, rest))) for rest in (7.0, 4.0))
    moved = np.linalg.norm(low.vertices_mm - high.vertices_mm, axis=1)
    for side in (0, 1):
        rings = mesh.eyelids[side]
        assert moved[rings.inner_upper].max() < 0.1
        assert moved[rings.inner_lower].max() == pytest.approx(3.0, abs=0.6)
        ends = low.vertices_mm[rings.inner_lower, 0].argsort()[[0, -1]]
        assert moved[rings.inner_lower[ends]].max() < 0.1
    assert moved[SIX_POINTS].max() < 0.1


def test_brows_go_up_with_the_eyes(mesh, normals_of):
    raises = plain_person(mesh, replace(HABIT, brow_gain=0.8))
    index, delta = mesh.expressions["browOuterUp_L"]
    brow = index[delta[:, 1] < -4.0]
    heights = {
        pitch: in_head(posed(mesh, normals_of, raises, target_at(pitch, 0, 2000)))[brow, 1].mean()
        for pitch in (-20, 0, 25)
    }
    assert heights[25] < heights[0] - 2.0 and len(brow) > 20
    assert heights[-20] == pytest.approx(heights[0], abs=0.6)


def test_apertures_in_mm(mesh, normals_of, person):
    """The sum of both rests, less when looking down, and as the state says."""

    def aperture(pitch=0.0, **state):
        head = posed(mesh, normals_of, person, target_at(pitch, 0, 2000), **state)
        upper, lower = lid_heights(mesh, person, head, 0)
        return upper - lower

    rest = aperture()
    assert rest == pytest.approx(4.5 + 5.2, abs=0.6)
    assert aperture(pitch=-25) < rest - 1.0
    assert aperture(widen_mm=1.5) - rest == pytest.approx(1.5, abs=0.4)
    assert aperture(squint=1.0) < rest - 0.8
    assert aperture(blink=0.5) == pytest.approx(0.5 * rest, abs=1.0)


@pytest.mark.parametrize("pitch", [-30, 0, 15, 25])
@pytest.mark.parametrize("seed", [None, 2, 6])
def test_a_full_blink_closes_the_eye(mesh, normals_of, person, pitch, seed):
    person = person if seed is None else Person.sample(seed, mesh)
    head = posed(mesh, normals_of, person, target_at(pitch, 5), blink=1.0)
    for side in (0, 1):
        upper, lower = lid_heights(mesh, person, head, side)
        assert upper - lower < 0.5
    assert head.eye_open == (0.0, 0.0)


def test_eyes_open_as_far_as_their_number_says(mesh, normals_of, person):
    openings = [
        posed(mesh, normals_of, person, target_at(0, 0), blink=blink).eye_open for blink in (0.0, 0.3, 0.8)
    ]
    assert openings[0] == pytest.approx((9.7 / OPEN_MM,) * 2, abs=0.05)
    assert openings[1] == pytest.approx(tuple(0.7 * value for value in openings[0]))
    assert openings[2] == pytest.approx(tuple(0.2 * value for value in openings[0]))


def test_openness_names_the_subjects_right_eye_first(mesh, normals_of, person):
    head = posed(mesh, normals_of, person, target_at(0, 0), blink=(1.0, 0.0))  # the left eye is closed
    upper, lower = lid_heights(mesh, person, head, 0)
    assert upper - lower < 0.5 and person.centres_mm[0, 0] > 0  # to the subject's left
    assert head.eye_open == pytest.approx((9.7 / OPEN_MM, 0.0), abs=0.05)


@pytest.mark.parametrize("seed", [None, 3, 8])
def test_eyeballs_stay_behind_the_lids(mesh, normals_of, person, seed):
    """Over the whole range of gaze no lid vertex in front of a ball lies inside it."""
    person = person if seed is None else Person.sample(seed, mesh)
    for pitch in (-34, -15, 0, 15, 29):
        for yaw in (-38, 0, 38):
            for blink in (0.0, 0.4, 1.0):
                head = posed(mesh, normals_of, person, target_at(pitch, yaw), blink=blink)
                vertices = in_head(head)[FACE]
                for side in (0, 1):
                    ball = person.balls[side]
                    offset = vertices[ball.near] - ball.centre_mm
                    distance = np.linalg.norm(offset, axis=1)
                    # Lid skin and its edges over the front of the ball; the corner by the nose sinks in.
                    front = (-offset[:, 2] > 0.8 * distance) & (distance > ball.radius_mm - 5)
                    assert (distance - ball.radius_mm)[front].min() > 0.1


@pytest.mark.parametrize("behind_deg", [-8, 8])
def test_late_lids_are_where_the_eyes_were(mesh, normals_of, person, behind_deg):
    """They stand as if the eyes still looked there, while the eyes are at the target."""
    target = target_at(-4, 0, 2000)
    late = posed(mesh, normals_of, person, target, behind_rad=np.deg2rad(behind_deg))
    there = posed(mesh, normals_of, person, target_at(-4 + behind_deg, 0, 2000))
    in_time = posed(mesh, normals_of, person, target)
    np.testing.assert_array_equal(late.axes_cam, in_time.axes_cam)
    for side in (0, 1):
        heights = lid_heights(mesh, person, late, side)
        np.testing.assert_allclose(heights, lid_heights(mesh, person, there, side), atol=0.15)
        difference = heights[0] - lid_heights(mesh, person, in_time, side)[0]
        assert difference == pytest.approx(0.9 * LIMBUS_MM * np.deg2rad(behind_deg), abs=0.5)
    # However large the saccade, the lids come from where eyes can look.
    far = [
        posed(mesh, normals_of, person, target, behind_rad=np.deg2rad(angle)).eye_open for angle in (40, 60)
    ]
    assert far[0] == pytest.approx(far[1])


def test_sampled_habits_spread_over_people():
    habits = [LidHabit.sample(np.random.default_rng(seed)) for seed in range(500)]
    upper = np.array([habit.upper_rest_mm for habit in habits])
    assert upper.mean() == pytest.approx(3.55, abs=0.15) and 0.6 < upper.mean(axis=1).std() < 0.95
    assert 0.01 < np.mean(np.abs(upper[:, 0] - upper[:, 1]) > 1.5) < 0.1
    lag = np.array([habit.lag_s for habit in habits])
    assert lag.mean() == pytest.approx(0.03, abs=0.003) and lag.min() >= 0.01 and lag.max() <= 0.07
    assert habits[3] == LidHabit.sample(np.random.default_rng(3)) and HABIT.squint == 0.0
