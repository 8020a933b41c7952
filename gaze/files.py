"""Writing files so that nothing half-written is taken for whole; reading JSON that anybody may have made."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gaze.errors import GazeError, UsageError


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name in the same folder; rename it to ``path`` on success, remove it on failure.

    Raises:
        OSError: the folder cannot be written or the disk is full; ``path`` is then untouched.
    """
    path = Path(path)
    temporary = path.with_name(f"{path.stem}.{os.getpid()}.tmp{path.suffix}")
    try:
        yield temporary
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def prepare_outputs(*paths: str | os.PathLike[str] | None) -> None:
    """Make the folders of files that are written once the work is done; None is passed over.

    Raises:
        UsageError: a file cannot be written there; better said before the work than after it.
    """
    for path in (Path(path) for path in paths if path is not None):
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=path.parent):
                pass
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}); give another place") from error
        if path.is_dir():
            raise UsageError(f"{path}: is a folder; give the name of a file")


def write_json(path: str | os.PathLike[str], content: object) -> None:
    """Write indented JSON in one step (see replacing)."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def parse_json(text: str) -> object:
    """What a JSON text holds.

    Raises:
        ValueError: it is not JSON, or nested so deeply that Python cannot read it.
    """
    try:
        return json.loads(text)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def read_json(path: str | os.PathLike[str]) -> object:
    """What a JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8 or not JSON (see parse_json).
    """
    return parse_json(Path(path).read_text(encoding="utf-8"))


def read_object(
    path: str | os.PathLike[str], schema: str, error: type[GazeError], mend: str, stated: bool = True
) -> dict[str, object]:
    """The object in a JSON file of a ``schema``; ``stated`` False: the file need not name it.

    Raises:
        error: the file cannot be read, is not JSON, or is of another schema; the message ends with ``mend``.
    """
    try:
        content = read_json(path)
    except OSError as problem:
        raise error(f"{path}: cannot be read ({problem.strerror}); {mend}") from problem
    except ValueError as problem:
        raise error(f"{path}: is not JSON ({problem}); {mend}") from problem
    found = content.get("schema") if isinstance(content, dict) else f"a {type(content).__name__}"
    if found != schema and (stated or found is not None):
        raise error(f"{path}: is not a {schema} file (found {found!r:.60}); {mend}")
    return content
