"""What a face does at one moment: expression, lids, pupils."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from gaze.synthesis.expression import sample_expression
from gaze.synthesis.lids import LidState

# Share of pictures that are taken while the lids are still on their way after the eyes.
LATE_SHARE = 0.05
# Deviation of the vertical part of saccades, and how long after one such a picture may be taken.
SACCADE_DEG, SINCE_SACCADE_S = 14.0, 0.06


@dataclass(frozen=True, slots=True)
class Moment:
    """What the face does: blendshape weights beside the lids' own, lids, pupil radius in mm."""

    expression: dict[str, float] = field(default_factory=dict)
    lids: LidState = field(default_factory=LidState)
    pupil_radius_mm: float = 2.0


def sample_moment(rng: np.random.Generator, lux: float) -> Moment:
    """Expression, lids and pupils, between blinks: half-closed eyes mostly look down."""
    expression, squint = sample_expression(rng)
    closing = rng.uniform(0.15, 0.6) if rng.random() < 0.02 else max(0.0, rng.normal(0.0, 0.04))
    uneven = rng.normal(0.0, 0.02)
    bright = np.clip(np.log10(max(lux, 1.0)) / 4.0, 0.0, 1.0)
    if bright > 0.85 and rng.random() < 0.5:
        squint += rng.uniform(0.1, 0.5)
    pupil = np.clip(rng.normal(2.6 - 1.3 * bright, 0.45), 0.95, 3.6)
    lids = LidState(
        blink=(float(np.clip(closing + uneven, 0, 1)), float(np.clip(closing - uneven, 0, 1))),
        widen_mm=float(
            max(-0.6, rng.normal(0.0, 0.4)) + (rng.uniform(0.5, 2.0) if rng.random() < 0.07 else 0.0)
        ),
        squint=float(min(1.0, squint)),
    )
    return Moment(expression, lids, float(pupil))


def blinking(rng: np.random.Generator, moment: Moment, share: float) -> Moment:
    """The moment, in a ``share`` of all cases within a blink: at any stage, an eighth fully closed."""
    if rng.random() >= share:
        return moment
    closing = min(1.0, float(rng.uniform(0.1, 1.13)))
    return replace(moment, lids=replace(moment.lids, blink=(closing, closing)))


def with_late_lids(rng: np.random.Generator, moment: Moment, lag_s: float) -> Moment:
    """The moment, in LATE_SHARE of all cases just after a vertical saccade, with lids of a ``lag_s``."""
    if rng.random() >= LATE_SHARE:
        return moment
    saccade_rad = np.deg2rad(rng.normal(0.0, SACCADE_DEG))
    left = np.exp(-rng.uniform(0.0, SINCE_SACCADE_S) / lag_s)
    return replace(moment, lids=replace(moment.lids, behind_rad=float(saccade_rad * left)))
