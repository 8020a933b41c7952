"""How long a picture stays in the window."""

from __future__ import annotations

import time
from collections.abc import Callable

from deploy.display.window import Window
from deploy.sources import Source
from deploy.stopping import StopSignals

LATE_S = 0.5
LONGEST_WAIT_MS = 1000


class Pacing:
    """Waits at the window: for a camera not at all, in a film until the next is due, else for a key.

    ``meanwhile`` is called while it waits for a key.
    """

    def __init__(self, source: Source, stop: StopSignals, meanwhile: Callable[[], None]) -> None:
        self._source = source
        self._stop = stop
        self._meanwhile = meanwhile
        self._start_s: float | None = None  # when the clock of the film was 0

    def wait(self, window: Window, t_s: float) -> str | None:
        """Until the picture of ``t_s`` on the source's clock may give way; the key pressed meanwhile."""
        if self._source.live:
            return window.poll()
        if self._source.sequence:
            return window.poll(self._left_ms(t_s))
        while (key := window.poll(50)) is None and not self._stop.requested:
            self._meanwhile()
        return key

    def restart(self) -> None:
        """Go on from the next picture, as after a pause."""
        self._start_s = None

    def _left_ms(self, t_s: float) -> int:
        now_s = time.monotonic()
        if self._start_s is None:
            self._start_s = now_s - t_s
        left_s = self._start_s + t_s - now_s
        if left_s < -LATE_S:  # too slow, or held up: go on from here
            self._start_s = now_s - t_s
        return min(LONGEST_WAIT_MS, max(1, round(left_s * 1000)))
