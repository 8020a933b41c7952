"""Fixations and saccades, found while the gaze comes in.

I-VT: the gaze rests while its angular speed is below a threshold (Salvucci and Goldberg, Identifying
fixations and saccades, ETRA 2000; defaults of Tobii's filter, Olsen 2012: 30 deg/s, rests less than 75 ms
and 0.5 deg apart are one, rests under 100 ms are none). I-DT: it rests while it stays within a small field.
Both want a smoothed gaze: a webcam's noise from frame to frame is as fast as a saccade.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import numpy as np

from gaze.errors import UsageError
from gaze.geometry import FloatArray, angles_from_vector, angular_error_rad, unit

METHODS = ("ivt", "idt")


@dataclass(frozen=True, slots=True)
class EventConfig:
    """Limits: speed (I-VT), width plus height of the field (I-DT), what is merged, the shortest fixation, the
    longest gap in the data that does not end one."""

    speed_deg_s: float = 30.0
    dispersion_deg: float = 1.5
    merge_gap_s: float = 0.075
    merge_deg: float = 0.5
    min_fixation_s: float = 0.1
    max_gap_s: float = 0.1


@dataclass(frozen=True, slots=True)
class GazeRow:
    """One frame: time, line of sight (3,) in the camera frame, point on the screen (2,) in px."""

    t_s: float
    direction: FloatArray
    screen_px: FloatArray


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
    def middle(self) -> FloatArray:
        return unit(np.mean([row.direction for row in self.rows], axis=0))

    @property
    def screen_px(self) -> FloatArray:
        return np.mean([row.screen_px for row in self.rows], axis=0)


class _Completer:
    """Merges rests, drops short ones, and tells fixations and the saccades between them."""

    def __init__(self, config: EventConfig) -> None:
        self._config = config
        self._held: _Rest | None = None
        self._speed_deg_s = 0.0
        self._broken = False

    def add(self, rest: _Rest) -> list[dict[str, object]]:
        """A finished rest."""
        self._speed_deg_s = max(self._speed_deg_s, rest.speed_before_deg_s)
        self._broken = self._broken or rest.after_gap
        held = self._held
        if held is not None and self._one(held, rest):
            held.rows.extend(rest.rows)
            self._speed_deg_s, self._broken = 0.0, False
            return []
        if rest.end_s - rest.start_s < self._config.min_fixation_s:
            return []
        events = []
        if held is not None:
            events.append(_fixation(held))
            if not self._broken:
                events.append(_saccade(held, rest, self._speed_deg_s))
        self._held = rest
        self._speed_deg_s, self._broken = 0.0, False
        return events

    def close(self) -> list[dict[str, object]]:
        """The last fixation."""
        held, self._held = self._held, None
        return [] if held is None else [_fixation(held)]

    def _one(self, first: _Rest, second: _Rest) -> bool:
        if second.start_s - first.end_s > self._config.merge_gap_s:
            return False
        apart = np.rad2deg(float(angular_error_rad(first.middle, second.middle)))
        return apart <= self._config.merge_deg


class VelocityStream:
    """I-VT."""

    def __init__(self, config: EventConfig | None = None) -> None:
        self._config = config or EventConfig()
        self._completer = _Completer(self._config)
        self._rest = _Rest()

    def feed(self, row: GazeRow) -> list[dict[str, object]]:
        """Take one row; events that it completes."""
        if not self._rest.rows:
            self._rest.rows.append(row)
            return []
        last = self._rest.rows[-1]
        step_s = row.t_s - last.t_s
        if step_s <= 0:
            return []
        gap = step_s > self._config.max_gap_s
        speed = np.rad2deg(float(angular_error_rad(last.direction, row.direction))) / step_s
        if not gap and speed < self._config.speed_deg_s:
            self._rest.rows.append(row)
            return []
        events = self._completer.add(self._rest)
        self._rest = _Rest([row], 0.0 if gap else speed, gap)
        return events

    def close(self) -> list[dict[str, object]]:
        """No more rows: the last events."""
        events = self._completer.add(self._rest) if self._rest.rows else []
        self._rest = _Rest()
        return events + self._completer.close()


class DispersionStream:
    """I-DT."""

    def __init__(self, config: EventConfig | None = None) -> None:
        self._config = config or EventConfig()
        self._completer = _Completer(self._config)
        self._rest = _Rest()

    def feed(self, row: GazeRow) -> list[dict[str, object]]:
        """Take one row; events that it completes."""
        rest, events = self._rest, []
        if rest.rows:
            step_s = row.t_s - rest.rows[-1].t_s
            if step_s <= 0:
                return []
            gap = step_s > self._config.max_gap_s
            if not gap and _field_deg([*rest.rows, row]) <= self._config.dispersion_deg:
                rest.rows.append(row)
                return []
            last = rest.rows[-1]
            speed = np.rad2deg(float(angular_error_rad(last.direction, row.direction))) / step_s
            if gap or rest.end_s - rest.start_s >= self._config.min_fixation_s:
                events = self._completer.add(rest)
                self._rest = _Rest([row], 0.0 if gap else speed, gap)
                return events
            # Not yet a rest: let go of the oldest rows until what is left fits again.
            rest.speed_before_deg_s = max(rest.speed_before_deg_s, speed)
            while rest.rows and _field_deg([*rest.rows, row]) > self._config.dispersion_deg:
                rest.rows.pop(0)
        rest.rows.append(row)
        return events

    def close(self) -> list[dict[str, object]]:
        """No more rows: the last events."""
        events = self._completer.add(self._rest) if self._rest.rows else []
        self._rest = _Rest()
        return events + self._completer.close()


def event_stream(method: str = "ivt", config: EventConfig | None = None) -> EventStream:
    """A stream by the name of its method.

    Raises:
        UsageError: there is no such method.
    """
    if method not in METHODS:
        raise UsageError(f"no event filter {method!r}; there are {', '.join(METHODS)}")
    return VelocityStream(config) if method == "ivt" else DispersionStream(config)


def _field_deg(rows: list[GazeRow]) -> float:
    angles = np.rad2deg(angles_from_vector(np.array([row.direction for row in rows])))
    return float(np.ptp(angles, axis=0).sum())


def _fixation(rest: _Rest) -> dict[str, object]:
    middle = rest.middle
    off = angular_error_rad(np.array([row.direction for row in rest.rows]), middle)
    return {
        "type": "fixation",
        "start_s": round(rest.start_s, 4),
        "end_s": round(rest.end_s, 4),
        "duration_s": round(rest.end_s - rest.start_s, 4),
        "screen_px": [round(float(value), 1) for value in rest.screen_px],
        "spread_deg": round(float(np.rad2deg(np.sqrt((off**2).mean()))), 3),
        "frames": len(rest.rows),
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
    }
