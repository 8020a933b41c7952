"""Some of many, evenly spread."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def evenly_spread(count: int, at_most: int) -> NDArray[np.int64]:
    """Rising indices (n,) of at most ``at_most`` of ``count`` things: the first, the last (from two on) and
    others evenly between them."""
    return np.unique(np.linspace(0, count - 1, min(count, at_most)).astype(np.int64))
