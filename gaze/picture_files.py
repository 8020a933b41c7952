"""Picture files, through Python's own reading and writing: OpenCV crashes on names that are no UTF-8."""

from __future__ import annotations

import errno
import hashlib
import os
import stat
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError, GazeError, UsageError
from gaze.files import prepare_outputs, read_bytes, replacing

WRITABLE = (".png", ".jpg", ".jpeg", ".bmp", ".webp", ".tif", ".tiff")
READABLE = (*WRITABLE, ".ppm", ".pgm")


def read_picture(path: str | os.PathLike[str], kind: type[GazeError] = DataError) -> NDArray[np.uint8]:
    """A picture file as (H, W, 3) uint8 BGR, upright.

    EXIF rotation of JPEG and PNG is applied, alpha is dropped, grey becomes three equal channels, 16 bit is
    reduced to its upper eight.

    Raises:
        kind: the file cannot be read, is empty, is a truncated JPEG, or holds no picture.
    """
    return _decoded(_content(path, kind), path, kind)


def read_picture_and_sha256(path: str | os.PathLike[str]) -> tuple[NDArray[np.uint8], str]:
    """What read_picture gives, and the SHA-256 of the file.

    Raises:
        DataError: as read_picture.
    """
    content = _content(path, DataError)
    return _decoded(content, path, DataError), hashlib.sha256(content).hexdigest()


def pictures_of_one_size(
    folder: str | os.PathLike[str], what: str, left_out: list[str]
) -> Iterator[tuple[str, NDArray[np.uint8]]]:
    """The pictures (H, W, 3) uint8 BGR of a folder with their names, in the order of these.

    Files that are no pictures by their ending are passed over; ``left_out`` gets a line for each that cannot
    be read. ``what`` names the folder in messages: "the pictures of the board".

    Raises:
        DataError: the folder is missing, holds no picture that can be read, or pictures of several sizes.
    """
    folder = Path(folder)
    if not folder.is_dir():
        raise DataError(f"{folder}: is no folder; give the one with {what}")
    files = sorted(path for path in folder.iterdir() if path.suffix.lower() in READABLE)
    if not files:
        raise DataError(f"{folder}: holds no picture ({', '.join(READABLE)})")
    size: tuple[int, int] | None = None
    for path in files:
        try:
            image = read_picture(path)
        except DataError as error:
            left_out.append(str(error).removeprefix(f"{folder}{os.sep}"))
            continue
        own = (image.shape[1], image.shape[0])
        size = size or own
        if own != size:
            raise DataError(
                f"{path}: is {own[0]}x{own[1]} px, others are {size[0]}x{size[1]}; "
                "intrinsics belong to one size"
            )
        yield path.name, image
    if size is None:
        raise DataError(f"{folder}: none of the {len(files)} pictures can be read")


def check_square(image: NDArray[np.uint8], name: object) -> None:
    """Refuse a picture (H, W, 3) that can be no normalised face; ``name`` stands in the message.

    Raises:
        DataError: it is not square.
    """
    height, width = image.shape[:2]
    if height != width:
        raise DataError(
            f"{name}: is {width}x{height}, a normalised face is square; give crops of the normalisation, "
            "not whole photos"
        )


def _content(path: str | os.PathLike[str], kind: type[GazeError]) -> bytes:
    try:
        if not stat.S_ISREG(Path(path).stat().st_mode):  # reading a pipe would wait for its writer
            raise OSError(errno.EINVAL, "is no plain file")
        return read_bytes(path)
    except OSError as error:
        raise kind(f"{path}: cannot be read ({error.strerror}); check the path and its rights") from error


def _decoded(content: bytes, path: str | os.PathLike[str], kind: type[GazeError]) -> NDArray[np.uint8]:
    if not content:
        raise kind(f"{path}: is empty (0 bytes); copy it again")
    # The decoder fills what is missing of a truncated JPEG with grey and says nothing.
    if _is_truncated_jpeg(content):
        raise kind(f"{path}: truncated JPEG ({len(content)} bytes); copy or download it again")
    try:
        image = cv2.imdecode(np.frombuffer(content, np.uint8), cv2.IMREAD_COLOR)
    except cv2.error as error:
        raise kind(
            f"{path}: cannot be decoded ({error.err}); copy it again, or save it as PNG or JPEG"
        ) from error
    if image is None:
        raise kind(f"{path}: holds no picture that can be decoded; copy it again, or save it as PNG or JPEG")
    return image


def _is_truncated_jpeg(content: bytes) -> bool:
    """Whether the end mark is missing behind the picture's data.

    Segments in front of the data are skipped by their stated length (ISO/IEC 10918-1, annex B), for one may
    hold a thumbnail with an end mark of its own; behind the end mark phones put more pictures, or a film.
    """
    if content[:2] != b"\xff\xd8":
        return False
    at = 2
    while content[at : at + 1] == b"\xff" and content[at + 1 : at + 2] != b"\xda":
        if content[at + 1 : at + 2] == b"\xff":  # a fill byte
            at += 1
        else:
            at += 2 + int.from_bytes(content[at + 2 : at + 4], "big")
    return content.find(b"\xff\xd9", at) < 0


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
        raise OSError(errno.EINVAL, f"is no picture that can be written; end its name in {WRITABLE[0]}", path)
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
        UsageError: one cannot be written there, or its ending is none of WRITABLE.
    """
    prepare_outputs(*paths)
    for path in paths:
        if path is not None and _ending(path).lower() not in WRITABLE:
            raise UsageError(f"{path}: a picture is saved as {', '.join(WRITABLE)}; end its name in one")


def _ending(path: str | os.PathLike[str]) -> str:
    # A byte that is no text would crash OpenCV here too.
    return Path(path).suffix.encode("ascii", "replace").decode("ascii")
