"""`gaze export` where onnxruntime is not installed: what needs it is refused before anything is made."""

from __future__ import annotations

import subprocess
import sys

import pytest

pytest.importorskip("torch")
pytest.importorskip("onnx")

from deploy.runtimes import engines
from export.artefacts import KINDS, choose_kinds

GAZE = "import sys; sys.modules['onnxruntime'] = None; from gaze.cli import main; sys.exit(main())"
NEEDING = [name for name, kind in KINDS.items() if kind.by_onnxruntime]


def export(checkpoint, out, name):
    argv = ["export", "--checkpoint", str(checkpoint), "--out", str(out), "--formats", name]
    return subprocess.run([sys.executable, "-c", GAZE, *argv], capture_output=True, text=True, check=False)


@pytest.mark.parametrize("name", ["onnx-float-input", "onnx-fp16", "onnx-int8"])
def test_what_needs_it_is_told_before_the_work(checkpoint, tmp_path, name):
    done = export(checkpoint, tmp_path / "dist", name)
    assert done.returncode == 1, done.stderr
    assert done.stderr.splitlines() == [
        f"gaze export: {name}: the package onnxruntime, without which it is not made and compared, is not "
        "installed; run `pip install onnxruntime` or leave the format out"
    ]
    assert done.stdout == "" and not (tmp_path / "dist").exists()


def test_what_is_made_by_itself_does_not_need_it(monkeypatch):
    assert {"onnx-float-input", "onnx-fp16", "onnx-int8", "onnx-int8-tensorrt", "tensorrt-int8"} <= {*NEEDING}
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert not engines.is_installed("onnxruntime")
    chosen = {kind.name for kind in choose_kinds(None, ["fp32"])}
    assert not chosen & {*NEEDING}
    assert engines.is_installed("openvino") == ("onnx" in chosen) == ("openvino-fp16" in chosen)


def test_openvino_alone_makes_its_files(checkpoint, tmp_path):
    pytest.importorskip("openvino")
    done = export(checkpoint, tmp_path / "dist", "onnx")
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "dist" / "small.onnx").is_file()
    assert "  openvino:CPU:fp32 " in done.stdout and "  onnxruntime:" not in done.stdout
    assert "Here: runtime onnxruntime" in done.stdout and "pip install onnxruntime" in done.stdout
