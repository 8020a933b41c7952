"""Robust nonlinear least squares for a few dozen parameters, with their covariance."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from gaze.errors import CalibrationError
from gaze.geometry import FloatArray

MOST_STEPS = 60

Residuals = Callable[[FloatArray], FloatArray]


@dataclass(frozen=True, slots=True)
class Fit:
    """``x`` (n,) the parameters, ``covariance`` (n, n), ``weights`` (m,) of the residuals in 0..1."""

    x: FloatArray
    covariance: FloatArray
    weights: FloatArray


def solve(
    residuals: Residuals,
    start: ArrayLike,
    steps: ArrayLike,
    robust: float | None = None,
    group: int = 1,
    fixed: int = 0,
) -> Fit:
    """Minimise the sum of squares by Levenberg and Marquardt with numerical derivatives.

    Args:
        residuals: parameters (n,) -> residuals (m,), each in units of its deviation.
        steps: (n,) step of the numerical derivative for each parameter.
        robust: residuals beyond this count less, by Cauchy's loss (iteratively reweighted); None: fully.
        group: so many successive residuals share one weight (the two angles of one look).
        fixed: the last so many residuals are priors and keep their full weight.

    Raises:
        CalibrationError: the residuals are not finite at the start, or nothing determines the parameters.
    """
    x = np.array(start, dtype=np.float64)
    steps = np.array(steps, dtype=np.float64)
    r = residuals(x)
    if not np.all(np.isfinite(r)):
        raise CalibrationError("the geometry is impossible: a residual of the fit is not finite at its start")
    damping = 1e-3
    weights = _weights(r, robust, group, fixed)
    for _ in range(MOST_STEPS):
        J = jacobian(residuals, x, steps)
        A, b = J.T @ (weights[:, None] * J), J.T @ (weights * r)
        cost = float(weights @ (r * r))
        moved = False
        for _ in range(8):
            try:
                step = np.linalg.solve(A + damping * np.diag(np.maximum(np.diag(A), 1e-12)), -b)
            except np.linalg.LinAlgError:
                damping *= 10
                continue
            r_new = residuals(x + step)
            if np.all(np.isfinite(r_new)) and float(weights @ (r_new * r_new)) <= cost:
                moved = True
                break
            damping *= 6
        if not moved:
            break
        x, r = x + step, r_new
        damping = max(damping / 6, 1e-9)
        weights = _weights(r, robust, group, fixed)
        if np.all(np.abs(step) < 1e-4 * steps):
            break
    J = jacobian(residuals, x, steps)
    information = J.T @ (weights[:, None] * J)
    # Scaled by the steps, so that the condition does not depend on units.
    scaled = information * np.outer(steps, steps)
    if not np.all(np.isfinite(scaled)) or np.linalg.cond(scaled) > 1e14:
        raise CalibrationError(
            "the measurements do not determine the result (a singular fit); add targets that lie further "
            "apart, or more poses"
        )
    return Fit(x, np.linalg.inv(information), weights)


def _weights(r: FloatArray, robust: float | None, group: int, fixed: int) -> FloatArray:
    weights = np.ones_like(r)
    if robust is None:
        return weights
    count = len(r) - fixed
    square = (r[:count] ** 2).reshape(-1, group).mean(axis=1)
    weights[:count] = np.repeat(1.0 / (1.0 + square / robust**2), group)
    return weights


def jacobian(residuals: Residuals, x: FloatArray, steps: FloatArray) -> FloatArray:
    """Derivatives (m, n) of residuals (m,) by parameters (n,), from central differences of these steps."""
    columns = []
    for i, step in enumerate(steps):
        e = np.zeros_like(x)
        e[i] = step
        columns.append((residuals(x + e) - residuals(x - e)) / (2.0 * step))
    return np.stack(columns, axis=1)
