"""Single pictures and folders of pictures."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.sources.base import Source
from gaze.errors import SourceError
from gaze.types import Frame

PICTURE_SUFFIXES = frozenset({".jpg", ".jpeg", ".png", ".bmp", ".webp", ".tif", ".tiff", ".ppm", ".pgm"})


def read_picture(path: Path) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 BGR, upright.

    EXIF rotation is applied, alpha is dropped, grey becomes three equal channels, 16 bit is reduced to
    its upper eight.

    Raises:
        SourceError: the file cannot be read, is empty, or holds no picture.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from error
    if not content:
        raise SourceError(f"{path}: is empty (0 bytes); copy it again")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise SourceError(f"{path}: cannot be decoded ({error.err}); save it as PNG or JPEG") from error
    if image is None:
        raise SourceError(f"{path}: holds no picture that can be decoded; save it as PNG or JPEG")
    return image


def picture_files(folder: Path) -> tuple[list[Path], int]:
    """The picture files of a folder in natural order (2 before 10), and how many other files it holds.

    Raises:
        SourceError: the folder cannot be listed or holds no picture.
    """
    try:
        files = [path for path in folder.iterdir() if path.is_file() and not path.name.startswith(".")]
    except OSError as error:
        raise SourceError(f"{folder}: cannot be listed ({error.strerror})") from error
    pictures = sorted((path for path in files if path.suffix.lower() in PICTURE_SUFFIXES), key=_natural)
    if not pictures:
        raise SourceError(
            f"{folder}: holds no picture among its {len(files)} files; "
            f"wanted is one of {' '.join(sorted(PICTURE_SUFFIXES))}"
        )
    return pictures, len(files) - len(pictures)


def _natural(path: Path) -> list[tuple[int, int, str]]:
    pieces = re.split(r"(\d+)", path.name.lower())
    return [(0, int(piece), "") if piece.isdigit() else (1, 0, piece) for piece in pieces]


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
                image = read_picture(self._files[position])
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
