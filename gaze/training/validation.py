"""Error of the averaged weights, while training, on faces that are not trained on."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gaze.datasets.shards import ShardFolder
from gaze.errors import DataError
from gaze.evenly import evenly_spread
from gaze.network import GazeNet
from gaze.training.augment import plain
from gaze.training.forward import predict
from gaze.training.metrics import summary


def shard_validation(
    folder: Path, count: int, size_px: int, view_mm: float | None = None
) -> Callable[[GazeNet], dict[str, float]]:
    """A function for gaze.training.loop.train: mean error in degrees on ``count`` samples, evenly taken.

    Raises:
        DataError: the folder holds no shards, or fewer than two samples.
    """
    source = ShardFolder([folder], view_mm=view_mm)
    if len(source) < 2:
        raise DataError(f"{folder}: holds {len(source)} samples, two are the least to validate on")
    faces, target = source.read(evenly_spread(len(source), count))
    faces = torch.from_numpy(plain(faces, size_px))

    def validate(net: GazeNet) -> dict[str, float]:
        return validation_figures(predict(net, faces).numpy(), target)

    return validate


def validation_figures(
    predicted_rad: NDArray[np.floating], target_rad: NDArray[np.floating]
) -> dict[str, float]:
    """What a training writes of (pitch, yaw) (N, 2) and their truth: mean error in degrees, raw and with each
    axis' mean error removed."""
    figures = summary(predicted_rad, target_rad)
    return {
        "validation_deg": float(figures["mean_deg"]),
        "validation_offset_removed_deg": float(figures["mean_offset_removed_deg"]),
    }
