"""Eyes: of real size, meeting one target, with the visual axis where people have it."""

import numpy as np
import pytest

from gaze.geometry import unit
from gaze.synthesis import eyes as eyes_module
from gaze.synthesis.eyes import APEX_TO_ROTATION_MM, EyeAppearance, optical_axes, rotation_centres
from tests.gaze.synthesis.plain import plain_eyes

CENTRES = np.array([[31.0, -2.0, 10.0], [-31.0, -2.0, 10.0]])  # left eye first
TARGETS = [[0, 0, -590], [250, 180, -500], [-400, -120, -450], [12, 30, -310], [3e5, -1e5, -1e6]]


def distance_to_line(point, origin, direction):
    offset = point - origin
    return np.linalg.norm(offset - (offset @ direction) * direction)


@pytest.mark.parametrize("target", TARGETS)
def test_without_kappa_both_axes_meet_the_target(target):
    target = np.array(target, float)
    axes = optical_axes(target, CENTRES, plain_eyes())
    np.testing.assert_allclose(np.linalg.norm(axes, axis=1), 1.0, atol=1e-12)
    for axis, centre in zip(axes, CENTRES, strict=True):
        assert distance_to_line(target, centre, axis) < 1e-9 * np.linalg.norm(target) + 1e-9
        assert (target - centre) @ axis > 0


def test_eyes_converge_on_what_is_near():
    """Symmetric vergence: twice the arctangent of half the distance between the eyes."""
    for distance in (310.0, 600.0, 3000.0):
        axes = optical_axes(np.array([0, -2.0, 10.0 - distance]), CENTRES, plain_eyes())
        angle = np.arccos(np.clip(axes[0] @ axes[1], -1, 1))
        assert angle == pytest.approx(2 * np.arctan(31.0 / distance), abs=1e-9)
    far = optical_axes(np.array([0, 0, -1e9]), CENTRES, plain_eyes())
    np.testing.assert_allclose(far[0], far[1], atol=1e-6)


@pytest.mark.parametrize("target", TARGETS)
def test_optical_axes_lie_kappa_outwards_of_the_sight(target):
    kappa = np.deg2rad(5.0)
    axes = optical_axes(np.array(target, float), CENTRES, plain_eyes(kappa_rad=((kappa, 0.0), (kappa, 0.0))))
    for side, outwards in ((0, 1.0), (1, -1.0)):
        sight = unit(np.array(target, float) - CENTRES[side])
        turn = np.cross(sight, axes[side])
        # About the head's upright axis, away from the nose; at height it is a smaller circle.
        level = np.hypot(sight[0], sight[2])
        expected = 2 * np.arcsin(level * np.sin(kappa / 2))
        assert np.arcsin(np.linalg.norm(turn)) == pytest.approx(expected, abs=1e-9)
        azimuths = [np.arctan2(direction[0], -direction[2]) for direction in (sight, axes[side])]
        assert azimuths[1] - azimuths[0] == pytest.approx(outwards * kappa, abs=1e-9)


def test_vertical_kappa_tips_the_optical_axis():
    kappa = np.deg2rad(-2.0)
    axes = optical_axes(np.array(TARGETS[0], float), CENTRES, plain_eyes(kappa_rad=((0.0, kappa),) * 2))
    for side in (0, 1):
        sight = unit(np.array(TARGETS[0], float) - CENTRES[side])
        # Below the line of sight: y points down.
        assert np.arcsin(axes[side][1]) - np.arcsin(sight[1]) == pytest.approx(-kappa, abs=1e-9)


def test_eyes_sit_in_their_sockets(mesh):
    centres = rotation_centres(mesh.vertices_mm, plain_eyes())
    left, right = centres
    # Adults' interpupillary distance is 54 to 74 mm (Dodgson 2004).
    assert 54 < left[0] - right[0] < 74
    np.testing.assert_allclose(left * [-1, 1, 1], right, atol=0.05)
    for side, ball in enumerate((slice(21451, 22221), slice(23021, 23791))):
        apex = mesh.vertices_mm[ball, 2].min()
        assert apex - (centres[side][2] - APEX_TO_ROTATION_MM) == pytest.approx(0.6, abs=1e-3)
    deeper = rotation_centres(mesh.vertices_mm, plain_eyes(depth_mm=1.0, lateral_mm=1.5))
    np.testing.assert_allclose(deeper - centres, [[1, 0, 1], [-1, 0, 1]], atol=1e-9)


def test_sampled_eyes_are_those_of_people():
    eyes = [EyeAppearance.sample(np.random.default_rng([s, 1]), s % 10 / 9) for s in range(400)]
    diameter = 2 * np.array([e.iris_radius_mm for e in eyes])
    assert diameter.mean() == pytest.approx(12.0, abs=0.15) and np.ptp(diameter) < 4
    kappa = np.rad2deg([e.kappa_rad for e in eyes])
    assert kappa[..., 0].mean() == pytest.approx(4.6, abs=0.3)
    assert np.abs(kappa[:, 0] - kappa[:, 1]).mean() < 1.0
    # Dark skin goes with brown eyes: red well above blue.
    brown = [e.iris_outer[0] > 2 * e.iris_outer[2] for e in eyes if e is not None]
    dark = np.array([s % 10 >= 8 for s in range(400)])
    assert np.mean(np.array(brown)[dark]) > 0.95 and np.mean(np.array(brown)[~dark]) < 0.9
    assert eyes[7] == EyeAppearance.sample(np.random.default_rng([7, 1]), 7 / 9)


def test_cornea_and_sclera_meet_in_the_rim_of_the_iris():
    """Where two spheres with centres 5.4 mm apart cross (Pythagoras), and how wide that circle is."""
    sclera, cornea = eyes_module.SCLERA_RADIUS_MM, eyes_module.CORNEA_RADIUS_MM
    apart = eyes_module.CORNEA_TO_ROTATION_MM
    apex = eyes_module.APEX_TO_ROTATION_MM
    assert apex == pytest.approx(apart + cornea)
    limbus = eyes_module.LIMBUS_TO_ROTATION_MM
    assert limbus == pytest.approx((sclera**2 - cornea**2 + apart**2) / (2 * apart))
    # The radius of people's irises.
    assert np.sqrt(sclera**2 - limbus**2) == pytest.approx(6.0, abs=0.05)
    assert 10.0 < eyes_module.IRIS_TO_ROTATION_MM < limbus
