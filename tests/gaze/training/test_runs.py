"""The contract of a run folder: written, read back, refused when broken."""

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
from fold_runs import DATA, fold, predictions

from gaze.errors import DataError
from gaze.training.runs import read_predictions, read_run, write_predictions, write_run


def _run_json(**changes):
    run = fold("p01")
    return json.dumps({"schema": "gaze.run/1", **dataclasses.asdict(run), **changes})


def test_a_run_is_read_back_as_written(tmp_path):
    run = fold("p02", notes={"seconds": 3.5})
    write_run(tmp_path, run)
    assert read_run(tmp_path) == run
    assert json.loads((tmp_path / "run.json").read_text())["schema"] == "gaze.run/1"


def test_predictions_are_read_back_to_seven_decimals(tmp_path):
    said = predictions("p01")
    said.head_rad[3] = np.nan
    said.brightness[4] = np.nan
    write_predictions(tmp_path, said)
    back = read_predictions(tmp_path)
    for name in ("person", "day", "frame_id"):
        np.testing.assert_array_equal(getattr(back, name), getattr(said, name))
    for name in ("pitch_yaw_rad", "predicted_rad", "head_rad", "brightness"):
        np.testing.assert_allclose(getattr(back, name), getattr(said, name), atol=6e-8)
    header = (tmp_path / "predictions.csv").read_text().splitlines()[0]
    assert header == (
        "person,day,frame_id,pitch_rad,yaw_rad,pred_pitch_rad,pred_yaw_rad,head_pitch_rad,head_yaw_rad,brightness"
    )


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"train_persons": ("p00", "p01", "p03")}, "p01 was in the training of its own fold"),
        ({"train_persons": ("p00", "p09")}, "training people p09 are not in standin.h5"),
        ({"train_persons": ("p00", "p00")}, "must be distinct"),
        ({"train_persons": ()}, "at least one"),
        ({"test_person": "p07"}, "test person 'p07' is not in"),
        ({"protocol": "best"}, "protocol must be one of"),
    ],
)
def test_a_run_that_breaks_the_contract_cannot_be_made_or_read(tmp_path, changes, message):
    with pytest.raises(DataError, match=message):
        fold("p01", **changes)
    write_run(tmp_path, fold("p01"))
    content = json.loads((tmp_path / "run.json").read_text())
    (tmp_path / "run.json").write_text(json.dumps({**content, **changes}))
    with pytest.raises(DataError, match=rf"run.json: .*{message}"):
        read_run(tmp_path)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "is not JSON"),
        ("[" * 100_000, "is not JSON"),
        ("[]", "is not a gaze.run/1 file"),
        ('{"schema": "gaze.run/2"}', "is not a gaze.run/1 file"),
        ('{"schema": "gaze.run/1", "colour": 1}', "unknown keys colour"),
        ('{"schema": "gaze.run/1"}', "'data'"),
        ("", "is not JSON"),
        (_run_json(epochs="ten"), "run.json: epochs must be int, got 'ten'; train this fold again"),
        (_run_json(train_persons=["p01", 2]), "train_persons must be names"),
        (_run_json(data={**dataclasses.asdict(DATA), "persons": [0, 1]}), "persons must be names"),
        (_run_json(data={**dataclasses.asdict(DATA), "input_size": None}), "input_size must be int"),
    ],
)
def test_damaged_run_files_are_named(tmp_path, text, message):
    (tmp_path / "run.json").write_text(text)
    with pytest.raises(DataError, match=message):
        read_run(tmp_path)


def test_a_full_disk_is_named_and_leaves_the_older_file(tmp_path, monkeypatch):
    write_run(tmp_path, fold("p00"))
    write_predictions(tmp_path, predictions("p00"))
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    for write, content in (
        (write_run, fold("p00", last_epoch=3)),
        (write_predictions, predictions("p00", 5)),
    ):
        with pytest.raises(DataError, match=r"\(No space left on device\); the disk is full"):
            write(tmp_path, content)
    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == before


def test_a_missing_run_or_prediction_file_is_named(tmp_path):
    with pytest.raises(DataError, match=r"run.json: cannot be read"):
        read_run(tmp_path)
    with pytest.raises(DataError, match=r"predictions.csv: cannot be read .*resume it"):
        read_predictions(tmp_path)


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("p01,day01,x,0,0,0,zero,0,0,1", "line 3: could not convert"),
        ("p01,day01,x,0,0,0,0", "line 3: 7 columns instead of 10"),
        ("p01,day01,x,0,0,0,nan,0,0,1", "1 rows of predicted_rad hold NaN"),
        ("p01,day01,x,0,,0,0,0,0,1", "1 rows of pitch_yaw_rad hold NaN"),
        ("p01,day01,x,1e300,0,0,0,0,0,1", "line 3: angles are radians within"),
        ("p01,day01,x,0,0,0,0,0,12.5,1", "line 3: angles are radians within"),
        ("p01,day01,x,0,0,0,0,0,0,256", "line 3: .*brightness lies in 0 to 255"),
        ("\x80", "is not a text table .*; train this fold again"),
    ],
)
def test_a_damaged_prediction_is_named_with_its_line(tmp_path, line, message):
    write_predictions(tmp_path, predictions("p01"))
    path = tmp_path / "predictions.csv"
    lines = path.read_text().splitlines()
    lines[2] = line
    path.write_text("\n".join(lines), encoding="latin-1")
    with pytest.raises(DataError, match=message):
        read_predictions(tmp_path)
    path.write_text("person,day\n")
    with pytest.raises(DataError, match="line 1 must be person,day,frame_id"):
        read_predictions(tmp_path)


def test_label_spaces_are_checked():
    with pytest.raises(DataError, match="label space must be one of"):
        fold("p00", data=type(DATA)("x.h5", "id", "other", 112, DATA.persons))
