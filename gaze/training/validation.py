"""Error of the averaged weights on rendered people that the training does not see."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import torch

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
        figures = summary(predict(net, faces).numpy(), target)
        return {
            "validation_deg": float(figures["mean_deg"]),
            "validation_offset_removed_deg": float(figures["mean_offset_removed_deg"]),
        }

    return validate
