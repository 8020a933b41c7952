"""Writing HDF5 so that a full disk is an error and nothing worse."""

from __future__ import annotations

import contextlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import h5py

from gaze.files import replacing


class _DeferringFile(io.RawIOBase):
    """A file whose failed writes are remembered instead of raised.

    HDF5 cannot close a file after a write has failed: it leaves objects behind that crash the process
    when they are collected. So it is told that all went well, and the error is raised after closing.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b", buffering=0)
        self.error: OSError | None = None

    def write(self, data: bytes) -> int:
        rest = memoryview(data).cast("B")
        size = len(rest)
        while rest and self.error is None:
            try:
                rest = rest[self._file.write(rest) :]
            except OSError as error:
                self.error = error
        return size

    def readinto(self, buffer: bytearray) -> int:
        return self._file.readinto(buffer)

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()

    def truncate(self, size: int | None = None) -> int:
        try:
            return self._file.truncate(size)
        except OSError as error:
            self.error = self.error or error
            return size or 0

    def close(self) -> None:
        self._file.close()
        super().close()


@contextmanager
def replacing_hdf5(
    path: str | os.PathLike[str], libver: str = "latest", userblock: bytes = b""
) -> Iterator[h5py.File]:
    """A new HDF5 file that takes the place of ``path`` in one step when the block ends well.

    ``userblock``, if any, stands before the HDF5 content: a power of two of at least 512 bytes.

    Raises:
        OSError: the disk is full or the folder cannot be written; ``path`` is then untouched.
    """
    with replacing(path) as temporary, contextlib.closing(_DeferringFile(temporary)) as target:
        with h5py.File(target, "w", libver=libver, userblock_size=len(userblock)) as file:
            yield file
        target.seek(0)
        target.write(userblock)
        if target.error is not None:
            raise target.error
