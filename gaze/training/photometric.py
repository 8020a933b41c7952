"""What light, lens and sensor do to a picture, on uint8 BGR faces of any size, in OpenCV."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

Face = NDArray[np.uint8]
GREY_WEIGHTS = np.array([0.114, 0.587, 0.299])
# Rows that a face's eyes cover in the normalised view, with room for turned heads, as shares of the height.
COVERED_EYE_ROWS = (0.20, 0.47)
# Deviations of the blurs between which the bands of detail lie, as shares of the width: from lashes and
# pores over lids to the sockets' shadows.
BAND_SHARES = (0.008, 0.02, 0.05)


def tone(face: Face, brightness: float, contrast: float, gamma: float) -> Face:
    """``(x^gamma - 1/2) contrast + 1/2``, times ``brightness``, through one table of 256 values."""
    x = np.linspace(0.0, 1.0, 256) ** gamma
    table = ((x - 0.5) * contrast + 0.5) * brightness
    return cv2.LUT(face, np.clip(table * 255.0 + 0.5, 0, 255).astype(np.uint8))


def colour(face: Face, gains_bgr: NDArray[np.float64], saturation: float) -> Face:
    """Scale the channels and mix with grey: saturation 0 is grey, 1 unchanged."""
    matrix = saturation * np.eye(3) + (1.0 - saturation) * np.ones((3, 1)) * GREY_WEIGHTS
    return cv2.transform(face, np.diag(gains_bgr) @ matrix)


def shade(face: Face, direction_rad: float, strength: float) -> Face:
    """Light from one side: a linear ramp of gains from 1 - strength to 1 + strength across the picture."""
    size = face.shape[0]
    axis = np.linspace(-1.0, 1.0, size, dtype=np.float32)
    ramp = np.cos(direction_rad) * axis[None, :] + np.sin(direction_rad) * axis[:, None]
    gain = np.clip(1.0 + strength * ramp, 0.05, 2.5).astype(np.float32)
    return cv2.multiply(face, cv2.merge([gain, gain, gain]), dtype=cv2.CV_8U)


def bands(face: Face, gains: NDArray[np.float64]) -> Face:
    """Weaken or strengthen details by their size: a gain for each of the three bands, the finest first.

    Band k is what the blur of deviation ``BAND_SHARES[k]`` takes from the one before it (a Laplacian stack,
    Burt and Adelson 1983); what is coarser than all of them stays.
    """
    finer = face.astype(np.float32)
    changed = finer
    for share, gain in zip(BAND_SHARES, gains, strict=True):
        coarser = cv2.GaussianBlur(finer, (0, 0), share * face.shape[0])
        changed = changed + (gain - 1.0) * (finer - coarser)
        finer = coarser
    return np.clip(changed + 0.5, 0, 255).astype(np.uint8)


def blur(face: Face, sigma_share: float, motion_rad: float | None) -> Face:
    """Defocus, or motion along a direction; ``sigma_share`` is the deviation as a share of the width."""
    sigma = sigma_share * face.shape[0]
    if motion_rad is None:
        return cv2.GaussianBlur(face, (0, 0), sigma)
    length = max(3, 2 * round(1.7 * sigma) + 1)
    kernel = np.zeros((length, length), dtype=np.float32)
    half = length // 2
    offset = (half * np.cos(motion_rad), half * np.sin(motion_rad))
    start = (round(half - offset[0]), round(half - offset[1]))
    end = (round(half + offset[0]), round(half + offset[1]))
    cv2.line(kernel, start, end, 1.0)
    return cv2.filter2D(face, -1, kernel / kernel.sum(), borderType=cv2.BORDER_REPLICATE)


def downscale(face: Face, factor: float) -> Face:
    """Lose detail as a far or cheap camera does: shrink by ``factor`` (0..1) and enlarge again."""
    size = face.shape[0]
    small = max(16, round(size * factor))
    shrunk = cv2.resize(face, (small, small), interpolation=cv2.INTER_AREA)
    return cv2.resize(shrunk, (size, size), interpolation=cv2.INTER_LINEAR)


def noise(face: Face, pattern: NDArray[np.int8], sigma: float, grain: float) -> Face:
    """Add ``sigma`` times ``pattern`` (S, S, 3), a deviation of 32; grain 0 is fine, 1 twice as coarse."""
    values = pattern.astype(np.float32)
    if grain > 0.5:
        values = cv2.GaussianBlur(values, (3, 3), 0.8) * 1.9
    return cv2.addWeighted(face, 1.0, values * (sigma / 32.0), 1.0, 0.0, dtype=cv2.CV_8U)


def jpeg(face: Face, quality: int) -> Face:
    """Compress and decompress."""
    _, data = cv2.imencode(".jpg", face, (cv2.IMWRITE_JPEG_QUALITY, quality))
    return cv2.imdecode(data, cv2.IMREAD_COLOR)


def erase(face: Face, uniform: NDArray[np.float64], fill: NDArray[np.uint8]) -> Face:
    """Cover a rectangle outside the eyes' rows with one colour or with ``fill`` (S, S, 3), another picture.

    ``uniform`` (6,) in 0..1 chooses place, size and filling.
    """
    size = face.shape[0]
    below = uniform[0] < 0.75
    low, high = (COVERED_EYE_ROWS[1] + 0.03, 1.0) if below else (0.0, COVERED_EYE_ROWS[0] - 0.02)
    height = (0.15 + 0.75 * uniform[1]) * (high - low)
    width = 0.15 + 0.6 * uniform[2]
    top = low + uniform[3] * (high - low - height)
    left = uniform[4] * (1.0 - width)
    rows = slice(int(top * size), int((top + height) * size))
    columns = slice(int(left * size), int((left + width) * size))
    face = face.copy()
    face[rows, columns] = fill[rows, columns] if uniform[5] < 0.6 else fill[size // 2, size // 2]
    return face
