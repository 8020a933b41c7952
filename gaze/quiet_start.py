"""A detector without what MediaPipe, TensorFlow Lite and Abseil say at every start; all else still comes."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import numpy as np

from gaze.types import Face, Frame

if TYPE_CHECKING:
    from gaze.landmarks import FaceDetector

# Native code writes to the descriptor, whatever sys.stderr is.
_ERROR_STREAM = 2
# Told straight to the error stream, before MediaPipe's own log level counts.
_START_NOISE = (
    b"Created TensorFlow Lite XNNPACK delegate",
    b"All log messages before absl::InitializeLog()",
    b"Logging before InitGoogle()",
    b"Feedback manager requires a model with a single signature",
    b"gl_context",
    b"landmark_projection_calculator.cc",
    b"face_landmarker_graph.cc",
    b"prctl(PR_SVE_GET_VL)",  # every Arm processor without scalable vectors, such as a Raspberry Pi's
)
# The stream is the whole process's: of two threads that hold it at once, the last to leave would put back the
# other one's file.
_HOLDING = threading.Lock()


@contextlib.contextmanager
def without_start_noise() -> Iterator[None]:
    """Hold the process's error stream back for a moment, then pass on what is not known noise.

    While one thread holds it, others go on without.
    """
    if not _HOLDING.acquire(blocking=False):
        yield
        return
    with contextlib.ExitStack() as stack:
        stack.callback(_HOLDING.release)
        try:
            kept = os.dup(_ERROR_STREAM)
            stack.callback(os.close, kept)
            held = stack.enter_context(tempfile.TemporaryFile())
        except OSError:
            # A process without one, such as a service or a windowed program; or no place for a file, as on a
            # disk that is full or read only.
            yield
            return
        _flush()
        os.dup2(held.fileno(), _ERROR_STREAM)
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, _ERROR_STREAM)
            held.seek(0)
            with contextlib.suppress(OSError):  # nobody reads it
                for line in held:
                    if not any(noise in line for noise in _START_NOISE):
                        os.write(_ERROR_STREAM, line)


# Passes on the lines of its input that hold none of its arguments. Ctrl-C is for its parent alone.
_FILTER = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_IGN)
noises = [noise.encode() for noise in sys.argv[1:]]
for line in sys.stdin.buffer:
    if not any(noise in line for noise in noises):
        sys.stderr.buffer.write(line)
        sys.stderr.buffer.flush()
"""
# A process that was started meanwhile, and goes on, may hold the filter's input open.
_FILTER_ENDS_S = 2.0


@contextlib.contextmanager
def start_noise_filtered() -> Iterator[None]:
    """Pass the process's error stream on through another process, each line at once, without known noise.

    It takes longer to start than without_start_noise, and loses nothing where native code ends this process.
    """
    with contextlib.ExitStack() as stack:
        try:
            kept = os.dup(_ERROR_STREAM)
            stack.callback(os.close, kept)
            command = [sys.executable, "-I", "-c", _FILTER, *(noise.decode() for noise in _START_NOISE)]
            other = subprocess.Popen(command, stdin=subprocess.PIPE)
        except OSError:  # a process without one, or a machine without room for another process
            yield
            return
        stack.callback(_end, other)
        _flush()
        os.dup2(other.stdin.fileno(), _ERROR_STREAM)
        other.stdin.close()  # the error stream alone holds it: its end is that of the input
        try:
            yield
        finally:
            _flush()
            os.dup2(kept, _ERROR_STREAM)


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(_FILTER_ENDS_S)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _flush() -> None:
    if sys.stderr is not None:
        sys.stderr.flush()


class QuietDetector:
    """A detector without the warnings that MediaPipe writes at its start and at its first face."""

    def __init__(self, make: Callable[[], FaceDetector]) -> None:
        with without_start_noise():
            self._detector = make()
            # The first picture makes MediaPipe load; better now than in the middle of the first frame.
            self._detector.detect(Frame(np.zeros((48, 64, 3), np.uint8), 0, -1.0))
        self.name = self._detector.name
        self._seen_a_face = False

    def detect(self, frame: Frame) -> list[Face]:
        """The faces of a frame, as FaceDetector has it."""
        if self._seen_a_face:
            return self._detector.detect(frame)
        with without_start_noise():
            faces = self._detector.detect(frame)
        self._seen_a_face = bool(faces)
        return faces

    def close(self) -> None:
        """Close the detector within."""
        self._detector.close()

    def __enter__(self) -> QuietDetector:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()
