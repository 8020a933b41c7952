"""The board that a camera is calibrated with: a checkerboard or a ChArUco board, drawn and found."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import UsageError
from gaze.geometry import FloatArray

KINDS = ("charuco", "checkerboard")
# A square is this many modules wide; a marker of 4x4 bits with its border takes 6 of them.
MODULES = 8
MARKER_MODULES = 6
DICTIONARY = cv2.aruco.DICT_4X4_100


@dataclass(frozen=True)
class Board:
    """``columns`` x ``rows`` squares of ``square_mm``.

    Points lie in the board's plane: x right, y down from the board's top left corner, mm.

    Raises:
        UsageError: an unknown kind, too few squares, too many for the marker dictionary, or no size.
    """

    kind: str = "charuco"
    columns: int = 9
    rows: int = 6
    square_mm: float = 28.0

    def __post_init__(self) -> None:
        if self.kind not in KINDS:
            raise UsageError(f"board must be one of {', '.join(KINDS)}, got {self.kind!r}")
        if self.columns < 4 or self.rows < 4:
            raise UsageError(f"a board needs at least 4x4 squares, got {self.columns}x{self.rows}")
        if self.kind == "charuco" and self.columns * self.rows // 2 > 100:
            raise UsageError(f"a ChArUco board of {self.columns}x{self.rows} needs more than 100 markers")
        if not (math.isfinite(self.square_mm) and self.square_mm > 0):
            raise UsageError(f"the side of a square must be positive, got {self.square_mm} mm")

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height of the squares together."""
        return self.columns * self.square_mm, self.rows * self.square_mm

    @property
    def corner_count(self) -> int:
        """Inner corners."""
        return (self.columns - 1) * (self.rows - 1)

    @cached_property
    def corners_mm(self) -> FloatArray:
        """Inner corners (corner_count, 2), row by row."""
        x, y = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
        return np.stack([x.ravel(), y.ravel()], axis=1) * float(self.square_mm)

    def modules(self) -> NDArray[np.bool_]:
        """The board as cells (rows * MODULES, columns * MODULES), True where it is black."""
        width, height = self.columns * MODULES, self.rows * MODULES
        if self.kind == "checkerboard":
            y, x = np.mgrid[:height, :width] // MODULES
            return (x + y) % 2 == 0
        picture = self._charuco.generateImage((width, height), marginSize=0, borderBits=1)
        return picture < 128

    def picture(self, px_per_square: int, margin_px: int = 0) -> NDArray[np.uint8]:
        """The board as a grey picture with a white margin; a square is rounded up to whole modules."""
        side = max(1, math.ceil(px_per_square / MODULES))
        cells = np.where(self.modules(), 0, 255).astype(np.uint8)
        picture = np.kron(cells, np.ones((side, side), np.uint8))
        return np.pad(picture, margin_px, constant_values=255)

    def find(self, image: NDArray[np.uint8]) -> tuple[FloatArray, FloatArray] | None:
        """Inner corners in a picture (H, W) or (H, W, 3): board mm (N, 2), raw px (N, 2); None if not seen.

        A ChArUco board may be partly hidden; a checkerboard must be seen whole, and may come turned by half
        a turn, since both ends look alike.
        """
        grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_BGR2GRAY)
        if self.kind == "checkerboard":
            size = (self.columns - 1, self.rows - 1)
            found, corners = cv2.findChessboardCornersSB(grey, size, flags=cv2.CALIB_CB_NORMALIZE_IMAGE)
            if not found:
                return None
            return self.corners_mm, corners.reshape(-1, 2).astype(np.float64)
        corners, ids, _, _ = self._detector.detectBoard(grey)
        if ids is None or len(ids) < 6:
            return None
        points_mm = self.corners_mm[ids.ravel()]
        return points_mm, self._refined(grey, points_mm, corners.reshape(-1, 2))

    def _refined(self, grey: NDArray[np.uint8], points_mm: FloatArray, corners: FloatArray) -> FloatArray:
        """Corners to a fraction of a pixel: OpenCV 4.11 gives those of ChArUco boards half a pixel off."""
        board_step = np.linalg.norm(points_mm[1:] - points_mm[:-1], axis=1) / self.square_mm
        px_step = np.linalg.norm(corners[1:] - corners[:-1], axis=1)
        # Markers begin an eighth of a square from the corner; the window must not reach them.
        half = int(np.clip(float(np.median(px_step / board_step)) * 0.11, 2, 6))
        stop = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 40, 1e-4)
        start = corners.astype(np.float32).reshape(-1, 1, 2)
        refined = cv2.cornerSubPix(grey, start.copy(), (half, half), (-1, -1), stop)
        moved = np.linalg.norm(refined - start, axis=2).ravel()
        # A corner that ran away locked onto something else.
        kept = np.where((moved < half)[:, None], refined.reshape(-1, 2), corners - 0.5)
        return kept.astype(np.float64)

    @cached_property
    def _charuco(self) -> cv2.aruco.CharucoBoard:
        return cv2.aruco.CharucoBoard(
            (self.columns, self.rows),
            float(MODULES),
            float(MARKER_MODULES),
            cv2.aruco.getPredefinedDictionary(DICTIONARY),
        )

    @cached_property
    def _detector(self) -> cv2.aruco.CharucoDetector:
        return cv2.aruco.CharucoDetector(self._charuco)
