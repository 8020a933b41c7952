"""What every source of frames offers to the loop."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from gaze.errors import SourceError
from gaze.types import Frame

# Containers without an index only estimate their frame count; less than this part of it is a broken file.
COMPLETE_PART = 0.9


class Source(ABC):
    """Frames one after the other, inside one ``with``.

    ``live``: pictures come whether they are asked for or not. ``sequence``: they follow each other in
    time, so that tracking and smoothing make sense. ``frame_count`` and ``fps`` where they are known.
    ``dropped``: pictures that were captured and never handed over. ``reopened``: how often the source
    came back. ``state``: opening, running, waiting (not there yet), lost (was there, is retried), ended.
    """

    name: str = ""
    live: bool = False
    sequence: bool = True
    frame_count: int | None = None
    fps: float | None = None
    dropped: int = 0
    reopened: int = 0
    state: str = "opening"

    @abstractmethod
    def read(self, timeout_s: float) -> Frame | None:
        """The next frame, or None when none came within the time-out or the source has ended.

        Raises:
            SourceError: the source cannot be opened, or broke off.
        """

    @property
    def ended(self) -> bool:
        """Whether no frame will follow."""
        return self.state == "ended"

    @abstractmethod
    def close(self) -> None:
        """Give the device or file back; calling it twice does no harm."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


class Capture(Protocol):
    """One opened device or stream, as the threaded source uses it."""

    fps: float | None
    frame_count: int | None  # what a file promises; None for what has no end

    def read(self) -> NDArray[np.uint8] | None:
        """The next BGR picture; None when the device gave none. May block."""

    @property
    def finished(self) -> bool:
        """Whether the stream came to its proper end (nothing to reopen)."""

    def interrupt(self) -> None:
        """Called from another thread: make a waiting read return soon, where that is possible."""

    def close(self) -> None:
        """Release the device."""


def check_complete(name: str, got: int, promised: int | None) -> None:
    """Raises SourceError: a file gave clearly fewer frames than it promised."""
    if promised is not None and got < COMPLETE_PART * promised:
        raise SourceError(
            f"{name}: breaks off after {got} of {promised} frames; "
            "copy it again (everything up to there has been processed)"
        )


def without_credentials(text: str) -> str:
    """The text with user and password of every URL in it hidden, fit for logs."""
    return re.sub(r"(\w+://)[^/@\s]+@", r"\1***@", text)
