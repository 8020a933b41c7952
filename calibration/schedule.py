"""Targets by the clock: for calibrating from a recording, or with any program that shows the targets."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

from calibration.observation import Observation, samples_of
from calibration.part import PLACES_OF_KIND, Kind, Part
from calibration.plan import Plan
from calibration.screen import Screen
from calibration.session import Session
from calibration.targets import check_on_screen
from gaze.errors import CalibrationError, DataError
from gaze.files import read_object

SCHEMA = "gaze.schedule/1"
# The eyes need about this long to get to a new target.
SETTLE_S = 0.7
FRAMES_MIN = 5
# Seconds or px beyond which a number is a mistake.
FAR = 1e6


@dataclass(frozen=True, slots=True)
class Showing:
    """A target (x_px, y_px) from ``start_s`` to ``end_s`` of the recording; for the fit or for validation."""

    start_s: float
    end_s: float
    x_px: float
    y_px: float
    validation: bool = False


def load_schedule(path: str | os.PathLike[str], screen: Screen) -> list[Showing]:
    """Read a time table; times count from the first frame.

    ``{"schema": "gaze.schedule/1", "targets": [{"start_s": 0, "end_s": 2, "x_px": 960, "y_px": 540}, ..]}``,
    with ``"validation": true`` in those that only measure.

    Raises:
        DataError: the file is missing, not JSON, or an entry is impossible.
        CalibrationError: a target lies off the screen.
    """
    mend = f'it must be {{"schema": "{SCHEMA}", "targets": [..]}} with at least one target'
    entries = read_object(path, SCHEMA, DataError, mend).get("targets")
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: holds no target; {mend}")
    showings = []
    for number, entry in enumerate(entries):
        showing = _showing(entry, f"{path}, target {number}")
        try:
            check_on_screen([[showing.x_px, showing.y_px]], (screen.width_px, screen.height_px))
        except CalibrationError as error:
            raise CalibrationError(f"{path}: {error}; its times are for another screen") from error
        showings.append(showing)
    measuring = sum(item.validation for item in showings)
    if measuring == len(showings) or len(showings) > PLACES_OF_KIND:
        raise DataError(
            f"{path}: {len(showings)} targets, {measuring} of them for validation; at least one must be "
            f"for the fit, and {PLACES_OF_KIND} are the most"
        )
    showings.sort(key=lambda item: item.start_s)
    for first, second in pairwise(showings):
        if second.start_s < first.end_s:
            raise DataError(
                f"{path}: the target at {second.start_s:g} s begins before that of {first.start_s:g} s ends "
                f"({first.end_s:g} s); nobody looks at two"
            )
    return showings


def _showing(entry: object, where: str) -> Showing:
    if not isinstance(entry, dict):
        raise DataError(f"{where}: must be an object with start_s, end_s, x_px and y_px, got {entry!r}")
    numbers = {}
    for name in ("start_s", "end_s", "x_px", "y_px"):
        value = entry.get(name)
        if isinstance(value, bool) or not isinstance(value, (int, float)) or not abs(value) < FAR:
            raise DataError(f"{where}: {name} must be a number, got {value!r}")
        numbers[name] = float(value)
    if unknown := sorted(set(entry) - {*numbers, "validation"}):
        raise DataError(f"{where}: unknown key {unknown[0]!r}")
    validation = entry.get("validation", False)
    if not isinstance(validation, bool):
        raise DataError(f"{where}: validation must be true or false, got {validation!r}")
    if not 0 <= numbers["start_s"] < numbers["end_s"]:
        raise DataError(f"{where}: end_s must be after start_s, and start_s 0 or later")
    return Showing(**numbers, validation=validation)


def scheduled_session(
    showings: list[Showing], screen: Screen, other_screens: tuple[Screen, ...] = ()
) -> Session:
    """A session of the targets of a time table, in their order."""
    targets, validation = (
        tuple((item.x_px, item.y_px) for item in showings if item.validation == measuring)
        for measuring in (False, True)
    )
    return Session(Plan(targets_px=targets, validation_px=validation), screen, other_screens=other_screens)


def collect(observations: Iterable[Observation], showings: list[Showing], session: Session) -> None:
    """Give a session of these showings what was seen at their times.

    Those that gave too little stay open; ``session.skipped`` says why.

    Raises:
        CalibrationError: there is no frame at all.
    """
    frames = list(observations)
    if not frames:
        raise CalibrationError("the source gave no frame")
    start_s = frames[0].t_s
    counts = {Kind.TARGET: 0, Kind.VALIDATION: 0}
    for number, showing in enumerate(showings):
        kind = Kind.VALIDATION if showing.validation else Kind.TARGET
        part = Part(kind, counts[kind])
        counts[kind] += 1
        seen = [item for item in frames if showing.start_s + SETTLE_S <= item.t_s - start_s <= showing.end_s]
        usable = [item for item in seen if item.problem is None]
        target = (showing.x_px, showing.y_px)
        if len(usable) < FRAMES_MIN:
            problems = [item.problem for item in seen if item.problem is not None]
            why = max(set(problems), key=problems.count) if problems else "the recording has too few frames"
            session.skipped[part] = (
                f"target at ({target[0]:.0f}, {target[1]:.0f}) px, {showing.start_s:.1f} s: {why}"
            )
            continue
        place = session.place_of(part)
        session.keep(part, samples_of(usable, [target] * len(usable), number, place))
