"""Losses on (pitch, yaw) in radians. Every loss returns one value per sample (N,)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaze.learned_landmarks import EYE_COUNT
from gaze.training.config import LOSSES

# How much of the weight 1/sigma is given back, so that hard samples keep learning (Seitzer et al. 2022).
BETA = 0.5
LOG_SIGMA_RANGE = (math.log(0.003), math.log(2.0))
# A landmark that is off by so large a share of the face costs 1; of the face's landmarks a part of it.
LANDMARK_UNIT = 1.0 / 160.0
FACE_LANDMARK_WEIGHT = 0.3
# So far outside the picture a landmark is still learned, as a share of the face.
LANDMARK_MARGIN = 0.02


def vectors(pitch_yaw_rad: Tensor) -> Tensor:
    """Unit gaze vectors (N, 3) of angles (N, 2): ``-(cos p sin y, sin p, cos p cos y)``."""
    pitch, yaw = pitch_yaw_rad.unbind(-1)
    return -torch.stack([pitch.cos() * yaw.sin(), pitch.sin(), pitch.cos() * yaw.cos()], dim=-1)


def angular(predicted: Tensor, target: Tensor) -> Tensor:
    """Angle in radians between directions: atan2(|a x b|, a.b), with a finite gradient at zero."""
    a, b = vectors(predicted), vectors(target)
    cross = torch.linalg.cross(a, b).square().sum(-1).add(1e-12).sqrt()
    return torch.atan2(cross, (a * b).sum(-1))


def l1(predicted: Tensor, target: Tensor) -> Tensor:
    """Mean absolute error of the two angles, radians."""
    return (predicted - target).abs().mean(-1)


def heteroscedastic(predicted: Tensor, log_sigma: Tensor, target: Tensor, beta: float = BETA) -> Tensor:
    """Negative log-likelihood of Laplace distributions whose standard deviation is predicted.

    Per angle ``sqrt(2) |error| / sigma + log sigma``, times ``sigma^beta`` held constant (beta-NLL).
    """
    log_sigma = log_sigma.clamp(*LOG_SIGMA_RANGE)
    nll = math.sqrt(2.0) * (predicted - target).abs() * torch.exp(-log_sigma) + log_sigma
    if beta:
        nll = nll * torch.exp(beta * log_sigma.detach())
    return nll.mean(-1)


def landmark_distance(places: Tensor, target: Tensor) -> Tensor:
    """The mean distance (N,) of landmarks from where they are, those of the eyes before those of the face.

    Args:
        places: (N, 60, 2) shares of the face's side, in the order of gaze.learned_landmarks.
        target: the same; landmarks that are NaN or outside the picture do not count.
    """
    inside = ((target > -LANDMARK_MARGIN) & (target < 1.0 + LANDMARK_MARGIN)).all(-1)
    off = torch.where(inside[..., None], places - target, 0.0) / LANDMARK_UNIT
    distance = (off.square().sum(-1) + 0.01).sqrt()  # with a gradient at zero
    weight = inside.float()
    weight[:, 2 * EYE_COUNT :] *= FACE_LANDMARK_WEIGHT
    return (distance * weight).sum(-1) / weight.sum(-1).clamp_min(1.0)


def loss_of(kind: str, predicted: Tensor, log_sigma: Tensor | None, target: Tensor) -> Tensor:
    """The loss called ``kind`` per sample.

    Raises:
        ValueError: the kind is unknown, or heteroscedastic without a predicted deviation.
    """
    if kind == "l1":
        return l1(predicted, target)
    if kind == "angular":
        return angular(predicted, target)
    if kind == "heteroscedastic":
        if log_sigma is None:
            raise ValueError("the heteroscedastic loss needs a network with predict_sigma")
        return heteroscedastic(predicted, log_sigma, target)
    raise ValueError(f"loss must be one of {LOSSES}, got {kind!r}")
