"""Gates: when a gaze must not be shown because the picture cannot carry it."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.normalization import DEFAULT_NORMALIZED_CAMERA

# Sharpness is measured on the middle of a face, 105 mm: eyes, nose and mouth; the rim may be background.
PX_PER_MM, MIDDLE_PX = 0.8, 84


@dataclass(frozen=True, slots=True)
class GateConfig:
    """Limits of the gates; a limit of 0 switches its gate off."""

    # Eyes on average more closed than this (0 closed, 1 open) are a blink; it ends a little above it (see
    # BlinkGate). Calibration takes no eyes below that end, not even of lids on their way down
    # (calibration.observation.EYE_OPEN_MIN): it can spare the frames, which would be gaps here.
    eye_open: float = 0.14
    # Sharpness of the face (see sharpness) below which it is blurred.
    sharpness: float = 12.0
    # Seconds without any change in the picture after which the camera is frozen.
    frozen_s: float = 1.0
    # The network's own standard deviation in degrees above which it does not know: closed lids that the
    # landmarks take for open have 15 and more, open eyes of real faces at most 12.
    sigma_deg: float = 14.0

    def __post_init__(self) -> None:
        for name in ("eye_open", "sharpness", "frozen_s", "sigma_deg"):
            if not getattr(self, name) >= 0:
                raise ValueError(f"{name} must not be negative, got {getattr(self, name)}")


class BlinkGate:
    """Closed eyes, per track id. The mean of both counts: a wink leaves a gaze.

    Eyes that were closed count as open again only above ``limit + margin``, so that lids on their way do
    not flicker.
    """

    def __init__(self, limit: float, margin: float = 0.04) -> None:
        self._limit = limit
        self._margin = margin
        self._closed: set[int] = set()

    def __call__(self, track_id: int, eye_open: NDArray[np.float64]) -> bool:
        """Whether the face's eyes are closed; ``eye_open`` (2,) as in Face."""
        if self._limit == 0:
            return False
        limit = self._limit + (self._margin if track_id in self._closed else 0.0)
        closed = float(eye_open[0] + eye_open[1]) / 2.0 < limit
        if closed:
            self._closed.add(track_id)
        else:
            self._closed.discard(track_id)
        return closed

    def forget_all_but(self, track_ids: set[int]) -> None:
        """Drop the state of faces that are gone."""
        self._closed &= track_ids


def sharpness(face: NDArray[np.uint8], view_mm: float = DEFAULT_NORMALIZED_CAMERA.view_mm) -> float:
    """Variance of the Laplacian of a normalised face (S, S, 3) BGR, at a common brightness and 0.8 px a mm.

    Measured on the normalised face, so that distance does not count; grey values are scaled to a mean of
    128, so that exposure does not either. ``view_mm`` is the width of what the face shows.
    """
    size_px = max(MIDDLE_PX, 2 * round(PX_PER_MM * view_mm / 2))
    grey = cv2.cvtColor(face, cv2.COLOR_BGR2GRAY)
    if len(grey) != size_px:
        grey = cv2.resize(grey, (size_px, size_px), interpolation=cv2.INTER_AREA)
    rim_px = (size_px - MIDDLE_PX) // 2
    middle = grey[rim_px : rim_px + MIDDLE_PX, rim_px : rim_px + MIDDLE_PX]
    mean = float(cv2.mean(middle)[0])
    if mean < 1.0:
        return 0.0
    _, deviation = cv2.meanStdDev(cv2.Laplacian(middle, cv2.CV_32F, ksize=1))
    return (float(deviation[0, 0]) * 128.0 / mean) ** 2


class FrozenGate:
    """A camera that delivers the same picture again and again.

    Compares successive pictures by structural similarity (Wang et al. 2004) on a coarse grid of single
    pixels, which keeps the sensor's noise: a still scene differs from picture to picture, a frozen
    camera does not. Pictures that differ by ``CHANGED`` grey levels on average need no closer look.
    """

    SIZE = (96, 72)
    SAME = 0.9999
    CHANGED = 1.0

    def __init__(self, hold_s: float) -> None:
        self._hold_s = hold_s
        self.reset()

    def reset(self) -> None:
        """Forget the last picture."""
        self._last: NDArray[np.uint8] | None = None
        self._same_since_s: float | None = None

    def __call__(self, image: NDArray[np.uint8], t_s: float) -> bool:
        """Whether the pictures (H, W, 3) have been the same for the holding time."""
        if self._hold_s == 0:
            return False
        coarse = cv2.resize(image, self.SIZE, interpolation=cv2.INTER_NEAREST)
        grey = cv2.cvtColor(coarse, cv2.COLOR_BGR2GRAY)
        last, self._last = self._last, grey
        if last is None or self._differ(last, grey):
            self._same_since_s = None
            return False
        if self._same_since_s is None:
            self._same_since_s = t_s
        return t_s - self._same_since_s >= self._hold_s

    def _differ(self, a: NDArray[np.uint8], b: NDArray[np.uint8]) -> bool:
        if cv2.norm(a, b, cv2.NORM_L1) >= self.CHANGED * a.size:
            return True
        return structural_similarity(a.astype(np.float32), b.astype(np.float32)) < self.SAME


def structural_similarity(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
    """Mean structural similarity of two grey pictures (H, W), 0..255, 7x7 windows (Wang et al. 2004)."""
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

    def mean(picture: NDArray[np.float32]) -> NDArray[np.float32]:
        return cv2.blur(picture, (7, 7))

    mean_a, mean_b = mean(a), mean(b)
    var_a = mean(a * a) - mean_a * mean_a
    var_b = mean(b * b) - mean_b * mean_b
    covariance = mean(a * b) - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + c1) * (2 * covariance + c2)
    return float(np.mean(numerator / ((mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2))))
