"""What a session shows: the parts of its plan in their order, and the step of each."""

from __future__ import annotations

import numpy as np

from calibration.look import LookSettings
from calibration.part import FIRST_LOOK, STAGES, USUAL_POSITION, Kind, Part
from calibration.plan import Plan
from calibration.steps import LookStep, MovingStep, SizePx, WaitStep, head_step, pursuit_step
from calibration.targets import check_layout, check_on_screen, layout, shuffled, to_px, validation_layout

# By position; the last one, USUAL_POSITION, leads back to where the validation is done.
POSITIONS = (
    "Move about 15 cm to your left.",
    "Now about 15 cm to the right of where you sat at first.",
    "Back to the middle, and about 15 cm nearer.",
    "Now about 20 cm further back than at first.",
    "Sit as you usually do.",
)
TURN_AND_WAIT = ("Turn to the screen. It goes on in a few seconds,", "or when you press the space bar.")


class Course:
    """The parts of a plan on a screen of ``size_px``.

    Raises:
        UsageError: there is no layout of so many targets.
        CalibrationError: a target of the plan stands beside the screen.
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

    def parts(self) -> list[Part]:
        """Targets, stages, the further places of the head with their rounds, and the validation."""
        parts = [Part(Kind.TARGET, number) for number in range(len(self.targets_px))]
        parts += [Part(Kind.PURSUIT)] * (self.plan.pursuit_s > 0) + [Part(Kind.HEAD)] * (self.plan.head_s > 0)
        for position in range(self.plan.positions):
            parts += [Part(Kind.POSITION, position)]
            parts += [Part.of_round(position, number) for number in range(len(self.round_px))]
        if self.plan.positions and self.plan.validation:
            parts += [Part(Kind.POSITION, USUAL_POSITION)]
        return parts + [Part(Kind.VALIDATION, number) for number in range(len(self.validation_px))]

    def place_of(self, part: Part) -> int:
        """The number of a part's place; of a target that of the first one which stands there."""
        if part.kind is not Kind.TARGET:
            return part.place
        same = np.all(self.targets_px == self.targets_px[part.number], axis=1)
        return Part(Kind.TARGET, int(np.flatnonzero(same)[0])).place

    def step(self, part: Part, look: int, settings: LookSettings) -> LookStep | MovingStep:
        """The step of a part other than a move of the head; ``look`` numbers it."""
        place = self.place_of(part)
        if part.kind in STAGES:
            first = FIRST_LOOK[part.kind]
            if part.kind is Kind.PURSUIT:
                return pursuit_step(self.plan.pursuit_s, place, first, self.size_px)
            return head_step(self.plan.head_s, place, first, self.size_px)
        if part.kind is Kind.ROUND:
            target = self.round_px[part.round_target]
        else:
            target = (self.targets_px if part.kind is Kind.TARGET else self.validation_px)[part.number]
        return LookStep(tuple(target), place, look, settings)


def first_pause(plan: Plan, read_s: float) -> WaitStep:
    """What a session begins with; it stands for ``read_s`` at least, or until a key is pressed."""
    return WaitStep(
        (
            "Sit as you usually do, about an arm's length away.",
            "Look at the dot each time until it moves on."
            if not plan.confirm
            else "Look at the dot and press the space bar or click.",
            "Move the mouse pointer into a corner.",
            "It begins by itself when your face is well in view.",
            "The space bar begins it at once.",
        ),
        hold_s=read_s,
    )


def move_of_head(position: int) -> WaitStep:
    """The pause in which the person moves to a further place of the head, or to USUAL_POSITION."""
    return WaitStep((POSITIONS[position], *TURN_AND_WAIT), hold_s=6.0)
