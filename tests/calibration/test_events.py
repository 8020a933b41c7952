"""Fixations and saccades."""

import json

import numpy as np
import pytest
from gaze_rows import EYE, PLACES, SCREEN, find, row, rows, two_screens

from calibration.events import EventConfig, event_stream
from gaze.errors import UsageError


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_stays_become_fixations_and_jumps_saccades(method):
    events = find(rows(PLACES), method)
    fixations = [event for event in events if event["type"] == "fixation"]
    saccades = [event for event in events if event["type"] == "saccade"]
    assert [event["type"] for event in events] == ["fixation", "saccade", "fixation", "saccade", "fixation"]
    for fixation, (seconds, px) in zip(fixations, PLACES, strict=True):
        assert fixation["screen_px"] == pytest.approx(px, abs=2.0)
        assert fixation["duration_s"] == pytest.approx(seconds - 1 / 60, abs=0.04)
    # 1200 px are 215 mm; the angle between the two sights, from the cosine rule.
    a, b = (SCREEN.to_camera(SCREEN.px_to_mm(px)) - EYE for px in ((300, 300), (1500, 300)))
    expected = np.rad2deg(np.arccos(a @ b / np.linalg.norm(a) / np.linalg.norm(b)))
    assert saccades[0]["amplitude_deg"] == pytest.approx(expected, abs=0.2)
    assert saccades[0]["peak_speed_deg_s"] == pytest.approx(expected * 60, rel=0.05)
    assert json.loads(json.dumps(events)) == events


def test_short_stays_are_no_fixations():
    events = find(rows([(0.3, (300, 300)), (0.05, (900, 500)), (0.3, (1500, 300))]))
    fixations = [event for event in events if event["type"] == "fixation"]
    assert [round(event["screen_px"][0], -2) for event in fixations] == [300, 1500]


def test_one_stray_frame_does_not_split_a_fixation():
    given = rows([(0.5, (600, 500))])
    given[15] = row(given[15].t_s, (900, 700))
    fixations = find(given)
    assert len(fixations) == 1
    assert fixations[0]["duration_s"] > 0.45


def test_a_blink_ends_a_fixation_but_is_no_saccade():
    events = find(rows([(0.3, (300, 300)), (0.25, None), (0.3, (1500, 300))]))
    assert [event["type"] for event in events] == ["fixation", "fixation"]


def test_a_short_gap_does_not_end_a_fixation():
    events = find(rows([(0.3, (300, 300)), (0.05, None), (0.3, (300, 300))]))
    assert len(events) == 1


def test_threshold_is_a_speed():
    """A drift of 20 deg/s is a fixation at 30 deg/s and none at 10."""
    px_per_deg = np.tan(np.deg2rad(1.0)) * 600 / SCREEN.mm_per_px[0]
    given = [row(i / 60, (300 + 20 * px_per_deg * i / 60, 500)) for i in range(30)]
    assert len(find(given)) == 1
    assert find(given, config=EventConfig(speed_deg_s=10.0)) == []


def test_rows_out_of_order_are_ignored():
    given = rows([(0.3, (300, 300))])
    assert find([*given, given[3]]) == find(given)


def test_unknown_method_is_refused():
    with pytest.raises(UsageError, match="ivt, idt"):
        event_stream("magic")


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_a_fixation_lies_on_one_screen(method):
    events = find(two_screens(), method)
    assert [event["type"] for event in events] == ["fixation", "saccade", "fixation"]
    assert [event["screen"] for event in events[::2]] == ["left", "right"]
    assert (events[1]["from_screen"], events[1]["to_screen"]) == ("left", "right")
    assert [event["duration_s"] for event in events[::2]] == pytest.approx([29 / 60, 17 / 60], abs=1e-3)


@pytest.mark.parametrize("method", ["ivt", "idt"])
def test_a_slow_camera_has_fixations_too(method):
    """At 8 frames a second two frames are further apart than a gap at 30; 0.6 s without is a gap still."""
    events = find(rows([(1.0, (300, 300)), (0.6, None), (1.0, (300, 300))], rate=8.0), method)
    assert [event["type"] for event in events] == ["fixation", "fixation"]
    assert [event["duration_s"] for event in events] == pytest.approx([0.875, 0.875], abs=0.01)
    # Two frames a second tell nothing of what lies between them.
    assert find(rows([(4.0, (300, 300))], rate=2.0), method) == []
