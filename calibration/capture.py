"""Guided collection of board views: says what is missing and takes a picture by itself when it is good."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.board import Board
from calibration.intrinsics import BoardView, coverage_grid
from calibration.planar_pose import planar_pose
from gaze.camera import Camera
from gaze.geometry import FloatArray

# Corners may move this part of the picture's width between two frames of a board that is held still.
STILL_PART = 0.0025
STILL_S = 0.35
# A picture less sharp than this part of the sharpest one so far is blurred.
SHARP_PART = 0.45
TILT_DEG = 15.0
TILTS = ("left", "right", "top", "bottom")
TILT_WORDS = {
    "left": "turn the board's left edge towards the camera",
    "right": "turn the board's right edge towards the camera",
    "top": "tilt the board's top edge towards the camera",
    "bottom": "tilt the board's bottom edge towards the camera",
}
# A view is new if it covers a new cell or tilt, or differs from every other in place or size by this part.
NEW_PART = 0.12
SAME_TILT = 2


@dataclass(frozen=True, slots=True)
class Guidance:
    """``message`` for the person; ``taken``: this frame was kept; ``corners_px`` (N, 2) seen in it;
    ``covered`` (rows, columns) cells of the picture; ``missing_tilts`` of TILTS; ``progress`` 0 to 1."""

    message: str
    taken: bool
    corners_px: FloatArray
    covered: NDArray[np.bool_]
    missing_tilts: tuple[str, ...]
    progress: float
    done: bool


class GuidedCapture:
    """Feed it pictures of one size; ``views`` fills with good ones until ``done``."""

    def __init__(self, board: Board, size_px: tuple[int, int], views_wanted: int = 15) -> None:
        self.board = board
        self.size_px = size_px
        self.views_wanted = views_wanted
        self.views: list[BoardView] = []
        self._camera = Camera.guessed(*size_px)
        self._covered = coverage_grid(np.zeros((0, 2)), size_px)
        self._tilts = dict.fromkeys(TILTS, 0)
        self._sharpest = 0.0
        self._last: tuple[float, FloatArray, FloatArray] | None = None
        self._still_since_s: float | None = None
        self._places: list[FloatArray] = []

    @property
    def missing_tilts(self) -> tuple[str, ...]:
        """Tilts of which there are too few views."""
        return tuple(name for name, count in self._tilts.items() if count < SAME_TILT)

    @property
    def done(self) -> bool:
        """Whether there is enough of everything."""
        enough = len(self.views) >= self.views_wanted
        return enough and self._covered.mean() >= 0.85 and not self.missing_tilts

    def add(self, views: list[BoardView]) -> None:
        """Take over views of an earlier session."""
        for view in views:
            self._take(view, *self._pose(view.points_mm, view.points_px))

    def feed(self, image: NDArray[np.uint8], t_s: float) -> Guidance:
        """Look at a picture (H, W, 3) BGR taken at a time in seconds."""
        found = self.board.find(image)
        if found is None:
            self._last, self._still_since_s = None, None
            return self._say("show the board to the camera", np.zeros((0, 2)))
        points_mm, points_px = found
        sharp = _sharpness(image, points_px)
        self._sharpest = max(self._sharpest, sharp)
        still = self._still(points_mm, points_px, t_s)
        tilt, place = self._pose(points_mm, points_px)
        if len(points_px) < max(8, self.board.corner_count // 3):
            return self._say("show more of the board", points_px)
        if not still:
            return self._say("hold still", points_px)
        if sharp < SHARP_PART * self._sharpest:
            return self._say("blurred: hold still, more light", points_px)
        if not self._new(points_px, tilt, place):
            return self._say(self._wish(), points_px)
        self._take(BoardView(points_mm, points_px, f"{t_s:.2f} s"), tilt, place)
        return self._say("taken", points_px, taken=True)

    def _still(self, points_mm: FloatArray, points_px: FloatArray, t_s: float) -> bool:
        last, self._last = self._last, (t_s, points_mm, points_px)
        if last is not None:
            shared = (points_mm[:, None] == last[1][None]).all(axis=2)
            mine, other = np.nonzero(shared)
            moved = np.linalg.norm(points_px[mine] - last[2][other], axis=1)
            if len(mine) >= 4 and float(np.median(moved)) <= STILL_PART * self.size_px[0]:
                if self._still_since_s is None:
                    self._still_since_s = last[0]
                return t_s - self._still_since_s >= STILL_S
        self._still_since_s = None
        return False

    def _pose(self, points_mm: FloatArray, points_px: FloatArray) -> tuple[str | None, FloatArray]:
        """Which edge is nearer, as the person holding the board sees it (None: frontal), and (x, y, ln size)
        of the board in parts of the picture."""
        pose = planar_pose(points_mm, points_px, self._camera.K)
        middle = points_px.mean(axis=0) / self.size_px[0]
        if pose is None:
            return None, np.array([*middle, 0.0])
        R, t_mm = pose
        place = np.array([*middle, 0.5 * np.log(float(t_mm[2]) / 500.0)])
        # In the picture's axes, whichever way up the board is: x and y of its normal towards the camera.
        normal = -R[:, 2] * np.sign(R[2, 2])
        if np.rad2deg(np.arccos(min(abs(R[2, 2]), 1.0))) < TILT_DEG:
            return None, place
        if abs(normal[0]) > abs(normal[1]):
            # The person faces the camera: what is right in the raw picture is to their left.
            return ("right" if normal[0] > 0 else "left"), place
        return ("top" if normal[1] > 0 else "bottom"), place

    def _new(self, points_px: FloatArray, tilt: str | None, place: FloatArray) -> bool:
        grid = coverage_grid(points_px, self.size_px)
        if np.any(grid & ~self._covered):
            return True
        if tilt is not None and self._tilts[tilt] < SAME_TILT:
            return self._far(place, NEW_PART / 3)
        return len(self.views) < self.views_wanted and self._far(place, NEW_PART)

    def _far(self, place: FloatArray, part: float) -> bool:
        return all(np.linalg.norm(place - other) > part for other in self._places)

    def _take(self, view: BoardView, tilt: str | None, place: FloatArray) -> None:
        self.views.append(view)
        self._places.append(place)
        self._covered |= coverage_grid(view.points_px, self.size_px)
        if tilt is not None:
            self._tilts[tilt] += 1

    def _wish(self) -> str:
        if self._covered.mean() < 0.85:
            return "move the board into the shaded parts of the picture"
        if self.missing_tilts:
            return TILT_WORDS[self.missing_tilts[0]]
        if len(self.views) < self.views_wanted:
            return "move the board nearer, further, and to other places"
        return "enough: press space to finish"

    def _say(self, message: str, points_px: FloatArray, taken: bool = False) -> Guidance:
        parts = (
            min(len(self.views) / self.views_wanted, 1.0),
            min(float(self._covered.mean()) / 0.85, 1.0),
            1.0 - len(self.missing_tilts) / len(TILTS),
        )
        return Guidance(
            message=message,
            taken=taken,
            corners_px=points_px,
            covered=self._covered.copy(),
            missing_tilts=self.missing_tilts,
            progress=float(np.mean(parts)),
            done=self.done,
        )


def _sharpness(image: NDArray[np.uint8], points_px: FloatArray) -> float:
    """Variance of the Laplacian inside the board's box, for its own contrast."""
    low = np.maximum(points_px.min(axis=0).astype(int), 0)
    high = points_px.max(axis=0).astype(int) + 1
    part = image[low[1] : high[1], low[0] : high[0]]
    if part.size == 0:
        return 0.0
    grey = cv2.cvtColor(part, cv2.COLOR_BGR2GRAY) if part.ndim == 3 else part
    contrast = float(grey.std())
    return float(cv2.Laplacian(grey, cv2.CV_64F).var()) / max(contrast, 1.0) ** 2


def draw_guidance(image: NDArray[np.uint8], guidance: Guidance, views: int) -> NDArray[np.uint8]:
    """The picture, mirrored as people expect it, with corners, uncovered parts, the message and progress."""
    picture = image.copy()
    height, width = picture.shape[:2]
    rows, columns = guidance.covered.shape
    shade = picture.copy()
    for row, column in np.argwhere(~guidance.covered):
        x0, x1 = column * width // columns, (column + 1) * width // columns
        y0, y1 = row * height // rows, (row + 1) * height // rows
        cv2.rectangle(shade, (x0, y0), (x1 - 1, y1 - 1), (40, 40, 200), -1)
    picture = cv2.addWeighted(picture, 0.72, shade, 0.28, 0.0)
    unit = max(1, round(height / 360))
    for x, y in guidance.corners_px:
        cv2.circle(picture, (round(x), round(y)), 3 * unit, (80, 230, 80), -1, cv2.LINE_AA)
    picture = cv2.flip(picture, 1)
    band = round(0.12 * height)
    picture[height - band :] = (picture[height - band :] * 0.35).astype(np.uint8)
    colour = (80, 230, 80) if guidance.taken else (255, 255, 255)
    scale = height / 700.0
    text = f"{guidance.message}   ({views} views)"
    # A long message must be readable in a narrow picture too.
    (wide, _), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, scale, max(1, round(1.6 * scale)))
    scale *= min(1.0, 0.96 * width / wide)
    cv2.putText(
        picture,
        text,
        (round(0.02 * width), height - round(0.055 * height)),
        cv2.FONT_HERSHEY_SIMPLEX,
        scale,
        colour,
        max(1, round(1.6 * scale)),
        cv2.LINE_AA,
    )
    bar = round(guidance.progress * width)
    cv2.rectangle(picture, (0, height - round(0.02 * height)), (bar, height), (80, 230, 80), -1)
    return picture
