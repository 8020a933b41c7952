"""The personal correction: from what the network says of this person to where they look.

Every model is a prior over smooth functions of the features (samples.features) that give the offset in the
eye's frame; the looks of a calibration turn it into a posterior. "offset" is two numbers, "affine" six,
"ridge" adds head pose, distance and curvature, "gp" adds a Gaussian process over the gaze angles. With a
Gaussian prior all of them are kernel regression, so prediction, its uncertainty and the error on held-out
places have one closed form (Rasmussen and Williams, Gaussian Processes for Machine Learning, 2.2, 5.4.2).
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import ArrayLike

from calibration.robust import deviation_per_axis
from calibration.samples import Looks
from gaze.errors import CalibrationError
from gaze.geometry import DEG, FloatArray

FEATURE_COUNT = 5


@dataclass(frozen=True, slots=True)
class Prior:
    """A model before it has seen the person; deviations of its coefficients.

    ``offset_rad`` of the constant, ``gain`` of the slopes on gaze pitch and yaw, ``head`` of the slopes on
    head pitch and yaw, ``distance_rad`` per ln(distance), ``curve_per_rad`` of the products of the angles;
    ``wave_rad`` and ``wave_length_rad`` amplitude and length of the Gaussian process; ``floor_rad``: how
    far one look may miss the model although its frames agree.
    """

    kind: str
    offset_rad: float = 10 * DEG
    gain: float = 0.0
    head: float = 0.0
    distance_rad: float = 0.0
    curve_per_rad: float = 0.0
    wave_rad: float = 0.0
    wave_length_rad: float = 10 * DEG
    floor_rad: float = 0.3 * DEG

    def basis(self, features: FloatArray) -> FloatArray:
        """Columns (N, 9), each already times the deviation of its coefficient."""
        pitch, yaw, head_pitch, head_yaw, nearness = np.moveaxis(features, -1, 0)
        g, h, q = self.gain, self.head, self.curve_per_rad
        columns = (
            np.full_like(pitch, self.offset_rad),
            *(g * pitch, g * yaw),
            *(h * head_pitch, h * head_yaw, self.distance_rad * nearness),
            *(q * pitch * pitch, q * pitch * yaw, q * yaw * yaw),
        )
        return np.stack(columns, axis=-1)

    def covariance(self, first: FloatArray, second: FloatArray) -> FloatArray:
        """Prior covariance (N, M), rad^2, between features (N, 5) and (M, 5)."""
        result = self.basis(first) @ self.basis(second).T
        if self.wave_rad > 0:
            gap = (first[:, None, :2] - second[None, :, :2]) / self.wave_length_rad
            result += self.wave_rad**2 * np.exp(-0.5 * (gap**2).sum(axis=-1))
        return result


def _candidates() -> tuple[Prior, ...]:
    floors = (0.15 * DEG, 0.8 * DEG)
    result = [Prior("offset", floor_rad=0.3 * DEG)]
    for floor in floors:
        result += [Prior("affine", gain=gain, floor_rad=floor) for gain in (0.08, 0.25)]
        result += [
            Prior(
                "ridge",
                gain=0.15 * scale,
                head=0.1 * scale,
                distance_rad=3 * DEG * scale,
                curve_per_rad=0.3 * scale,
                floor_rad=floor,
            )
            for scale in (0.5, 1.5)
        ]
        result += [
            Prior("gp", gain=0.1, wave_rad=wave * DEG, wave_length_rad=length * DEG, floor_rad=floor)
            for wave in (0.7, 2.0)
            for length in (8.0, 16.0)
        ]
    return tuple(result)


CANDIDATES = _candidates()
KINDS = ("none", "offset", "affine", "ridge", "gp")
# A model must beat a simpler one on held-out places by this part of the error per effective parameter.
PENALTY_PER_PARAMETER = 0.03
# A look that misses a constant offset by more than this many robust deviations, and more than the floor,
# was probably not on its target.
STRAY_DEVIATIONS = 4.0
STRAY_FLOOR_RAD = 3.0 * DEG


@dataclass(frozen=True, slots=True)
class Correction:
    """A fitted model.

    ``looks_features`` (P, 5), ``looks_offset_rad`` (P, 2), ``looks_sd_rad`` (P,): what it was fitted on;
    ``residual_covariance_rad2`` (2, 2): covariance of held-out looks about the model; ``frame_sd_rad``:
    deviation of one frame about its look, per axis; ``drift_rad`` (2,): an offset added by a later check.
    With the kind "none" nothing is corrected.
    """

    prior: Prior
    looks_features: FloatArray
    looks_offset_rad: FloatArray
    looks_sd_rad: FloatArray
    residual_covariance_rad2: FloatArray
    frame_sd_rad: float
    held_out_rad: float
    uncorrected_rad: float
    drift_rad: tuple[float, float] = (0.0, 0.0)
    _inverse: FloatArray = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        K = self.prior.covariance(self.looks_features, self.looks_features)
        noise = self.looks_sd_rad**2 + self.prior.floor_rad**2
        object.__setattr__(self, "_inverse", np.linalg.inv(K + np.diag(noise)))

    def switched_off(self) -> Correction:
        """The same calibration with nothing corrected."""
        return replace(self, prior=Prior("none"), drift_rad=(0.0, 0.0))

    @property
    def kind(self) -> str:
        """none, offset, affine, ridge or gp."""
        return self.prior.kind

    def offset_rad(self, features: ArrayLike) -> FloatArray:
        """Offsets (N, 2) in the eye's frame for features (N, 5)."""
        features = np.atleast_2d(np.asarray(features, dtype=np.float64))
        if self.kind == "none":
            return np.zeros((len(features), 2)) + self.drift_rad
        weights = self.prior.covariance(features, self.looks_features) @ self._inverse
        return weights @ self.looks_offset_rad + self.drift_rad

    def model_variance_rad2(self, features: ArrayLike) -> FloatArray:
        """Variance (N,) per axis of the model itself, which grows away from the calibrated looks."""
        features = np.atleast_2d(np.asarray(features, dtype=np.float64))
        if self.kind == "none":
            return np.zeros(len(features))
        cross = self.prior.covariance(features, self.looks_features)
        own = (self.prior.basis(features) ** 2).sum(axis=1) + self.prior.wave_rad**2
        return np.maximum(own - np.einsum("ij,jk,ik->i", cross, self._inverse, cross), 0.0)

    def covariance_rad2(self, features: ArrayLike) -> FloatArray:
        """Covariance (N, 2, 2) of one frame's line of sight: frame noise, misfit of looks, and the model."""
        model = self.model_variance_rad2(features)
        common = self.residual_covariance_rad2 + self.frame_sd_rad**2 * np.eye(2)
        return common + model[:, None, None] * np.eye(2)


@dataclass(frozen=True, slots=True)
class Score:
    """How one candidate did: ``held_out_rad`` RMS angle on held-out places, ``parameters`` effective number,
    ``score_rad`` the error with the penalty, ``residual_rad`` (P, 2) of the held-out looks."""

    prior: Prior
    held_out_rad: float
    parameters: float
    score_rad: float
    residual_rad: FloatArray


def place_weights(looks: Looks) -> FloatArray:
    """Weights (P,), 1 or less: small for looks that cannot have been on their target.

    Their distance from the median offset is compared with the median absolute deviation, both over places, so
    that many looks at one place do not outvote the others.
    """
    _, first, inverse = np.unique(looks.place, return_index=True, return_inverse=True)
    middles = np.array([np.median(looks.offset_rad[inverse == i], axis=0) for i in range(len(first))])
    middle = np.median(middles, axis=0)
    usual = deviation_per_axis(np.linalg.norm(middles - middle, axis=1))
    distance = np.linalg.norm(looks.offset_rad - middle, axis=1)
    limit = max(STRAY_DEVIATIONS * usual, STRAY_FLOOR_RAD)
    return np.minimum(1.0, (limit / np.maximum(distance, 1e-12)) ** 4)


def looks_at_place(looks: Looks) -> FloatArray:
    """How many looks there are at each look's place (P,)."""
    _, inverse, counts = np.unique(looks.place, return_inverse=True, return_counts=True)
    return counts[inverse].astype(np.float64)


def look_variance_rad2(prior: Prior, looks: Looks) -> FloatArray:
    """Variance (P,) of a look about the model.

    The misfit of a place is shared by all looks at it, so many of them must not make it smaller.
    """
    return looks.sd_rad**2 + looks_at_place(looks) * prior.floor_rad**2


def score(prior: Prior, looks: Looks, weights: FloatArray) -> Score:
    """Leave-one-place-out error of a candidate, in closed form.

    For kernel regression the residual of a held-out block g is ``(C^-1)_gg^-1 (C^-1 y)_g``.
    """
    variance = look_variance_rad2(prior, looks) / weights
    K = prior.covariance(looks.features, looks.features)
    inverse = np.linalg.inv(K + np.diag(variance))
    solved = inverse @ looks.offset_rad
    places = np.unique(looks.place)
    if len(places) == len(looks):
        residual = solved / np.diag(inverse)[:, None]
    else:
        residual = np.empty_like(solved)
        for place in places:
            index = np.flatnonzero(looks.place == place)
            residual[index] = np.linalg.solve(inverse[np.ix_(index, index)], solved[index])
    parameters = float(np.trace(K @ inverse))
    held_out = _rms(residual, weights / looks_at_place(looks))
    return Score(prior, held_out, parameters, held_out * (1 + PENALTY_PER_PARAMETER * parameters), residual)


def fit(looks: Looks, kind: str = "auto") -> Correction:
    """The correction that does best on held-out places, or the best of one kind.

    With ``auto``, a person whose looks no model predicts better than no correction gets none.

    Raises:
        CalibrationError: fewer than two places, no spread between the targets, or an unknown kind.
    """
    if kind != "auto" and kind not in KINDS:
        raise CalibrationError(f"no correction model {kind!r}; there are auto, {', '.join(KINDS)}")
    check_spread(looks)
    weights = place_weights(looks)
    shares = weights / looks_at_place(looks)
    uncorrected = _rms(looks.offset_rad, shares)
    wanted = [prior for prior in CANDIDATES if kind in ("auto", prior.kind)]
    scores = [score(prior, looks, weights) for prior in wanted]
    best = min(scores, key=lambda item: item.score_rad, default=None)
    if best is None or (kind == "auto" and best.score_rad >= uncorrected):
        best = Score(Prior("none"), uncorrected, 0.0, uncorrected, looks.offset_rad)
    scatter = (shares[:, None] * best.residual_rad).T @ best.residual_rad / float(shares.sum())
    frames = looks.frames.astype(float)
    frame_sd = float(np.sqrt((weights * frames * looks.spread_rad**2).sum() / (weights * frames).sum()))
    return Correction(
        prior=best.prior,
        looks_features=looks.features,
        looks_offset_rad=looks.offset_rad,
        looks_sd_rad=np.sqrt(look_variance_rad2(best.prior, looks) / weights - best.prior.floor_rad**2),
        residual_covariance_rad2=scatter,
        frame_sd_rad=frame_sd,
        held_out_rad=best.held_out_rad,
        uncorrected_rad=uncorrected,
    )


def check_spread(looks: Looks) -> None:
    """Refuse looks from which no correction can be told.

    Raises:
        CalibrationError: fewer than two places, or targets so close together that they are one.
    """
    places = np.unique(looks.place)
    if len(places) < 2:
        raise CalibrationError(
            f"samples from {len(places)} target only; at least 2 are needed and 5 are good: run "
            "`gaze calibrate person` again and look at each target until it disappears"
        )
    aim = looks.features[:, :2] + looks.offset_rad
    if float(np.linalg.norm(np.ptp(aim, axis=0))) < 1.0 * DEG:
        raise CalibrationError(
            "all targets lie within one degree, so nothing can be told from them; check the size of the "
            "screen (`gaze calibrate screen`) and spread the targets"
        )


def _rms(residual: FloatArray, weights: FloatArray) -> float:
    return float(np.sqrt((weights * (residual**2).sum(axis=1)).sum() / weights.sum()))
