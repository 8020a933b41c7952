"""Areas of interest and their dwell times."""

import json

import pytest
from gaze_rows import LEFT, NEVER, RIGHT, areas_file, recording, two_screens

from calibration.areas import area_report, load_areas, report_text
from gaze.errors import DataError


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
        ([{"name": "a", "rect_px": [0, 0, 1, 1], "screen": 2}], "screen must be the name"),
    ],
)
def test_bad_areas_are_named(tmp_path, entries, message):
    with pytest.raises(DataError, match=message):
        load_areas(areas_file(tmp_path, *entries))


def test_an_area_on_one_screen_is_not_hit_on_another(tmp_path):
    box = [200, 200, 200, 200]
    file = areas_file(
        tmp_path,
        {"name": "a", "rect_px": box, "screen": "left"},
        {"name": "b", "rect_px": box, "screen": "right"},
    )
    report = area_report(recording(two_screens()), load_areas(file))
    assert [entry["fixations"] for entry in report["areas"]] == [1, 1]
    assert [entry["dwell_s"] for entry in report["areas"]] == pytest.approx([0.5, 0.3], abs=0.02)
    assert report["transitions"] == [{"from": "a", "to": "b", "count": 1}]


@pytest.mark.parametrize("entries", [5, {"a": 1}, "text", None])
def test_areas_that_are_no_list_are_refused(tmp_path, entries):
    path = tmp_path / "areas.json"
    path.write_text(json.dumps({"schema": "gaze.areas/1", "areas": entries}))
    with pytest.raises(DataError, match="at least one area"):
        load_areas(path)
