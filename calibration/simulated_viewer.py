"""A simulated person in front of a screen: looks where the target is, late, with blinks and lapses."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable

import numpy as np

from calibration.observation import Observation
from calibration.part import USUAL_POSITION
from calibration.screen import Screen
from calibration.simulated_person import ErrorModel, Frames, SimulatedPerson, facing_head
from gaze.geometry import FloatArray, angles_from_vector

BLINK_S = 0.15
SACCADE_AFTER_S = 0.22
# Attention comes back after this time, later than a look at a fixed target lasts.
LAPSE_S = 3.0
# A target that moves less than this part of the screen's width between frames is followed, not jumped to.
FOLLOWED_PART = 0.05
FOLLOW_LAG_S = 0.12
# Frames worked out at once: a look at a target takes some fifty.
BLOCK = 72
# By position, camera frame; the person's left is image-right. The last, USUAL_POSITION, is home.
MOVES_MM = ((150.0, 0.0, 0.0), (-150.0, 0.0, 0.0), (0.0, 0.0, -150.0), (0.0, 0.0, 200.0), (0.0, 0.0, 0.0))


class SimulatedViewer:
    """Gives an observation a frame; ``screen`` is where the screen truly stands.

    While ``head_moves`` is set the head turns and leans as the head-movement stage asks; ``go_to`` seats the
    person elsewhere. ``coming`` may say where a moving target will stand at a time: it changes nothing of
    what the person does, but frames of a followed target can then be worked out many at a time.
    """

    def __init__(
        self,
        seed: int,
        screen: Screen,
        errors: ErrorModel,
        frames_per_s: float = 30.0,
    ) -> None:
        self.person = SimulatedPerson(seed, errors, frames_per_s)
        self.screen = screen
        self.errors = errors
        self.head = self._home = facing_head(screen, seed)
        self._position = USUAL_POSITION
        self.head_moves = False
        self.coming: Callable[[float], tuple[float, float] | None] | None = None
        self._rng = np.random.default_rng([seed, 5])
        self._middle = (screen.width_px / 2, screen.height_px / 2)
        self._aim: tuple[float, float] = self._middle
        self._shown: tuple[float, float] = self._middle
        self._lapse: tuple[float, float] | None = None
        self._jump_at_s: float | None = None
        self._back_at_s = 0.0
        self._history: deque[tuple[float, tuple[float, float]]] = deque(maxlen=120)
        self._block: Frames | None = None
        self._block_start_s = 0.0
        self._block_aims: list[tuple[float, float]] = []
        self._block_moves = False
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
            t_s=t_s,
            problem=None,
            pitch_yaw_rad=angles,
            R_norm_cam=frames.R_norm_cam[i],
            R_cam_head=frames.R_cam_head[i],
            origin_cam_mm=frames.origin_cam_mm[i],
        )

    def go_to(self, position: int) -> None:
        """Sit at a further place that a session asks for (session_course.POSITIONS), facing the screen."""
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
        self._aim = aim

    def _next(self, t_s: float) -> tuple[Frames, int]:
        """Frames worked out ahead, and which of them is the one of this time."""
        i = round((t_s - self._block_start_s) * self._frames_per_s)
        if (
            self._block is None
            or not 0 <= i < len(self._block_aims)
            or math.dist(self._block_aims[i], self._aim) > 1e-6
            or self._block_moves != self.head_moves
        ):
            i = 0
            self._block_aims = self._aims_ahead(t_s)
            self._block_start_s, self._block_moves = t_s, self.head_moves
            times = t_s + np.arange(len(self._block_aims)) / self._frames_per_s
            self._block = self.person.look(
                self.screen, self._block_aims, self.head, None, *self._movement(times)
            )
        return self._block, i

    def _aims_ahead(self, t_s: float) -> list[tuple[float, float]]:
        """Where the eyes will be in the next frames; what is not known is left out."""
        if not self._history:
            return [self._aim] * BLOCK
        aims = [self._aim]
        known = deque(self._history)
        for i in range(1, BLOCK if self.coming is not None else 1):
            time_s = t_s + i / self._frames_per_s
            if (target := self.coming(time_s)) is None:
                break
            known.append((time_s, target))
            while len(known) > 1 and known[1][0] <= time_s - FOLLOW_LAG_S:
                known.popleft()
            aims.append(known[0][1] if known[0][0] <= time_s - FOLLOW_LAG_S else self._aim)
        return aims

    def _movement(self, times_s: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Shift in mm (N, 3) and turn in degrees (N, 2) of the head at some times."""
        n = len(times_s)
        if not self.head_moves:
            return np.zeros((n, 3)), np.zeros((n, 2))
        waves = np.sin(np.outer(times_s, [0.9, 1.3, 0.7, 1.1, 0.8])) * [30.0, 15.0, 70.0, 7.0, 14.0]
        return waves[:, :3], waves[:, 3:]
