"""Taking the frames of one look at one target: only settled, stable gazes of open eyes count."""

from __future__ import annotations

import math
from collections import Counter, deque
from dataclasses import dataclass
from itertools import pairwise
from statistics import median

from calibration.observation import Observation

# Deviation of a frame over the median step between frames: 1.05 for independent Gaussian noise, and more
# where neighbouring frames share a part of it.
FRAME_STEP_TO_NOISE = 1.5
TOO_SLOW = "too few frames"


@dataclass(frozen=True, slots=True)
class LookSettings:
    """When a look counts.

    ``settle_s``: nothing is taken before, the eyes are still on their way; ``window_s`` of gaze with at
    least ``frames_min`` usable frames, whose two halves agree within ``drift_deg`` (plus twice its standard
    error) and whose deviation is at most ``spread_deg`` per axis, is a fixation; ``timeout_s``: then the
    look has failed. A key or click says that the person is looking: half of the window is then enough;
    with ``confirm`` it is waited for.
    """

    settle_s: float = 0.7
    window_s: float = 0.8
    frames_min: int = 8
    drift_deg: float = 0.8
    spread_deg: float = 3.5
    timeout_s: float = 4.0
    confirm: bool = False
    confirm_timeout_s: float = 20.0


class LookCollector:
    """Feed it the frames of one look; it ends ``accepted`` or ``failed`` with a reason."""

    def __init__(self, start_s: float, settings: LookSettings) -> None:
        self.start_s = start_s
        self.settings = settings
        self.accepted = False
        self.failed: str | None = None
        self.problem: str | None = None
        self._window: deque[Observation] = deque()
        self._problems: Counter[str] = Counter()
        self._asked = False
        self._frames = 0
        self._lasted_s = 0.0

    @property
    def finished(self) -> bool:
        """Whether the look is over, well or badly."""
        return self.accepted or self.failed is not None

    @property
    def observations(self) -> list[Observation]:
        """The frames of the fixation so far."""
        return list(self._window)

    @property
    def progress(self) -> float:
        """0 to 1: how much of the wanted time is there."""
        if not self._window:
            return 0.0
        return min((self._window[-1].t_s - self._window[0].t_s) / self.settings.window_s, 1.0)

    def feed(self, observation: Observation, confirmed: bool = False) -> None:
        """Take one frame; ``confirmed`` says that a key was pressed or a button clicked."""
        if self.finished:
            return
        settings = self.settings
        elapsed = observation.t_s - self.start_s
        self._frames, self._lasted_s = self._frames + 1, elapsed
        self._asked = self._asked or confirmed
        self.problem = observation.problem
        if elapsed >= settings.settle_s:
            if observation.problem is None:
                self._window.append(observation)
            else:
                self._problems[observation.problem] += 1
            while self._window and self._window[0].t_s < observation.t_s - settings.window_s - 1e-6:
                self._window.popleft()
            if self._enough() and (self._asked or not settings.confirm):
                if (unstable := self._instability()) is None:
                    self.accepted = True
                    return
                self.problem = unstable
                self._problems[unstable] += 1
        limit = settings.confirm_timeout_s if settings.confirm else settings.timeout_s
        if elapsed > limit:
            self.failed = self._reason()

    def _enough(self) -> bool:
        settings = self.settings
        if len(self._window) < settings.frames_min:
            return False
        # One frame's time is missing from the span of the frames that fill a window.
        span = self._window[-1].t_s - self._window[0].t_s
        # Somebody who presses a key at a target that needs none says that half the time is enough.
        part = 0.45 if self._asked and not settings.confirm else 0.9
        return span * len(self._window) / (len(self._window) - 1) >= part * settings.window_s

    def _instability(self) -> str | None:
        half = len(self._window) // 2
        spread = step = noise = 0.0
        for axis in (0, 1):
            values = [math.degrees(item.pitch_yaw_rad[axis]) for item in self._window]
            mean = sum(values) / len(values)
            spread += sum((value - mean) ** 2 for value in values) / len(values)
            first, second = values[:half], values[half:]
            step += (sum(first) / len(first) - sum(second) / len(second)) ** 2
            # From frame to frame, so that a step does not count as noise.
            noise += median(abs(b - a) for a, b in pairwise(values)) ** 2
        # Neighbouring frames share their error: a half holds fewer measurements than frames.
        error = 2.0 * FRAME_STEP_TO_NOISE * math.sqrt(noise / 2.0) / math.sqrt(max(half / 3.0, 1.0))
        if math.sqrt(step) > self.settings.drift_deg + error:
            return "the eyes are moving"
        if math.sqrt(spread / 2.0) > self.settings.spread_deg:
            return "the gaze is not steady"
        return None

    def _reason(self) -> str:
        if self.settings.confirm and not self._asked:
            return "no key was pressed"
        per_s, needed = self._frames / self._lasted_s, self.settings.frames_min / self.settings.window_s
        if per_s < needed or not self._problems:
            return f"{TOO_SLOW}: {per_s:.0f} a second, {needed:.0f} are needed"
        return self._problems.most_common(1)[0][0]
