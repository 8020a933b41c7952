"""What is finished at the end of a run, whichever way it ends."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from gaze.errors import GazeError

log = logging.getLogger("gaze")


@contextmanager
def closed_at_the_end(close: Callable[[], None]) -> Iterator[None]:
    """Call ``close`` on leaving; a GazeError of its own is logged where another error ended the ``with``."""
    try:
        yield
    except BaseException:
        try:
            close()
        except GazeError as error:
            log.error("%s", error)
        raise
    close()
