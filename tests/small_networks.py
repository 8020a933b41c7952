"""Networks small enough for tests, and faces of noise for them."""

from __future__ import annotations

import torch
from tiny_models import some_faces

from gaze.network import GazeNet


def small(**options: object) -> GazeNet:
    """A narrow network of 64 px, the same on every call."""
    torch.manual_seed(1)
    return GazeNet(**{"input_size": 64, "width": 0.25, **options})


def faces(count: int, size: int, seed: int = 0) -> torch.Tensor:
    """Noise (N, size, size, 3), uint8."""
    return torch.from_numpy(some_faces(count, size, seed))
