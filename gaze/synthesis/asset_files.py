"""Files of the upstream assets: fetched over https or found in a folder, and checked."""

from __future__ import annotations

import hashlib
import os
import zlib
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gaze.errors import DataError, GazeError
from gaze.fetching import fetch_bytes, unpacked
from gaze.files import replacing

# No upstream file is larger than about 4 MB.
MAX_BYTES = 64_000_000
_MEND = "run again later, or fetch the files on another machine and give their folder with --from"


def sha256_of_array(array: NDArray) -> str:
    """SHA-256 of an array's type, shape and little-endian values."""
    array = np.ascontiguousarray(array)
    array = array.astype(array.dtype.newbyteorder("<"), copy=False)
    digest = hashlib.sha256(f"{array.dtype.str} {array.shape}".encode())
    digest.update(array.tobytes())
    return digest.hexdigest()


def check_sha256(content: bytes, sha256: str | None, origin: str) -> None:
    """Compare with a known checksum; None is no checksum.

    Raises:
        DataError: another content.
    """
    actual = hashlib.sha256(content).hexdigest()
    if sha256 is not None and actual != sha256:
        raise DataError(
            f"{origin}: SHA-256 of {len(content)} bytes is {actual[:12]}…, expected {sha256[:12]}…; "
            "the file is truncated or altered: fetch it again"
        )


@dataclass(frozen=True)
class Downloads:
    """Files fetched into a folder and kept there until their group is packed: a second run goes on.

    ``origin`` is told in messages; ``discard`` forgets a file that turned out wrong.
    """

    folder: Path
    origin: str = "the network"

    def read(self, name: str, url: str, sha256: str | None) -> bytes:
        """A file's content, from the folder or the network.

        Raises:
            GazeError: it cannot be fetched, or the folder cannot be written.
            DataError: what came has another checksum, or is far too large.
        """
        path = self.folder / name
        if path.is_file():
            content = path.read_bytes()
            if sha256 is None or hashlib.sha256(content).hexdigest() == sha256:
                return content
        content = fetch_bytes(url, MAX_BYTES, _MEND)
        check_sha256(content, sha256, url)
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            with replacing(path) as temporary:
                temporary.write_bytes(content)
        except OSError as error:
            raise unwritable(path, error) from error
        return content

    def discard(self, name: str) -> None:
        """Forget a file, so that the next run fetches it again."""
        (self.folder / name).unlink(missing_ok=True)

    def clear(self) -> None:
        """Remove the files of a group that is packed."""
        if self.folder.is_dir():
            for path in self.folder.iterdir():
                path.unlink()
            self.folder.rmdir()


@dataclass(frozen=True)
class LocalFiles:
    """Files already fetched: any below a folder, by name, also gzipped. Nothing of it is changed."""

    folder: Path
    _paths: dict[str, list[Path]] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        if not self.folder.is_dir():
            raise DataError(
                f"{self.folder}: no such folder; give the folder of the fetched files with --from"
            )
        for root, _, names in os.walk(self.folder):
            for name in names:
                self._paths.setdefault(name.removesuffix(".gz"), []).append(Path(root) / name)

    @property
    def origin(self) -> str:
        """Where the files come from."""
        return str(self.folder)

    def read(self, name: str, url: str, sha256: str | None) -> bytes:
        """A file's content.

        Raises:
            DataError: no such file below the folder, unreadable, far too large once unpacked, or with another
                checksum.
        """
        paths = self._paths.get(name, [])
        if not paths:
            raise DataError(f"{self.folder}: holds no {name}; it comes from {url}")
        # A name like LICENSE may stand there more than once.
        for last, path in enumerate(paths, 1 - len(paths)):
            try:
                content = path.read_bytes()
                content = unpacked(content, MAX_BYTES, str(path)) if path.suffix == ".gz" else content
                check_sha256(content, sha256, str(path))
                break
            except (OSError, EOFError, zlib.error) as error:
                if last == 0:
                    raise DataError(f"{path}: cannot be read ({error}); fetch it again from {url}") from error
            except DataError:
                if last == 0:
                    raise
        return content

    def discard(self, name: str) -> None:
        """The user's own files stay."""

    def clear(self) -> None:
        """The user's own files stay."""


def unwritable(path: Path, error: OSError) -> GazeError:
    """The error of a file that cannot be written."""
    return GazeError(
        f"{path}: cannot be written ({error.strerror or error}); free space or give another --assets, "
        "then run again: what is already there is kept"
    )
