"""Areas of interest: named parts of a screen, and how long and how often they were looked at."""

from __future__ import annotations

import os
from collections import Counter
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np

from calibration.recording import Recording
from gaze.errors import DataError
from gaze.files import read_object
from gaze.geometry import FloatArray
from gaze.standard_streams import printable

SCHEMA = "gaze.areas/1"


@dataclass(frozen=True, slots=True)
class Area:
    """``polygon_px`` (N, 2), N at least 3, on the screen named ``screen`` (any where empty)."""

    name: str
    polygon_px: FloatArray
    screen: str = ""

    def contains(self, points_px: FloatArray) -> FloatArray:
        """Whether points (N, 2) lie in the area or on its edge."""
        contour = self.polygon_px.astype(np.float32).reshape(-1, 1, 2)
        return np.array(
            [cv2.pointPolygonTest(contour, (float(x), float(y)), False) >= 0 for x, y in points_px]
        )


def load_areas(path: str | os.PathLike[str]) -> list[Area]:
    """Read an areas file: ``{"schema": "gaze.areas/1", "areas": [{"name": .., "rect_px": [x, y, width,
    height]} or {"name": .., "polygon_px": [[x, y], ..]}, ..]}``; earlier areas lie on top of later ones.

    Raises:
        DataError: the file is missing, not JSON, or an area is not as above.
    """
    mend = f'it must be {{"schema": "{SCHEMA}", "areas": [..]}} with at least one area'
    entries = read_object(path, SCHEMA, DataError, mend).get("areas")
    if not isinstance(entries, list) or not entries:
        raise DataError(f"{path}: holds no area; {mend}")
    areas = [_area(entry, f"{path}, area {number}") for number, entry in enumerate(entries)]
    names = [area.name for area in areas]
    if doubled := [name for name, count in Counter(names).items() if count > 1]:
        raise DataError(f"{path}: the name {doubled[0]!r} is used twice")
    return areas


def _area(entry: object, where: str) -> Area:
    if not isinstance(entry, dict) or not isinstance(entry.get("name"), str) or not entry["name"]:
        raise DataError(f"{where}: needs a name")
    if unknown := sorted(set(entry) - {"name", "rect_px", "polygon_px", "screen"}):
        raise DataError(f"{where}: unknown key {unknown[0]!r}")
    if ("rect_px" in entry) == ("polygon_px" in entry):
        raise DataError(f"{where} ({entry['name']}): needs either rect_px or polygon_px")
    try:
        if "rect_px" in entry:
            x, y, width, height = (float(value) for value in entry["rect_px"])
            if width <= 0 or height <= 0:
                raise DataError(f"{where} ({entry['name']}): width and height must be positive")
            polygon = np.array([[x, y], [x + width, y], [x + width, y + height], [x, y + height]])
        else:
            polygon = np.array(entry["polygon_px"], dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise DataError(f"{where} ({entry['name']}): {error}") from error
    if polygon.ndim != 2 or polygon.shape[1] != 2 or len(polygon) < 3 or not np.all(np.isfinite(polygon)):
        raise DataError(f"{where} ({entry['name']}): a polygon needs three or more points [x, y]")
    screen = entry.get("screen", "")
    if not isinstance(screen, str):
        raise DataError(f"{where} ({entry['name']}): screen must be the name of one, got {screen!r}")
    return Area(entry["name"], polygon, screen)


def area_report(recording: Recording, areas: list[Area]) -> dict[str, object]:
    """Dwell times.

    Per area: ``dwell_s`` of all frames in it and its part of the total, ``visits`` (entries from outside),
    ``fixations`` with their number, mean duration and the time to the first one. ``elsewhere_s``: in none.
    ``transitions``: how often successive fixations went from one area to another.
    """
    points, lasts = recording.points()
    inside = _assign(points, areas, recording.screen)
    fixations = recording.fixations
    aims = np.array([event["screen_px"] for event in fixations], dtype=float).reshape(-1, 2)
    hit = _assign(aims, areas, [str(event.get("screen", "")) for event in fixations])
    start_s = recording.t_s[0]
    rows = []
    for i, area in enumerate(areas):
        mine = [event for event, index in zip(fixations, hit, strict=True) if index == i]
        entered = int(np.sum((inside == i) & np.concatenate([[True], inside[:-1] != i])))
        durations = [float(event["duration_s"]) for event in mine]
        rows.append(
            {
                "name": area.name,
                "dwell_s": round(float(lasts[inside == i].sum()), 4),
                "dwell_part": round(float(lasts[inside == i].sum() / max(lasts.sum(), 1e-9)), 4),
                "visits": entered,
                "fixations": len(mine),
                "mean_fixation_s": round(float(np.mean(durations)), 4) if durations else None,
                "first_fixation_after_s": round(float(mine[0]["start_s"]) - start_s, 4) if mine else None,
            }
        )
    names = [area.name for area in areas]
    moves = Counter((a, b) for a, b in pairwise(hit.tolist()) if a != b and a >= 0 and b >= 0)
    return {
        "schema": "gaze.dwell/1",
        "seconds": round(float(lasts.sum()), 4),
        "elsewhere_s": round(float(lasts[inside < 0].sum()), 4),
        "areas": rows,
        "transitions": [
            {"from": names[a], "to": names[b], "count": count} for (a, b), count in sorted(moves.items())
        ],
    }


def _assign(points_px: FloatArray, areas: list[Area], screens: list[str]) -> FloatArray:
    """Index of the first area that holds each point, -1 for none."""
    result = np.full(len(points_px), -1)
    for i in reversed(range(len(areas))):
        own = np.array([not areas[i].screen or name in ("", areas[i].screen) for name in screens], dtype=bool)
        if len(points_px):
            result[areas[i].contains(points_px) & own] = i
    return result


def report_text(report: dict[str, object]) -> str:
    """The report as a table for people."""
    lines = ["area                    dwell s   part   visits  fixations  mean s  first after s"]
    for row in report["areas"]:
        mean = "-" if row["mean_fixation_s"] is None else f"{row['mean_fixation_s']:.2f}"
        first = "-" if row["first_fixation_after_s"] is None else f"{row['first_fixation_after_s']:.2f}"
        lines.append(
            f"{printable(row['name'], 40):<22} {row['dwell_s']:8.2f} {100 * row['dwell_part']:5.0f} % "
            f"{row['visits']:7d} {row['fixations']:10d} {mean:>7} {first:>14}"
        )
    lines.append(f"{'elsewhere':<22} {report['elsewhere_s']:8.2f}")
    return "\n".join(lines)
