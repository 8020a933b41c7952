"""Taking the mean error out of a trained network."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from numpy.typing import NDArray

from gaze.network import GazeNet
from gaze.training.forward import predict


@torch.no_grad()
def centre(
    net: GazeNet, batches: Iterable[tuple[NDArray[np.uint8], NDArray[np.float32]]]
) -> NDArray[np.float64]:
    """Subtract the mean error on training batches from the last layer's bias, in place; returns it (2,), rad.

    A loss of absolute errors settles at the median of what a face may mean. People look further down than
    up, so that the mean lies below it.

    ``batches`` are faces (n, S, S, 3) uint8 BGR with their gaze (n, 2) rad.
    """
    errors = [predict(net, torch.from_numpy(faces)).numpy() - gaze for faces, gaze in batches]
    mean_rad = np.concatenate(errors).mean(axis=0, dtype=np.float64)
    net.fc_final.bias -= torch.from_numpy(mean_rad).to(net.fc_final.bias)
    return mean_rad
