"""The facts of MediaPipe's Face Landmarker file, which the Tasks adapter needs beside the wheel."""

from __future__ import annotations

import os
from pathlib import Path

# Version 1 on MediaPipe's own model page; Apache-2.0.
URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
    "float16/1/face_landmarker.task"
)
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SIZE_BYTES = 3_758_596


def cached_model_path() -> Path:
    """Where `gaze download-models` puts the file: the XDG cache folder, ~/.cache unless set otherwise."""
    base = os.environ.get("XDG_CACHE_HOME", "")
    # The XDG specification: a relative path is invalid and to be ignored.
    folder = Path(base) if Path(base).is_absolute() else Path.home() / ".cache"
    return folder / "webcam-gaze" / "face_landmarker.task"
