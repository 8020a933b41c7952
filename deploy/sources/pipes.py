"""Frames that come through a pipe: from a GStreamer process, or raw on standard input."""

from __future__ import annotations

import contextlib
import shlex
import shutil
import subprocess
import threading
from collections import deque
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.sources.base import without_credentials
from gaze.errors import SourceError


class GStreamerProcess:
    """A pipeline run by gst-launch-1.0, its pictures read as YUV4MPEG2 from the pipe.

    The stream describes its own size and rate, so the pipeline needs no caps of ours. An ``appsink`` at
    its end is replaced by the pipe.

    Raises:
        SourceError: gst-launch-1.0 is missing, or the pipeline ends before its first picture.
    """

    def __init__(self, pipeline: str) -> None:
        program = shutil.which("gst-launch-1.0")
        if program is None:
            raise SourceError(
                "this OpenCV has no GStreamer and gst-launch-1.0 is missing; "
                "run `sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good`"
            )
        self._shown = without_credentials(pipeline)
        body, _, last = pipeline.rpartition("!")
        if not last.strip().startswith(("appsink", "autovideosink", "fakesink")):
            body = pipeline
        tail = "! videoconvert ! video/x-raw,format=I420 ! y4menc ! fdsink fd=1 sync=false"
        self._process = subprocess.Popen(
            [program, "-q", *shlex.split(f"{body} {tail}")],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
        )
        self._complaints: deque[bytes] = deque(maxlen=20)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._pipe: BinaryIO = self._process.stdout
        header = self._pipe.readline(200).decode("ascii", "replace").split()
        if not header or header[0] != "YUV4MPEG2":
            self.close()
            self._listener.join(timeout=0.5)
            told = b" ".join(self._complaints).decode("utf-8", "replace").strip() or "no picture came"
            raise SourceError(f"GStreamer pipeline does not start: {self._shown}: {told}")
        fields = {field[0]: field[1:] for field in header[1:]}
        self._width, self._height = int(fields["W"]), int(fields["H"])
        rate = fields.get("F", "0:1").split(":")
        self.fps = int(rate[0]) / int(rate[1]) if int(rate[0]) and int(rate[1]) else None

    def _listen(self) -> None:
        """Keep the last lines of standard error, so that the process never waits for us to read them."""
        for line in self._process.stderr:
            self._complaints.append(line.strip())

    @property
    def finished(self) -> bool:
        """Whether the pipeline came to its end by itself and without an error."""
        return self._process.poll() == 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, or None when the pipeline has stopped."""
        width, height = self._width, self._height
        if not self._pipe.readline(200).startswith(b"FRAME"):
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)
            return None
        chroma_width, chroma_height = (width + 1) // 2, (height + 1) // 2
        luma = self._pipe.read(width * height)
        chroma = self._pipe.read(2 * chroma_width * chroma_height)
        if len(luma) + len(chroma) < width * height + 2 * chroma_width * chroma_height:
            return None
        return _bgr_from_planes(luma, chroma, (width, height), (chroma_width, chroma_height))

    def interrupt(self) -> None:
        """End the process from another thread; a read that waits for it returns."""
        self._process.terminate()

    def close(self) -> None:
        """End the process."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=1.0)


def _bgr_from_planes(
    luma: bytes, chroma: bytes, size: tuple[int, int], chroma_size: tuple[int, int]
) -> NDArray[np.uint8]:
    width, height = size
    y = np.frombuffer(luma, np.uint8).reshape(height, width)
    if width % 2 == 0 and height % 2 == 0:
        planes = np.concatenate([y.reshape(-1), np.frombuffer(chroma, np.uint8)])
        return cv2.cvtColor(planes.reshape(height * 3 // 2, width), cv2.COLOR_YUV2BGR_I420)
    u, v = np.frombuffer(chroma, np.uint8).reshape(2, chroma_size[1], chroma_size[0])
    large = [np.repeat(np.repeat(plane, 2, 0), 2, 1)[:height, :width] for plane in (v, u)]
    return cv2.cvtColor(np.dstack([y, *large]), cv2.COLOR_YCrCb2BGR)


class RawPipe:
    """Raw BGR frames of a known size, back to back, from a binary stream.

    Raises:
        SourceError: (from read) the stream ends in the middle of a frame.
    """

    def __init__(self, stream: BinaryIO, size: tuple[int, int], fps: float | None = None) -> None:
        self._stream = stream
        self._width, self._height = size
        self.fps = fps
        self.finished = False
        self._count = 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, or None at the end of the stream."""
        wanted = self._width * self._height * 3
        image = np.empty(wanted, np.uint8)
        view, filled = memoryview(image), 0
        while filled < wanted:
            got = self._stream.readinto(view[filled:])
            if not got:
                break
            filled += got
        if filled == 0:
            self.finished = True
            return None
        if filled < wanted:
            self.finished = True
            raise SourceError(
                f"standard input ends in the middle of frame {self._count}: {filled} of {wanted} bytes; "
                f"is --size {self._width}x{self._height} right? (the whole frames have been processed)"
            )
        self._count += 1
        return image.reshape(self._height, self._width, 3)

    def interrupt(self) -> None:
        """A read from standard input cannot be interrupted; its thread ends with the process."""

    def close(self) -> None:
        """The stream belongs to the process and stays open."""
