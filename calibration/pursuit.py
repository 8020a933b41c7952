"""How late the gaze follows a moving target: the eye's lag plus that of camera and display."""

from __future__ import annotations

import numpy as np

from calibration.samples import condense
from calibration.screen import Screen
from calibration.steps import MovingStep

LAGS_S = np.arange(-0.05, 0.451, 0.01)


def best_lag_s(step: MovingStep, screen: Screen) -> float:
    """The delay in seconds at which an affine correction explains the followed path best.

    0 where fewer than ten chunks of the path were seen.
    """
    best = (np.inf, 0.0)
    for lag in LAGS_S:
        samples = step.samples(float(lag))
        if len(samples) == 0:
            continue
        looks = condense(samples, screen)
        if len(looks) < 10:
            return 0.0
        basis = np.concatenate([np.ones((len(looks), 1)), looks.features[:, :2]], axis=1)
        solution, *_ = np.linalg.lstsq(basis, looks.offset_rad, rcond=None)
        error = float(np.median(np.linalg.norm(looks.offset_rad - basis @ solution, axis=1)))
        best = min(best, (error, float(lag)))
    return best[1]
