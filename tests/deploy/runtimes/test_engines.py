"""What is told of the engines without them: their files, and the ways in which these are worth running."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from tiny_models import write_model

from deploy.bench.models_measure import configurations
from deploy.runtimes.engines import RUNTIMES, runtimes_of, sensible_precisions

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    ("suffix", "runtimes"),
    [
        (".onnx", ["onnxruntime", "openvino"]),
        (".xml", ["openvino"]),
        (".pt", ["torch"]),
        (".pth", ["torch"]),
        (".engine", ["tensorrt"]),
        (".plan", ["tensorrt"]),
        (".json", []),
    ],
)
def test_which_engine_runs_which_file(suffix, runtimes):
    assert runtimes_of(suffix) == runtimes


@pytest.mark.parametrize("name", RUNTIMES)
def test_every_runtime_is_where_it_is_said_to_be(name):
    engine = RUNTIMES[name]
    source = ROOT.joinpath(*engine.module.split(".")).with_suffix(".py").read_text(encoding="utf-8")
    assert f"class {engine.cls}(Runtime):" in source and f"import {engine.package}\n" in source


def test_every_run_in_the_table_of_speeds_is_one_that_the_bench_makes():
    page = (ROOT / "docs" / "models.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| AMD EPYC \| (\S+) \| (\w+):(\w+):(\S+) \|", page, re.MULTILINE)
    assert len(rows) > 60
    for file, runtime, device, shown in rows:
        held = next((each for each in ("int8", "bf16", "fp16") if each in file), "fp32")
        assert runtime in runtimes_of(Path(file).suffix)
        ways = sensible_precisions(runtime, device, held, ["fp32", "bf16"])
        names = [f"int8+{way}" if held == "int8" and way else way or held for way in ways]
        assert shown in names, (file, shown)


def test_ways_on_other_devices():
    cpu = ["fp32", "bf16", "fp16"]
    assert sensible_precisions("openvino", "CPU", "fp32", cpu) == cpu
    assert sensible_precisions("openvino", "CPU", "int8", cpu) == ["fp32", "bf16"]
    assert sensible_precisions("openvino", "GPU.1", "int8", cpu) == ["fp16"]
    assert sensible_precisions("openvino", "CUDA", "fp32", cpu) == []
    assert sensible_precisions("onnxruntime", "TENSORRT", "fp32", cpu) == [None, "fp16"]
    assert sensible_precisions("onnxruntime", "TENSORRT", "int8", cpu) == [None]
    assert sensible_precisions("onnxruntime", "NPU", "fp32", cpu) == []
    assert sensible_precisions("tensorrt", "CPU", "fp32", cpu) == []
    assert sensible_precisions("tensorrt", "CUDA", "fp16", cpu) == [None]


def test_the_bench_takes_engines_by_either_name_and_no_checkpoints(tmp_path, monkeypatch):
    for name in ("a.engine", "b.plan", "c.pt"):
        write_model(tmp_path / name)
    monkeypatch.setattr("deploy.bench.models_measure.is_installed", lambda runtime: runtime == "tensorrt")
    found, left_out = configurations(tmp_path, ["CPU", "CUDA"], [None])
    assert [(item.path.name, item.device, item.precision) for item in found] == [
        ("a.engine", "CUDA", None),
        ("b.plan", "CUDA", None),
    ]
    assert left_out == []
