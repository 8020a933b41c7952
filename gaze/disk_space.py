"""Whether there is still room for a film: OpenCV does not say when there is not."""

from __future__ import annotations

import os
import shutil
import time
from pathlib import Path

try:
    import resource
except ImportError:  # Windows
    resource = None

# A film needs room for its index when it is closed, so writing stops before the disk is full,
RESERVED_BYTES = 32 * 1024 * 1024
# or the file as large as the system lets one be.
RESERVED_OF_FILE_BYTES = 4 * 1024 * 1024
SPACE_CHECK_S = 0.5


class SpaceWatch:
    """Looks now and then how much room is left for a film that is being written."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._path = Path(path).absolute()
        self._next_check = 0.0

    def why_no_more(self) -> str | None:
        """Why there is no room to go on, and the mend; None: there is room, or it was looked just now.

        Raises:
            OSError: the folder cannot be reached any more.
        """
        now = time.monotonic()
        if now < self._next_check:
            return None
        self._next_check = now + SPACE_CHECK_S
        free = shutil.disk_usage(self._path.parent).free
        if free < RESERVED_BYTES:
            return f"the disk is full ({free / 1e6:.0f} MB left); free some space"
        limit = largest_file_bytes()
        size = self._path.stat().st_size if self._path.is_file() else 0
        if limit is not None and limit - size < RESERVED_OF_FILE_BYTES:
            return f"a file may have {limit / 1e6:.1f} MB at most here (ulimit -f); raise that"
        return None


def largest_file_bytes() -> int | None:
    """How large the system lets this process make a file; None: as large as there is room for."""
    if resource is None:
        return None
    limit, _ = resource.getrlimit(resource.RLIMIT_FSIZE)
    return None if limit == resource.RLIM_INFINITY else limit
