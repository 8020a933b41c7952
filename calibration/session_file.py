"""The file of a session: what was taken so far, to go on later or to fit again."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass

from calibration.part import Part
from calibration.plan import Plan
from calibration.samples import Samples
from calibration.screen import Screen
from gaze.errors import CalibrationError, UsageError
from gaze.files import read_object, write_json

SCHEMA = "gaze.session/1"
# Sessions are read to go on with, to fit again, and to place a screen by.
_AGAIN = "take the targets anew: `gaze calibrate person` without --resume or --refit"


@dataclass(frozen=True, slots=True)
class StoredSession:
    """What the file holds. ``setup``: what it was collected with; ``kept``: the rows of each part."""

    plan: Plan
    screen: Screen
    other_screens: tuple[Screen, ...]
    setup: dict[str, object]
    lag_s: float
    kept: dict[Part, Samples]


def write_session(path: str | os.PathLike[str], stored: StoredSession) -> None:
    """Write the file."""
    write_json(
        path,
        {
            "schema": SCHEMA,
            "plan": asdict(stored.plan),
            "screen": stored.screen.to_json(),
            "other_screens": [screen.to_json() for screen in stored.other_screens],
            "setup": stored.setup,
            "lag_s": stored.lag_s,
            "kept": {str(part): rows.to_json() for part, rows in stored.kept.items()},
        },
    )


def read_session(path: str | os.PathLike[str]) -> StoredSession:
    """Read the file.

    Raises:
        CalibrationError: it is missing, truncated or altered.
    """
    content = read_object(
        path,
        SCHEMA,
        CalibrationError,
        f"give the profile.session.json that `gaze calibrate person` keeps beside the profile, or {_AGAIN}",
    )
    for name in ("plan", "kept", "setup"):
        if not isinstance(content.get(name), dict):
            raise CalibrationError(f"{path}: {name} must be an object; {_AGAIN}")
    with damage_told(path):
        return StoredSession(
            plan=Plan(**content["plan"]),
            kept={
                Part.parse(name): Samples.from_json(rows, str(path)) for name, rows in content["kept"].items()
            },
            lag_s=float(content["lag_s"]),
            screen=Screen.from_json(content["screen"], str(path)),
            setup=dict(content["setup"]),
            other_screens=tuple(
                Screen.from_json(item, str(path)) for item in content.get("other_screens", [])
            ),
        )


@contextmanager
def damage_told(path: str | os.PathLike[str]) -> Iterator[None]:
    """Inside, what fails because of the file's content is a CalibrationError that names the file."""
    try:
        yield
    except UsageError as error:
        raise CalibrationError(f"{path}: {error}; {_AGAIN}") from error
    except CalibrationError as error:
        # Samples and screens name the file themselves.
        if str(path) in str(error):
            raise
        raise CalibrationError(f"{path}: {error}; {_AGAIN}") from error
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise CalibrationError(f"{path}: {error!r}; {_AGAIN}") from error
