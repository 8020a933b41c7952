"""The learning rate over a run's budget: linear warm-up, then a half cosine down."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Schedule:
    """Factor on the base learning rate as a function of progress 0..1 through the budget.

    ``warmup`` is the share of the budget that rises linearly from zero; the cosine ends at ``floor``.
    """

    warmup: float = 0.05
    floor: float = 0.01

    def __post_init__(self) -> None:
        if not 0.0 <= self.warmup < 1.0 or not 0.0 <= self.floor <= 1.0:
            raise ValueError(f"warm-up and floor must lie in 0 to 1, got {self.warmup}, {self.floor}")

    def factor(self, progress: float) -> float:
        """The factor at ``progress``; beyond 1 it stays at the floor."""
        if progress < self.warmup:
            return max(progress / self.warmup, 1e-3)
        x = min((progress - self.warmup) / (1.0 - self.warmup), 1.0)
        return self.floor + (1.0 - self.floor) * 0.5 * (1.0 + math.cos(math.pi * x))
