"""A recording of points of gaze: what is left of a run when somebody asks where the person looked."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.events import EventStream, GazeRow, event_stream
from gaze.errors import DataError
from gaze.files import parse_json
from gaze.geometry import FloatArray, unit

# A frame stands for the time until the next one, but for no longer than this.
LONGEST_FRAME_S = 0.2
# Characters; a frame of a hundred faces has less.
LONGEST_LINE = 1_000_000


@dataclass(slots=True)
class Recording:
    """Rows of one person: ``t_s``, ``screen_px`` (2,), ``screen`` name; and the events among them."""

    t_s: list[float] = field(default_factory=list)
    screen_px: list[FloatArray] = field(default_factory=list)
    screen: list[str] = field(default_factory=list)
    events: list[dict[str, object]] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.t_s)

    def add(self, t_s: float, screen_px: FloatArray, screen: str = "") -> None:
        """One frame with a point of gaze."""
        self.t_s.append(t_s)
        self.screen_px.append(np.asarray(screen_px, dtype=np.float64))
        self.screen.append(screen)

    def points(self, screen: str | None = None) -> tuple[FloatArray, FloatArray]:
        """Points (N, 2) in px and the seconds (N,) each stands for; of one screen, if it is named."""
        if not self.t_s:
            return np.zeros((0, 2)), np.zeros(0)
        t = np.array(self.t_s)
        steps = np.diff(t)
        usual = float(np.median(steps)) if len(steps) else 0.0
        lasts = np.append(steps, usual)
        lasts[lasts > LONGEST_FRAME_S] = usual
        mask = np.array([screen is None or name in ("", screen) for name in self.screen])
        return np.array(self.screen_px)[mask], lasts[mask]

    @property
    def fixations(self) -> list[dict[str, object]]:
        """The fixations, in order."""
        return [event for event in self.events if event["type"] == "fixation"]

    def fixations_on(self, screen: str) -> list[dict[str, object]]:
        """The fixations on one screen, and those whose screen is not known."""
        return [event for event in self.fixations if event.get("screen", screen) == screen]

    @property
    def main_screen(self) -> str:
        """The name of the screen that was looked at most."""
        return Counter(self.screen).most_common(1)[0][0] if self.screen else ""


def read_recording(path: str | os.PathLike[str], method: str = "ivt", face: int | None = None) -> Recording:
    """A JSONL of `gaze run --profile`; events are found anew, with the given method.

    Lines that are broken off at the end of the file are left out. ``face``: id of the person; the one with
    most points of gaze where it is None.

    Raises:
        DataError: the file cannot be read, is no such recording, or holds no point of gaze.
    """
    path = Path(path)
    try:
        rows = list(_rows(path))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise DataError(f"{path}: cannot be read ({reason}); give a file of `gaze run --jsonl`") from error
    if not rows:
        raise DataError(
            f"{path}: holds no point of gaze; record with `gaze run --profile profile.json --jsonl {path}`"
        )
    if face is None:
        ids = [row[0] for row in rows]
        face = max(set(ids), key=ids.count)
    recording = Recording()
    stream: EventStream = event_stream(method)
    for number, row in rows:
        if number != face:
            continue
        recording.add(row.t_s, row.screen_px, row.screen)
        recording.events += stream.feed(row)
    if not len(recording):
        raise DataError(f"{path}: holds no point of gaze of face {face}")
    recording.events += stream.close()
    return recording


def _rows(path: Path) -> Iterator[tuple[int, GazeRow]]:
    before_s = -np.inf
    with path.open(encoding="utf-8-sig", newline="\n") as file:
        for number in itertools.count(1):
            line = file.readline(LONGEST_LINE)
            if not line:
                return
            whole = line.endswith("\n")
            if not whole and len(line) == LONGEST_LINE:
                raise DataError(f"{path}, line {number}: is too long for a gaze/1 record")
            try:
                record = parse_json(line)
            except ValueError as error:
                if not whole:
                    return  # the run was ended in the middle of a line
                raise DataError(f"{path}, line {number}: is not JSON ({error})") from error
            if not isinstance(record, dict) or record.get("schema") != "gaze/1":
                raise DataError(f"{path}, line {number}: is not a gaze/1 record")
            try:
                faces = [face for face in record["faces"] if face.get("point_of_gaze") is not None]
                rows = [_row(record, face) for face in faces]
            except (KeyError, TypeError, ValueError, AttributeError) as error:
                raise DataError(
                    f"{path}, line {number}: is no record of a point of gaze ({error!r}); write it with "
                    "`gaze run --profile ... --jsonl`"
                ) from error
            if rows and rows[0][1].t_s < before_s:
                raise DataError(
                    f"{path}, line {number}: its time {rows[0][1].t_s:g} s comes before {before_s:g} s of a "
                    "line above; give one run at a time"
                )
            before_s = rows[0][1].t_s if rows else before_s
            yield from rows


def _row(record: dict, face: dict) -> tuple[int, GazeRow]:
    """Id of a face and its point of gaze.

    Raises:
        KeyError, TypeError, ValueError, AttributeError: it is not as `gaze run` writes it.
    """
    point = face["point_of_gaze"]
    # Events are those of the points as they were shown, smoothed or not.
    direction = np.array(point.get("direction_cam") or face["gaze"]["direction_cam"], dtype=np.float64)
    place = np.array(point["screen_px"], dtype=np.float64)
    t_s = float(record["t_s"])
    if direction.shape != (3,) or place.shape != (2,) or not np.isfinite([t_s, *direction, *place]).all():
        raise ValueError("a time, direction or place is not of finite numbers")
    return int(face["id"]), GazeRow(t_s, unit(direction), place, str(point.get("screen", "")))
