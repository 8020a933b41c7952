"""One rendered person through the real pipeline: calibrated on some targets, measured on others."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from calibration.accuracy import measure
from calibration.error_file import GazeErrors
from calibration.observation import observe, samples_of
from calibration.person import fit
from calibration.rendered_person import Sitter
from calibration.samples import Samples, condense
from calibration.screen import Screen
from calibration.screen_presets import PRESETS, placed_screen
from calibration.targets import layout, to_px, validation_layout
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray
from gaze.types import Estimate, Frame

SCREEN = placed_screen(PRESETS["laptop"], (1920, 1080), (344.0, 194.0), "virtual screen")
SECONDS_BETWEEN_TARGETS, FRAMES_PER_S = 2.0, 30.0
MOST_FRAMES = int(SECONDS_BETWEEN_TARGETS * FRAMES_PER_S)
# Numbers of the targets that only measure.
FIRST_MEASURED = 100
PLACES_MIN = 3

EstimateFrame = Callable[[Frame], Sequence[Estimate]]


@dataclass(frozen=True, slots=True)
class Trial:
    """One person: error in degrees of looks and of single frames at targets that were not used; the
    correction that was chosen; the network's errors on the ``frames`` pictures that it could read."""

    seed: int
    before_deg: float
    after_deg: float
    before_frame_deg: float
    after_frame_deg: float
    kind: str
    frames: int
    errors: GazeErrors


def run_trial(
    sitter: Sitter, estimate: EstimateFrame, seed: int, points: int, frames: int, kind: str, start_s: float
) -> Trial:
    """Calibrate on a layout of ``points``, measure on other targets, with ``frames`` pictures at each.

    ``estimate`` gives the estimates of a frame, gated as those of a camera are.

    Raises:
        CalibrationError: too little was seen at the targets.
    """
    size = (SCREEN.width_px, SCREEN.height_px)
    fit_px, rest_px = to_px(layout(points), size), to_px(validation_layout(), size)
    samples, centres = look_at_targets(sitter, estimate, SCREEN, fit_px, frames, start_s, 0)
    later_s = start_s + SECONDS_BETWEEN_TARGETS * (points + 1)
    rest, more = look_at_targets(sitter, estimate, SCREEN, rest_px, frames, later_s, FIRST_MEASURED)
    if len(np.unique(rest.place)) < PLACES_MIN:
        raise CalibrationError(
            "the face was not found, or its gaze not sure, at enough targets "
            f"({len(np.unique(rest.place))}, wanted are {PLACES_MIN}); take other people or let more through "
            "(--max-sigma)"
        )
    correction = fit(condense(samples, SCREEN), kind)
    before, after = (measure(rest, item, SCREEN) for item in (correction.switched_off(), correction))
    errors = GazeErrors.of(Samples.join([samples, rest]), np.concatenate([centres, more]), SCREEN, seed)
    return Trial(
        seed=seed,
        before_deg=before.accuracy_deg,
        after_deg=after.accuracy_deg,
        before_frame_deg=before.frame_error_deg,
        after_frame_deg=after.frame_error_deg,
        kind=correction.kind,
        frames=len(errors),
        errors=errors,
    )


def look_at_targets(
    sitter: Sitter,
    estimate: EstimateFrame,
    screen: Screen,
    targets_px: FloatArray,
    frames: int,
    start_s: float,
    first_place: int,
) -> tuple[Samples, FloatArray]:
    """Samples of looks at targets (N, 2), and the true face centres (M, 3) of those samples."""
    parts, centres = [], []
    for number, target in enumerate(targets_px):
        point = screen.to_camera(screen.px_to_mm(target))
        kept = []
        for i in range(frames):
            t_s = start_s + number * SECONDS_BETWEEN_TARGETS + i / FRAMES_PER_S
            frame, centre = sitter.frame(point, first_place + number * frames + i, t_s)
            seen = observe(estimate(frame), t_s)
            if seen.problem is None:
                kept.append(seen)
                centres.append(centre)
        place = first_place + number
        parts.append(samples_of(kept, [tuple(target)] * len(kept), place, place))
    return Samples.join(parts), np.array(centres).reshape(-1, 3)
