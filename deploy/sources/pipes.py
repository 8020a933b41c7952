"""Frames that come through a pipe: from a GStreamer process, or raw on standard input."""

from __future__ import annotations

import atexit
import contextlib
import os
import re
import shlex
import shutil
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Iterable
from typing import BinaryIO

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.sources.base import without_credentials
from gaze.errors import SourceError

_SINK = "gaze_out"
_CAPS = re.compile(rf"{_SINK}\.GstPad:sink: caps = video/x-raw.*")
_PIPE_BYTES = 1 << 20
START_TIMEOUT_S = 15.0
_NO_ELEMENT = re.compile(r'no element "([^"]+)"')
# Which package of Debian and Ubuntu has an element, by how its name begins; the first that fits.
_PACKAGES = {
    "gstreamer1.0-libav": "avdec_",
    "gstreamer1.0-plugins-bad": "h264parse h265parse jpegparse openh264 srt vah26 webrtc",
    "gstreamer1.0-plugins-good": "avidemux qtdemux matroskademux flvdemux multipartdemux jpeg png vp8 vp9 "
    "v4l2 rtsp rtp udpsrc souphttpsrc videocrop videoflip videobox",
    "gstreamer1.0-plugins-base": "videoconvert videoscale videorate videotest decodebin uridecodebin playbin",
    "gstreamer1.0-libcamera": "libcamera",
    "nvidia-l4t-gstreamer": "nvargus nvv4l2 nvvidconv",
}


def _read_into(stream: BinaryIO, buffer: NDArray[np.uint8]) -> int:
    """Fill the buffer from the stream; how many bytes came before its end."""
    view, filled = memoryview(buffer.reshape(-1)), 0
    while filled < len(view):
        got = stream.readinto(view[filled:])
        if not got:
            break
        filled += got
    return filled


def mend_of_pipeline(said: Iterable[str]) -> str | None:
    """The package to install when what gst-launch-1.0 said is that an element is missing, else None."""
    text = "\n".join(said)
    if (missing := _NO_ELEMENT.search(text)) is not None:
        element = missing[1]
        for package, beginnings in _PACKAGES.items():
            if element.startswith(tuple(beginnings.split())):
                return f"run `sudo apt-get install {package}`, which has {element}"
        return (
            f"check the name {element}, or install what has it: "
            "gstreamer1.0-plugins-good, gstreamer1.0-plugins-bad or gstreamer1.0-libav"
        )
    if "missing a plug-in" in text:
        return (
            "run `sudo apt-get install gstreamer1.0-libav`, which has most decoders; "
            "others are in gstreamer1.0-plugins-good and gstreamer1.0-plugins-bad"
        )
    return None


class GStreamerProcess:
    """A pipeline run by gst-launch-1.0: no OpenCV wheel has GStreamer, and an OpenCV that has it may wait for
    ever until a pipeline starts.

    Pictures come as BGRx through a pipe of their own: four bytes a pixel are the one layout whose rows are
    never padded. What gst-launch says on its output tells their size. An ``appsink`` at the end of the
    pipeline is replaced by the pipe.

    Raises:
        SourceError: gst-launch-1.0 is missing, or the pipeline ends before its first picture.
    """

    def __init__(self, pipeline: str) -> None:
        if sys.platform == "win32":
            raise SourceError(
                "GStreamer pipelines do not run on Windows; give a camera by its number, or a URL"
            )
        program = shutil.which("gst-launch-1.0")
        if program is None:
            raise SourceError(
                "GStreamer pipelines are run by gst-launch-1.0, which is missing; "
                "run `sudo apt-get install gstreamer1.0-tools gstreamer1.0-plugins-good`"
            )
        body, _, last = pipeline.rpartition("!")
        if not last.strip().startswith(("appsink", "autovideosink", "fakesink")):
            body = pipeline
        try:
            words = shlex.split(body)
        except ValueError as error:
            raise SourceError(f"GStreamer pipeline: {error}; quotes must come in pairs") from error
        reading, writing = os.pipe()
        tail = f"! videoconvert ! video/x-raw,format=BGRx ! fdsink name={_SINK} fd={writing} sync=false"
        self._process = subprocess.Popen(
            [program, "-v", *words, *shlex.split(tail)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            pass_fds=(writing,),
            # Its messages are read here: never translated.
            env={**os.environ, "LANGUAGE": "C"},
        )
        # A program that ends while the pipeline still starts must not leave it behind, holding the camera.
        atexit.register(self._process.kill)
        os.close(writing)
        self._pipe = os.fdopen(reading, "rb", buffering=0)
        _enlarge(reading)
        self.fps: float | None = None
        self.frame_count = None
        self._size: tuple[int, int] | None = None
        self._size_known = threading.Event()
        self._said: deque[str] = deque(maxlen=20)
        self._listener = threading.Thread(target=self._listen, daemon=True)
        self._listener.start()
        self._size_known.wait(timeout=START_TIMEOUT_S)
        if self._size is None:
            self.close()
            self._listener.join(timeout=0.5)
            said = tuple(self._said)
            silent = (
                f"no picture came within {START_TIMEOUT_S:g} seconds; check that the camera or sender runs, "
                "and the pipeline with `gst-launch-1.0 -v`"
            )
            told = next((line for line in said if "ERROR" in line or "WARNING" in line), silent)
            # What a decoder is missing for stands in a line of its own.
            told = "; ".join(
                [told.rstrip("."), *(line for line in said if line.startswith("Missing element:"))]
            )
            if (mend := mend_of_pipeline(said)) is not None:
                told = f"{told}; {mend}"
            raise SourceError(f"GStreamer pipeline does not start: {without_credentials(pipeline)}: {told}")

    def _listen(self) -> None:
        """Read what gst-launch says, so that it never waits for us; keep the size and the last lines."""
        for line in self._process.stdout:
            text = line.decode("utf-8", "replace").strip()
            self._said.append(text)
            if (caps := _CAPS.search(text)) is not None and self._size is None:
                width, height = (
                    int(re.search(rf"{key}=\(int\)(\d+)", caps[0])[1]) for key in ("width", "height")
                )
                rate = re.search(r"framerate=\(fraction\)(\d+)/(\d+)", caps[0])
                if rate is not None and int(rate[1]) > 0:
                    self.fps = int(rate[1]) / int(rate[2])
                self._size = width, height
                self._size_known.set()
        self._size_known.set()

    @property
    def finished(self) -> bool:
        """Whether the pipeline came to its end by itself and without an error."""
        return self._process.poll() == 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, or None when the pipeline has stopped."""
        width, height = self._size
        image = np.empty((height, width, 4), np.uint8)
        if _read_into(self._pipe, image) < image.size:
            with contextlib.suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=1.0)
            return None
        return cv2.cvtColor(image, cv2.COLOR_BGRA2BGR)

    def interrupt(self) -> None:
        """End the process from another thread; a read that waits for it returns."""
        self._process.terminate()

    def close(self) -> None:
        """End the process."""
        self._pipe.close()
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(timeout=0.5)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(timeout=1.0)
        atexit.unregister(self._process.kill)


def _enlarge(descriptor: int) -> None:
    """A larger pipe, where the system has one: fewer turns per picture."""
    if sys.platform.startswith("linux"):
        import fcntl

        with contextlib.suppress(OSError):
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _PIPE_BYTES)


class RawPipe:
    """Raw BGR frames of a known size, back to back, from a binary stream.

    Raises:
        SourceError: (from read) the stream ends in the middle of a frame.
    """

    def __init__(self, stream: BinaryIO, size: tuple[int, int], fps: float | None = None) -> None:
        self._stream = stream
        self._width, self._height = size
        self.fps = fps
        self.frame_count = None
        self.finished = False
        self._count = 0

    def read(self) -> NDArray[np.uint8] | None:
        """The next picture, or None at the end of the stream."""
        wanted = self._width * self._height * 3
        image = np.empty(wanted, np.uint8)
        filled = _read_into(self._stream, image)
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
