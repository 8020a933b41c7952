"""Picture files, through Python's own reading and writing: OpenCV crashes on names that are no UTF-8."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError, GazeError, UsageError
from gaze.files import prepare_outputs, read_bytes, replacing

ENDINGS = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")


def decode_picture(content: bytes, name: object, kind: type[GazeError] = DataError) -> NDArray[np.uint8]:
    """A picture file's content as (H, W, 3) uint8 BGR, upright; ``name`` stands in messages.

    EXIF rotation is applied, alpha is dropped, grey becomes three equal channels, 16 bit is reduced to
    its upper eight.

    Raises:
        kind: the content is empty or no picture.
    """
    if not content:
        raise kind(f"{name}: is empty (0 bytes); copy it again")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise kind(
            f"{name}: cannot be decoded ({error.err}); copy it again, or save it as PNG or JPEG"
        ) from error
    if image is None:
        raise kind(f"{name}: holds no picture that can be decoded; copy it again, or save it as PNG or JPEG")
    return image


def read_picture(path: str | os.PathLike[str], kind: type[GazeError] = DataError) -> NDArray[np.uint8]:
    """A picture file; see decode_picture.

    Raises:
        kind: the file cannot be read, is empty, or holds no picture.
    """
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # reading a pipe would wait for its writer
            raise OSError(errno.EINVAL, "is no plain file")
        content = read_bytes(path)
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from error
    return decode_picture(content, path, kind)


def write_picture(
    path: str | os.PathLike[str], picture: NDArray[np.uint8], parameters: Sequence[int] = ()
) -> None:
    """Write a picture (H, W, 3) BGR in one step, as its ending says; ``parameters`` are OpenCV's.

    Raises:
        OSError: it cannot be written, or no format has that ending; an older file is then untouched.
    """
    try:
        good, content = cv2.imencode(_ending(path), picture, parameters)
    except cv2.error:
        good = False
    if not good:
        raise OSError(errno.EINVAL, f"is no picture that can be written; end its name in {ENDINGS[0]}", path)
    with replacing(path) as temporary:
        temporary.write_bytes(content)


def opencv_path(path: str | os.PathLike[str], kind: type[GazeError] = DataError) -> str:
    """The name by which OpenCV opens a video of this path, for it does that itself.

    It is absolute, since FFmpeg takes what stands before a colon for a protocol.

    Raises:
        kind: the name is not UTF-8.
    """
    name = os.path.abspath(path)  # noqa: PTH100 - links stay as they are
    try:
        name.encode("utf-8")
    except UnicodeEncodeError as error:
        raise kind(f"{path}: OpenCV takes no name for a video that is not UTF-8; rename it") from error
    return name


def prepare_pictures(*paths: str | os.PathLike[str] | None) -> None:
    """What gaze.files.prepare_outputs does, for files that write_picture will write.

    Raises:
        UsageError: one cannot be written there, or its ending is none of ENDINGS.
    """
    prepare_outputs(*paths)
    for path in paths:
        if path is not None and _ending(path).lower() not in ENDINGS:
            raise UsageError(f"{path}: a picture is saved as {', '.join(ENDINGS)}; end its name in one")


def _ending(path: str | os.PathLike[str]) -> str:
    # A byte that is no text would crash OpenCV here too.
    return Path(path).suffix.encode("ascii", "replace").decode("ascii")
