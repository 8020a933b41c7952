"""A clip's ground truth against records whose error is known."""

import argparse
import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from deploy.evaluate.options import open_predictor, write_figures
from deploy.evaluate.video import evaluate_records, main, read_records
from deploy.truth import load_truth
from gaze.errors import DataError, UsageError

CAMERA = {"K": [[800, 0, 320], [0, 800, 240], [0, 0, 1]], "distortion": [], "width": 640, "height": 480}
ORIGIN = [0.0, 0.0, 500.0]
LOOKING = (
    '{"schema": "gaze/1", "frame": 0, "faces": [{"box_px": [270, 190, 370, 290], '
    '"gaze": {"direction_cam": %s}}]}'
)


def _direction(pitch_deg, yaw_deg):
    p, y = np.deg2rad([pitch_deg, yaw_deg])
    return [-np.cos(p) * np.sin(y), -np.sin(p), -np.cos(p) * np.cos(y)]


def _face(pitch_deg, yaw_deg, box=(270, 190, 370, 290), status="OK"):
    gaze = {"direction_cam": _direction(pitch_deg, yaw_deg)} if status == "OK" else None
    return {"id": 0, "status": status, "box_px": list(box), "gaze": gaze}


def _write(tmp_path, found):
    """Truth of len(found) frames looking at yaw 10 * frame, and records with the found faces."""
    truth = [json.dumps({"schema": "gaze.truth/1", "camera": CAMERA})]
    records = []
    for index, faces in enumerate(found):
        true = {"direction_cam": _direction(0, 10 * index), "origin_cam_mm": ORIGIN, "eye_open": [1, 1]}
        truth.append(json.dumps({"frame": index, "t_s": index / 30, "faces": [true]}))
        if faces is not None:
            records.append(json.dumps({"schema": "gaze/1", "frame": index, "faces": faces}))
    (tmp_path / "clip.truth.jsonl").write_text("\n".join(truth))
    (tmp_path / "run.jsonl").write_text("\n".join(records))
    return load_truth(tmp_path / "clip.truth.jsonl"), tmp_path / "run.jsonl"


def test_errors_and_gaps_are_counted(tmp_path):
    elsewhere = _face(40, 40, box=(0, 0, 100, 100))
    truth, path = _write(
        tmp_path,
        [[_face(0, 3)], [elsewhere, _face(2, 10)], [elsewhere], [_face(0, 0, status="BLINK")], [], None],
    )
    result = evaluate_records(truth, read_records(path), "x")
    assert [item["frame"] for item in result["per_frame"]] == [0, 1]
    assert [item["error_deg"] for item in result["per_frame"]] == pytest.approx([3.0, 2.0], abs=1e-4)
    assert result["mean_deg"] == pytest.approx(2.5, abs=1e-6)
    assert (result["n"], result["n_truth"]) == (2, 6)
    assert result["missing"] == {"NO_FACE": 2, "BLINK": 1, "NOT_RUN": 1}
    assert (result["bias_pitch_deg"], result["bias_yaw_deg"]) == pytest.approx((1.0, 1.5))
    assert result["slope_yaw"] == pytest.approx(0.7)


def test_the_command_writes_json(tmp_path, capsys):
    _, path = _write(tmp_path, [[_face(1, 10 * i)] for i in range(4)])
    out = tmp_path / "out.json"
    assert main([str(tmp_path / "clip.mp4"), "--jsonl", str(path), "--json", str(out)]) == 0
    assert "mean 1.00 degrees" in capsys.readouterr().out
    content = json.loads(out.read_text())
    assert content["schema"] == "gaze.video_evaluation/1"
    assert content["mean_deg"] == pytest.approx(1.0, abs=1e-4)
    assert content["mean_offset_removed_deg"] == pytest.approx(0.0, abs=1e-3)
    assert len(content["per_frame"]) == 4
    for wrong, message in ((path / "out.json", "cannot be written"), (path, "would overwrite what --jsonl")):
        with pytest.raises(UsageError, match=message):
            main([str(tmp_path / "clip.mp4"), "--jsonl", str(path), "--json", str(wrong)])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "line 1: "),
        ('{"schema": "gaze/2"}', "schema is 'gaze/2'"),
        ("[]", "line 1: "),
        ('{"schema": "gaze/1", "frame": 0, "faces": [{"box_px": [1, 2]}]}', "frame 0: ValueError"),
        ('{"schema": "gaze/1", "frame": 0, "faces": []}', "0 gazes can be compared"),
        ('{"schema": ' + "[" * 100_000, "line 1: nested too deeply"),
        ('{"schema": "gaze/1", "frame": 1e999, "faces": []}', "line 1: the number 1e999 is too large"),
        (LOOKING % "[0, -1]", r"frame 0: ValueError.*; run `gaze run --jsonl` again"),
        (LOOKING % "[0, NaN, -1]", "frame 0: ValueError"),
        (LOOKING % "[0, 0, 0]", "frame 0: ValueError"),
    ],
)
def test_damaged_records_are_named(tmp_path, line, message):
    truth, path = _write(tmp_path, [[], []])
    path.write_text(line)
    with pytest.raises(DataError, match=message):
        evaluate_records(truth, read_records(path), "run.jsonl")
    with pytest.raises(DataError, match="cannot be read"):
        list(read_records(tmp_path / "none.jsonl"))


def test_a_missing_truth_is_named(tmp_path):
    (tmp_path / "clip.mp4").touch()
    with pytest.raises(DataError, match=r"clip.truth.jsonl: cannot be read"):
        main([str(tmp_path / "clip.mp4")])


def test_running_the_clip_now_gives_the_same_as_its_recording(tmp_path, monkeypatch):
    _, path = _write(tmp_path, [[_face(1, 10 * i)] for i in range(4)])
    writer = cv2.VideoWriter(str(tmp_path / "clip.mp4"), cv2.VideoWriter_fourcc(*"mp4v"), 30, (640, 480))
    writer.write(np.zeros((480, 640, 3), np.uint8))
    writer.release()
    seen = []

    def run(argv):
        seen.extend(argv)
        target = argv[argv.index("--jsonl") + 1]
        Path(target).write_text(path.read_text())
        return 0

    monkeypatch.setattr("deploy.run_command.main", run)
    out = tmp_path / "out.json"
    assert main([str(tmp_path / "clip.mp4"), "--json", str(out), "--", "--runtime", "torch"]) == 0
    assert json.loads(out.read_text())["mean_deg"] == pytest.approx(1.0, abs=1e-4)
    assert seen[:3] == ["--source", str(tmp_path / "clip.mp4"), "--no-window"]
    assert seen[-2:] == ["--runtime", "torch"]


def test_a_clip_made_smaller_is_compared_at_its_own_size(tmp_path):
    """The truth's camera has 640x480 px; boxes of the smaller clip hold the face where it lies there."""
    small = (140, 100, 180, 140)  # about (160, 120), where (320, 240) has come to
    _, path = _write(tmp_path, [[_face(1, 10 * i, box=small)] for i in range(4)])
    clip = tmp_path / "clip.mp4"
    arguments = [str(clip), "--jsonl", str(path)]
    clip.write_bytes(b"no film")  # nothing says how large it was
    with pytest.raises(DataError, match="0 gazes can be compared"):
        main(arguments)
    writer = cv2.VideoWriter(str(clip), cv2.VideoWriter_fourcc(*"mp4v"), 30, (320, 240))
    writer.write(np.zeros((240, 320, 3), np.uint8))
    writer.release()
    out = tmp_path / "out.json"
    assert main([*arguments, "--json", str(out)]) == 0
    content = json.loads(out.read_text())
    assert (content["n"], content["mean_deg"]) == (4, pytest.approx(1.0, abs=1e-4))


def test_a_clip_that_is_not_there_is_named_before_its_truth(tmp_path):
    with pytest.raises(DataError, match=r"none.mp4: no such file; name the clip"):
        main([str(tmp_path / "none.mp4")])


def test_figures_that_are_not_known_are_null_and_not_nan(tmp_path):
    write_figures(tmp_path / "a.json", {"a": float("nan"), "b": [1.5, (float("inf"), "x")], "c": {"d": None}})
    content = json.loads((tmp_path / "a.json").read_text(), parse_constant=pytest.fail)
    assert content == {"a": None, "b": [1.5, [None, "x"]], "c": {"d": None}}


def test_an_exported_model_is_no_checkpoint(tmp_path):
    given = argparse.Namespace(model=None, checkpoint=tmp_path / "a.onnx", runtime="auto")
    with pytest.raises(UsageError, match=r"--checkpoint .*a.onnx: is none .*an exported model is given with"):
        open_predictor(given)
