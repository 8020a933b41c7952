"""Track ids that stay with a face from frame to frame."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(slots=True)
class _Track:
    id: int
    box_px: NDArray[np.float64]
    seen_s: float


class FaceTracker:
    """Gives each box the id of the nearest track of like size, else a new id; ids are never used twice.

    A face may move ``reach`` of its own size between two sightings, and keeps its id when it is away for
    at most ``keep_s`` seconds.
    """

    def __init__(self, keep_s: float = 1.0, reach: float = 0.8) -> None:
        self._keep_s = keep_s
        self._reach = reach
        self._tracks: list[_Track] = []
        self._next_id = 0

    def reset(self) -> None:
        """Forget where faces were; ids go on."""
        self._tracks.clear()

    def update(self, boxes_px: Sequence[NDArray[np.float64]], t_s: float) -> list[int]:
        """The ids of the boxes (4,) xyxy px seen at ``t_s`` seconds, in their order."""
        self._tracks = [track for track in self._tracks if t_s - track.seen_s <= self._keep_s]
        pairs = []
        for i, box in enumerate(boxes_px):
            for track in self._tracks:
                cost = _distance(box, track.box_px)
                if cost <= self._reach:
                    pairs.append((cost, i, track))
        ids: dict[int, int] = {}
        taken: set[int] = set()
        for _, i, track in sorted(pairs, key=lambda pair: pair[0]):
            if i in ids or track.id in taken:
                continue
            ids[i] = track.id
            taken.add(track.id)
            track.box_px, track.seen_s = np.array(boxes_px[i], dtype=np.float64), t_s
        for i, box in enumerate(boxes_px):
            if i not in ids:
                ids[i] = self._next_id
                self._tracks.append(_Track(self._next_id, np.array(box, dtype=np.float64), t_s))
                self._next_id += 1
        return [ids[i] for i in range(len(boxes_px))]


def _distance(a: NDArray[np.float64], b: NDArray[np.float64]) -> float:
    """Distance of the centres in sizes of the larger box, plus how much the sizes differ (log ratio)."""
    # Python's own arithmetic: numpy's takes several times as long for single numbers.
    (left_a, top_a, right_a, bottom_a), (left_b, top_b, right_b, bottom_b) = a.tolist(), b.tolist()
    size_a = max(1e-6, math.sqrt(abs((right_a - left_a) * (bottom_a - top_a))))
    size_b = max(1e-6, math.sqrt(abs((right_b - left_b) * (bottom_b - top_b))))
    shift = math.hypot((left_a + right_a - left_b - right_b) / 2, (top_a + bottom_a - top_b - bottom_b) / 2)
    return shift / max(size_a, size_b) + 0.5 * abs(math.log(size_a / size_b))
