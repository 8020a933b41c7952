"""Smoothing a point of gaze: a One Euro filter that starts afresh when the eyes jump.

Source: Casiez, Roussel, Vogel, 1 Euro Filter, CHI 2012. Gaze rests and jumps, so a filter that suits the
rests lags behind the jumps; instead it is reset when successive points agree on a new place.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike

from gaze.geometry import FloatArray


class GazeFilter:
    """One person's filter. Units of the points are free; the thresholds share them.

    ``min_cutoff_hz``: the lower, the calmer at rest; ``beta``: how fast it opens with speed, per unit;
    ``derivative_cutoff_hz``: smoothing of the speed; ``saccade``: a point this far from the smoothed one
    may be a jump, and ``confirm`` such points in a row that agree within ``saccade`` are one;
    ``gap_s``: after so long without a point the filter starts afresh.
    """

    def __init__(
        self,
        saccade: float,
        min_cutoff_hz: float = 0.7,
        beta: float = 0.002,
        derivative_cutoff_hz: float = 1.0,
        confirm: int = 2,
        gap_s: float = 0.3,
    ) -> None:
        self.saccade = saccade
        self.min_cutoff_hz = min_cutoff_hz
        self.beta = beta
        self.derivative_cutoff_hz = derivative_cutoff_hz
        self.confirm = confirm
        self.gap_s = gap_s
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next point is taken as it is."""
        self._t_s: float | None = None
        self._value = np.zeros(2)
        self._speed = np.zeros(2)
        self._away: list[FloatArray] = []
        self.jumped = False

    def __call__(self, t_s: float, point: ArrayLike) -> FloatArray:
        """The smoothed point (2,) after a raw one at a time in seconds; ``jumped`` says if it was a jump."""
        point = np.asarray(point, dtype=np.float64)
        self.jumped = False
        if self._t_s is None or t_s - self._t_s > self.gap_s or t_s < self._t_s:
            self._restart(t_s, point)
            return self._value.copy()
        step_s = t_s - self._t_s
        if step_s == 0.0:
            return self._value.copy()
        if float(np.linalg.norm(point - self._value)) > self.saccade:
            self._away = [old for old in self._away if np.linalg.norm(point - old) <= self.saccade]
            self._away.append(point)
            if len(self._away) >= self.confirm:
                self._restart(t_s, np.mean(self._away, axis=0))
                self.jumped = True
                return self._value.copy()
            # One stray point is more often noise than the start of a jump: hold still until the next.
            self._t_s = t_s
            return self._value.copy()
        self._away = []
        self._t_s = t_s
        speed = (point - self._value) / step_s
        self._speed = _blend(self._speed, speed, _share(self.derivative_cutoff_hz, step_s))
        cutoff = self.min_cutoff_hz + self.beta * float(np.linalg.norm(self._speed))
        self._value = _blend(self._value, point, _share(cutoff, step_s))
        return self._value.copy()

    def _restart(self, t_s: float, point: FloatArray) -> None:
        self._t_s = t_s
        self._value = point
        self._speed = np.zeros(2)
        self._away = []


def _share(cutoff_hz: float, step_s: float) -> float:
    """Weight of the new value: ``1 / (1 + 1 / (2 pi f dt))``."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * step_s))


def _blend(old: FloatArray, new: FloatArray, share: float) -> FloatArray:
    return old + share * (new - old)
