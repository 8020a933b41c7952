"""A small map of the screens with the point of gaze, drawn into the demo's picture."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.screen import Screen
from deploy.display.ellipse import draw_ellipse
from gaze.types import PointOfGaze

WIDTH_PART = 0.24
FRAME, POINT, ELLIPSE, DARK = (230, 230, 230), (60, 180, 255), (60, 180, 255), (24, 22, 20)


def draw_screen_map(
    picture: NDArray[np.uint8], screens: tuple[Screen, ...], point: PointOfGaze | None
) -> None:
    """Draw the calibrated screen (the one the point lies on, where there are several) with the point and the
    ellipse of two deviations; a point off the screen is drawn at the map's rim, hollow."""
    screen = screens[0]
    if point is not None:
        screen = next((item for item in screens if item.name == point.screen), screen)
    height, width = picture.shape[:2]
    w = max(40, round(WIDTH_PART * width))
    h = max(24, round(w * screen.height_mm / screen.width_mm))
    if h > height // 2 or w > width - 8:
        return
    margin = max(6, round(0.012 * width))
    left, top = margin, height - margin - h
    region = picture[top : top + h, left : left + w]
    region[:] = (region * 0.35).astype(np.uint8)
    cv2.rectangle(picture, (left, top), (left + w - 1, top + h - 1), FRAME, 1, cv2.LINE_AA)
    if point is None:
        return
    scale = np.array([w / screen.width_mm, h / screen.height_mm])
    # Drawn into the map's own rectangle, so that nothing spills over the picture.
    at = point.screen_mm * scale
    inside = np.clip(at, 3, [w - 4, h - 4])
    if point.covariance_mm2 is not None and point.on_screen:
        covariance_px2 = point.covariance_mm2 * np.outer(scale, scale)
        draw_ellipse(region, at, covariance_px2, ELLIPSE, 1, most_px=2.0 * w)
    centre = (round(inside[0]), round(inside[1]))
    radius = max(2, round(w / 60))
    cv2.circle(region, centre, radius + 1, DARK, -1, cv2.LINE_AA)
    cv2.circle(region, centre, radius, POINT, -1 if point.on_screen else 1, cv2.LINE_AA)
