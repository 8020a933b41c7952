"""What is done to averaged weights before they are used: their own statistics, and no mean error."""

from __future__ import annotations

import torch

from gaze.network import FacePreprocess, GazeNet
from gaze.training import batch_norm
from gaze.training.augment import Augment
from gaze.training.batches import FaceSource, statistics_batches
from gaze.training.centring import centre

STATISTICS_BATCHES, FINISHING_BATCHES = 16, 48


def finish(
    net: GazeNet, source: FaceSource, augment: Augment, seed: int, keep_statistics: bool = False
) -> GazeNet:
    """Measure the BatchNorm statistics again (unless they are kept) and take the mean error out, in place.

    Weights that are a mean of others have statistics of their own.
    """
    batches = list(statistics_batches(source, augment, seed, FINISHING_BATCHES))
    if not keep_statistics:
        preprocess = FacePreprocess()
        some = (preprocess(torch.from_numpy(faces)) for faces, _ in batches[:STATISTICS_BATCHES])
        batch_norm.reestimate(net, some)
    centre(net, batches)
    return net
