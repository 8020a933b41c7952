"""The settings that all pictures of a folder share, noted in a file beside them."""

from __future__ import annotations

from pathlib import Path

from gaze.errors import DataError
from gaze.files import read_json, write_json


def keep_to_settings(index: Path, settings: dict[str, object], things: str) -> None:
    """Make the folder and its ``index``, a JSON of ``settings``, or hold them against the one that is there.

    ``settings`` are as JSON gives them back: lists, no tuples. ``things`` is what errors call the content.

    Raises:
        DataError: the folder has other settings, or cannot be written or read.
    """
    try:
        index.parent.mkdir(parents=True, exist_ok=True)
        if not index.is_file():
            write_json(index, settings)
            return
        found = read_json(index)
    except OSError as error:
        raise DataError(
            f"{index}: cannot be written or read ({error.strerror}); give another --out"
        ) from error
    except ValueError as error:
        raise DataError(f"{index}: is not JSON ({error}); restore it or give another --out") from error
    if found != settings:
        known = found if isinstance(found, dict) else {}
        other = ", ".join(sorted(key for key in {*known, *settings} if known.get(key) != settings.get(key)))
        raise DataError(f"{index}: holds {things} of other settings ({other}); give another --out")
