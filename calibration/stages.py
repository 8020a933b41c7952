"""Which stages of a session are worth their place in the fit: those that do not harm at the fixed targets."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from calibration.part import STAGES, Kind, is_place_of
from calibration.person import fit, looks_at_place, place_weights, score
from calibration.samples import Looks, Samples, condense
from calibration.screen import Screen
from gaze.geometry import FloatArray

# A stage teaches what fixed targets do not show, such as a turned head, so the error at them may grow; by so
# much it did with one of twenty simulated people who did as they were asked.
HARM = 1.4


@dataclass(frozen=True, slots=True)
class Choice:
    """``samples`` for the fit; ``left_out``: each stage that is not among them, with the errors in words."""

    samples: Samples
    left_out: Mapping[Kind, str]


def choose_stages(samples: Samples, screen: Screen, kind: str = "auto") -> Choice:
    """Leave out the stages with which held-out fixed targets are missed by more than HARM times as much.

    Each is judged alone; of several that do harm together the best is kept. With fewer than two fixed targets
    nothing can be judged and all is kept.

    Raises:
        CalibrationError: as calibration.person.fit.
    """
    stage = {name: is_place_of(name, samples.place) for name in STAGES}
    there = [name for name in STAGES if stage[name].any()]
    fixed = ~np.any([stage[name] for name in STAGES], axis=0)
    if not there or len(np.unique(samples.place[fixed])) < 2:
        return Choice(samples, {})
    weights = place_weights(condense(samples.take(fixed), screen))

    def missed(names: tuple[Kind, ...]) -> float:
        rows = samples.take(np.any([fixed, *(stage[name] for name in names)], axis=0))
        return _missed_rad(condense(rows, screen), weights, kind)

    without = missed(())
    alone = {name: missed((name,)) for name in there}
    kept = [name for name in there if alone[name] <= HARM * without]
    if len(kept) > 1 and missed(tuple(kept)) > HARM * without:
        kept = [min(kept, key=alone.__getitem__)]
    left_out = {
        name: f"{name.value}: left out; with it held-out targets are missed by "
        f"{np.rad2deg(alone[name]):.2f} deg, without it by {np.rad2deg(without):.2f} deg"
        for name in there
        if name not in kept
    }
    return Choice(samples.take(np.any([fixed, *(stage[name] for name in kept)], axis=0)), left_out)


def _missed_rad(looks: Looks, weights: FloatArray, kind: str) -> float:
    """RMS error at the fixed targets, each held out of the fit; ``weights`` of the looks at them."""
    correction = fit(looks, kind)
    residual = looks.offset_rad
    if correction.kind != "none":
        residual = score(correction.prior, looks, place_weights(looks)).residual_rad
    fixed = ~np.any([is_place_of(name, looks.place) for name in STAGES], axis=0)
    shares = weights / looks_at_place(looks)[fixed]
    return float(np.sqrt((shares * (residual[fixed] ** 2).sum(axis=1)).sum() / shares.sum()))
