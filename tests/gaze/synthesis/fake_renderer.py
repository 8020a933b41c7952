"""A stand-in for CropRenderer that draws at once: every pixel tells its seeds."""

import numpy as np

from gaze.learned_landmarks import LEARNED_COUNT
from gaze.synthesis.crops import Crop


class FakeRenderer:
    """``render`` calls ``at_crop(count)`` before each crop."""

    def __init__(self, size_px=32, at_crop=lambda count: None):
        self.size_px, self.at_crop, self.count = size_px, at_crop, 0

    def dress(self, seed):
        return FakePerson(seed)

    def render(self, dressed, picture_seed):
        self.at_crop(self.count)
        self.count += 1
        image = np.full((self.size_px, self.size_px, 3), picture_seed % 251, np.uint8)
        image[0, 0, 0] = dressed.seed % 256
        angles = np.array([picture_seed * 1e-5, dressed.seed * 1e-3])
        attributes = {"hair": "bald", "seed": picture_seed}
        landmarks_px = np.full((LEARNED_COUNT, 2), picture_seed % 7)
        return Crop(image, angles, -angles, landmarks_px, dressed.seed, picture_seed, attributes, None, None)


class FakePerson:
    def __init__(self, seed):
        self.seed = seed

    def __enter__(self):
        return self

    def __exit__(self, *exc_info):
        self.seed = None
