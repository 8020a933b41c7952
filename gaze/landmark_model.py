"""The facts of MediaPipe's Face Landmarker file, which the Tasks adapter needs beside the wheel."""

from __future__ import annotations

import sys
from pathlib import Path

from gaze.user_folders import cache_dir

# Version 1 on MediaPipe's own model page; Apache-2.0.
URL = (
    "https://storage.googleapis.com/mediapipe-models/face_landmarker/face_landmarker/"
    "float16/1/face_landmarker.task"
)
SHA256 = "64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff"
SIZE_BYTES = 3_758_596


FILE_NAME = "face_landmarker.task"


def cached_model_path() -> Path:
    """Where `gaze download-models` puts the file."""
    return cache_dir() / FILE_NAME


def model_path() -> Path:
    """The file in use: the user's own or, where there is none, the one that this environment has for all.

    The recipes for devices install the latter, since a service has a user and a cache of its own.
    """
    own, of_all = cached_model_path(), Path(sys.prefix) / "share" / "webcam-gaze" / FILE_NAME
    return of_all if of_all.is_file() and not own.is_file() else own
