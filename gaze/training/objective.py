"""What a training step minimises: the error of the gaze and, with landmarks, of all that leads to it."""

from __future__ import annotations

from torch import Tensor

from gaze.network import Answers
from gaze.training.losses import landmark_distance, loss_of

# Of what the landmarks and the gaze by them alone cost, against the cost of the gaze.
LANDMARK_WEIGHT, GEOMETRY_WEIGHT = 0.5, 0.7


def training_loss(kind: str, answers: Answers, pitch_yaw_rad: Tensor, landmarks: Tensor | None) -> Tensor:
    """The mean cost of N faces' answers.

    Args:
        kind: one of gaze.training.config.LOSSES.
        pitch_yaw_rad: (N, 2) true gaze.
        landmarks: (N, 60, 2) true places as shares of the face's side, or None where nobody knows.
    """
    loss = loss_of(kind, answers.pitch_yaw, answers.log_sigma, pitch_yaw_rad).mean()
    if answers.geometry is not None:
        loss = loss + GEOMETRY_WEIGHT * loss_of(kind, *answers.geometry, pitch_yaw_rad).mean()
    if answers.landmarks is not None and landmarks is not None:
        loss = loss + LANDMARK_WEIGHT * landmark_distance(answers.landmarks.places, landmarks).mean()
    return loss
