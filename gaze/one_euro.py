"""The One Euro filter: a low-pass whose cut-off grows with speed, steady at rest and quick in motion.

Source: Casiez, Roussel, Vogel, 1 Euro Filter, CHI 2012. What a speed is differs between directions and
points, so those who filter keep the state; the settings and the two weights are here.
"""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class OneEuro:
    """Settings, and the weights of new values that follow from them.

    ``min_cutoff_hz``: cut-off at rest, the lower the calmer; ``beta``: its growth in Hz per unit of speed;
    ``speed_cutoff_hz``: cut-off of the speed; ``forget_after_s``: after a longer pause the old value says
    nothing about the new one.

    Raises:
        ValueError: a setting is out of range.
    """

    min_cutoff_hz: float
    beta: float
    speed_cutoff_hz: float = 1.0
    forget_after_s: float = 0.5

    def __post_init__(self) -> None:
        for name in ("min_cutoff_hz", "speed_cutoff_hz", "forget_after_s"):
            if not getattr(self, name) > 0:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if not self.beta >= 0:
            raise ValueError(f"beta must not be negative, got {self.beta}")

    def speed_weight(self, step_s: float) -> float:
        """Weight of a new speed, ``step_s`` seconds after the last."""
        return _weight(self.speed_cutoff_hz, step_s)

    def weight(self, speed: float, step_s: float) -> float:
        """Weight of a new value at a filtered speed, ``step_s`` seconds after the last."""
        return _weight(self.min_cutoff_hz + self.beta * speed, step_s)


def _weight(cutoff_hz: float, step_s: float) -> float:
    """``1 / (1 + 1 / (2 pi f dt))``."""
    return 1.0 / (1.0 + 1.0 / (2.0 * math.pi * cutoff_hz * step_s))
