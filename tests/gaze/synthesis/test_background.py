"""Backgrounds: shape, range, repeatability."""

import numpy as np
import pytest

from gaze.synthesis.background import KINDS, matt_colour, paint_background
from gaze.synthesis.environment import Environment
from gaze.synthesis.light import LightRig

ROOM = Environment.from_panorama("room", np.linspace(0.2, 2.0, 32 * 64 * 3).reshape(32, 64, 3))


@pytest.mark.parametrize("kind", KINDS)
def test_backgrounds_are_finite_light_of_the_wanted_size_and_repeat(kind):
    for seed in range(8):
        pictures = []
        for _ in range(2):
            rng = np.random.default_rng(seed)
            rig = LightRig.sample(rng, [ROOM], np.array([0.0, 20.0, 600.0]))
            pictures.append(paint_background(rng, rig, 70, kind))
        assert pictures[0].shape == (70, 70, 3)
        assert pictures[0].dtype == np.float32
        assert np.isfinite(pictures[0]).all() and pictures[0].min() >= 0.0
        assert np.array_equal(*pictures)


def test_matt_colours_are_albedos():
    colours = np.array([matt_colour(np.random.default_rng(seed), 1.0) for seed in range(200)])
    assert colours.min() >= 0.01 and colours.max() <= 0.9
