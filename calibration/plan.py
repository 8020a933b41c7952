"""What a personal calibration shows."""

from __future__ import annotations

from dataclasses import dataclass

from gaze.errors import UsageError

# Least and most of the numbers of a plan.
LIMITS = {
    "points": (0, 16),
    "pursuit_s": (0, 600),
    "head_s": (0, 600),
    "positions": (0, 4),
    "validation": (0, 100),
    "attempts": (1, 20),
    "seed": (0, 2**32),
}


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session shows: ``points`` of a layout (targets.COUNTS; 0 for a check's three), ``pursuit_s`` and
    ``head_s`` seconds of those stages (0: none), ``positions`` further places of the head with five targets
    each, ``validation`` points on unused places, ``attempts`` at each target, the order by ``seed``;
    ``confirm`` waits for a key or click at each target.

    Raises:
        UsageError: a number is out of range.
    """

    points: int = 9
    pursuit_s: float = 0.0
    head_s: float = 0.0
    positions: int = 0
    validation: int = 6
    attempts: int = 3
    seed: int = 0
    confirm: bool = False

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            kinds = (int, float) if name.endswith("_s") else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise UsageError(f"{name} must be {low} to {high}, got {value!r}")
        if not isinstance(self.confirm, bool):
            raise UsageError(f"confirm must be true or false, got {self.confirm!r}")
