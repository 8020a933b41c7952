"""The place where a calibrated profile joins the loop."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gaze.types import Estimate


class EstimateHook(Protocol):
    """Called for every estimate after gates and smoothing (deploy.point_of_gaze is the one that exists)."""

    def __call__(self, estimate: Estimate) -> Estimate:
        """The estimate with more known of it, above all its point of gaze."""

    def events(self) -> Sequence[Mapping[str, object]]:
        """What was completed since the last call (fixations, saccades), as JSON objects for the JSONL."""

    def draw(self, picture: NDArray[np.uint8], estimates: Sequence[Estimate]) -> None:
        """Draw into the picture (H, W, 3) BGR that is shown and saved."""

    def close(self) -> None:
        """Finish files; the run is over."""
