"""Errors of the operating system while data is read and written, as messages with file and mend."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from contextlib import contextmanager

from gaze.errors import DataError
from gaze.model_spec import sha256_of


@contextmanager
def reading() -> Iterator[None]:
    """What is read inside the block may be missing, a folder, a link to itself, or another user's.

    Raises:
        DataError: instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        raise DataError(
            f"{error.filename or 'a file'}: cannot be read ({error.strerror or error}); check that it is "
            "there, is a file and may be read by you, or download it again"
        ) from error


@contextmanager
def writing(path: str | os.PathLike[str], then: str) -> Iterator[None]:
    """What is written inside the block belongs to ``path``; ``then`` says how to go on after the mend.

    Raises:
        DataError: instead of the OSError.
    """
    try:
        yield
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        mend = "the disk is full: free some space" if full else "check the folder's permissions and the disk"
        raise DataError(f"{path}: cannot be written ({error.strerror or error}); {mend}, {then}") from error


def checksum(path: str | os.PathLike[str]) -> str:
    """SHA-256 of a source file, as hex.

    Raises:
        DataError: it cannot be read.
    """
    with reading():
        return sha256_of(path)
