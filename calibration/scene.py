"""What a calibration wants shown: discs and lines of text on a plain background, and a picture of it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.fitted_text import fitted_scale

Colour = tuple[int, int, int]
BACKGROUND: Colour = (90, 90, 90)
WHITE: Colour = (255, 255, 255)
BLACK: Colour = (0, 0, 0)
RED: Colour = (40, 40, 230)
GREEN: Colour = (80, 200, 80)
_SHIFT = 4


@dataclass(frozen=True, slots=True)
class Disc:
    """A filled disc: middle in screen px, radius in px, colour BGR."""

    x_px: float
    y_px: float
    radius_px: float
    colour: Colour = WHITE


@dataclass(frozen=True, slots=True)
class Text:
    """A line centred at (x_px, y_px); ``size`` 1 is about a fortieth of a wide screen's height."""

    text: str
    x_px: float
    y_px: float
    size: float = 1.0
    colour: Colour = WHITE


@dataclass(frozen=True, slots=True)
class Rectangle:
    """An outline: corner and size in screen px; drawn inside."""

    x_px: float
    y_px: float
    width_px: float
    height_px: float
    colour: Colour = WHITE


@dataclass(frozen=True, slots=True)
class Scene:
    """Everything to draw at one moment, back to front."""

    size_px: tuple[int, int]
    discs: tuple[Disc, ...] = ()
    texts: tuple[Text, ...] = ()
    rectangles: tuple[Rectangle, ...] = ()


def target_discs(x_px: float, y_px: float, size_px: tuple[int, int], shrink: float, live: bool) -> tuple:
    """A target that draws the eye to its middle: a disc that shrinks (1 big to 0 small) around a point.

    ``live`` turns it green while frames are taken.
    """
    small = size_px[1] / 110.0
    radius = small * (1.0 + 3.0 * min(max(shrink, 0.0), 1.0))
    return (
        Disc(x_px, y_px, radius, GREEN if live else WHITE),
        Disc(x_px, y_px, max(small * 0.45, 2.0), RED),
        Disc(x_px, y_px, max(small * 0.12, 1.0), BLACK),
    )


def draw(scene: Scene) -> NDArray[np.uint8]:
    """The scene as a picture (H, W, 3) uint8 BGR."""
    width, height = scene.size_px
    image = np.empty((height, width, 3), np.uint8)
    image[:] = BACKGROUND
    one = 1 << _SHIFT
    for box in scene.rectangles:
        low = (round(box.x_px), round(box.y_px))
        high = (round(box.x_px + box.width_px) - 1, round(box.y_px + box.height_px) - 1)
        cv2.rectangle(image, low, high, box.colour, 1)
    for disc in scene.discs:
        centre = (round(disc.x_px * one), round(disc.y_px * one))
        cv2.circle(image, centre, max(round(disc.radius_px * one), one), disc.colour, -1, cv2.LINE_AA, _SHIFT)
    for line in scene.texts:
        # By the width, too, so that on a narrow screen the lines of a text stay of one size.
        scale = line.size * min(height / 900.0, width / 1500.0)
        scale = fitted_scale(line.text, scale, _thickness(scale), 0.94 * width)
        thickness = _thickness(scale)
        (w, h), _ = cv2.getTextSize(line.text, cv2.FONT_HERSHEY_SIMPLEX, scale, thickness)
        at = (int(np.clip(line.x_px - w / 2, 2, max(width - w - 2, 2))), round(line.y_px + h / 2))
        cv2.putText(
            image, line.text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, line.colour, thickness, cv2.LINE_AA
        )
    return image


def _thickness(scale: float) -> int:
    """Of a stroke in px, for letters of this size."""
    return max(1, round(1.6 * scale))
