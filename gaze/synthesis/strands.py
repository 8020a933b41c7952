"""Fine strands drawn anti-aliased at a higher resolution: coverage and tone of brows, beards and lashes."""

from __future__ import annotations

import cv2
import numpy as np

_SHIFT = 4


def draw_strands(
    shape: tuple[int, int], polylines: np.ndarray, tone: np.ndarray, thickness: int = 1, levels: int = 5
) -> tuple[np.ndarray, np.ndarray]:
    """Draw (N, K, 2) polylines (column, row in pixels) with tone (N,) 0..1.

    Returns coverage and coverage times tone, both uint8 of `shape`. Strands of one of `levels` tones are
    drawn together; the order of the levels is the order of `tone`.
    """
    canvas = np.zeros((*shape, 3), np.uint8)
    fixed = np.round(polylines * (1 << _SHIFT)).astype(np.int32)
    group = np.minimum((np.clip(tone, 0.0, 1.0) * levels).astype(int), levels - 1)
    for level in range(levels):
        chosen = fixed[group == level]
        if len(chosen):
            colour = (255, int(255 * (level + 0.5) / levels), 0)
            cv2.polylines(canvas, list(chosen), False, colour, thickness, cv2.LINE_AA, _SHIFT)
    return canvas[..., 0], canvas[..., 1]


def grow(
    root: np.ndarray, angle: np.ndarray, length: np.ndarray, bend: np.ndarray, points: int = 4
) -> np.ndarray:
    """Strands (N, points, 2) from roots (N, 2), leaving at `angle` and turning by `bend` rad in all."""
    step = (length / (points - 1))[:, None]
    turn = angle[:, None] + bend[:, None] * ((np.arange(points - 1) + 0.5) / (points - 1))[None, :]
    offsets = np.stack([np.cos(turn) * step, np.sin(turn) * step], -1)
    return np.concatenate([root[:, None], root[:, None] + np.cumsum(offsets, axis=1)], axis=1)
