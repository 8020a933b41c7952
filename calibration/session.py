"""The course of a personal calibration, as a machine that is fed with frames and says what to show.

It opens no window, reads no clock and holds no picture, so a window, a recorded video with a time table
and a simulated person all drive the same code.
"""

from __future__ import annotations

import os
from collections import deque

import numpy as np

from calibration.advice import advice
from calibration.look import LookSettings
from calibration.observation import Observation
from calibration.part import USUAL_POSITION, Kind, Part, looks_taken
from calibration.person import place_weights
from calibration.plan import Plan
from calibration.pursuit import FOLLOWED, best_lag_s, correlations
from calibration.samples import Samples, condense
from calibration.scene import Scene
from calibration.screen import Screen
from calibration.session_course import Course, first_pause, move_of_head
from calibration.session_file import StoredSession, damage_told, read_session, write_session
from calibration.steps import LookStep, MovingStep, WaitStep, progress_disc
from gaze.errors import CalibrationError

# Looks whose place weight (person.place_weights) falls below this were not at the target: repeat them.
STRAY_WEIGHT = 0.3
# What ends a look because nobody, or somebody else too, is there.
AWAY = ("no face in view", "two people in view", "several people in view")


class Session:
    """Feed it observations; it ends when ``done``. ``samples`` and ``validation`` are then its result.

    ``position`` is the further place of the head that was asked for last, or USUAL_POSITION; ``skipped`` says
    of each part that was given up why. The instructions at the beginning stand for ``read_s`` at least.
    """

    def __init__(
        self,
        plan: Plan,
        screen: Screen,
        look: LookSettings | None = None,
        other_screens: tuple[Screen, ...] = (),
        read_s: float = 1.5,
    ) -> None:
        self.plan = plan
        self.screen = screen
        self.other_screens = other_screens
        self.look = look or LookSettings(confirm=plan.confirm)
        self.size_px = (screen.width_px, screen.height_px)
        self._course = Course(plan, self.size_px)
        self.lag_s = 0.0
        self.skipped: dict[Part, str] = {}
        self.gave_up: str | None = None
        self._kept: dict[Part, Samples] = {}
        self._strays_sought = False
        self._looks = 0
        self._now_s: float | None = None
        self._pause: WaitStep | None = first_pause(plan, read_s)
        self._queue: deque[Part] = deque(self._course.parts())
        self._total = len(self._queue)
        self._attempts: dict[Part, int] = {}
        self._step: LookStep | MovingStep | None = None
        self._part: Part | None = None
        self.position = USUAL_POSITION
        self.setup: dict[str, object] = {}

    @property
    def done(self) -> bool:
        """Whether there is nothing left to show."""
        return self.gave_up is not None or (not self._queue and self._step is None and self._pause is None)

    @property
    def stage(self) -> str:
        """What is on: pause, target, validation, pursuit, head, or done."""
        if self._pause is not None:
            return "pause"
        return self._part.kind.value if self._step is not None else "done"

    def target_px(self, t_s: float) -> tuple[float, float] | None:
        """Where the target stands at a time; None while there is none."""
        if self._pause is not None or self._step is None:
            return None
        return self._step.target_px(t_s) if isinstance(self._step, MovingStep) else self._step.target_px

    @property
    def taken(self) -> tuple[int, int]:
        """How many targets and stages were taken, of how many."""
        parts = [part for part in self._course.parts() if part.kind is not Kind.POSITION]
        return sum(part in self._kept for part in parts), len(parts)

    @property
    def samples(self) -> Samples:
        """Rows for the fit: targets, pursuit and head movement."""
        return Samples.join([rows for part, rows in self._kept.items() if part.kind is not Kind.VALIDATION])

    @property
    def validation(self) -> Samples:
        """Rows on the places that the fit does not see."""
        return self._rows(Kind.VALIDATION)

    def _rows(self, kind: Kind) -> Samples:
        return Samples.join([rows for part, rows in self._kept.items() if part.kind is kind])

    def place_of(self, part: Part) -> int:
        """The number of a part's place; of a target that of the first one which stands there."""
        return self._course.place_of(part)

    def keep(self, part: Part, rows: Samples) -> None:
        """Take the rows of a target from elsewhere; it is then not shown any more.

        Raises:
            KeyError: the plan holds no such target, or it was taken before.
        """
        if part not in self._queue:
            raise KeyError(str(part))
        self._queue.remove(part)
        self._kept[part] = rows

    def feed(self, observation: Observation, confirmed: bool = False) -> Scene:
        """Take one frame and say what to show next.

        Raises:
            CalibrationError: time runs backwards.
        """
        active = self.take(observation, confirmed)
        if active is None:
            return Scene(self.size_px)
        scene = active.scene(observation.t_s, self.size_px)
        done = 1.0 - len(self._queue) / max(self._total, 1)
        return Scene(
            scene.size_px, (progress_disc(min(max(done, 0), 1), self.size_px), *scene.discs), scene.texts
        )

    def take(
        self, observation: Observation, confirmed: bool = False
    ) -> LookStep | MovingStep | WaitStep | None:
        """Take one frame where nobody watches; returns the step that it went to.

        Raises:
            CalibrationError: time runs backwards.
        """
        t = observation.t_s
        if self._now_s is not None and t < self._now_s:
            raise CalibrationError(f"a frame of {t:.3f} s came after one of {self._now_s:.3f} s")
        self._now_s = t
        if self._pause is None and self._step is None and self._queue:
            self._begin(t)
        active = self._pause or self._step
        if active is not None:
            active.feed(observation, confirmed)
            if active.finished:
                self._end(active)
        return active

    def _begin(self, t: float) -> None:
        part = self._part = self._queue.popleft()
        self._attempts[part] = self._attempts.get(part, 0) + 1
        self._looks += 1
        if part.kind is Kind.POSITION:
            self.position = part.number
            self._pause = move_of_head(self.position)
            return
        self._step = self._course.step(part, self._looks, self.look)
        self._step.begin(t)

    def _end(self, step: LookStep | MovingStep | WaitStep) -> None:
        if isinstance(step, WaitStep):
            self._pause = None
            if step.failed is not None:
                self.gave_up = step.failed
            return
        self._step = None
        failed = step.failed or self._keep(step)
        if failed is not None and self._attempts[self._part] < self.plan.attempts:
            self._repeat_later(self._part)
            if failed in AWAY:
                self._pause = WaitStep(("Paused. It goes on when one person is in view.",), limit_s=60.0)
        elif failed is not None:
            self.skipped[self._part] = f"{self._part}: {failed}"
        if not self._strays_sought and not any(part.kind is Kind.TARGET for part in self._queue):
            self._strays_sought = True
            self._repeat_strays()

    def _repeat_later(self, part: Part) -> None:
        """Put a part at the end of what is done from the present place of the head."""
        moves = [i for i, other in enumerate(self._queue) if other.kind is Kind.POSITION]
        self._queue.insert(moves[0] if moves else len(self._queue), part)

    def _keep(self, step: LookStep | MovingStep) -> str | None:
        """Take the rows of a step; or say why they are none of somebody who followed the target."""
        if isinstance(step, MovingStep) and self._part.kind is Kind.PURSUIT:
            lag_s = best_lag_s(step, self.screen)
            if min(correlations(step, self.screen, lag_s)) < FOLLOWED:
                return "the gaze did not follow the target"
            self.lag_s = lag_s
            self._kept[self._part] = step.samples(lag_s)
        else:
            self._kept[self._part] = step.samples()
        return None

    def _repeat_strays(self) -> None:
        rows = self._rows(Kind.TARGET)
        if len(rows) == 0:
            return
        looks = condense(rows, self.screen)
        strays = looks.place[place_weights(looks) < STRAY_WEIGHT]
        for part, taken in self._kept.items():
            stray = part.kind is Kind.TARGET and np.isin(taken.place, strays).any()
            # Of what was taken before a stop, or by a time table, no attempt is known.
            if stray and self._attempts.get(part, 0) < self.plan.attempts:
                self._queue.appendleft(part)

    def save(self, path: str | os.PathLike[str], setup: dict[str, object] | None = None) -> None:
        """Write what was collected so far, so that the session can go on later, or be fitted again.

        ``setup``: what it was collected with; kept as it is in ``setup`` of the loaded session.
        """
        setup = self.setup if setup is None else setup
        write_session(
            path,
            StoredSession(
                plan=self.plan,
                screen=self.screen,
                other_screens=self.other_screens,
                setup=setup,
                lag_s=self.lag_s,
                kept=self._kept,
            ),
        )

    @classmethod
    def load(
        cls, path: str | os.PathLike[str], look: LookSettings | None = None, read_s: float = 1.5
    ) -> Session:
        """A session that goes on where ``save`` left it.

        Raises:
            CalibrationError: the file is missing, truncated or altered.
        """
        stored = read_session(path)
        with damage_told(path):
            session = cls(stored.plan, stored.screen, look, stored.other_screens, read_s)
        parts = session._course.parts()
        with_rows = {part for part in parts if part.kind is not Kind.POSITION}
        if unknown := [part for part in stored.kept if part not in with_rows]:
            raise CalibrationError(f"{path}: holds '{unknown[0]}', which its plan does not; start again")
        session._kept = stored.kept
        session.setup = stored.setup
        session.lag_s = stored.lag_s
        left = [part for part in parts if part not in stored.kept]
        # A move of the head is only asked for where something is left to do at its place.
        following = [*left, Part(Kind.POSITION)][1:]
        session._queue = deque(
            part
            for part, after in zip(left, following, strict=True)
            if not (part.kind is Kind.POSITION and after.kind is Kind.POSITION)
        )
        session._looks = max((looks_taken(rows.look) for rows in stored.kept.values()), default=0)
        return session


def explain_skipped(session: Session) -> str:
    """One line on targets that were given up, or an empty string."""
    if not session.skipped:
        return ""
    return f"{len(session.skipped)} not taken: " + "; ".join(session.skipped.values())


def require_samples(session: Session) -> Samples:
    """The rows of a session for a fit.

    Raises:
        CalibrationError: too few targets were taken; the message says what went wrong at the others.
    """
    rows = session.samples
    places, (done, wanted) = np.unique(rows.place), session.taken
    # Where all were taken, and all of one place, the fit says it.
    if len(places) < 2 and done < wanted:
        reason = session.gave_up or explain_skipped(session) or "it was stopped"
        raise CalibrationError(
            f"only {len(places)} of {len(session._course.targets_px)} targets were taken ({reason}); "
            f"{advice(reason)}"
        )
    return rows
