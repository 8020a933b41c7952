"""Video files: every frame, at the time it was filmed."""

from __future__ import annotations

from pathlib import Path

import cv2

from deploy.sources.base import Source, check_complete
from gaze.errors import SourceError
from gaze.picture_files import opencv_path
from gaze.types import Frame


class VideoSource(Source):
    """A video file; ``loop`` plays it for ever, with time going on.

    Raises:
        SourceError: the file cannot be read, is empty, or is no video that can be decoded.
    """

    def __init__(self, path: Path, loop: bool = False) -> None:
        self.name = str(path)
        self._path = path
        self._loop = loop
        _check_readable(path)
        self._capture = self._open()
        fps = self._capture.get(cv2.CAP_PROP_FPS)
        self.fps = fps if 0.0 < fps < 1000.0 else 25.0
        count = int(self._capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self._promised = count if count > 0 else None
        self.frame_count = None if loop else self._promised
        self._index = 0
        self._index_in_file = 0
        self._start_s = 0.0
        self._last_s = -1.0 / self.fps

    def _open(self) -> cv2.VideoCapture:
        capture = cv2.VideoCapture(opencv_path(self._path, SourceError))
        if not capture.isOpened():
            raise SourceError(
                f"{self._path}: cannot be opened as a video; it is truncated, of an unknown codec or "
                "no video (try `ffmpeg -i IN -c:v libx264 OUT.mp4`)"
            )
        return capture

    def read(self, timeout_s: float = 0.0) -> Frame | None:
        """The next frame; ``t_s`` is the time it is shown at, from 0.

        Raises:
            SourceError: there is no frame at all, or the file breaks off before its end.
        """
        if self.ended:
            return None
        good, image = self._capture.read()
        if not good and self._loop and self._index_in_file > 0:
            self._capture.release()
            self._capture = self._open()
            self._start_s = self._last_s + 1.0 / self.fps
            self._index_in_file = 0
            good, image = self._capture.read()
        if not good:
            self.close()
            self._check_complete()
            return None
        t_s = self._start_s + self._capture.get(cv2.CAP_PROP_POS_MSEC) / 1000.0
        if not t_s > self._last_s:  # no or bad time stamps in the container
            t_s = self._last_s + 1.0 / self.fps
        frame = Frame(image, self._index, t_s)
        self._last_s = t_s
        self._index += 1
        self._index_in_file += 1
        self.state = "running"
        return frame

    def _check_complete(self) -> None:
        if self._index_in_file == 0:
            raise SourceError(f"{self._path}: holds no frame that can be decoded; copy or encode it again")
        check_complete(str(self._path), self._index_in_file, self._promised)

    def close(self) -> None:
        """Close the file."""
        self.state = "ended"
        self._capture.release()


def _check_readable(path: Path) -> None:
    try:
        with path.open("rb") as file:
            first = file.read(1)
    except OSError as error:
        raise SourceError(
            f"{path}: cannot be read ({error.strerror}); check the path and its rights"
        ) from error
    if not first:
        raise SourceError(f"{path}: is empty (0 bytes); copy it again")
