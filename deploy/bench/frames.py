"""Frames for a benchmark: of one size, held in memory, with as many people as wanted."""

from __future__ import annotations

import math
import time
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from deploy.sources import kind_of_source, open_source
from deploy.sources.base import without_credentials
from gaze.errors import SourceError, UsageError

MOST_FRAMES = 120
# A camera that stopped is waited for so long.
PATIENCE_S = 30.0


def kind_and_name(source: str) -> tuple[str, str]:
    """What kind of source this is (see kind_of_source), and its name for a report.

    Raises:
        UsageError: there is no such file, or it is standard input.
    """
    try:
        kind = kind_of_source(source)
    except SourceError as error:
        raise UsageError(f"{error}; give --source VIDEO with a face in it") from error
    if kind == "stdin":
        raise UsageError("--source -: standard input cannot be measured on; give a file, camera or stream")
    named = {"camera": f"camera {source}", "gstreamer": "GStreamer pipeline"}
    named["url"] = without_credentials(source)
    return kind, named.get(kind, Path(source).name)


def bench_frames(source: str, size: tuple[int, int], faces: int = 1) -> tuple[list[NDArray[np.uint8]], float]:
    """Up to 120 frames (H, W, 3) of ``size`` (width, height), and their rate in frames a second.

    A camera or stream is asked for as many, and its frames are held in memory like those of a file. With more
    faces the picture is repeated in a grid, so each is smaller.

    Raises:
        SourceError: the source has no frame.
    """
    images = []
    with open_source(source, size=size) as frames:
        latest = time.monotonic()
        while len(images) < MOST_FRAMES and not frames.ended and time.monotonic() - latest < PATIENCE_S:
            frame = frames.read(1.0)
            if frame is not None:
                images.append(_tiled(frame.image, size, faces))
                latest = time.monotonic()
        fps = frames.fps or 30.0
    if not images:
        raise SourceError(f"{without_credentials(source)}: has no frame to measure on; give another")
    return images, fps


def _tiled(image: NDArray[np.uint8], size: tuple[int, int], faces: int) -> NDArray[np.uint8]:
    columns = math.ceil(math.sqrt(faces))
    rows = math.ceil(faces / columns)
    width, height = size[0] // columns, size[1] // rows
    tile = _cover(image, width, height)
    picture = np.zeros((size[1], size[0], 3), np.uint8)
    for number in range(faces):
        top, left = (number // columns) * height, (number % columns) * width
        picture[top : top + height, left : left + width] = tile
    return picture


def _cover(image: NDArray[np.uint8], width: int, height: int) -> NDArray[np.uint8]:
    """The middle of the picture, as large as the wanted shape allows, resized."""
    have_height, have_width = image.shape[:2]
    scale = max(width / have_width, height / have_height)
    cut_width, cut_height = min(have_width, round(width / scale)), min(have_height, round(height / scale))
    left, top = (have_width - cut_width) // 2, (have_height - cut_height) // 2
    cut = image[top : top + cut_height, left : left + cut_width]
    shrinking = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
    return cv2.resize(cut, (width, height), interpolation=shrinking)
