"""Losses on (pitch, yaw) in radians. Every loss returns one value per sample (N,)."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from gaze.training.config import LOSSES

# How much of the weight 1/sigma is given back, so that hard samples keep learning (Seitzer et al. 2022).
BETA = 0.5
LOG_SIGMA_RANGE = (math.log(0.003), math.log(2.0))


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
