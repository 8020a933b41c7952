"""Errors by group: the right samples in the right group."""

import numpy as np
import pytest

from gaze.training.groups import LEAST, errors_by_group, group_labels


def _sample(**changes):
    sample = {
        "melanin": 0.1,
        "sunglasses": False,
        "glasses": "",
        "mask": False,
        "held": "",
        "scene": "room",
        "distance_mm": 600,
        "grid_px": 300,
        "eye_open": [1.0, 1.0],
    }
    return {**sample, **changes}


def test_means_are_those_of_the_group():
    plain = [_sample() for _ in range(LEAST)]
    masked = [_sample(mask=True, melanin=0.9) for _ in range(2 * LEAST)]
    error = np.concatenate([np.full(LEAST, 2.0), np.full(2 * LEAST, 5.0)])
    angles = np.zeros((3 * LEAST, 2))
    rows = errors_by_group(error, group_labels(plain + masked, angles, angles))
    found = {(row.attribute, row.value): row for row in rows}
    assert found["mask", "mask"].mean_deg == pytest.approx(5.0)
    assert found["mask", "none"].mean_deg == pytest.approx(2.0)
    assert found["skin", "from 0.67 melanin"].count == 2 * LEAST
    assert found["light", "room"].mean_deg == pytest.approx(4.0)


def test_small_groups_are_left_out():
    samples = [_sample() for _ in range(LEAST)] + [_sample(held="cup")] * (LEAST - 1)
    angles = np.zeros((len(samples), 2))
    rows = errors_by_group(np.ones(len(samples)), group_labels(samples, angles, angles))
    assert ("held before the face", "cup") not in {(row.attribute, row.value) for row in rows}


def test_gaze_angle_is_the_angle_between_directions():
    # 40 degrees of pitch and of yaw are together acos(cos 40 cos 40) = 54 degrees.
    samples = [_sample() for _ in range(2)]
    angles = np.deg2rad([[40.0, 40.0], [10.0, 0.0]])
    labels = group_labels(samples, angles, np.zeros((2, 2)))
    assert labels["gaze angle"] == ["from 45°", "below 15°"]
    assert labels["head angle"] == ["below 15°", "below 15°"]


def test_blinks_are_a_group_of_their_own():
    """By the eye that is open least."""
    samples = [_sample(eye_open=pair) for pair in ([0.0, 0.0], [0.9, 0.2], [0.5, 0.4], [1.0, 0.7])]
    labels = group_labels(samples, np.zeros((4, 2)), np.zeros((4, 2)))
    assert labels["lids"] == ["below 0.3 of open"] * 2 + ["0.3 to 0.6 of open", "from 0.6 of open"]


def test_blur_is_by_motion_or_else_by_defocus():
    blurs = [(0.49, 0.0), (0.5, 0.0), (0.9, 0.0), (1.2, 1.5), (0.0, 3.0)]
    samples = [_sample(defocus_px=defocus, smear_px=smear) for defocus, smear in blurs]
    labels = group_labels(samples, np.zeros((5, 2)), np.zeros((5, 2)))
    assert labels["blur"] == [
        "none", "defocus 0.5 to 0.9 px", "defocus from 0.9 px", "motion 1 to 3 px", "motion from 3 px"
    ]  # fmt: skip


def test_shards_that_do_not_tell_of_blur_have_no_such_group():
    assert "blur" not in group_labels([_sample()], np.zeros((1, 2)), np.zeros((1, 2)))
    mixed = [_sample(), _sample(defocus_px=0.0, smear_px=0.0)]
    assert group_labels(mixed, np.zeros((2, 2)), np.zeros((2, 2)))["blur"] == ["unknown", "none"]


@pytest.mark.parametrize(
    "change",
    [
        {"glasses": "round"},
        {"mask": True},
        {"held": "cup"},
        {"scene": "backlight"},
        {"grid_px": 219},
        {"eye_open": [0.7, 0.5]},
    ],
)
def test_one_hindrance_is_enough_for_conditions_to_be_others(change):
    samples = [_sample(), _sample(**change), _sample(), _sample()]
    head = np.deg2rad([[0.0, 0.0], [0.0, 0.0], [0.0, 31.0], [-20.0, 20.0]])
    labels = group_labels(samples, np.zeros((4, 2)), head)
    assert labels["conditions"] == ["good", "other", "other", "good"]
