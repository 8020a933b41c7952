"""After centring the mean error is zero and nothing else has changed."""

import numpy as np
import pytest

pytest.importorskip("torch")

import torch

from gaze.network import GazeNet
from gaze.training.centring import centre
from gaze.training.forward import predict


def test_the_mean_error_is_taken_out():
    torch.manual_seed(0)
    net = GazeNet(64).eval()
    rng = np.random.default_rng(0)
    batches = [
        (
            rng.integers(0, 256, (6, 64, 64, 3), dtype=np.uint8),
            rng.normal(0.1, 0.2, (6, 2)).astype(np.float32),
        )
        for _ in range(3)
    ]
    faces = torch.from_numpy(np.concatenate([pictures for pictures, _ in batches]))
    gaze = np.concatenate([angles for _, angles in batches])
    before = predict(net, faces).numpy()
    taken_rad = centre(net, batches)
    after = predict(net, faces).numpy()
    assert (after - gaze).mean(axis=0) == pytest.approx([0.0, 0.0], abs=1e-6)
    np.testing.assert_allclose(before - after, np.broadcast_to(taken_rad, before.shape), atol=1e-6)
    assert np.abs(taken_rad).max() > 0.05
