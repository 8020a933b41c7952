"""People at a laptop: who is chosen, and that heads and targets are where they are said to be."""

import dataclasses
from types import SimpleNamespace

import numpy as np

from gaze.synthesis.pose import in_reach
from gaze.synthesis.sensor import SensorSettings
from gaze.synthesis.webcam import dress_for_work, for_whole_picture, sample_laptop_pose


class _Renderer:
    """Dresses people of three seeds in sunglasses."""

    def __init__(self):
        self.released = []

    def dress(self, seed):
        """A person of whom only the sunglasses are known."""
        worn = SimpleNamespace(attributes={"sunglasses": seed in (5, 6, 9)})
        return SimpleNamespace(seed=seed, worn=worn, release=lambda: self.released.append(seed))


def test_nobody_works_in_sunglasses():
    renderer = _Renderer()
    assert [dress_for_work(renderer, seed).seed for seed in (4, 5, 7)] == [4, 7, 7]
    assert renderer.released == [5, 6]


def test_a_webcam_uses_its_whole_sensor():
    rng = np.random.default_rng(3)
    shares = []
    for lux in (20.0, 300.0, 3000.0) * 60:
        drawn = SensorSettings.sample(rng, lux)
        settings = for_whole_picture(drawn, 1280)
        assert dataclasses.replace(settings, grid_px=drawn.grid_px) == drawn
        shares.append(settings.grid_px / 1280)
    assert min(shares) >= 0.6
    assert max(shares) == 1.0
    assert 0.75 < np.mean(shares) < 0.97


def test_laptop_poses_look_at_the_target_within_reach():
    rng = np.random.default_rng(1)
    distances = []
    for _ in range(200):
        target = np.array([rng.uniform(-170, 170), rng.uniform(8, 200), rng.normal(0, 5)])
        pose = sample_laptop_pose(rng, target)
        assert in_reach(pose)
        np.testing.assert_array_equal(pose.target_cam_mm, target)
        distances.append(pose.eyes_cam_mm[2])
    assert 500 < np.mean(distances) < 640
    assert min(distances) >= 380
