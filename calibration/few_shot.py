"""What a personal calibration with a few samples would do to a leave-one-person-out result.

For each person a few test samples are drawn, the personal correction of `gaze calibrate person` is fitted on
them, and the error is measured on that person's other samples; this is repeated over draws. The drawn samples
are single pictures spread over days, not nine points in one sitting, so this is the harder of the two.
"""

from __future__ import annotations

import numpy as np

from calibration.eye_frame import apply_offset, offset_between
from calibration.person import Correction, Prior, fit
from calibration.samples import Looks, features
from gaze.errors import CalibrationError
from gaze.geometry import FloatArray, angles_from_vector, angular_error_deg, vector_from_angles
from gaze.training.fold_errors import FewShot
from gaze.training.runs import Predictions

SHOTS = (1, 4, 9, 16)
DRAWS = 10
SEED = 0
MIN_REST = 4  # samples that must be left to measure on
# The predictions do not say how far away a face was; the corrections see all at the normalised distance.
DISTANCE_MM = 600.0


def few_shot_errors(
    predictions: Predictions, shots: tuple[int, ...] = SHOTS, draws: int = DRAWS
) -> list[FewShot]:
    """Mean error in degrees per person and over people after calibrations with each number of samples.

    A number of samples that some person has not enough pictures for is left out.
    """
    people = {
        str(name): predictions.where(predictions.person == name) for name in np.unique(predictions.person)
    }
    scatter = {name: _scatter_rad2(part) for name, part in people.items()}
    results = []
    for count in shots:
        if any(len(part) < count + MIN_REST for part in people.values()):
            continue
        per_person = {}
        for index, (name, part) in enumerate(people.items()):
            # How noisy one sample is comes from the other people: nothing is known of this one.
            others = [value for other, value in scatter.items() if other != name] or [scatter[name]]
            rng = np.random.default_rng([SEED, count, index])
            per_person[name] = _person_error_deg(part, count, draws, float(np.sqrt(np.mean(others))), rng)
        results.append(FewShot(count, float(np.mean(list(per_person.values()))), per_person))
    return results


def head_rotation(head_rad: FloatArray) -> FloatArray:
    """Head rotations (N, 3, 3) in the normalised frame from head (pitch, yaw) (N, 2); NaN: facing straight.

    The normalised view has no roll: its x axis lies in the plane of the head's (Zhang et al. 2018), so the
    head's x axis has no y part there.
    """
    pitch, yaw = np.nan_to_num(head_rad).T
    z = np.stack([np.cos(pitch) * np.sin(yaw), np.sin(pitch), np.cos(pitch) * np.cos(yaw)], axis=1)
    x = np.stack([np.cos(yaw), np.zeros_like(yaw), -np.sin(yaw)], axis=1)
    return np.stack([x, np.cross(z, x), z], axis=2)


def _scatter_rad2(part: Predictions) -> float:
    """Variance per axis of the error about the person's own mean error."""
    return float((part.predicted_rad - part.pitch_yaw_rad).var(axis=0).mean())


def _person_error_deg(
    part: Predictions, count: int, draws: int, noise_rad: float, rng: np.random.Generator
) -> float:
    R_norm_head = head_rotation(part.head_rad)
    estimated = vector_from_angles(part.predicted_rad)
    offsets = offset_between(estimated, vector_from_angles(part.pitch_yaw_rad), R_norm_head)
    rows = features(part.predicted_rad, R_norm_head, np.full(len(part), DISTANCE_MM))
    errors = []
    for _ in range(draws):
        chosen = rng.choice(len(part), count, replace=False)
        rest = np.setdiff1d(np.arange(len(part)), chosen)
        correction = _correction(rows[chosen], offsets[chosen], noise_rad)
        corrected = estimated[rest]
        if correction is not None:
            corrected = apply_offset(corrected, R_norm_head[rest], correction.offset_rad(rows[rest]))
        errors.append(angular_error_deg(part.pitch_yaw_rad[rest], angles_from_vector(corrected)).mean())
    return float(np.mean(errors))


def _correction(rows: FloatArray, offsets: FloatArray, noise_rad: float) -> Correction | None:
    n = len(rows)
    noise = np.full(n, noise_rad)
    if n == 1:
        # One sample cannot be held out, so nothing can be chosen: the plain offset.
        miss = float(np.linalg.norm(offsets))
        return Correction(
            prior=Prior("offset"),
            looks_features=rows,
            looks_offset_rad=offsets,
            looks_sd_rad=noise,
            residual_covariance_rad2=np.eye(2) * noise_rad**2,
            frame_sd_rad=noise_rad,
            held_out_rad=miss,
            uncorrected_rad=miss,
        )
    try:
        return fit(
            Looks(
                features=rows,
                offset_rad=offsets,
                spread_rad=noise,
                sd_rad=noise,
                frames=np.ones(n, np.int64),
                place=np.arange(n),
            )
        )
    except CalibrationError:  # all drawn samples look at one place: no correction
        return None
