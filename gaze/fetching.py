"""Content behind a URL: no more of it than is expected, and again where a fault may pass."""

from __future__ import annotations

import gzip
import http.client
import io
import time
import urllib.error
import urllib.request
import zlib

from gaze.errors import DataError, GazeError

TIMEOUT_S = 30.0
TRIES = 3
PAUSE_S = 2.0
_AGAIN = (408, 429, 500, 502, 503, 504)
_FAULTS = (urllib.error.URLError, http.client.HTTPException, OSError, EOFError, zlib.error)


def fetch_bytes(url: str, max_bytes: int, mend: str) -> bytes:
    """The content behind a URL; what ends a message of one that cannot be fetched is ``mend``.

    Raises:
        GazeError: the server cannot be reached, or answers with an error.
        DataError: there is more than ``max_bytes``.
    """
    request = urllib.request.Request(url, headers={"Accept-Encoding": "gzip", "User-Agent": "webcam-gaze"})
    for attempt in range(1, TRIES + 1):
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT_S) as answer:
                # One byte more than expected shows a longer file without reading all of it.
                content = answer.read(max_bytes + 1)
                _check_size(content, max_bytes, url)
                if answer.length:
                    raise http.client.IncompleteRead(content, answer.length)
                packed = answer.headers.get("Content-Encoding") == "gzip"
            return unpacked(content, max_bytes, url) if packed else content
        except _FAULTS as error:
            final = isinstance(error, urllib.error.HTTPError) and error.code not in _AGAIN
            if final or attempt == TRIES:
                reason = getattr(error, "reason", None) or error
                raise GazeError(f"{url}: cannot be fetched ({reason}); {mend}") from error
            time.sleep(PAUSE_S * attempt)
    raise AssertionError("unreachable")


def unpacked(content: bytes, max_bytes: int, origin: str) -> bytes:
    """What gzip packed. A few bytes may stand for gigabytes: they are not unpacked.

    Raises:
        OSError, EOFError, zlib.error: not gzip's, damaged or cut off.
        DataError: there is more than ``max_bytes`` in it.
    """
    with gzip.GzipFile(fileobj=io.BytesIO(content)) as file:
        plain = file.read(max_bytes + 1)
    _check_size(plain, max_bytes, origin)
    return plain


def _check_size(content: bytes, max_bytes: int, origin: str) -> None:
    if len(content) > max_bytes:
        raise DataError(
            f"{origin}: holds more than {max_bytes:,} bytes, which the right file does not; it was changed, "
            "or something else answers in its place: fetch it again"
        )
