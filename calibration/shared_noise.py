"""What parameters are worth when the errors of one picture hang together.

Corners are seen with an error of their own, and with one that neighbours share: a bent board or mirror, a
picture taken in motion, a lens model that does not quite fit. The fewer pictures there are, the more the
second kind counts, and the more it hides, because each picture's own parameters take most of it up. Both
sizes are therefore integrated over (Gaussian process regression with flat priors on the parameters:
Rasmussen and Williams, Gaussian Processes for Machine Learning, 2.7), along with errors that are common to
all pictures, as those of the camera's intrinsics are.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from gaze.errors import CalibrationError
from gaze.geometry import FloatArray

# Deviation of the shared error per axis, in parts of the usual one, and of the own one in parts of the
# residuals' median: the values that are integrated over.
SHARED = np.array([0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.5, 7.0, 11.0])
OWN = np.geomspace(0.2, 1.5, 20)
# Half of all set-ups have a shared error below this, in px of a picture 1280 wide.
USUAL_SHARED_PX = 0.2
# Points nearer than this part of the picture's width share most of it.
REACH = 1 / 6
SMALLEST_PX = 0.01


@dataclass(frozen=True, slots=True)
class Posterior:
    """``step`` (p,) from the present parameters to the best ones; ``common`` (q,) the errors common to all
    pictures, in deviations; ``covariance`` (p, p) of the parameters; the deviations per axis of a point's own
    error and of the shared one, px."""

    step: FloatArray
    common: FloatArray
    covariance: FloatArray
    own_px: float
    shared_px: float


def posterior(
    residuals: FloatArray,
    jacobian: FloatArray,
    common: FloatArray,
    places_px: list[FloatArray],
    width_px: int,
) -> Posterior:
    """Parameters of a linearised fit with shared errors.

    Args:
        residuals: (2N,) px at the present parameters, x and y of each point, picture by picture.
        jacobian: (2N, p) of the residuals.
        common: (2N, q) change of the residuals by one deviation of each error common to all pictures.
        places_px: for each picture where its points (n, 2) are seen; N in all.
        width_px: of the pictures.

    Raises:
        CalibrationError: nothing determines the parameters.
    """
    # In the kernel's eigenvectors all errors are independent, whatever the two sizes are.
    columns = np.concatenate([residuals[:, None], jacobian, common], axis=1)
    blocks, reach = [], []
    start = 0
    for places in places_px:
        block = columns[start : start + places.size].reshape(len(places), 2, -1)
        start += places.size
        square = ((places[:, None] - places[None]) ** 2).sum(axis=2)
        values, vectors = np.linalg.eigh(np.exp(-0.5 * square / (REACH * width_px) ** 2))
        blocks.append(np.einsum("ji,jkc->ikc", vectors, block).reshape(places.size, -1))
        reach.append(np.repeat(np.maximum(values, 0.0), 2))
    rotated, eigenvalues = np.concatenate(blocks), np.concatenate(reach)
    y, X = rotated[:, 0], rotated[:, 1:]
    # Columns in units of their length: radians and millimetres stand side by side.
    length = np.linalg.norm(X, axis=0)
    length[length == 0.0] = 1.0
    X = X / length
    p = jacobian.shape[1]
    if np.linalg.cond(X[:, :p]) > 1e7:
        raise CalibrationError(
            "the measurements do not determine the result (a singular fit); add views that differ more"
        )
    prior = np.where(np.arange(X.shape[1]) < p, 0.0, 1.0 / length**2)
    own = OWN * max(float(np.median(np.abs(residuals))) / 0.6745, SMALLEST_PX)
    usual = USUAL_SHARED_PX * width_px / 1280.0
    own_px, shared_px = np.tile(own, len(SHARED)), np.repeat(SHARED * usual, len(OWN))
    # All pairs of sizes at once: (pairs, ...) in front.
    weight = 1.0 / (own_px[:, None] ** 2 + shared_px[:, None] ** 2 * eigenvalues)
    products = (X[:, :, None] * X[:, None, :]).reshape(len(X), -1)
    A = (weight @ products).reshape(-1, len(prior), len(prior)) + np.diag(prior)
    b = weight @ (X * y[:, None])
    inverse = np.linalg.inv(A)
    estimate = np.einsum("gij,gj->gi", inverse, b)
    density = 0.5 * (
        np.log(weight).sum(axis=1)
        - np.linalg.slogdet(A)[1]
        - weight @ (y * y)
        + np.einsum("gi,gi->g", b, estimate)
    )
    # Cauchy's density for the shared size; each value stands for an interval, even in the log of ``own``.
    density += np.repeat(np.log(np.gradient(SHARED) / (1.0 + SHARED**2)), len(OWN))
    part = np.exp(density - density.max())
    part /= part.sum()
    best = part @ estimate
    apart = (estimate - best)[:, :p]
    within = np.einsum("g,gij->ij", part, inverse[:, :p, :p])
    between = np.einsum("g,gi,gj->ij", part, apart, apart)
    return Posterior(
        -best[:p] / length[:p],
        -best[p:] / length[p:],
        (within + between) / np.outer(length[:p], length[:p]),
        float(part @ own_px),
        float(part @ shared_px),
    )
