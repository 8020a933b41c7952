"""Snapshots and recordings that are made by key, while the run goes on."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.display.window import snapshot_path
from deploy.pipeline import FrameResult
from deploy.sinks import SinkError, VideoSink
from gaze.picture_files import write_picture


class KeyRecorder:
    """Saves pictures into a folder, which is made where it is needed; what it cannot save it says.

    ``say`` takes a line for the person at the window. ``files`` are the paths of what is complete.
    """

    def __init__(self, folder: Path, say: Callable[[str], None]) -> None:
        self.files: list[str] = []
        self._folder = folder
        self._say = say
        self._video: VideoSink | None = None

    def __enter__(self) -> KeyRecorder:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.stop()

    @property
    def recording(self) -> bool:
        """Whether a recording goes on."""
        return self._video is not None

    def snapshot(self, picture: NDArray[np.uint8]) -> None:
        """Save one picture (H, W, 3) BGR."""
        try:
            path = self._new_path(".png")
            write_picture(path, picture)
        except OSError as error:
            self._say(f"no snapshot: {error}")
        else:
            self._saved(str(path))

    def start(self, fps: float, real_time: bool) -> None:
        """Begin a recording; the arguments are VideoSink's."""
        try:
            self._video = VideoSink(str(self._new_path(".mp4")), fps, real_time)
        except (OSError, SinkError) as error:
            self._say(f"no recording: {error}")
        else:
            self._say(f"recording {self._video.name}")

    def write(self, result: FrameResult, picture: NDArray[np.uint8]) -> None:
        """Append to the recording, if there is one; one that cannot go on ends."""
        if self._video is None:
            return
        try:
            self._video.write(result, picture)
        except SinkError as error:
            self.stop()
            self._say(str(error))

    def stop(self) -> None:
        """End the recording, if there is one."""
        if self._video is None:
            return
        video, self._video = self._video, None
        try:
            video.close()
        except SinkError as error:
            self._say(str(error))
            return
        if Path(video.name).exists():
            self._saved(video.name)

    def _new_path(self, suffix: str) -> Path:
        self._folder.mkdir(parents=True, exist_ok=True)
        return snapshot_path(self._folder, time.strftime("gaze-%Y%m%d-%H%M%S"), suffix)

    def _saved(self, path: str) -> None:
        self.files.append(path)
        self._say(f"saved {path}")
