"""Drawing on a picture so that it can be read on any background: outlined lines, chips of text, panels."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import ArrayLike, NDArray

Colour = tuple[int, int, int]
WHITE: Colour = (245, 245, 245)
GREY: Colour = (200, 200, 200)
DARK: Colour = (24, 22, 20)
AMBER: Colour = (40, 180, 255)
RED: Colour = (70, 70, 235)
# BGR, told apart on skin and at a glance; by track id.
PALETTE: tuple[Colour, ...] = (
    (200, 230, 60),
    (60, 170, 255),
    (230, 110, 230),
    (90, 230, 120),
    (250, 170, 80),
    (120, 120, 255),
)
_FONT = cv2.FONT_HERSHEY_SIMPLEX
# Points are handed to OpenCV in sixteenths of a pixel, so that lines do not jump from frame to frame.
_SHIFT = 4


class Canvas:
    """A copy of a picture to draw on; ``mirror`` shows it as a mirror would, text staying readable.

    Points are given in px of the original picture. ``unit`` is the size of a thin line in px.
    """

    def __init__(self, image: NDArray[np.uint8], mirror: bool = False) -> None:
        self.image = cv2.flip(image, 1) if mirror else image.copy()
        self.height, self.width = image.shape[:2]
        self.mirror = mirror
        self.unit = float(np.clip(np.sqrt(self.width * self.height) / 620.0, 0.6, 6.0))

    def at(self, points_px: ArrayLike) -> NDArray[np.float64]:
        """Points (N, 2) of the original picture in this canvas, kept within sane bounds."""
        points = np.array(points_px, dtype=np.float64).reshape(-1, 2)
        if self.mirror:
            points[:, 0] = self.width - 1 - points[:, 0]
        return np.clip(points, -4.0 * self.width - 4000, 5.0 * self.width + 4000)

    def _fixed(self, points: NDArray[np.float64]) -> NDArray[np.int32]:
        return np.round(points * (1 << _SHIFT)).astype(np.int32)

    def line(
        self, start_px: ArrayLike, end_px: ArrayLike, colour: Colour, width: float, outline=True
    ) -> None:
        """A straight line, ``width`` in units."""
        start, end = self._fixed(self.at([start_px, end_px]))
        thick = max(1, round(width * self.unit))
        if outline:
            self._line(start, end, DARK, thick + max(2, round(1.2 * self.unit)))
        self._line(start, end, colour, thick)

    def _line(self, start, end, colour: Colour, thick: int) -> None:
        cv2.line(self.image, start.tolist(), end.tolist(), colour, thick, cv2.LINE_AA, _SHIFT)

    def polygon(self, points_px: ArrayLike, colour: Colour) -> None:
        """A filled shape with a dark rim."""
        points = self._fixed(self.at(points_px)).reshape(-1, 1, 2)
        rim = max(2, round(1.4 * self.unit))
        cv2.polylines(self.image, [points], True, DARK, rim, cv2.LINE_AA, _SHIFT)
        cv2.fillPoly(self.image, [points], colour, cv2.LINE_AA, _SHIFT)

    def dot(self, centre_px: ArrayLike, radius: float, colour: Colour, hollow: bool = False) -> None:
        """A disc or ring, ``radius`` in units."""
        centre = self._fixed(self.at(centre_px))[0].tolist()
        size = max(1, round(radius * self.unit * (1 << _SHIFT)))
        thick = max(1, round(1.6 * self.unit)) if hollow else -1
        rim = max(2, round(1.2 * self.unit))
        cv2.circle(self.image, centre, size, DARK, thick + rim if hollow else rim, cv2.LINE_AA, _SHIFT)
        cv2.circle(self.image, centre, size, colour, thick, cv2.LINE_AA, _SHIFT)

    def points(self, points_px: ArrayLike, colour: Colour) -> None:
        """Many small dots without a rim."""
        size = max(1, round(0.7 * self.unit * (1 << _SHIFT)))
        for centre in self._fixed(self.at(points_px)):
            cv2.circle(self.image, centre.tolist(), size, colour, -1, cv2.LINE_AA, _SHIFT)

    def text_size(self, text: str, size: float = 1.0) -> tuple[int, int]:
        """Width and height in px of a line of text."""
        scale, thick = self._font(size)
        (width, height), _ = cv2.getTextSize(text, _FONT, scale, thick)
        return width, height

    def _font(self, size: float) -> tuple[float, int]:
        scale = 0.42 * size * self.unit
        return scale, max(1, round(1.9 * scale))

    def text(self, text: str, left: int, baseline: int, colour: Colour = WHITE, size: float = 1.0) -> None:
        """A line of text in canvas px."""
        scale, thick = self._font(size)
        cv2.putText(self.image, text, (left, baseline), _FONT, scale, colour, thick, cv2.LINE_AA)

    def panel(self, left: int, top: int, right: int, bottom: int, opacity: float = 0.72) -> None:
        """Darken a rectangle in canvas px."""
        left, top = max(0, left), max(0, top)
        region = self.image[top : max(top, bottom), left : max(left, right)]
        if region.size:
            shade = np.full_like(region, DARK)
            cv2.addWeighted(region, 1.0 - opacity, shade, opacity, 0.0, dst=region)

    def chip(self, text: str, left: int, bottom: int, colour: Colour, size: float = 1.0) -> None:
        """A short text on a dark patch with a coloured edge, moved inside the picture where need be."""
        width, height = self.text_size(text, size)
        pad = round(5 * self.unit * size)
        edge = max(2, round(2.5 * self.unit))
        full_width, full_height = width + 2 * pad + edge, height + 2 * pad
        left = int(np.clip(left, 0, max(0, self.width - full_width)))
        bottom = int(np.clip(bottom, full_height, max(full_height, self.height)))
        self.panel(left, bottom - full_height, left + full_width, bottom, 0.72)
        cv2.rectangle(self.image, (left, bottom - full_height), (left + edge - 1, bottom - 1), colour, -1)
        self.text(text, left + edge + pad, bottom - pad, WHITE, size)

    def paste(self, patch: NDArray[np.uint8], left: int, top: int) -> None:
        """Put a picture (h, w, 3) at canvas px; parts outside are cut."""
        region = self.image[max(0, top) : top + patch.shape[0], max(0, left) : left + patch.shape[1]]
        if region.size:
            region[:] = patch[max(0, -top) :, max(0, -left) :][: region.shape[0], : region.shape[1]]
