"""Smooth coloured pictures in place of faces, for exports whose arithmetic is compared."""

from __future__ import annotations

import cv2
import numpy as np

from export.faces import FaceSet


def smooth_faces(size: int, count: int = 64, seed: int = 0) -> FaceSet:
    """Smooth coloured pictures: enough to compare exact arithmetic, and always at hand."""
    rng = np.random.default_rng(seed)
    faces = np.empty((count, size, size, 3), dtype=np.uint8)
    for index in range(count):
        picture = np.full((size, size, 3), rng.uniform(60.0, 180.0, 3))
        for cells in (2, 5, 12, 30):
            noise = rng.normal(0.0, 60.0 / np.sqrt(cells), (cells, cells, 3))
            picture += cv2.resize(noise, (size, size), interpolation=cv2.INTER_CUBIC)
        faces[index] = np.clip(picture, 0, 255)
    return FaceSet("made pictures", faces)
