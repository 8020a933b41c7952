"""Where targets stand on a screen, as fractions of its width and height, and in which order."""

from __future__ import annotations

import math

import numpy as np

from gaze.errors import CalibrationError, UsageError
from gaze.geometry import FloatArray

# Far enough from the edge that the whole disc is seen and eyes need not reach the very corner.
MARGIN = 0.08
COUNTS = (4, 5, 9, 13, 16)
VALIDATION_COUNT = 6


def layout(count: int) -> FloatArray:
    """Targets (count, 2) as fractions (x, y), the middle first where there is one.

    Raises:
        UsageError: the count is not one of COUNTS.
    """
    low, mid, high = MARGIN, 0.5, 1.0 - MARGIN
    corners = [(low, low), (high, low), (high, high), (low, high)]
    edges = [(mid, low), (high, mid), (mid, high), (low, mid)]
    a, b = 0.5 * (low + mid), 0.5 * (mid + high)
    inner = [(a, a), (b, a), (b, b), (a, b)]
    if count == 16:
        steps = np.linspace(low, high, 4)
        points = [(x, y) for y in steps for x in steps]
    elif count in COUNTS:
        points = {
            4: corners,
            5: [(mid, mid), *corners],
            9: [(mid, mid), *corners, *edges],
            13: [(mid, mid), *corners, *edges, *inner],
        }[count]
    else:
        raise UsageError(f"no layout of {count} targets; there are {', '.join(map(str, COUNTS))}")
    return np.array(points, dtype=np.float64)


def validation_layout(count: int = VALIDATION_COUNT) -> FloatArray:
    """Targets (count, 2) between those of every layout, as fractions.

    A low-discrepancy sequence (R2, after Roberts), so any number of them covers the screen evenly.
    """
    plastic = 1.32471795724474602596
    steps = np.arange(1, count + 1)[:, None] * np.array([1 / plastic, 1 / plastic**2])
    return MARGIN + (1 - 2 * MARGIN) * ((0.17 + steps) % 1.0)


def check_layout() -> FloatArray:
    """The three targets (3, 2) of a quick check: the middle and two opposite corners of the inner half."""
    return np.array([[0.5, 0.5], [0.2, 0.25], [0.8, 0.75]])


def shuffled(points: FloatArray, seed: int) -> FloatArray:
    """The same points with the first one kept and the rest in an order that the eye cannot foresee."""
    rng = np.random.default_rng(seed)
    return np.concatenate([points[:1], points[1:][rng.permutation(len(points) - 1)]])


def to_px(fractions: FloatArray, size_px: tuple[int, int]) -> FloatArray:
    """Fractions (N, 2) -> screen px (N, 2).

    Raises:
        CalibrationError: the screen has no size, or a target lies off it.
    """
    if size_px[0] <= 0 or size_px[1] <= 0:
        raise CalibrationError(
            f"the screen is {size_px[0]}x{size_px[1]} px; give its resolution with "
            "`gaze calibrate screen --resolution WxH`"
        )
    points = np.asarray(fractions, dtype=np.float64).reshape(-1, 2)
    check_on_screen(points * np.array(size_px), size_px)
    return points * np.array(size_px, dtype=np.float64)


def check_on_screen(points_px: FloatArray, size_px: tuple[int, int]) -> None:
    """Refuse targets that nobody can see.

    Raises:
        CalibrationError: a target (N, 2) is not finite or lies off the screen.
    """
    for x, y in np.asarray(points_px, dtype=np.float64).reshape(-1, 2):
        if not (0 <= x <= size_px[0] and 0 <= y <= size_px[1]):
            raise CalibrationError(
                f"target ({x:.0f}, {y:.0f}) px lies off the screen of {size_px[0]}x{size_px[1]} px"
            )


def pursuit_path(t: float, duration_s: float) -> tuple[float, float]:
    """Where a moving target stands after ``t`` of ``duration_s`` seconds, as fractions.

    A Lissajous figure of 3 by 2 swings: it reaches every part of the screen, never faster than about
    three of its widths in ``duration_s`` / pi seconds.
    """
    phase = 2.0 * math.pi * min(max(t / duration_s, 0.0), 1.0)
    reach = 0.5 - MARGIN
    return 0.5 + reach * math.sin(2.0 * phase), 0.5 + reach * math.sin(3.0 * phase)
