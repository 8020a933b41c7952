"""The parity table beside the models."""

from __future__ import annotations

import json

import pytest

pytest.importorskip("onnx")

from export.artefacts import KINDS
from export.parity import Parity
from export.pipeline import Artefact
from export.report import remarks, write_report

ROW = "| 2.5 | onnxruntime:CPU:fp32 | 0.00100 | 0.00200 | 0.00300 | 0.00000 | –"


def artefact(folder, name, kind="onnx", loss_deg=None):
    path = folder / f"{name}{KINDS[kind].suffix}"
    path.touch()
    error_deg = None if loss_deg is None else 7.0
    parity = Parity("onnxruntime:CPU:fp32", "fp32", 9, 0.001, 0.002, 0.003, 0.0, error_deg, loss_deg)
    return Artefact(KINDS[kind], path, 2.5, (parity,))


def test_the_table_says_what_was_measured(tmp_path):
    write_report([artefact(tmp_path, "a"), artefact(tmp_path, "b", loss_deg=0.0125)], tmp_path, "below\n")
    lines = (tmp_path / "parity.md").read_text(encoding="utf-8").splitlines()
    assert lines[2] == f"| a.onnx {ROW} |"
    assert lines[3].startswith("| b.onnx ") and lines[3].endswith("| +0.013 |")
    assert lines[4:] == ["", "below"]


def test_a_second_export_keeps_what_was_said_of_other_models(tmp_path):
    write_report([artefact(tmp_path, "a"), artefact(tmp_path, "a", "onnx-fp16")], tmp_path)
    write_report([artefact(tmp_path, "b")], tmp_path)
    write_report([artefact(tmp_path, "a", loss_deg=0.5)], tmp_path)
    (tmp_path / "b.onnx").unlink()
    write_report([artefact(tmp_path, "c")], tmp_path)
    entries = json.loads((tmp_path / "parity.json").read_text(encoding="utf-8"))["models"]
    assert [entry["file"] for entry in entries] == ["a.onnx", "a_fp16.onnx", "c.onnx"]
    assert entries[0]["parity_deg"]["onnxruntime:CPU:fp32"]["loss"] == 0.5
    table = (tmp_path / "parity.md").read_text(encoding="utf-8")
    assert table.count("a.onnx") == 1 and "b.onnx" not in table


@pytest.mark.parametrize(
    "earlier",
    ["", "{", "[]", '{"schema": "other/1", "models": []}', '{"schema": "gaze.parity/1", "models": [1]}'],
)
def test_an_earlier_table_that_cannot_be_read_is_replaced(tmp_path, earlier):
    (tmp_path / "parity.json").write_text(earlier, encoding="utf-8")
    write_report([artefact(tmp_path, "a")], tmp_path)
    entries = json.loads((tmp_path / "parity.json").read_text(encoding="utf-8"))["models"]
    assert [entry["file"] for entry in entries] == ["a.onnx"]


def test_the_remarks_name_what_runs_by_default_and_what_no_engine_ran(exported, tmp_path):
    plain = Artefact(KINDS["onnx"], exported / "small.onnx", 1.0, ())
    said = remarks([plain, artefact(tmp_path, "small", "onnx-int8-tensorrt")])
    assert "small_int8_tensorrt.onnx is for TensorRT, which has not run it here" in said
    assert "take the package's gaze_mobilenetv2.onnx" in said and "such as small.onnx" in said
    assert remarks([]) == ""
