"""The One Euro filter (gaze.one_euro) on gaze directions, one per face."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaze.geometry import FloatArray
from gaze.one_euro import OneEuro

Vector = tuple[float, float, float]


@dataclass(frozen=True, slots=True)
class SmoothingConfig(OneEuro):
    """The settings of `gaze run`; the speed of a direction is in rad/s."""

    min_cutoff_hz: float = 1.0
    beta: float = 3.0


class DirectionFilter:
    """One Euro on unit vectors (3,), driven by time stamps. A reset filter equals a new one."""

    def __init__(self, config: SmoothingConfig | None = None) -> None:
        self.config = config or SmoothingConfig()
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._t_s: float | None = None
        self._direction: Vector = (0.0, 0.0, 0.0)
        self._raw: Vector = (0.0, 0.0, 0.0)
        self._speed_rad_s = 0.0

    def __call__(self, direction: ArrayLike, t_s: float) -> FloatArray:
        """The smoothed unit vector at ``t_s`` seconds; a time that does not advance changes nothing.

        Raises:
            ValueError: the direction is zero or not finite.
        """
        # Three numbers: Python's own arithmetic is several times quicker than NumPy's here.
        new = _unit(*(float(value) for value in direction))
        if self._t_s is not None and t_s - self._t_s > self.config.forget_after_s:
            self.reset()
        if self._t_s is None:
            self._t_s, self._direction, self._raw = t_s, new, new
            return np.array(new)
        step_s = t_s - self._t_s
        if step_s <= 0:
            return np.array(self._direction)
        speed = _angle_rad(self._raw, new) / step_s
        self._speed_rad_s += self.config.speed_weight(step_s) * (speed - self._speed_rad_s)
        weight = self.config.weight(self._speed_rad_s, step_s)
        mixed = [old + weight * (now - old) for old, now in zip(self._direction, new, strict=True)]
        # Opposite directions can cancel; the new one is then all there is.
        self._direction = _unit(*mixed) if math.hypot(*mixed) > 1e-6 else new
        self._t_s, self._raw = t_s, new
        return np.array(self._direction)


def _unit(x: float, y: float, z: float) -> Vector:
    length = math.sqrt(x * x + y * y + z * z)
    if not math.isfinite(length) or length == 0.0:
        raise ValueError(f"a direction must be finite and not zero, got {(x, y, z)}")
    return x / length, y / length, z / length


def _angle_rad(a: Vector, b: Vector) -> float:
    cross = (a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0])
    return math.atan2(math.hypot(*cross), a[0] * b[0] + a[1] * b[1] + a[2] * b[2])


class GazeSmoother:
    """A filter per track id; those not seen for a while are dropped."""

    def __init__(self, config: SmoothingConfig | None = None) -> None:
        self.config = config or SmoothingConfig()
        self._filters: dict[int, DirectionFilter] = {}
        self._seen_s: dict[int, float] = {}

    def __call__(self, track_id: int, direction: ArrayLike, t_s: float) -> FloatArray:
        """The smoothed unit vector (3,) of one face."""
        for old in [key for key, seen in self._seen_s.items() if t_s - seen > self.config.forget_after_s]:
            del self._filters[old], self._seen_s[old]
        self._seen_s[track_id] = t_s
        return self._filters.setdefault(track_id, DirectionFilter(self.config))(direction, t_s)
