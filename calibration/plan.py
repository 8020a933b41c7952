"""What a personal calibration shows."""

from __future__ import annotations

import math
from dataclasses import dataclass

from calibration.part import PLACES_OF_KIND
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

TargetsPx = tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Plan:
    """What a session shows: ``points`` of a layout (targets.COUNTS; 0 for a check's three), ``pursuit_s`` and
    ``head_s`` seconds of those stages (0: none), ``positions`` further places of the head with five targets
    each, ``validation`` points on unused places, ``attempts`` at each target, the order by ``seed``;
    ``confirm`` waits for a key or click at each target.

    ``targets_px`` and ``validation_px`` are those of a time table that something else shows: they take the
    place of the layout and of the validation points, and keep their order.

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
    targets_px: TargetsPx = ()
    validation_px: TargetsPx = ()

    def __post_init__(self) -> None:
        for name, (low, high) in LIMITS.items():
            value = getattr(self, name)
            kinds = (int, float) if name.endswith("_s") else (int,)
            if isinstance(value, bool) or not isinstance(value, kinds) or not low <= value <= high:
                raise UsageError(f"{name} must be {low} to {high}, got {value!r}")
        if not isinstance(self.confirm, bool):
            raise UsageError(f"confirm must be true or false, got {self.confirm!r}")
        for name in ("targets_px", "validation_px"):
            object.__setattr__(self, name, _targets(getattr(self, name), name))
        if self.validation_px and not self.targets_px:
            raise UsageError("validation_px needs targets_px: targets that only measure do not calibrate")


def _targets(value: object, name: str) -> TargetsPx:
    """Targets as a list of pairs holds them, such as JSON's."""
    if not isinstance(value, (list, tuple)) or len(value) > PLACES_OF_KIND:
        raise UsageError(f"{name} must be a list of at most {PLACES_OF_KIND} targets, got {value!r:.60}")
    for pair in value:
        if not isinstance(pair, (list, tuple)) or len(pair) != 2 or not all(map(_is_finite, pair)):
            raise UsageError(f"{name} must hold pairs of numbers, got {pair!r:.60}")
    return tuple((float(x), float(y)) for x, y in value)


def _is_finite(value: object) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool) and math.isfinite(value)
