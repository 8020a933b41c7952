"""Rows of gaze at known places, the events among them, and files of both."""

import dataclasses
import json

import numpy as np
from gaze_people import laptop

from calibration.events import GazeRow, event_stream
from calibration.recording import Recording
from gaze.geometry import unit

SCREEN = laptop()
EYE = np.array([0.0, 100.0, 600.0])


def row(t_s, px, screen="panel"):
    px = np.array(px, dtype=float)
    return GazeRow(t_s, unit(SCREEN.to_camera(SCREEN.px_to_mm(px)) - EYE), px, screen)


def rows(stays, rate=60.0, jitter_px=2.0, seed=0):
    """Rows of stays [(seconds, (x, y)), ..], with None for a place where the gaze is lost."""
    rng, result, t = np.random.default_rng(seed), [], 0.0
    for seconds, px in stays:
        for _ in range(round(seconds * rate)):
            if px is not None:
                result.append(row(t, np.array(px) + rng.normal(0, jitter_px, 2)))
            t += 1 / rate
    return result


def find(given, method="ivt", config=None):
    stream = event_stream(method, config)
    events = [event for item in given for event in stream.feed(item)]
    return events + stream.close()


PLACES = [(0.4, (300, 300)), (0.3, (1500, 300)), (0.5, (900, 800))]


def recording(given=None):
    given = rows(PLACES) if given is None else given
    result = Recording()
    for item in given:
        result.add(item.t_s, item.screen_px, item.screen)
    result.events = find(given)
    return result


def two_screens():
    """Half a second at (300, 300) px of one screen, then 0.3 s at the same px of another, in nearly the same
    direction: only the names tell the two apart."""
    left = [row(i / 60, (300, 300), "left") for i in range(30)]
    right = [row((30 + i) / 60, (310, 300), "right") for i in range(18)]
    return left + [dataclasses.replace(item, screen_px=np.array([300.0, 300.0])) for item in right]


def areas_file(tmp_path, *entries):
    path = tmp_path / "areas.json"
    path.write_text(json.dumps({"schema": "gaze.areas/1", "areas": list(entries)}))
    return path


LEFT = {"name": "left", "rect_px": [200, 200, 200, 200]}
RIGHT = {"name": "right", "polygon_px": [[1400, 200], [1600, 200], [1500, 500]]}
NEVER = {"name": "never", "rect_px": [0, 900, 50, 50]}


def write_jsonl(path, given):
    lines = []
    for i, item in enumerate(given):
        face = {
            "id": 7,
            "gaze": {"direction_cam": item.direction_cam.tolist()},
            "point_of_gaze": {"screen_px": item.screen_px.tolist(), "screen": item.screen},
        }
        blank = {"id": 8, "gaze": None, "point_of_gaze": None}
        lines.append(json.dumps({"schema": "gaze/1", "frame": i, "t_s": item.t_s, "faces": [blank, face]}))
    path.write_text("\n".join(lines) + "\n")
