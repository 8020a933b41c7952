"""Some of many, evenly spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spread(count: int, at_most: int) -> NDArray[np.int64]:
    """Indices (n,) into ``count`` things: at most so many, rising, the first and (from two on) the last."""
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).astype(np.int64))
