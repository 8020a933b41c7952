"""A simulated person in front of a screen: looks where the target is, late, with blinks and lapses."""

from __future__ import annotations

import math
from collections import deque

import numpy as np

from calibration.observation import Observation
from calibration.screen import Screen
from calibration.simulated_person import ErrorModel, Frames, HeadState, SimulatedPerson, facing_head
from gaze.geometry import angles_from_vector

BLINK_S = 0.15
SACCADE_AFTER_S = 0.22
# Attention comes back after this time, later than a look at a fixed target lasts.
LAPSE_S = 3.0
# A target that moves less than this part of the screen's width between frames is followed, not jumped to.
FOLLOWED_PART = 0.05
FOLLOW_LAG_S = 0.12
BLOCK = 48
# Camera frame; the person's left is image-right. The last is home.
MOVES_MM = ((150.0, 0.0, 0.0), (-150.0, 0.0, 0.0), (0.0, 0.0, -150.0), (0.0, 0.0, 200.0), (0.0, 0.0, 0.0))


class SimulatedViewer:
    """Gives an observation a frame; ``screen`` is where the screen truly stands.

    While ``head_moves`` is set the head turns and leans as the head-movement stage asks; ``go_to`` seats the
    person elsewhere.
    """

    def __init__(
        self,
        seed: int,
        screen: Screen,
        errors: ErrorModel,
        head: HeadState | None = None,
        frames_per_s: float = 30.0,
    ) -> None:
        self.person = SimulatedPerson(seed, errors, frames_per_s)
        self.screen = screen
        self.errors = errors
        self.head = self._home = head or facing_head(screen, seed)
        self._position = -1
        self.head_moves = False
        self._rng = np.random.default_rng([seed, 5])
        self._middle = (screen.width_px / 2, screen.height_px / 2)
        self._aim: tuple[float, float] = self._middle
        self._shown: tuple[float, float] = self._middle
        self._lapse: tuple[float, float] | None = None
        self._jump_at_s: float | None = None
        self._back_at_s = 0.0
        self._history: deque[tuple[float, tuple[float, float]]] = deque(maxlen=120)
        self._block: Frames | None = None
        self._used = 0
        self._blink_until_s = -1.0
        self._frames_per_s = frames_per_s

    def observe(self, t_s: float, target_px: tuple[float, float] | None) -> Observation:
        """The frame at a time, while the screen shows the target (None: nothing to look at)."""
        self._follow(t_s, target_px or self._middle)
        if t_s >= self._blink_until_s and self._rng.random() < self.errors.blinks_per_s / self._frames_per_s:
            self._blink_until_s = t_s + BLINK_S
        if t_s < self._blink_until_s - 1.0 / self._frames_per_s:
            return Observation(t_s, "eyes closed")
        frames, i = self._next(t_s)
        angles = frames.pitch_yaw_rad[i]
        if t_s < self._blink_until_s:
            # The last frame of a blink passes the gate; lids half down read as a gaze further down.
            angles = angles + np.array([-0.06, 0.0])
        return Observation(
            t_s, None, angles, frames.R_norm_cam[i], frames.R_cam_head[i], frames.origin_cam_mm[i]
        )

    def go_to(self, position: int) -> None:
        """Sit at one of the further places that a session asks for (session.POSITIONS), facing the screen."""
        if position == self._position:
            return
        self._position = position
        asked = np.array(MOVES_MM[position]) * self._rng.uniform(0.7, 1.3)
        where = np.array(self._home.centre_cam_mm)
        middle = self.screen.to_camera([self.screen.width_mm / 2, self.screen.height_mm / 2])
        turn = angles_from_vector(middle - where - asked) - angles_from_vector(middle - where)
        self.head = self._home.moved(asked, np.rad2deg(turn))
        self._block = None

    def _follow(self, t_s: float, target: tuple[float, float]) -> None:
        if target != self._shown:
            if math.dist(target, self._shown) > FOLLOWED_PART * self.screen.width_px:
                self._jump_at_s = t_s + self._rng.normal(SACCADE_AFTER_S, 0.04)
                self._history.clear()
                lapsed = self._rng.random() < self.errors.lapse
                size = (self.screen.width_px, self.screen.height_px)
                self._lapse = tuple(self._rng.uniform(0, size)) if lapsed else None
                self._back_at_s = t_s + LAPSE_S
            else:
                self._history.append((t_s, target))
            self._shown = target
        aim = self._aim
        if self._jump_at_s is not None and t_s >= self._jump_at_s:
            aim = self._lapse or self._shown
            self._jump_at_s = None
        elif self._lapse is not None and t_s >= self._back_at_s:
            aim, self._lapse = self._shown, None
        elif self._history:
            while len(self._history) > 1 and self._history[1][0] <= t_s - FOLLOW_LAG_S:
                self._history.popleft()
            if self._history[0][0] <= t_s - FOLLOW_LAG_S:
                aim = self._history[0][1]
        if aim != self._aim:
            self._aim, self._block = aim, None

    def _next(self, t_s: float) -> tuple[Frames, int]:
        if self.head_moves:
            shift = (30 * math.sin(0.9 * t_s), 15 * math.sin(1.3 * t_s), 70 * math.sin(0.7 * t_s))
            turn = (7 * math.sin(1.1 * t_s), 14 * math.sin(0.8 * t_s))
            self._block = None
            return self.person.look(self.screen, self._aim, self.head, 1, shift, turn), 0
        if self._history:
            self._block = None
            return self.person.look(self.screen, self._aim, self.head, 1), 0
        if self._block is None or self._used >= BLOCK:
            self._block = self.person.look(self.screen, self._aim, self.head, BLOCK)
            self._used = 0
        self._used += 1
        return self._block, self._used - 1
