"""A predictor that sees every face as it is and mirrored, and gives the mean: slower, more accurate."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from gaze.geometry import mirror_angles
from gaze.types import Prediction

if TYPE_CHECKING:
    from gaze.estimator import Predictor


def mirrored_if(predictor: Predictor, average_mirror: bool | None) -> Predictor:
    """The predictor, wrapped where the mean is wanted; None: where its model's sidecar says so."""
    wanted = predictor.spec.average_mirror if average_mirror is None else average_mirror
    return MirroredPredictor(predictor) if wanted else predictor


class MirroredPredictor:
    """Wraps a predictor; both views of all faces go through it in one call.

    In a mirrored picture gaze yaw has the other sign (gaze.geometry.mirror_angles), so the two readings can
    be averaged. Deviations are averaged too: the readings' errors are far from independent.
    """

    def __init__(self, predictor: Predictor) -> None:
        self.predictor = predictor
        self.spec = predictor.spec
        self.name = f"{predictor.name}:mirrored"
        self.precision = predictor.precision
        self.threads_used = predictor.threads_used
        self.description = f"{predictor.description}; mean with the mirrored face"

    def predict(self, faces: NDArray[np.uint8]) -> Prediction:
        """Normalised faces (N, S, S, 3) uint8 BGR -> angles (N, 2) in radians; errors as of the predictor."""
        count = len(faces)
        both = self.predictor.predict(np.concatenate([faces, faces[:, :, ::-1]]))
        angles = both.pitch_yaw_rad
        mean = 0.5 * (angles[:count] + mirror_angles(angles[count:]))
        sigma, weights = both.sigma_rad, both.weight_map
        return Prediction(
            mean.astype(np.float32),
            None if sigma is None else 0.5 * (sigma[:count] + sigma[count:]),
            None if weights is None else 0.5 * (weights[:count] + weights[count:, :, ::-1]),
        )

    def close(self) -> None:
        """Close the predictor within."""
        self.predictor.close()
