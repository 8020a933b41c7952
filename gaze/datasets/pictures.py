"""Reading picture files so that a damaged one is noticed."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError
from gaze.files import read_bytes
from gaze.picture_files import decode_picture

PICTURE_ENDINGS = (".jpg", ".jpeg", ".png")


def read_picture(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], str]:
    """A picture (H, W, 3) uint8 BGR and the SHA-256 of its file.

    Raises:
        DataError: the file is missing, truncated or not a picture.
    """
    path = Path(path)
    try:
        data = read_bytes(path)
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror}); copy or download it again") from error
    # The decoder fills what is missing of a truncated JPEG with grey and says nothing: look for its end mark.
    if data[:2] == b"\xff\xd8" and b"\xff\xd9" not in data[-64:]:
        raise DataError(f"{path}: truncated JPEG ({len(data)} bytes); copy or download it again")
    return decode_picture(data, path), hashlib.sha256(data).hexdigest()


def day_of(image: str) -> str | None:
    """The day folder in a picture's path ("day01/0087.jpg" -> "day01")."""
    head = image.replace("\\", "/").rpartition("/")[0].rpartition("/")[2]
    return head or None
