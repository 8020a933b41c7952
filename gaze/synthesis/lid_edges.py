"""The lids' edges as a camera's pixels see them.

The renderer takes one sample a pixel, which leaves the line between white and lid in steps. Drawing more
samples costs as many times the light of a pixel, a blur along that line alone less than a millisecond.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import FloatArray

_BLUR_PX = 0.7
# The band that is blurred: its full width, and how softly it ends.
_WIDTH_PX, _END_PX = 2, 0.6
# Fractional bits of the points that OpenCV draws.
_SHIFT = 4
_MARGIN_PX = 5


def soften_lids(picture: NDArray[np.float32], rims_px: list[FloatArray]) -> NDArray[np.float32]:
    """The picture (S, S, C) blurred along closed lines ``rims_px``, each (N, 2); it is itself not changed."""
    height, width = picture.shape[:2]
    points = np.concatenate(rims_px)
    left, top = np.clip(np.floor(points.min(axis=0)).astype(int) - _MARGIN_PX, 0, (width, height))
    right, bottom = np.clip(np.ceil(points.max(axis=0)).astype(int) + _MARGIN_PX + 1, 0, (width, height))
    if right - left < 1 or bottom - top < 1:
        return picture
    part = picture[top:bottom, left:right]
    band = np.zeros(part.shape[:2], np.uint8)
    for rim in rims_px:
        corners = np.rint((rim - (left, top)) * (1 << _SHIFT)).astype(np.int32)
        cv2.polylines(band, [corners], True, 255, thickness=_WIDTH_PX, lineType=cv2.LINE_AA, shift=_SHIFT)
    weight = cv2.GaussianBlur(band.astype(np.float32) / 255.0, (0, 0), _END_PX)[..., None]
    softened = picture.copy()
    softened[top:bottom, left:right] += weight * (cv2.GaussianBlur(part, (0, 0), _BLUR_PX) - part)
    return softened
