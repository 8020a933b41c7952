"""What a session shows: the targets and stages of its plan by name, in their order, and the step of each."""

from __future__ import annotations

import numpy as np

from calibration.look import LookSettings
from calibration.plan import Plan
from calibration.steps import LookStep, MovingStep, SizePx, WaitStep, head_step, pursuit_step
from calibration.targets import check_layout, check_on_screen, layout, shuffled, to_px, validation_layout

# Places of targets that only measure are counted from here.
VALIDATION_PLACE = 1000
# The last one leads back to where the validation is done.
POSITIONS = (
    "Move about 15 cm to your left.",
    "Now about 15 cm to the right of where you sat at first.",
    "Back to the middle, and about 15 cm nearer.",
    "Now about 20 cm further back than at first.",
    "Sit as you usually do.",
)
TURN_AND_WAIT = "Turn to the screen; it goes on in a few seconds, or when you press the space bar."


class Course:
    """The parts of a plan on a screen of ``size_px``.

    Raises:
        UsageError: a target of the plan stands beside the screen.
    """

    def __init__(self, plan: Plan, size_px: SizePx) -> None:
        self.plan = plan
        self.size_px = size_px
        if plan.targets_px:
            self.targets_px = np.array(plan.targets_px)
            self.validation_px = np.array(plan.validation_px).reshape(-1, 2)
        else:
            fractions = check_layout() if plan.points == 0 else layout(plan.points)
            self.targets_px = to_px(shuffled(fractions, plan.seed), size_px)
            self.validation_px = to_px(validation_layout(plan.validation), size_px)
        self.round_px = to_px(layout(5), size_px)
        check_on_screen(self.targets_px, size_px)
        check_on_screen(self.validation_px, size_px)

    def names(self) -> list[str]:
        """``target N``, ``pursuit``, ``head``, ``position N``, ``round N``, ``validation N``, in order."""
        names = [f"target {place}" for place in range(len(self.targets_px))]
        names += ["pursuit"] * (self.plan.pursuit_s > 0) + ["head"] * (self.plan.head_s > 0)
        for position in range(self.plan.positions):
            names += [f"position {position}"]
            names += [f"round {position * 100 + i}" for i in range(len(self.round_px))]
        if self.plan.positions and self.plan.validation:
            names += ["position -1"]
        return names + [f"validation {place}" for place in range(len(self.validation_px))]

    def place_of(self, target: int) -> int:
        """The number of a target's place: that of the first target which stands there."""
        same = np.all(self.targets_px == self.targets_px[target], axis=1)
        return int(np.flatnonzero(same)[0])

    def step(self, name: str, look: int, settings: LookSettings, attempt: int) -> LookStep | MovingStep:
        """The step of a name other than ``position N``; ``look`` numbers it."""
        kind, _, number = name.partition(" ")
        if kind == "pursuit":
            return pursuit_step(self.plan.pursuit_s, 2000, 100_000, self.size_px)
        if kind == "head":
            return head_step(self.plan.head_s, 3000, 200_000, self.size_px)
        index = int(number)
        if kind == "target":
            target, place = self.targets_px[index], self.place_of(index)
        elif kind == "validation":
            target, place = self.validation_px[index], VALIDATION_PLACE + index
        else:
            target, place = self.round_px[index % 100], 4000 + index
        return LookStep(tuple(target), place, look, settings, attempt)


def first_pause(plan: Plan) -> WaitStep:
    """What a session begins with."""
    return WaitStep(
        (
            "Sit as you usually do, about an arm's length away.",
            "Look at the dot each time until it moves on."
            if not plan.confirm
            else "Look at the dot and press the space bar or click.",
            "Move the mouse pointer into a corner.",
            "It begins by itself when your face is well in view.",
        )
    )


def move_of_head(position: int) -> WaitStep:
    """The pause in which the person moves to a further place of the head, -1 for the usual one."""
    pause = WaitStep((POSITIONS[position], TURN_AND_WAIT))
    pause.hold_s = 6.0
    return pause
