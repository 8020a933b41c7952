"""Quietening of the native libraries, whose complaints repeat what our own messages say."""

from __future__ import annotations

import contextlib
import os
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

_QUIET = {
    "OPENCV_LOG_LEVEL": "SILENT",
    "OPENCV_FFMPEG_LOGLEVEL": "-8",
    "GLOG_minloglevel": "3",
    "TF_CPP_MIN_LOG_LEVEL": "3",
    "QT_LOGGING_RULES": "*.debug=false;qt.qpa.*=false",
}
_FONT_FOLDERS = ("/usr/share/fonts/truetype/dejavu", "/usr/share/fonts/truetype", "/usr/share/fonts")


def quieten() -> None:
    """Set the environment that silences OpenCV, FFmpeg, MediaPipe and Qt; call it before importing them.

    What the user has set stays. Qt inside OpenCV's wheel ships no fonts and says so at length: it is
    pointed at the system's.
    """
    for name, value in _QUIET.items():
        os.environ.setdefault(name, value)
    for folder in _FONT_FOLDERS:
        if Path(folder).is_dir():
            os.environ.setdefault("QT_QPA_FONTDIR", folder)
            break


# What MediaPipe tells at every start, straight to the error stream, before its own log level counts.
_START_NOISE = (
    b"Created TensorFlow Lite XNNPACK delegate",
    b"All log messages before absl::InitializeLog()",
    b"Feedback manager requires a model with a single signature",
    b"gl_context",
    b"landmark_projection_calculator.cc",
    b"face_landmarker_graph.cc",
)


@contextlib.contextmanager
def without_start_noise() -> Iterator[None]:
    """Hold the error stream back while models are loaded, then pass on what is not known noise."""
    try:
        error_stream = sys.stderr.fileno()
    except (OSError, ValueError):  # replaced by something without a descriptor
        yield
        return
    sys.stderr.flush()
    kept = os.dup(error_stream)
    with tempfile.TemporaryFile() as held:
        os.dup2(held.fileno(), error_stream)
        try:
            yield
        finally:
            sys.stderr.flush()
            os.dup2(kept, error_stream)
            os.close(kept)
            held.seek(0)
            for line in held:
                if not any(noise in line for noise in _START_NOISE):
                    os.write(error_stream, line)
