"""Distillation: a small network that learns from a large one besides the labels.

The student imitates the teacher's angles, and the feature map in front of the head (feature mimicking:
Romero et al., FitNets, 2015; Li et al., Mimicking Very Efficient Network for Object Detection, 2017). All
widths of the network have the same number of feature channels, so the maps are compared as they are, and
the student can start with the teacher's head.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn
from torch.nn import functional

from gaze.errors import ModelError
from gaze.network import FacePreprocess, GazeNet
from gaze.network_checkpoint import load_checkpoint
from gaze.training.losses import angular
from gaze.training.virtual_camera import same_view
from gaze.types import NormalizedCamera

# Angles that differ by so much cost as much as features that differ by the whole of the teacher's.
ANGLE_SCALE_RAD = 0.1


class Distiller(nn.Module):
    """Holds the teacher, which never changes, and compares a student with it.

    Args:
        teacher: in any input size and width; where its input is of another size than the student's, it sees
            the student's faces resampled, and its features are averaged to the student's grid.
        weight: of the imitation against the loss on the labels.
    """

    def __init__(self, teacher: GazeNet, weight: float = 1.0) -> None:
        super().__init__()
        self.teacher = teacher.eval().requires_grad_(False)
        self.preprocess = FacePreprocess()
        self.weight = weight

    def train(self, mode: bool = True) -> Distiller:
        """The teacher stays in eval mode."""
        return super().train(False)

    @torch.no_grad()
    def answers(self, faces: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Angles (N, 2) rad and feature maps of the teacher for uint8 BGR faces (N, S, S, 3)."""
        x = self.preprocess(faces)
        size = self.teacher.input_size
        if x.shape[-1] != size:
            smaller = size < x.shape[-1]
            x = functional.interpolate(x, (size, size), mode="bilinear", antialias=smaller)
        maps = self.teacher.features(x.contiguous(memory_format=torch.channels_last))
        return self.teacher.answers(maps).pitch_yaw.float(), [end.float() for end in maps.ends]

    def loss(self, faces: Tensor, features: list[Tensor], pitch_yaw_rad: Tensor) -> Tensor:
        """What the student's answers cost (N,): nothing where they are the teacher's.

        The squared difference of the features as a part of the teacher's own mean square, and the angle to
        the teacher's direction over 0.1 rad, times ``weight``.

        Args:
            faces: uint8 BGR (N, S, S, 3), what the student has seen.
            features: the maps (N, 256, h, w) of the student's backbones; where one of the two does not look
                at the eyes apart, only those of the face are compared.
            pitch_yaw_rad: the student's angles (N, 2).
        """
        angles, wanted = self.answers(faces)
        mimic = sum(_unlikeness(own, other) for own, other in zip(features, wanted, strict=False))
        return self.weight * (mimic + angular(pitch_yaw_rad, angles) / ANGLE_SCALE_RAD)


def _unlikeness(features: Tensor, wanted: Tensor) -> Tensor:
    """(N,): the squared difference of two maps (N, 256, h, w), as a part of the wanted one's mean square."""
    if wanted.shape[-2:] != features.shape[-2:]:
        wanted = functional.adaptive_avg_pool2d(wanted, features.shape[-2:])
    energy = wanted.square().mean((1, 2, 3)).clamp_min(1e-6)
    return (features.float() - wanted).square().mean((1, 2, 3)) / energy


def load_teacher(
    path: str | os.PathLike[str],
    camera: NormalizedCamera,
    label_space: str,
    weight: float = 1.0,
) -> Distiller:
    """The teacher of a checkpoint, for data seen by ``camera`` with labels in ``label_space``.

    Raises:
        ModelError: the file is no gaze checkpoint, or the teacher sees another field of view or answers in
            another label space than the data has.
    """
    teacher, meta = load_checkpoint(path)
    _check_same_view(path, meta, camera, label_space)
    return Distiller(teacher, weight)


def take_over_head(student: GazeNet, teacher: GazeNet) -> list[str]:
    """Start the student's head with the teacher's, layer by layer where the shapes agree.

    Returns:
        The names of the layers taken over. With another grid of features (another input size) ``fc1`` does
        not fit, and what follows it would read other numbers than it learned on: then only the spatial
        weights are taken over.
    """
    own, other = student.state_dict(), teacher.state_dict()
    heads = [name for name in own if "backbone." not in name]
    same_grid = own["fc1.0.weight"].shape == other["fc1.0.weight"].shape
    taken = {
        name: other[name]
        for name in heads
        if name in other and other[name].shape == own[name].shape and (same_grid or name.startswith("Conv"))
    }
    student.load_state_dict(taken, strict=False)
    return sorted({name.rpartition(".")[0] for name in taken})


def _check_same_view(
    path: str | os.PathLike[str], meta: Mapping[str, object], camera: NormalizedCamera, label_space: str
) -> None:
    name = Path(path).name
    if "normalized_camera" in meta:
        seen = NormalizedCamera(**meta["normalized_camera"])
        if not same_view(seen, camera):
            raise ModelError(
                f"{name}: the teacher sees faces by {seen}, the data shows {camera}; give a teacher of the "
                "same normalisation"
            )
    if meta.get("label_space", label_space) != label_space:
        raise ModelError(
            f"{name}: the teacher answers in {meta['label_space']} labels, the data has {label_space}; give "
            "a teacher trained on such labels"
        )
