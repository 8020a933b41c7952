import csv
import dataclasses
import io
import json
from pathlib import Path

import numpy as np
import pytest
from loop_fakes import FakeEstimator, make_estimate, make_face, noise

from deploy.pipeline import Pipeline
from deploy.records import CSV_COLUMNS, csv_rows, frame_record
from gaze.types import Frame, PointOfGaze, Status


def result_of(script=None, index=3):
    return Pipeline(FakeEstimator(script)).process(Frame(noise(), index, 1.25))


def test_the_documented_object():
    record = json.loads(json.dumps(frame_record(result_of())))
    assert record["schema"] == "gaze/1"
    assert (record["frame"], record["t_s"], record["status"]) == (3, 1.25, "OK")
    assert set(record) == {"schema", "frame", "t_s", "status", "faces", "ms"}
    (face,) = record["faces"]
    assert set(face) == {"id", "status", "box_px", "gaze", "head", "eye_open", "point_of_gaze"}
    assert face["box_px"] == [50.0, 30.0, 110.0, 100.0]
    assert face["eye_open"] == [0.9, 0.8]
    assert face["point_of_gaze"] is None
    # pitch 0.1 rad up and yaw 0.2 rad to the image's left: g = -(cos p sin y, sin p, cos p cos y)
    assert face["gaze"]["pitch_deg"] == pytest.approx(5.730, abs=1e-3)
    assert face["gaze"]["yaw_deg"] == pytest.approx(11.459, abs=1e-3)
    wanted = [-np.cos(0.1) * np.sin(0.2), -np.sin(0.1), -np.cos(0.1) * np.cos(0.2)]
    assert face["gaze"]["direction_cam"] == pytest.approx(wanted, abs=1e-6)
    assert face["gaze"]["origin_cam_mm"] == [0.0, 23.0, 600.0]
    assert face["head"] == {"pitch_deg": 0.0, "yaw_deg": 0.0, "roll_deg": 0.0, "t_cam_mm": [0.0, 0.0, 600.0]}
    assert set(record["ms"]) == {"landmarks", "head_pose", "normalize", "network", "filters"}


def with_sigma(frame):
    estimate = make_estimate(frame.index, frame.t_s)
    return [dataclasses.replace(estimate, gaze=dataclasses.replace(estimate.gaze, sigma_rad=0.07))]


def test_the_example_in_the_readme_has_every_key():
    readme = Path(__file__).resolve().parents[2] / "README.md"
    example = json.loads(readme.read_text(encoding="utf-8").split("```json\n")[1].split("```")[0])
    record = frame_record(result_of(with_sigma))
    assert record["faces"][0]["gaze"]["sigma_deg"] == pytest.approx(np.rad2deg(0.07), abs=1e-3)
    assert example.keys() == record.keys() and example["ms"].keys() == record["ms"].keys()
    assert example["faces"][0].keys() == record["faces"][0].keys()
    for part in ("gaze", "head"):
        assert example["faces"][0][part].keys() == record["faces"][0][part].keys()


def test_a_frame_without_a_face():
    record = frame_record(result_of(lambda frame: []))
    assert record["status"] == "NO_FACE"
    assert record["faces"] == []


def test_a_gated_face_has_no_gaze():
    record = frame_record(
        result_of(lambda f: [make_estimate(f.index, f.t_s, face=make_face(eye_open=(0, 0)))])
    )
    (face,) = record["faces"]
    assert (record["status"], face["status"], face["gaze"]) == ("BLINK", "BLINK", None)
    assert face["head"] is not None


def test_a_face_without_pose():
    record = frame_record(result_of(lambda f: [make_estimate(f.index, f.t_s, status=Status.POSE_FAILED)]))
    assert (record["faces"][0]["gaze"], record["faces"][0]["head"]) == (None, None)


class Hook:
    def __call__(self, estimate):
        import dataclasses

        point = PointOfGaze((120.0, 80.5), (640.0, 400.0), True, np.diag([4.0, 9.0]))
        return dataclasses.replace(estimate, point_of_gaze=point)

    def events(self):
        return [{"kind": "fixation", "start_s": 0.1}]


def test_point_of_gaze_and_events():
    result = Pipeline(FakeEstimator(), hook=Hook()).process(Frame(noise(), 0, 0.0))
    record = frame_record(result)
    assert record["faces"][0]["point_of_gaze"] == {
        "screen_mm": [120.0, 80.5],
        "screen_px": [640.0, 400.0],
        "on_screen": True,
        "covariance_mm2": [[4.0, 0.0], [0.0, 9.0]],
    }
    assert record["events"] == [{"kind": "fixation", "start_s": 0.1}]
    row = dict(zip(CSV_COLUMNS, csv_rows(result)[0], strict=True))
    assert (row["screen_x_px"], row["screen_y_px"], row["on_screen"]) == (640.0, 400.0, 1)


def test_csv_rows_say_the_same_as_the_object():
    def script(frame):
        return [
            make_estimate(frame.index, frame.t_s),
            make_estimate(frame.index, frame.t_s, face=make_face((120, 30, 150, 60), (0, 0))),
        ]

    result = result_of(script)
    record = frame_record(result)
    text = io.StringIO()
    csv.writer(text).writerows([CSV_COLUMNS, *csv_rows(result)])
    rows = list(csv.DictReader(io.StringIO(text.getvalue())))
    assert len(rows) == 2
    for row, face in zip(rows, record["faces"], strict=True):
        assert int(row["id"]) == face["id"]
        assert float(row["left_px"]) == face["box_px"][0]
        assert float(row["head_z_mm"]) == face["head"]["t_cam_mm"][2]
        assert float(row["eye_open_left"]) == face["eye_open"][1]
    assert float(rows[0]["yaw_deg"]) == record["faces"][0]["gaze"]["yaw_deg"]
    assert float(rows[0]["origin_z_mm"]) == 600.0
    assert rows[1]["yaw_deg"] == ""


def test_csv_holds_the_uncertainty_where_the_network_predicts_it():
    for script, wanted in ((with_sigma, pytest.approx(np.rad2deg(0.07), abs=1e-3)), (None, "")):
        (row,) = csv_rows(result_of(script))
        assert dict(zip(CSV_COLUMNS, row, strict=True))["sigma_deg"] == wanted


def test_the_columns_stand_in_the_documentation():
    usage = Path(__file__).resolve().parents[2] / "docs" / "usage.md"
    listed = usage.read_text(encoding="utf-8").split("```csv\n")[1].split("```")[0]
    assert tuple("".join(listed.split()).split(",")) == CSV_COLUMNS


def test_csv_without_a_face_is_one_row():
    (row,) = csv_rows(result_of(lambda frame: []))
    assert len(row) == len(CSV_COLUMNS)
    assert row[:3] == [3, 1.25, "NO_FACE"]
    assert set(row[3:]) == {""}
