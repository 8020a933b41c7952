"""Recordings read back, and `gaze analyze`."""

import dataclasses
import json
import warnings

import cv2
import numpy as np
import pytest
from gaze_rows import LEFT, PLACES, RIGHT, SCREEN, areas_file, find, rows, two_screens, write_jsonl

from calibration.analyze_command import main as analyze
from calibration.recording import read_recording
from calibration.screen import save_screens
from gaze.errors import CalibrationError, DataError, UsageError

NO_POINT = "line 1: is no record of a point of gaze .*; write it with `gaze run"
FACE = (
    '{"schema": "gaze/1", "t_s": X, "faces": [{"id": 1, "point_of_gaze": '
    '{"screen_px": [1, 2], "direction_cam": [0, 0, -1]}}]}\n'
)


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


@pytest.mark.parametrize("blur", ["1e-9", "40", "1e9"])
@pytest.mark.parametrize("times", [[0], [5] * 30, np.arange(30) / 30, np.arange(30) * 1e40])
def test_heat_maps_of_odd_times_and_blurs(tmp_path, times, blur):
    path, picture = tmp_path / "r.jsonl", tmp_path / "h.png"
    options = ["--heatmap", str(picture), "--resolution", "64x48", "--blur-px", blur]
    path.write_text("\ufeff" + "".join(FACE.replace("X", str(t_s)) for t_s in times))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert (
            analyze([str(path), "--heatmap", str(picture), "--resolution", "64x48", "--blur-px", blur]) == 0
        )
    assert cv2.imread(str(picture)).max() > 50
    path.write_text(FACE.replace("X", "0").replace("[1, 2]", "[1e45, -1e45]"))
    with pytest.raises(CalibrationError, match="no point of gaze lies on the screen"):
        analyze([str(path), *options])


@pytest.mark.parametrize("name", ["--events", "--dwell"])
def test_what_is_written_does_not_take_the_place_of_the_recording(tmp_path, name):
    path = tmp_path / "r.jsonl"
    write_jsonl(path, rows(PLACES))
    before = path.read_bytes()
    areas = ["--areas", str(areas_file(tmp_path))] if name == "--dwell" else []
    with pytest.raises(UsageError, match=rf"{name} .* would overwrite what JSONL reads"):
        analyze([str(path), name, str(path), *areas])
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "holds no point of gaze"),
        ('{"a": 1}\n', "is not a gaze/1 record"),
        ('{"schema"\n{"schema": "gaze/1", "faces": []}\n', "line 1: is not JSON"),
        ("[" * 100_000 + "\n{}\n", "line 1: is not JSON .nested too deeply"),
        ('{"schema": "gaze/1", "faces": 5}\n', NO_POINT),
        ('{"schema": "gaze/1", "faces": [5]}\n', NO_POINT),
        ('{"schema": "gaze/1", "faces": [{"id": 1, "point_of_gaze": {}}]}\n', NO_POINT),
        (FACE.replace("X", "1e999"), "line 1: is not JSON .the number 1e999 is too large"),
        (FACE.replace("X", "NaN"), NO_POINT),
        (
            FACE.replace("X", "5") + FACE.replace("X", "4.5"),
            "line 2: its time 4.5 s comes before 5 s",
        ),
        ("x" * 1_000_001, "line 1: is too long"),
        (FACE.replace("X", '"a"'), NO_POINT),
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
        "--event-method", "ivt",
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
        (["--dwell", "d.json"], UsageError, "--areas"),
        (
            ["--heatmap", "h.png", "--resolution", "9x9", "--background", "absent.png"],
            DataError,
            "absent.png: no such file",
        ),
        (["--heatmap", "h.png", "--screen", "other"], UsageError, "no gaze on a screen named 'other'.*panel"),
    ],
)
def test_analyze_refuses_wrong_use(tmp_path, arguments, error, message):
    path = tmp_path / "r.jsonl"
    write_jsonl(path, rows(PLACES))
    with pytest.raises(error, match=message):
        analyze([str(path), *arguments])


@pytest.mark.parametrize("arguments", [["--resolution", "wide"], ["--resolution", "0x9"], ["--blur-px", "0"]])
def test_values_that_are_none_exit_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        analyze(["r.jsonl", "--heatmap", "h.png", *arguments])
    assert caught.value.code == 2
    assert f"argument {arguments[0]}: '{arguments[1]}'" in capsys.readouterr().err


def test_pictures_are_of_one_screen(tmp_path):
    """The screen looked at most, or the one named, in its own size."""
    path = tmp_path / "r.jsonl"
    write_jsonl(path, two_screens())
    screens = [
        dataclasses.replace(SCREEN, name="right", width_px=800, height_px=600),
        dataclasses.replace(SCREEN, name="left"),
    ]
    save_screens(screens, tmp_path / "screens.json")
    both = [str(path), "--screens", str(tmp_path / "screens.json")]
    picture = tmp_path / "path.png"
    assert analyze([*both, "--scanpath", str(picture)]) == 0
    assert cv2.imread(str(picture)).shape == (900, 1600, 3)
    assert analyze([*both, "--scanpath", str(picture), "--screen", "right"]) == 0
    assert cv2.imread(str(picture)).shape == (600, 800, 3)
    save_screens([dataclasses.replace(SCREEN, name=name) for name in "ab"], tmp_path / "screens.json")
    with pytest.raises(UsageError, match="holds no screen 'left'; there are a, b"):
        analyze([*both, "--heatmap", str(picture)])
    with pytest.raises(SystemExit) as caught:
        analyze([*both, "--resolution", "800x600"])
    assert caught.value.code == 2
