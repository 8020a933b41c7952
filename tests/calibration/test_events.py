import json

import cv2
import numpy as np
import pytest
from gaze_people import laptop

from calibration.analyze_command import main as analyze
from calibration.areas import area_report, load_areas, report_text
from calibration.events import EventConfig, GazeRow, event_stream
from calibration.pictures import accuracy_picture, heat_map, save_picture, scan_path
from calibration.recording import Recording, read_recording
from gaze.errors import CalibrationError, DataError, UsageError
from gaze.geometry import unit

SCREEN = laptop()
EYE = np.array([0.0, 100.0, 600.0])


def row(t_s, px):
    px = np.array(px, dtype=float)
    return GazeRow(t_s, unit(SCREEN.to_camera(SCREEN.px_to_mm(px)) - EYE), px)


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


def recording():
    result = Recording()
    for item in rows(PLACES):
        result.add(item.t_s, item.screen_px)
    result.events = find(rows(PLACES))
    return result


def areas_file(tmp_path, *entries):
    path = tmp_path / "areas.json"
    path.write_text(json.dumps({"schema": "gaze.areas/1", "areas": list(entries)}))
    return path


LEFT = {"name": "left", "rect_px": [200, 200, 200, 200]}
RIGHT = {"name": "right", "polygon_px": [[1400, 200], [1600, 200], [1500, 500]]}
NEVER = {"name": "never", "rect_px": [0, 900, 50, 50]}


def test_dwell_times_are_those_of_the_stays(tmp_path):
    report = area_report(recording(), load_areas(areas_file(tmp_path, LEFT, RIGHT, NEVER)))
    by_name = {entry["name"]: entry for entry in report["areas"]}
    assert by_name["left"]["dwell_s"] == pytest.approx(0.4, abs=0.02)
    assert by_name["right"]["dwell_s"] == pytest.approx(0.3, abs=0.02)
    assert report["elsewhere_s"] == pytest.approx(0.5, abs=0.02)
    assert report["seconds"] == pytest.approx(1.2, abs=0.02)
    assert by_name["left"]["visits"] == by_name["left"]["fixations"] == 1
    assert by_name["right"]["first_fixation_after_s"] == pytest.approx(0.4, abs=0.03)
    assert by_name["never"] == {
        "name": "never", "dwell_s": 0.0, "dwell_part": 0.0, "visits": 0, "fixations": 0,
        "mean_fixation_s": None, "first_fixation_after_s": None,
    }  # fmt: skip
    assert report["transitions"] == [{"from": "left", "to": "right", "count": 1}]
    assert "never" in report_text(report)


def test_the_upper_area_wins(tmp_path):
    whole = {"name": "page", "rect_px": [0, 0, 1920, 1080]}
    report = area_report(recording(), load_areas(areas_file(tmp_path, LEFT, whole)))
    assert [round(entry["dwell_s"], 1) for entry in report["areas"]] == [0.4, 0.8]


@pytest.mark.parametrize(
    ("entries", "message"),
    [
        ([], "at least one area"),
        ([{"rect_px": [0, 0, 1, 1]}], "needs a name"),
        ([{"name": "a"}], "either rect_px or polygon_px"),
        ([{"name": "a", "rect_px": [0, 0, 0, 5]}], "must be positive"),
        ([{"name": "a", "rect_px": [0, 0, 5]}], "area 0"),
        ([{"name": "a", "polygon_px": [[0, 0], [1, 1]]}], "three or more points"),
        ([{"name": "a", "rect_px": [0, 0, 1, 1], "colour": 1}], "unknown key 'colour'"),
        ([LEFT, LEFT], "used twice"),
    ],
)
def test_bad_areas_are_named(tmp_path, entries, message):
    with pytest.raises(DataError, match=message):
        load_areas(areas_file(tmp_path, *entries))


def test_heat_map_is_hottest_where_the_gaze_dwelt():
    points, seconds = recording().points()
    hot = heat_map(points, seconds, (1920, 1080), 30.0)
    cold = heat_map(points[:1], seconds[:1], (1920, 1080), 1.0)
    # The hottest colour stands at the longest stay.
    scale = hot.shape[1] / 1920
    hottest = cv2.applyColorMap(np.full((1, 1), 255, np.uint8), cv2.COLORMAP_TURBO)[0, 0] * 0.75
    unlike = np.abs(hot - (hottest + 0.25 * np.array([38, 36, 34]))).sum(axis=2)
    y, x = np.unravel_index(np.argmin(unlike), unlike.shape)
    assert (x / scale, y / scale) == pytest.approx((900, 800), abs=60)
    assert not np.array_equal(hot, cold)
    with pytest.raises(CalibrationError, match="no point of gaze lies on the screen"):
        heat_map(np.array([[-5.0, 3.0]]), np.array([1.0]), (1920, 1080), 30.0)


def test_scan_path_draws_each_fixation():
    fixations = recording().fixations
    picture = scan_path(fixations, (1920, 1080))
    empty = scan_path([], (1920, 1080))
    scale = picture.shape[1] / 1920
    for fixation in fixations:
        x, y = (round(value * scale) for value in fixation["screen_px"])
        assert (picture[y - 12, x] != empty[y - 12, x]).any()


def test_picture_that_cannot_be_written_is_said(tmp_path):
    with pytest.raises(CalibrationError, match="cannot be written"):
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "absent" / "x.png")
    with pytest.raises(CalibrationError, match="cannot be written"):
        save_picture(np.zeros((4, 4, 3), np.uint8), tmp_path / "x.nonsense")
    with pytest.raises(CalibrationError, match="0x1080 px; nothing can be drawn"):
        scan_path([], (0, 1080))


def write_jsonl(path, given, faces=1):
    lines = []
    for i, item in enumerate(given):
        face = {
            "id": 7,
            "gaze": {"direction_cam": item.direction.tolist()},
            "point_of_gaze": {"screen_px": item.screen_px.tolist(), "screen": "panel"},
        }
        blank = {"id": 8, "gaze": None, "point_of_gaze": None}
        lines.append(json.dumps({"schema": "gaze/1", "frame": i, "t_s": item.t_s, "faces": [blank, face]}))
    path.write_text("\n".join(lines) + "\n")


def test_recording_read_from_jsonl_gives_the_same_events(tmp_path):
    path = tmp_path / "r.jsonl"
    write_jsonl(path, rows(PLACES))
    read = read_recording(path)
    assert read.events == find(rows(PLACES))
    assert len(read) == len(rows(PLACES))
    path.write_text(path.read_text() + '{"schema": "gaze/1", "fra')
    assert len(read_recording(path)) == len(read), "a line that was broken off at the end is left out"
    with pytest.raises(DataError, match="of face 3"):
        read_recording(path, face=3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no point of gaze"),
        ('{"a": 1}\n', "is not a gaze/1 record"),
        ('{"schema"\n{"schema": "gaze/1", "faces": []}\n', "line 1: is not JSON"),
    ],
)
def test_other_files_are_refused(tmp_path, text, message):
    path = tmp_path / "r.jsonl"
    path.write_text(text)
    with pytest.raises(DataError, match=message):
        read_recording(path)


def test_analyze_writes_everything(tmp_path, capsys):
    path = tmp_path / "r.jsonl"
    write_jsonl(path, rows(PLACES))
    cv2.imwrite(str(tmp_path / "shot.png"), np.full((540, 960, 3), 200, np.uint8))
    arguments = [
        str(path), "--resolution", "1920x1080", "--areas", str(areas_file(tmp_path, LEFT, RIGHT)),
        "--dwell", str(tmp_path / "dwell.json"), "--events", str(tmp_path / "events.jsonl"),
        "--heatmap", str(tmp_path / "heat.png"), "--scanpath", str(tmp_path / "path.png"),
        "--background", str(tmp_path / "shot.png"),
    ]  # fmt: skip
    assert analyze(arguments) == 0
    text = capsys.readouterr().out
    assert "3 fixations" in text
    assert "2 saccades" in text
    events = [json.loads(line) for line in (tmp_path / "events.jsonl").read_text().splitlines()]
    assert events == find(rows(PLACES))
    assert json.loads((tmp_path / "dwell.json").read_text())["schema"] == "gaze.dwell/1"
    for name in ("heat.png", "path.png"):
        assert cv2.imread(str(tmp_path / name)).shape == (900, 1600, 3)


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--heatmap", "h.png"], UsageError, "--resolution WxH"),
        (["--heatmap", "h.png", "--resolution", "wide"], UsageError, "WIDTHxHEIGHT"),
        (["--dwell", "d.json"], UsageError, "--areas"),
        (["--blur-px", "0"], UsageError, "--blur-px"),
    ],
)
def test_analyze_refuses_wrong_use(tmp_path, arguments, error, message):
    path = tmp_path / "r.jsonl"
    write_jsonl(path, rows(PLACES))
    with pytest.raises(error, match=message):
        analyze([str(path), *arguments])


def test_accuracy_picture_has_targets_and_hits():
    from calibration.accuracy import Accuracy, TargetAccuracy

    one = TargetAccuracy((400.0, 300.0), (460.0, 300.0), 1.0, 1.0, 60.0, 1.0, 0.5, 1.2, 20)
    accuracy = Accuracy((one,), 1.0, 1.0, 60.0, 1.0, 0.5, 1.2)
    picture = accuracy_picture(accuracy, (1920, 1080), accuracy)
    scale = picture.shape[1] / 1920
    assert picture[round(300 * scale), round(460 * scale)].tolist() == [80, 220, 120]
    assert picture[round(300 * scale), round(400 * scale)].min() > 200
