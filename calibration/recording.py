"""A recording of points of gaze: what is left of a run when somebody asks where the person looked."""

from __future__ import annotations

import json
import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from calibration.events import EventStream, GazeRow, event_stream
from gaze.errors import DataError
from gaze.geometry import FloatArray

# A frame stands for the time until the next one, but for no longer than this.
LONGEST_FRAME_S = 0.2


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


def read_recording(path: str | os.PathLike[str], method: str = "ivt", face: int | None = None) -> Recording:
    """A JSONL of `gaze run --profile`; events are found anew, with the given method.

    Lines that are broken off at the end of the file are left out. ``face``: id of the person; the one with
    most points of gaze where it is None.

    Raises:
        DataError: the file cannot be read, is no such recording, or holds no point of gaze.
    """
    path = Path(path)
    try:
        lines = path.read_text(encoding="utf-8").splitlines()
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "is no text"
        raise DataError(f"{path}: cannot be read ({reason}); give a file of `gaze run --jsonl`") from error
    rows = list(_rows(path, lines))
    if not rows:
        raise DataError(
            f"{path}: holds no point of gaze; record with `gaze run --profile profile.json --jsonl {path}`"
        )
    if face is None:
        ids = [row[0] for row in rows]
        face = max(set(ids), key=ids.count)
    recording = Recording()
    stream: EventStream = event_stream(method)
    for number, row, screen in rows:
        if number != face:
            continue
        recording.add(row.t_s, row.screen_px, screen)
        recording.events += stream.feed(row)
    if not len(recording):
        raise DataError(f"{path}: holds no point of gaze of face {face}")
    recording.events += stream.close()
    return recording


def _rows(path: Path, lines: list[str]) -> Iterable[tuple[int, GazeRow, str]]:
    for number, line in enumerate(lines, start=1):
        try:
            record = json.loads(line)
        except ValueError as error:
            if number == len(lines):
                return  # the run was ended in the middle of a line
            raise DataError(f"{path}, line {number}: is not JSON ({error})") from error
        if not isinstance(record, dict) or record.get("schema") != "gaze/1":
            raise DataError(f"{path}, line {number}: is not a gaze/1 record")
        for face in record.get("faces", ()):
            point, gaze = face.get("point_of_gaze"), face.get("gaze")
            if point is None or gaze is None:
                continue
            row = GazeRow(
                float(record["t_s"]),
                # Events are those of the points as they were shown, smoothed or not.
                np.array(point.get("direction_cam", gaze["direction_cam"])),
                np.array(point["screen_px"], dtype=float),
            )
            yield int(face["id"]), row, str(point.get("screen", ""))
