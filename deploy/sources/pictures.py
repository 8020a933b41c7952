"""Single pictures and folders of pictures."""

from __future__ import annotations

import re
from pathlib import Path

from deploy.sources.base import Source
from gaze.errors import SourceError
from gaze.picture_files import READABLE, read_picture
from gaze.types import Frame


def picture_files(folder: Path) -> tuple[list[Path], int]:
    """The picture files of a folder in natural order (2 before 10), and how many other files it holds.

    Raises:
        SourceError: the folder cannot be listed or holds no picture.
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(
            f"{folder}: cannot be listed ({error.strerror}); check the path and its rights"
        ) from error
    pictures = sorted((path for path in files if path.suffix.lower() in READABLE), key=_natural)
    if not pictures:
        raise SourceError(
            f"{folder}: holds no picture among its {len(files)} files; wanted is one of {' '.join(READABLE)}"
        )
    return pictures, len(files) - len(pictures)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    # Of digits there are more kinds than int() reads: ² is one.
    pieces = re.split(r"([0-9]+)", path.name.lower())
    return [(0, int(piece), "") if number % 2 else (1, 0, piece) for number, piece in enumerate(pieces)]


class PictureSource(Source):
    """Pictures from files, none dropped.

    With ``fps`` they are a sequence in time; without, unrelated pictures one second apart. In a folder a
    file that turns out to be no picture is skipped and named in ``skipped``; a single file raises.
    """

    def __init__(self, name: str, files: list[Path], fps: float | None = None, ignored: int = 0) -> None:
        self.name = name
        self.fps = fps
        self.sequence = fps is not None
        self.frame_count = len(files)
        self.ignored = ignored
        self.skipped: list[str] = []
        self._files = files
        self._next = 0

    def read(self, timeout_s: float = 0.0) -> Frame | None:
        """The next picture that can be read.

        Raises:
            SourceError: the only picture, or every picture, cannot be read.
        """
        while self._next < len(self._files):
            position = self._next
            self._next += 1
            try:
                image = read_picture(self._files[position], SourceError)
            except SourceError as error:
                if len(self.skipped) + 1 == len(self._files):
                    raise
                self.skipped.append(str(error))
                continue
            self.state = "running"
            return Frame(image, position, position / (self.fps or 1.0))
        self.state = "ended"
        return None

    def close(self) -> None:
        """Nothing is held open between pictures."""
        self.state = "ended"
