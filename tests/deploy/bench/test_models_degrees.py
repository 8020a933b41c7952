"""The degrees of runs that the sidecar knows nothing of: measured on the package's faces, and marked."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import onnx
import pytest
from onnx import numpy_helper
from tiny_models import WEIGHTS, expected_angles, spec, tiny_graph, write_model

from deploy.bench import models_degrees
from deploy.bench.command import main
from deploy.bench.models_degrees import Degrees, Judge
from deploy.bench.models_report import MEASURED_HERE
from deploy.rendered_faces import kept_apart, read_rendered_faces
from deploy.runtimes import create_runtime
from gaze.errors import DataError, GazeError
from gaze.geometry import angular_error_deg
from gaze.types import SCALED, NormalizedCamera

OF = {"sha256_checkpoint": "ab"}


def tilted_graph() -> onnx.ModelProto:
    """The tiny graph with other weights, as a coarse precision would have them."""
    model = tiny_graph()
    model.graph.initializer[0].CopyFrom(numpy_helper.from_array(WEIGHTS * np.float32(1.02), "weights"))
    return model


@pytest.fixture
def folder(tmp_path):
    models = tmp_path / "models"
    models.mkdir()
    stated = {"onnxruntime:CPU:fp32": {"mean": 0.001, "max": 0.002, "error": 3.5}}
    write_model(models / "plain.onnx", notes=OF, parity_deg=stated)
    write_model(models / "coarse.onnx", tilted_graph(), notes=OF | {"format": "onnx-int8"}, precision="int8")
    write_model(models / "other.onnx", tilted_graph(), notes={"sha256_checkpoint": "cd"}, precision="int8")
    return models


def by_hand(factor: float) -> tuple[np.ndarray, np.ndarray]:
    faces, true_rad = read_rendered_faces(spec().normalized_camera)
    apart = kept_apart(len(faces))
    return expected_angles(faces[apart]) * factor, true_rad[apart]


def test_what_no_sidecar_holds_is_measured_and_marked(folder, tmp_path, capsys):
    out = tmp_path / "bench.json"
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main([*argv, "--json", str(out)]) == 0
    rows = {(row["file"], row["run"]): row for row in json.loads(out.read_text())["rows"]}
    plain = rows["plain.onnx", "onnxruntime:CPU:fp32"]
    assert (plain["parity_max_deg"], plain["error_deg"], plain["measured_here"]) == (0.002, 3.5, False)
    (exact, true_rad), (coarse_rad, _) = by_hand(1.0), by_hand(1.02)
    assert len(exact) == 64
    coarse = rows["coarse.onnx", "onnxruntime:CPU:int8"]
    differences = angular_error_deg(coarse_rad, exact)
    assert coarse["parity_mean_deg"] == pytest.approx(differences.mean(), rel=1e-3)
    assert coarse["parity_max_deg"] == pytest.approx(differences.max(), rel=1e-3)
    assert coarse["error_deg"] == pytest.approx(angular_error_deg(coarse_rad, true_rad).mean(), rel=1e-4)
    other = rows["other.onnx", "onnxruntime:CPU:int8"]
    assert other["parity_max_deg"] is None, "its fp32 file is not in the folder"
    assert other["error_deg"] == pytest.approx(coarse["error_deg"]) and other["measured_here"]
    said = capsys.readouterr().out
    lines = {line.split("|")[2].strip(): line for line in said.splitlines() if "| onnxruntime:" in line}
    assert lines["plain.onnx"].endswith("| 0.0010 | 0.0020 | 3.50 |")
    assert lines["coarse.onnx"].endswith(
        f"| {differences.mean():.4f} * | {differences.max():.4f} * | {coarse['error_deg']:.2f} * |"
    )
    assert lines["other.onnx"].endswith(f"| – | – | {other['error_deg']:.2f} * |")
    assert MEASURED_HERE in said


def test_a_device_that_the_export_did_not_have_has_its_degrees(folder, capsys):
    pytest.importorskip("openvino")
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--devices", "AUTO"]
    assert main(argv) == 0
    (line,) = (
        line for line in capsys.readouterr().out.splitlines() if "| plain.onnx | openvino:AUTO" in line
    )
    assert all(cell.strip().endswith(" *") for cell in line.split("|")[-4:-1])


def test_nothing_is_marked_where_all_sidecars_know(tmp_path, capsys):
    runs = [f"{engine}:CPU:{precision}" for engine in ("onnxruntime", "openvino")
            for precision in ("fp32", "bf16", "fp16")]  # fmt: skip
    write_model(tmp_path / "plain.onnx", parity_deg={run: {"mean": 0.0, "max": 0.0} for run in runs})
    argv = ["--models", str(tmp_path), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main(argv) == 0
    said = capsys.readouterr().out
    assert " *" not in said and "measured by this command" not in said


def test_faces_that_cannot_be_read_cost_the_degrees_and_not_the_times(folder, monkeypatch, capsys):
    def missing(camera: NormalizedCamera) -> None:
        raise DataError("rendered_faces.npz: cannot be read; install the package again")

    monkeypatch.setattr(models_degrees, "read_rendered_faces", missing)
    argv = ["--models", str(folder), "--rounds", "1", "--batches", "1", "--no-memory", "--threads", "1"]
    assert main(argv) == 0
    printed = capsys.readouterr()
    assert "left out: the degrees of coarse.onnx onnxruntime CPU int8" in printed.err
    assert "| coarse.onnx |" in printed.out and " *" not in printed.out


def test_labels_of_another_space_give_no_error(folder):
    with create_runtime(folder / "coarse.onnx", "onnxruntime") as runtime:
        judge = Judge({folder / "plain.onnx": spec("plain", notes=OF)})
        scaled = dataclasses.replace(runtime.spec, label_space=SCALED)
        given = judge.degrees(scaled, runtime)
        assert given.error_deg is None and given.parity_max_deg > 0.0
        wider = dataclasses.replace(runtime.spec, normalized_camera=NormalizedCamera(10.0, 600.0, 16))
        with pytest.raises(GazeError, match="the network sees more than the faces show"):
            judge.degrees(wider, runtime)
        known = dataclasses.replace(runtime.spec, parity_deg={runtime.name: {"mean": 0.1, "max": 0.2}})
        assert judge.degrees(known, runtime) == Degrees(0.1, 0.2, None)
