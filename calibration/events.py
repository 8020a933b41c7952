"""Fixations and saccades, found while the gaze comes in.

I-VT: the gaze rests while its angular speed is below a threshold (Salvucci and Goldberg, Identifying
fixations and saccades, ETRA 2000; defaults of Tobii's filter, Olsen 2012: 30 deg/s, rests less than 75 ms
and 0.5 deg apart are one, rests under 100 ms are none). I-DT: it rests while it stays within a small field.
Both want a smoothed gaze: a webcam's noise from frame to frame is as fast as a saccade.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections import deque
from dataclasses import dataclass, field
from statistics import median
from typing import Protocol

import numpy as np

from gaze.errors import UsageError
from gaze.geometry import FloatArray, angles_from_vector, angular_error_rad, unit

METHODS = ("ivt", "idt")
# So many times the usual time between frames is no gap either; the usual one is that of the last USUAL_OF.
GAP_FRAMES, USUAL_OF = 1.6, 31
# Slower than this nothing is known of what the eyes did between two frames.
LONGEST_STEP_S = 0.25


@dataclass(frozen=True, slots=True)
class EventConfig:
    """Limits: speed (I-VT), width plus height of the field (I-DT), what is merged, the shortest fixation, the
    longest gap in the data that does not end one (GAP_FRAMES frames of a slow camera, if that is longer)."""

    speed_deg_s: float = 30.0
    dispersion_deg: float = 1.5
    merge_gap_s: float = 0.075
    merge_deg: float = 0.5
    min_fixation_s: float = 0.1
    max_gap_s: float = 0.1


@dataclass(frozen=True, slots=True)
class GazeRow:
    """One frame: time, unit line of sight (3,), point (2,) in px on the screen named."""

    t_s: float
    direction_cam: FloatArray
    screen_px: FloatArray
    screen: str = ""


class EventStream(Protocol):
    """Takes rows in the order of time and gives what they complete, as JSON objects."""

    def feed(self, row: GazeRow) -> list[dict[str, object]]:
        """Take one row; events that it completes."""

    def close(self) -> list[dict[str, object]]:
        """No more rows: the last events."""


@dataclass(slots=True)
class _Rest:
    """Rows that belong together, and the greatest speed on the way to them."""

    rows: list[GazeRow] = field(default_factory=list)
    speed_before_deg_s: float = 0.0
    after_gap: bool = False

    @property
    def start_s(self) -> float:
        return self.rows[0].t_s

    @property
    def end_s(self) -> float:
        return self.rows[-1].t_s

    @property
    def screen(self) -> str:
        return self.rows[0].screen

    @property
    def middle(self) -> FloatArray:
        return unit(np.mean([row.direction_cam for row in self.rows], axis=0))

    @property
    def screen_px(self) -> FloatArray:
        return np.mean([row.screen_px for row in self.rows], axis=0)


class _Completer:
    """Merges rests, drops short ones, and tells fixations and the saccades between them.

    ``held`` is the latest fixation, which may still grow; it is told once the next one has begun.
    """

    def __init__(self, config: EventConfig) -> None:
        self._config = config
        self.held: _Rest | None = None
        self._speed_deg_s = 0.0
        self._broken = False

    def long_enough(self, rest: _Rest) -> bool:
        """Whether a rest is a fixation by now."""
        return rest.end_s - rest.start_s >= self._config.min_fixation_s

    def add(self, rest: _Rest) -> tuple[list[dict[str, object]], _Rest]:
        """A rest that has ended, or has just become a fixation: events, and the rest that it now is."""
        held = self.held
        if held is rest:
            return [], rest
        self._speed_deg_s = max(self._speed_deg_s, rest.speed_before_deg_s)
        self._broken = self._broken or rest.after_gap
        if held is not None and self._one(held, rest):
            held.rows.extend(rest.rows)
            self._speed_deg_s, self._broken = 0.0, False
            return [], held
        if not self.long_enough(rest):
            return [], rest
        events = []
        if held is not None:
            events.append(_fixation(held))
            if not self._broken:
                events.append(_saccade(held, rest, self._speed_deg_s))
        self.held = rest
        self._speed_deg_s, self._broken = 0.0, False
        return events, rest

    def close(self) -> list[dict[str, object]]:
        """The last fixation."""
        held, self.held = self.held, None
        return [] if held is None else [_fixation(held)]

    def _one(self, first: _Rest, second: _Rest) -> bool:
        if first.screen != second.screen or second.start_s - first.end_s > self._config.merge_gap_s:
            return False
        apart = np.rad2deg(float(angular_error_rad(first.middle, second.middle)))
        return apart <= self._config.merge_deg


class _Stream(ABC):
    """What both methods share: growing the present rest, ending it, starting the next."""

    def __init__(self, config: EventConfig | None = None) -> None:
        self._config = config or EventConfig()
        self._completer = _Completer(self._config)
        self._rest = _Rest()
        self._steps_s: deque[float] = deque(maxlen=USUAL_OF)

    def feed(self, row: GazeRow) -> list[dict[str, object]]:
        """Take one row; events that it completes. Rows that are not later than the last are left out."""
        rest = self._rest
        if not rest.rows:
            rest.rows.append(row)
            return []
        step_s = row.t_s - rest.end_s
        if step_s <= 0:
            return []
        self._steps_s.append(step_s)
        usual_s = min(median(self._steps_s), LONGEST_STEP_S)
        gap = step_s > max(self._config.max_gap_s, GAP_FRAMES * usual_s)
        speed = np.rad2deg(float(angular_error_rad(rest.rows[-1].direction_cam, row.direction_cam))) / step_s
        # Px of two screens have no mean.
        if not gap and row.screen == rest.screen and self._belongs(row, speed):
            rest.rows.append(row)
            return self._grown()
        return self._ended(row, speed, gap)

    def close(self) -> list[dict[str, object]]:
        """No more rows: the last events."""
        events = self._completer.add(self._rest)[0] if self._rest.rows else []
        self._rest = _Rest()
        return events + self._completer.close()

    @abstractmethod
    def _belongs(self, row: GazeRow, speed_deg_s: float) -> bool:
        """Whether a row goes on with the present rest."""

    def _grown(self) -> list[dict[str, object]]:
        if self._rest is self._completer.held or not self._completer.long_enough(self._rest):
            return []
        events, self._rest = self._completer.add(self._rest)
        return events

    def _ended(self, row: GazeRow, speed_deg_s: float, gap: bool) -> list[dict[str, object]]:
        events, _ = self._completer.add(self._rest)
        self._rest = _Rest([row], 0.0 if gap else speed_deg_s, gap)
        return events


class VelocityStream(_Stream):
    """I-VT."""

    def _belongs(self, row: GazeRow, speed_deg_s: float) -> bool:
        return speed_deg_s < self._config.speed_deg_s


class DispersionStream(_Stream):
    """I-DT."""

    def _belongs(self, row: GazeRow, speed_deg_s: float) -> bool:
        return _field_deg([*self._rest.rows, row]) <= self._config.dispersion_deg

    def _ended(self, row: GazeRow, speed_deg_s: float, gap: bool) -> list[dict[str, object]]:
        rest = self._rest
        if (
            gap
            or row.screen != rest.screen
            or rest is self._completer.held
            or self._completer.long_enough(rest)
        ):
            return super()._ended(row, speed_deg_s, gap)
        # Not yet a rest: let go of the oldest rows until what is left fits again.
        rest.speed_before_deg_s = max(rest.speed_before_deg_s, speed_deg_s)
        while rest.rows and _field_deg([*rest.rows, row]) > self._config.dispersion_deg:
            rest.rows.pop(0)
        rest.rows.append(row)
        return []


def event_stream(method: str = "ivt", config: EventConfig | None = None) -> EventStream:
    """A stream by the name of its method.

    Raises:
        UsageError: there is no such method.
    """
    if method not in METHODS:
        raise UsageError(f"no event filter {method!r}; there are {', '.join(METHODS)}")
    return VelocityStream(config) if method == "ivt" else DispersionStream(config)


def _field_deg(rows: list[GazeRow]) -> float:
    angles = np.rad2deg(angles_from_vector(np.array([row.direction_cam for row in rows])))
    return float(np.ptp(angles, axis=0).sum())


def _fixation(rest: _Rest) -> dict[str, object]:
    middle = rest.middle
    off = angular_error_rad(np.array([row.direction_cam for row in rest.rows]), middle)
    return {
        "type": "fixation",
        "start_s": round(rest.start_s, 4),
        "end_s": round(rest.end_s, 4),
        "duration_s": round(rest.end_s - rest.start_s, 4),
        "screen_px": [round(float(value), 1) for value in rest.screen_px],
        "spread_deg": round(float(np.rad2deg(np.sqrt((off**2).mean()))), 3),
        "frames": len(rest.rows),
        **({"screen": rest.screen} if rest.screen else {}),
    }


def _saccade(before: _Rest, after: _Rest, speed_deg_s: float) -> dict[str, object]:
    amplitude = np.rad2deg(float(angular_error_rad(before.middle, after.middle)))
    return {
        "type": "saccade",
        "start_s": round(before.end_s, 4),
        "end_s": round(after.start_s, 4),
        "duration_s": round(after.start_s - before.end_s, 4),
        "from_px": [round(float(value), 1) for value in before.screen_px],
        "to_px": [round(float(value), 1) for value in after.screen_px],
        "amplitude_deg": round(float(amplitude), 3),
        "peak_speed_deg_s": round(float(speed_deg_s), 1),
        **({"from_screen": before.screen} if before.screen else {}),
        **({"to_screen": after.screen} if after.screen else {}),
    }
