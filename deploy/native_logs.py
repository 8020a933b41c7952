"""Quietening of the native libraries, whose complaints repeat what our own messages say."""

from __future__ import annotations

import os
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
