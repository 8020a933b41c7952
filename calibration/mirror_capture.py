"""Taking mirror views: a board shown on the screen, seen by the screen's own camera in a hand mirror."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.fitted_text import fitted_scale
from calibration.mirror import MirrorView
from calibration.screen import Screen
from gaze.geometry import FloatArray

STILL_PART = 0.003
STILL_S = 0.4
# A view must differ from every other by this part of the picture's width.
NEW_PART = 0.06
POINTS_MIN = 10


@dataclass(frozen=True, slots=True)
class ShownBoard:
    """A ChArUco board in the middle of a screen: ``left_px``, ``top_px`` of its corner, ``square_px``."""

    board: Board
    left_px: int
    top_px: int
    square_px: int

    def picture(self, size_px: tuple[int, int]) -> NDArray[np.uint8]:
        """The whole screen (H, W, 3) BGR: the board on white."""
        page = np.full((size_px[1], size_px[0]), 255, np.uint8)
        board = self.board.picture(self.square_px)
        page[self.top_px : self.top_px + board.shape[0], self.left_px : self.left_px + board.shape[1]] = board
        return cv2.cvtColor(page, cv2.COLOR_GRAY2BGR)

    def to_screen_mm(self, points_mm: FloatArray, screen: Screen) -> FloatArray:
        """Board mm (N, 2) -> screen mm (N, 2)."""
        px = points_mm / self.board.square_mm * self.square_px + [self.left_px, self.top_px]
        return screen.px_to_mm(px)


def with_words(picture: NDArray[np.uint8], words: str) -> NDArray[np.uint8]:
    """The picture (H, W, 3) of a board with a line below it, smaller where the screen is narrow."""
    page, (height, width) = picture.copy(), picture.shape[:2]
    margin = round(0.02 * height)
    scale = fitted_scale(words, height / 1000.0, 2, width - 2 * margin)
    at = (margin, height - margin)
    cv2.putText(page, words, at, cv2.FONT_HERSHEY_SIMPLEX, scale, (0, 0, 0), 2, cv2.LINE_AA)
    return page


def shown_board(size_px: tuple[int, int]) -> ShownBoard:
    """The board that `gaze calibrate board --show` and the mirror method show on a screen of this size."""
    board = Board("charuco", 8, 5, 8.0)
    side = min(size_px[0] // (board.columns + 1), size_px[1] // (board.rows + 1)) // 8 * 8
    side = max(side, 8)
    left = (size_px[0] - board.columns * side) // 2
    top = (size_px[1] - board.rows * side) // 2
    return ShownBoard(board, left, top, side)


def find_in_mirror(image: NDArray[np.uint8], shown: ShownBoard, screen: Screen) -> MirrorView | None:
    """The board in a picture (H, W, 3) of its mirror image; None if it is not seen well enough."""
    found = shown.board.find(cv2.flip(image, 1))
    if found is None or len(found[0]) < POINTS_MIN:
        return None
    points_mm, points_px = found
    raw = points_px.copy()
    raw[:, 0] = image.shape[1] - 1 - raw[:, 0]
    return MirrorView(shown.to_screen_mm(points_mm, screen), raw)


class MirrorCapture:
    """Feed it pictures; ``views`` fills by itself while the mirror is held still in ever new poses."""

    def __init__(self, shown: ShownBoard, screen: Screen, wanted: int = 6) -> None:
        self.shown = shown
        self.screen = screen
        self.wanted = wanted
        self.views: list[MirrorView] = []
        self._last: MirrorView | None = None
        self._still_since_s: float | None = None
        self._last_s = 0.0

    @property
    def done(self) -> bool:
        """Whether there are enough views."""
        return len(self.views) >= self.wanted

    def feed(self, image: NDArray[np.uint8], t_s: float) -> str:
        """Look at a picture taken at a time in seconds; what to tell the person."""
        view = find_in_mirror(image, self.shown, self.screen)
        last, self._last = self._last, view
        before_s, self._last_s = self._last_s, t_s
        if view is None:
            self._still_since_s = None
            return "Hold a hand mirror so that the camera sees this board in it."
        width = image.shape[1]
        if last is None or moved_px(last, view) > STILL_PART * width:
            self._still_since_s = None
            return "Hold the mirror still."
        if self._still_since_s is None:
            self._still_since_s = before_s
        if t_s - self._still_since_s < STILL_S:
            return "Hold the mirror still."
        if any(moved_px(other, view) < NEW_PART * width for other in self.views):
            return "Tilt the mirror another way: left, right, up, down."
        self.views.append(view)
        return f"Taken: {len(self.views)} of {self.wanted}."


def moved_px(first: MirrorView, second: MirrorView) -> float:
    """Median distance in px of the corners that both show; infinite if there are hardly any."""
    same = np.abs(first.points_mm[:, None] - second.points_mm[None]).max(axis=2) < 1e-6
    a, b = np.nonzero(same)
    if len(a) < 4:
        return float("inf")
    return float(np.median(np.linalg.norm(first.points_px[a] - second.points_px[b], axis=1)))
