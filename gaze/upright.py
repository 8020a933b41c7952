"""Whether a normalised face stands upright, or whether landmarks were laid over a face that is upside down.

MediaPipe finds about half of the faces that are turned by 180 degrees, but lays the landmarks of an upright
face over them: the head pose then fits well and says nothing of it, and the gaze is wild. The normalised
picture shows it. A logistic regression on its coarse edges decides: downward, upward and sideways edges on
a 7x7 grid, mirrored halves averaged. `gaze synthesize upright` fits it on rendered faces.

Of faces upside down that MediaPipe accepted, 88 % of rendered ones held out of the fit and 9 in 10 real ones
fall below UPRIGHT_LIMIT. Of upright faces 0.4 % of rendered ones do (some in sunglasses), none of 26 real
portraits, and of a real clip some frames in which a hand covers the mouth.
"""

from __future__ import annotations

import functools
import json
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.geometry import head_angles_from_rotation

WEIGHTS_FILE = Path(__file__).with_name("upright.json")
UPRIGHT_LIMIT = -1.0
# Beyond it a face shows one eye and half a mouth, and its edges say little; landmarks laid over a face upside
# down mostly show less.
LARGEST_YAW_RAD = np.deg2rad(25.0)
GRID = 7
_SIZE_PX = 4 * GRID
# What the faces showed that the weights were fitted on.
VIEW_MM = 140.0


def edges(face: NDArray[np.uint8], view_mm: float = VIEW_MM) -> NDArray[np.float32]:
    """Coarse edges (84,) of a normalised face (S, S, 3) BGR, relative to their root mean square.

    The rim of a face that shows less than VIEW_MM is taken to go on as it ends.
    """
    margin_px = max(0, round(_SIZE_PX * (1.0 - view_mm / VIEW_MM) / 2.0))
    shown_px = _SIZE_PX - 2 * margin_px
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    grey = cv2.resize(grey, (shown_px, shown_px), interpolation=cv2.INTER_AREA).astype(np.float32)
    if margin_px:
        grey = cv2.copyMakeBorder(grey, *4 * (margin_px,), cv2.BORDER_REPLICATE)
    down, side = cv2.Sobel(grey, cv2.CV_32F, 0, 1), cv2.Sobel(grey, cv2.CV_32F, 1, 0)
    scale = np.float32(np.sqrt((cv2.norm(down) ** 2 + cv2.norm(side) ** 2) / grey.size) + 4.0)
    kinds = cv2.merge([np.maximum(down, 0.0), np.maximum(-down, 0.0), np.abs(side)])
    # A single strong edge, such as the rim of a hat, counts no more than the eyes.
    coarse = cv2.resize(np.minimum(kinds / scale, 2.5), (GRID, GRID), interpolation=cv2.INTER_AREA)
    folded = (coarse + coarse[:, ::-1]) / 2.0
    return folded[:, : (GRID + 1) // 2].ravel()


@functools.cache
def _weights() -> tuple[NDArray[np.float32], float]:
    content = json.loads(WEIGHTS_FILE.read_text(encoding="utf-8"))
    return np.array(content["weights"], np.float32), float(content["bias"])


def uprightness(face: NDArray[np.uint8], view_mm: float = VIEW_MM) -> float:
    """Log odds that the normalised face (S, S, 3) BGR, ``view_mm`` wide, is upright."""
    weights, bias = _weights()
    return float(edges(face, view_mm) @ weights) + bias


def is_upside_down(
    face: NDArray[np.uint8], R_norm_head: NDArray[np.float64], view_mm: float = VIEW_MM
) -> bool:
    """Whether a normalised face (S, S, 3) BGR is surely upside down; ``R_norm_head`` is its supposed pose."""
    yaw_rad = head_angles_from_rotation(R_norm_head)[1]
    return bool(abs(yaw_rad) < LARGEST_YAW_RAD and uprightness(face, view_mm) < UPRIGHT_LIMIT)
