"""From the samples of a calibration to a profile, its figures and its picture."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from calibration.accuracy import Accuracy, measure
from calibration.part import Kind, is_place_of
from calibration.person import Correction, fit
from calibration.pictures import accuracy_picture, save_picture
from calibration.profile import Profile
from calibration.samples import Samples, condense
from calibration.screen import Screen
from calibration.screen_pose import ScreenEstimate, estimate_screen_pose
from calibration.stages import choose_stages
from deploy.calibrate.feed import Setup

MEND = (
    "Calibrate again with light on the face, and look at each dot until it moves on; check the screen's size "
    "and place (`gaze calibrate screen`); leave the choice to --kind auto, and give it 9 --points or more"
)


@dataclass(frozen=True, slots=True)
class Fitted:
    """A correction on a screen, and what it does on targets that it has not seen: ``validated`` says if there
    were any; otherwise accuracies are those of the calibration's own targets. ``left_out``: a line on each
    stage that did harm."""

    correction: Correction
    screen: Screen
    before: Accuracy
    after: Accuracy
    validated: bool
    screen_estimate: ScreenEstimate | None
    left_out: tuple[str, ...] = ()

    def text(self) -> str:
        """Everything that a person wants to know, and nothing that sounds better than it is."""
        correction = self.correction
        lines = []
        lines += self.left_out
        if self.screen_estimate is not None:
            lines.append(self.screen_estimate.text())
        lines.append(
            f"correction: {correction.kind}; held-out targets are missed by "
            f"{np.rad2deg(correction.held_out_rad):.2f} deg, without correction by "
            f"{np.rad2deg(correction.uncorrected_rad):.2f} deg"
        )
        what = (
            "targets that were not used" if self.validated else "the targets that were used (no validation)"
        )
        lines.append(self.after.text(f"on {what}:"))
        lines.append(
            f"before calibration: {self.before.accuracy_deg:.2f} deg, {self.before.accuracy_cm:.1f} cm, "
            f"{self.before.accuracy_px:.0f} px"
        )
        lines += [f"doubtful: {doubt}" for doubt in self.doubts()]
        return "\n".join(lines)

    def doubts(self) -> list[str]:
        """Why the profile may be no better than none, and what to do; empty where it is."""
        correction, found = self.correction, []
        if correction.kind == "none":
            found.append("no correction did better than none on held-out targets, so none is used")
        elif correction.held_out_rad >= correction.uncorrected_rad:
            found.append(
                f"held-out targets are missed by more with the correction {correction.kind} than without"
            )
        if self.validated and correction.kind != "none":
            after, before = self.after.accuracy_deg, self.before.accuracy_deg
            if after >= before:
                found.append(
                    f"targets that were not used are missed by {after:.2f} deg with the correction, by "
                    f"{before:.2f} deg without"
                )
        return [f"{doubt}. {MEND}" for doubt in found]


def fit_person(
    samples: Samples, validation: Samples, screen: Screen, kind: str, estimate_screen: bool
) -> Fitted:
    """Fit a correction and measure it.

    Raises:
        CalibrationError: the samples are too few or all of one target, or the fit is singular.
    """
    choice = choose_stages(samples, screen, kind)
    samples, estimate = choice.samples, None
    if estimate_screen:
        estimate = estimate_screen_pose(samples, screen)
        screen = estimate.screen
    correction = fit(condense(samples, screen), kind)
    validated = len(validation) > 0
    shown = validation if validated else samples.take(is_place_of(Kind.TARGET, samples.place))
    if len(shown) == 0:
        shown = samples
    return Fitted(
        correction=correction,
        screen=screen,
        before=measure(shown, correction.switched_off(), screen),
        after=measure(shown, correction, screen),
        validated=validated,
        screen_estimate=estimate,
        left_out=tuple(choice.left_out.values()),
    )


def save_result(
    fitted: Fitted,
    setup: Setup,
    person: str,
    created: str,
    other_screens: tuple[Screen, ...],
    out: Path,
    picture: Path | None,
) -> Profile:
    """Write the profile and, if asked for, the picture of targets and hits."""
    profile = Profile(
        person=person,
        created=created,
        camera=setup.camera,
        screens=(fitted.screen, *other_screens),
        model_name=setup.model_name,
        model_sha256=setup.model_sha256,
        correction=fitted.correction,
        camera_device=setup.camera_device,
        accuracy={
            "validated": fitted.validated,
            "before": fitted.before.to_json(),
            "after": fitted.after.to_json(),
        },
    )
    profile.save(out)
    if picture is not None:
        size = (fitted.screen.width_px, fitted.screen.height_px)
        save_picture(accuracy_picture(fitted.after, size, fitted.before), picture)
    return profile
