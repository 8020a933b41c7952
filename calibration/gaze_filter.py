"""Smoothing a point of gaze: a One Euro filter that starts afresh when the eyes jump.

Gaze rests and jumps, so a filter (gaze.one_euro) that suits the rests lags behind the jumps; instead it is
reset when successive points agree on a new place.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from gaze.geometry import FloatArray
from gaze.one_euro import OneEuro

# Of points in mm.
POINT_SMOOTHING = OneEuro(min_cutoff_hz=0.7, beta=0.002, forget_after_s=0.3)
# So many points in a row that agree on a new place are a jump.
POINTS_OF_A_JUMP = 2


class GazeFilter:
    """One person's filter. Points, ``saccade`` and the speed of ``config`` share their unit.

    ``saccade``: a point this far from the smoothed one may be a jump, and POINTS_OF_A_JUMP such points in a
    row that agree within ``saccade`` are one.
    """

    def __init__(self, saccade: float, config: OneEuro = POINT_SMOOTHING) -> None:
        self.saccade = saccade
        self.config = config
        self.reset()

    def reset(self) -> None:
        """Forget everything: the next point is taken as it is."""
        self._t_s: float | None = None
        self._value = np.zeros(2)
        self._speed = np.zeros(2)
        self._away: list[FloatArray] = []

    def __call__(self, point: ArrayLike, t_s: float) -> FloatArray:
        """The smoothed point (2,) after a raw one at ``t_s`` seconds."""
        point = np.asarray(point, dtype=np.float64)
        if self._t_s is None or t_s - self._t_s > self.config.forget_after_s or t_s < self._t_s:
            self._restart(point, t_s)
            return self._value.copy()
        step_s = t_s - self._t_s
        if step_s == 0.0:
            return self._value.copy()
        if float(np.linalg.norm(point - self._value)) > self.saccade:
            self._away = [old for old in self._away if np.linalg.norm(point - old) <= self.saccade]
            self._away.append(point)
            if len(self._away) >= POINTS_OF_A_JUMP:
                self._restart(np.mean(self._away, axis=0), t_s)
                return self._value.copy()
            # One stray point is more often noise than the start of a jump: hold still until the next.
            self._t_s = t_s
            return self._value.copy()
        self._away = []
        self._t_s = t_s
        speed = (point - self._value) / step_s
        self._speed = self._speed + self.config.speed_weight(step_s) * (speed - self._speed)
        weight = self.config.weight(float(np.linalg.norm(self._speed)), step_s)
        self._value = self._value + weight * (point - self._value)
        return self._value.copy()

    def _restart(self, point: FloatArray, t_s: float) -> None:
        self._t_s = t_s
        self._value = point
        self._speed = np.zeros(2)
        self._away = []
