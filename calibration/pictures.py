"""Pictures of gaze on a screen: targets and hits, heat map, scan path."""

from __future__ import annotations

import os
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from calibration.accuracy import Accuracy
from calibration.fitted_text import fitted_scale
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray
from gaze.picture_files import write_picture

PAPER = (38, 36, 34)
LINE = (120, 120, 120)
TARGET = (240, 240, 240)
HIT = (80, 220, 120)
MISS = (70, 90, 240)
PATH = (60, 180, 255)
# As OpenCV counts the size of letters; and px that stay free of them on the left and right.
TEXT_SIZE = 0.6
EDGE = 8


def accuracy_picture(
    accuracy: Accuracy, size_px: tuple[int, int], before: Accuracy | None = None
) -> NDArray[np.uint8]:
    """Targets (crosses) and mean hits with a ring of one deviation; in red, if given, the hits before."""
    picture = _blank(size_px)
    scale = picture.shape[1] / size_px[0]
    px_per_deg = np.median(
        [row.accuracy_px / row.accuracy_deg for row in accuracy.targets if row.accuracy_deg]
    )
    if before is not None:
        for row in before.targets:
            _line(picture, row.target_px, row.hit_px, scale, MISS)
            cv2.circle(picture, _at(row.hit_px, scale), 5, MISS, -1, cv2.LINE_AA)
    for row in accuracy.targets:
        _line(picture, row.target_px, row.hit_px, scale, HIT)
        x, y = _at(row.target_px, scale)
        cv2.drawMarker(picture, (x, y), TARGET, cv2.MARKER_CROSS, 22, 2, cv2.LINE_AA)
        radius = max(round(row.sd_deg * float(px_per_deg) * scale), 2) if np.isfinite(px_per_deg) else 2
        hit = _at(row.hit_px, scale)
        cv2.circle(picture, hit, min(radius, picture.shape[1]), HIT, 1, cv2.LINE_AA)
        cv2.circle(picture, hit, 5, HIT, -1, cv2.LINE_AA)
        # Away from the hit, which would lie on it.
        _text(picture, f"{row.accuracy_deg:.1f} deg", (x + 14, y + 26 if hit[1] < y else y - 10), TARGET)
    parts = [f"accuracy {accuracy.accuracy_deg:.2f} deg, {accuracy.accuracy_cm:.1f} cm"]
    if before is not None:
        parts.append(f"before {before.accuracy_deg:.2f} deg (red)")
    parts.append(f"precision {accuracy.rms_s2s_deg:.2f} deg RMS-S2S, {accuracy.sd_deg:.2f} deg SD (rings)")
    _text(picture, ";  ".join(parts), (16, picture.shape[0] - 16), TARGET)
    return picture


def heat_map(
    points_px: FloatArray,
    seconds: FloatArray,
    size_px: tuple[int, int],
    sigma_px: float,
    background: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Where the gaze dwelt: points (N, 2) weighted by seconds (N,), blurred by the deviation of a point.

    Raises:
        CalibrationError: no point lies on the screen, or the screen has no size.
    """
    picture = _background(background, size_px)
    height, width = picture.shape[:2]
    scale = width / size_px[0]
    at = np.floor(points_px * scale)
    on = np.all((at >= 0) & (at < (width, height)), axis=1)
    if not on.any():
        raise CalibrationError("no point of gaze lies on the screen; there is nothing to draw")
    x, y = at[on].astype(int).T
    # A single frame lasts no time, and yet it dwells somewhere.
    weights = seconds[on] if seconds[on].sum() > 0 else np.ones(len(x))
    density = np.zeros((height, width))
    np.add.at(density, (y, x), weights)
    sigma = float(np.clip(sigma_px * scale, 1.0, max(width, height)))
    density = cv2.GaussianBlur(density, (0, 0), sigma)
    level = density / density.max()
    colours = cv2.applyColorMap((level * 255).astype(np.uint8), cv2.COLORMAP_TURBO)
    opacity = np.clip(level * 1.6, 0.0, 0.75)[..., None]
    blended = picture * (1 - opacity) + colours * opacity
    return blended.astype(np.uint8)


def scan_path(
    fixations: list[dict[str, object]],
    size_px: tuple[int, int],
    background: NDArray[np.uint8] | None = None,
) -> NDArray[np.uint8]:
    """Fixations in order: discs whose area grows with duration, joined by lines and numbered."""
    picture = _background(background, size_px)
    scale = picture.shape[1] / size_px[0]
    centres = [_at(event["screen_px"], scale) for event in fixations]
    for first, second in pairwise(centres):
        cv2.line(picture, first, second, PATH, 2, cv2.LINE_AA)
    shade = picture.copy()
    radii = [max(6, round(34.0 * np.sqrt(float(event["duration_s"])))) for event in fixations]
    for centre, radius in zip(centres, radii, strict=True):
        cv2.circle(shade, centre, radius, PATH, -1, cv2.LINE_AA)
    picture = cv2.addWeighted(picture, 0.35, shade, 0.65, 0.0)
    for number, (centre, radius) in enumerate(zip(centres, radii, strict=True), start=1):
        cv2.circle(picture, centre, radius, PAPER, 1, cv2.LINE_AA)
        if number <= 200:
            _text(picture, str(number), (centre[0] - 6 * len(str(number)), centre[1] + 6), (20, 20, 20), 2)
    return picture


def save_picture(picture: NDArray[np.uint8], path: str | os.PathLike[str]) -> None:
    """Write a PNG or JPEG by its suffix.

    Raises:
        CalibrationError: it cannot be written.
    """
    try:
        write_picture(path, picture)
    except OSError as error:
        raise CalibrationError(
            f"{path}: cannot be written ({error.strerror}); give a .png in a folder that exists"
        ) from error


def _blank(size_px: tuple[int, int]) -> NDArray[np.uint8]:
    if size_px[0] <= 0 or size_px[1] <= 0:
        raise CalibrationError(f"the screen is {size_px[0]}x{size_px[1]} px; nothing can be drawn")
    scale = min(1.0, 1600.0 / max(size_px))
    picture = np.empty((max(1, round(size_px[1] * scale)), max(1, round(size_px[0] * scale)), 3), np.uint8)
    picture[:] = PAPER
    cv2.rectangle(picture, (0, 0), (picture.shape[1] - 1, picture.shape[0] - 1), LINE, 1)
    return picture


def _background(background: NDArray[np.uint8] | None, size_px: tuple[int, int]) -> NDArray[np.uint8]:
    picture = _blank(size_px)
    if background is None:
        return picture
    return cv2.resize(background, picture.shape[1::-1], interpolation=cv2.INTER_AREA)


def _at(point_px, scale: float) -> tuple[int, int]:
    """Canvas px of a screen point, kept within what OpenCV can draw."""
    x, y = np.clip(np.asarray(point_px, dtype=float) * scale, -2000, 8000)
    return round(float(x)), round(float(y))


def _line(picture, first_px, second_px, scale: float, colour) -> None:
    cv2.line(picture, _at(first_px, scale), _at(second_px, scale), colour, 1, cv2.LINE_AA)


def _text(picture, text: str, at: tuple[int, int], colour, stroke_px: int = 1) -> None:
    """Write a line that begins at a point; further left, and smaller, where it would leave the picture."""
    room = picture.shape[1] - 2 * EDGE
    width = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX, TEXT_SIZE, 1)[0][0]
    scale = fitted_scale(text, TEXT_SIZE, 1, room)
    at = (min(at[0], EDGE + max(room - width, 0)), at[1])
    cv2.putText(picture, text, at, cv2.FONT_HERSHEY_SIMPLEX, scale, colour, stroke_px, cv2.LINE_AA)
