"""The facts of MediaPipe's Face Landmarker file, which the Tasks adapter needs beside the wheel."""

from __future__ import annotations

from pathlib import Path

from gaze.user_folders import cache_dir

# Version 1 on MediaPipe's own model page; Apache-2.0.
URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
    "float16/1/face_landmarker.task"
)
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SIZE_BYTES = 3_758_596


def cached_model_path() -> Path:
    """Where `gaze download-models` puts the file."""
    return cache_dir() / "face_landmarker.task"
