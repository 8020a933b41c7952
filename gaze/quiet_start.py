"""A detector without what MediaPipe, TensorFlow Lite and Abseil say at every start; all else still comes."""

from __future__ import annotations

import contextlib
import os
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
