"""Writing files so that nothing half-written is taken for whole; reading JSON that anybody may have made."""

from __future__ import annotations

import errno
import json
import math
import os
import stat
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from gaze.errors import GazeError, UsageError

# No quantity comes near, and the squares of two such numbers can still be multiplied; and the digits that
# Python turns into a number at all.
LARGEST_NUMBER = 1e50
LONGEST_NUMBER = 4000
# Settings, tables and pictures: nothing that is read as a whole is ever nearly as large.
LARGEST_FILE = 500_000_000


@contextmanager
def replacing(path: str | os.PathLike[str]) -> Iterator[Path]:
    """Give a temporary name in the same folder; rename it to ``path`` on success, remove it on failure.

    A link stays one: the file that it points at is replaced.

    Raises:
        OSError: the folder cannot be written, the disk is full, or ``path`` is a device, pipe or folder;
            it is then untouched.
    """
    path = Path(os.path.realpath(path))
    if _is_special(path):
        raise OSError(errno.EINVAL, "is not a plain file", str(path))
    # A name may have 255 bytes; of a long one the beginning is kept, so that there is room for the rest.
    stem = path.stem if len(os.fsencode(path.name)) < 200 else path.stem[:40]
    temporary = path.with_name(f"{stem}.{os.getpid()}.tmp{path.suffix}")
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
            is_folder, is_special = path.is_dir(), _is_special(path)
        except OSError as error:
            raise UsageError(f"{path}: cannot be written ({error.strerror}); give another place") from error
        if is_folder:
            raise UsageError(f"{path}: is a folder; give the name of a file")
        if is_special:
            raise UsageError(f"{path}: is not a plain file; give the name of a file, or leave it out")


def spare_inputs(
    outputs: Mapping[str, str | os.PathLike[str] | None],
    inputs: Mapping[str, Iterable[str | os.PathLike[str] | None]],
) -> None:
    """Refuse outputs that would take the place of each other, or of a file that is read.

    By how they are called, such as "--out"; None is passed over. Links to one file are one file.

    Raises:
        UsageError: one would.
    """
    taken = {_identity(path): name for name, paths in inputs.items() for path in paths if path}
    for name, path in outputs.items():
        if not path:
            continue
        other = taken.setdefault(_identity(path), name)
        if other != name:
            does = "reads" if other in inputs else "writes"
            raise UsageError(f"{name} {path} would overwrite what {other} {does}; choose another name")


def _identity(path: str | os.PathLike[str]) -> object:
    path = os.path.realpath(path)
    try:
        found = Path(path).stat()
    except OSError:
        return path
    if not stat.S_ISREG(found.st_mode):
        return object()  # everything may go to /dev/null
    return found.st_dev, found.st_ino


def _is_special(path: Path) -> bool:
    """Whether something is there that a rename would take away for good: /dev/null, a pipe, a folder."""
    return path.exists() and not path.is_file()


def write_json(path: str | os.PathLike[str], content: object) -> None:
    """Write indented JSON in one step (see replacing)."""
    with replacing(path) as temporary:
        temporary.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def without_nan(content: object) -> object:
    """The same with None, in JSON null, for NaN and infinity, which JSON has not."""
    if isinstance(content, dict):
        return {key: without_nan(value) for key, value in content.items()}
    if isinstance(content, (list, tuple)):
        return [without_nan(value) for value in content]
    return None if isinstance(content, float) and not math.isfinite(content) else content


def parse_json(text: str | bytes) -> object:
    """What a JSON text holds.

    Raises:
        ValueError: it is not JSON, is nested so deeply that Python cannot read it, says a key of an object
            twice, or holds a number that nothing can be calculated with.
    """
    try:
        return json.loads(
            text,
            object_pairs_hook=_object,
            parse_int=lambda digits: _number(digits, int),
            parse_float=lambda digits: _number(digits, float),
            parse_constant=lambda name: _number(name, float),
        )
    except RecursionError as error:
        raise ValueError("nested too deeply") from error


def _object(pairs: list[tuple[str, object]]) -> dict[str, object]:
    content = dict(pairs)
    if len(content) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"the key {max(keys, key=keys.count)!r:.60} stands twice in one object")
    return content


def _number(digits: str, kind: type[int] | type[float]) -> float:
    # NaN passes: it compares as false, and whoever wants a finite number asks for one.
    if len(digits) > LONGEST_NUMBER or abs(number := kind(digits)) > LARGEST_NUMBER:
        raise ValueError(f"the number {digits:.20} is too large")
    return number


def read_bytes(path: str | os.PathLike[str], most: int = LARGEST_FILE) -> bytes:
    """What a file holds that is read into memory as a whole.

    Raises:
        OSError: it cannot be read, or is larger than ``most`` bytes: /dev/zero has no end.
    """
    with Path(path).open("rb", buffering=0) as file:
        content = bytearray()
        while block := file.read(max(1 << 16, min(os.fstat(file.fileno()).st_size, most))):
            content += block
            if len(content) > most:
                raise OSError(errno.EFBIG, f"is larger than {most / 1e6:.0f} MB", str(path))
    return bytes(content)


def read_text(path: str | os.PathLike[str]) -> str:
    """The same as text, without the mark that some editors put before it.

    Raises:
        OSError: as read_bytes.
        UnicodeDecodeError: it is not UTF-8.
    """
    return read_bytes(path).decode("utf-8-sig")


def read_json(path: str | os.PathLike[str]) -> object:
    """What a JSON file holds.

    Raises:
        OSError: it cannot be read.
        ValueError: it is not UTF-8 or not JSON (see parse_json).
    """
    return parse_json(read_text(path))


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
