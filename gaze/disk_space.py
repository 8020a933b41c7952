"""Whether a disk still has room for a film: OpenCV does not say when it has not."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

# A film needs room for its index when it is closed, so writing stops before the disk is full.
RESERVED_BYTES = 32 * 1024 * 1024
SPACE_CHECK_S = 0.5


class SpaceWatch:
    """Looks now and then how much room is left where a film is being written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._folder = Path(path).absolute().parent
        self._next_check = 0.0

    def bytes_left_of_too_few(self) -> int | None:
        """The bytes that are left where they are too few to go on; None: enough, or looked at just now."""
        now = time.monotonic()
        if now < self._next_check:
            return None
        self._next_check = now + SPACE_CHECK_S
        free = shutil.disk_usage(self._folder).free
        return free if free < RESERVED_BYTES else None
