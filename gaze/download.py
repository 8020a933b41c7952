"""`gaze download-models`: fetch MediaPipe's Face Landmarker once, and check it."""

from __future__ import annotations

import argparse
import hashlib
from collections.abc import Sequence
from pathlib import Path

from gaze.errors import GazeError, ModelError
from gaze.fetching import fetch_bytes
from gaze.files import replacing
from gaze.help_format import HelpFormatter
from gaze.landmark_model import SHA256, SIZE_BYTES, URL, cached_model_path
from gaze.model_spec import sha256_of


def fetch(url: str, target: Path, sha256: str, max_bytes: int = SIZE_BYTES) -> None:
    """Download ``url`` to ``target`` if its SHA-256 is the expected one; else ``target`` is untouched.

    Raises:
        GazeError: the server cannot be reached, or the file cannot be written.
        DataError, ModelError: what came is longer, or otherwise not the expected file.
    """
    mend = "fetch it on another machine and give it with --file"
    _store(fetch_bytes(url, max_bytes, mend), target, sha256, url)


def install(source: Path, target: Path, sha256: str) -> None:
    """Copy a local file to ``target`` if its SHA-256 is the expected one; else ``target`` is untouched.

    Raises:
        GazeError: a file cannot be read or written.
        ModelError: it is not the expected file.
    """
    try:
        content = source.read_bytes()
    except OSError as error:
        raise GazeError(f"{source}: cannot be read ({error.strerror}); check --file") from error
    _store(content, target, sha256, str(source))


def _store(content: bytes, target: Path, sha256: str, origin: str) -> None:
    actual = hashlib.sha256(content).hexdigest()
    if actual != sha256:
        raise ModelError(
            f"{origin}: SHA-256 of {len(content)} bytes is {actual[:12]}…, expected {sha256[:12]}…; "
            f"the file is truncated, altered or another version: fetch it again from {URL}"
        )
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        with replacing(target) as temporary:
            temporary.write_bytes(content)
    except OSError as error:
        raise GazeError(
            f"{target}: cannot be written ({error.strerror}); choose another with --output"
        ) from error


def main(argv: Sequence[str] | None = None) -> int:
    """The command."""
    parser = argparse.ArgumentParser(
        prog="gaze download-models",
        description=f"Fetch MediaPipe's Face Landmarker ({SIZE_BYTES / 1e6:.1f} MB, Apache-2.0) from {URL} "
        "and check its SHA-256. Needed only for --landmarks tasks and on Python 3.13 and newer.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument("--file", type=Path, help="take this local copy instead of downloading")
    parser.add_argument("--output", type=Path, default=cached_model_path(), help="where to put the file")
    args = parser.parse_args(argv)
    if args.file is not None:
        install(args.file, args.output, SHA256)
    elif args.output.is_file() and sha256_of(args.output) == SHA256:
        print(f"{args.output}: already there, checksum good")
        return 0
    else:
        print(f"fetching {URL}")
        fetch(URL, args.output, SHA256)
    print(f"{args.output}: written, checksum good")
    return 0
