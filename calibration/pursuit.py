"""Whether the gaze follows a moving target, and how late: the eye's lag plus that of camera and display."""

from __future__ import annotations

import numpy as np

from calibration.samples import condense
from calibration.screen import Screen
from calibration.steps import MovingStep

# Correlation of gaze and target along the path, below which the target was not followed.
FOLLOWED = 0.5
# Delays that are searched, in steps of COARSE_S, then in steps of FINE_S about the best of those.
FIRST_LAG_S, LAST_LAG_S, COARSE_S, FINE_S = -0.05, 0.45, 0.05, 0.01


def best_lag_s(step: MovingStep, screen: Screen) -> float:
    """The delay in seconds at which an affine correction explains the followed path best.

    0 where fewer than ten chunks of the path were seen.
    """
    coarse = np.arange(FIRST_LAG_S, LAST_LAG_S + 1e-9, COARSE_S)
    middle = min((_misfit_rad(step, screen, lag), lag) for lag in coarse.tolist())
    if not np.isfinite(middle[0]):
        return 0.0
    fine = middle[1] + np.arange(-COARSE_S, COARSE_S + 1e-9, FINE_S)
    return min((_misfit_rad(step, screen, lag), lag) for lag in fine.tolist())[1]


def correlations(step: MovingStep, screen: Screen, lag_s: float) -> tuple[float, float]:
    """Correlation, -1 to 1, of the estimated with the true pitch and with the true yaw along the path.

    0 where one of them does not change, or there are fewer than three chunks.
    """
    samples = step.samples(lag_s)
    if len(np.unique(samples.look)) < 3:
        return 0.0, 0.0
    looks = condense(samples, screen)
    gaze = looks.features[:, :2]
    pairs = zip(gaze.T, (gaze + looks.offset_rad).T, strict=True)
    pitch, yaw = (float(np.corrcoef(*pair)[0, 1]) if min(map(np.ptp, pair)) > 1e-9 else 0.0 for pair in pairs)
    return pitch, yaw


def _misfit_rad(step: MovingStep, screen: Screen, lag_s: float) -> float:
    """Median distance of the chunks from an affine correction at a delay; infinite with fewer than ten."""
    samples = step.samples(lag_s)
    if len(samples) == 0:
        return np.inf
    looks = condense(samples, screen)
    if len(looks) < 10:
        return np.inf
    basis = np.concatenate([np.ones((len(looks), 1)), looks.features[:, :2]], axis=1)
    solution, *_ = np.linalg.lstsq(basis, looks.offset_rad, rcond=None)
    return float(np.median(np.linalg.norm(looks.offset_rad - basis @ solution, axis=1)))
