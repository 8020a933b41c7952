"""int8 files: what is int8 in them, what stays in float, and that float is taken where int8 is too coarse."""

from __future__ import annotations

import sys

import cv2
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
pytest.importorskip("nncf")

from smooth_pictures import smooth_faces  # noqa: E402

from export import parity, to_int8  # noqa: E402
from export.artefacts import KINDS, Run, choose_kinds, runs_of  # noqa: E402
from export.command import main  # noqa: E402
from gaze.errors import ModelError, RuntimeUnavailableError  # noqa: E402
from gaze.model_spec import load_model_spec  # noqa: E402


@pytest.fixture(scope="module")
def crops(tmp_path_factory):
    folder = tmp_path_factory.mktemp("crops")
    for index, face in enumerate(smooth_faces(64, 20, seed=2).faces):
        cv2.imwrite(str(folder / f"{index:02d}.png"), face)
    return folder


@pytest.fixture
def argv(checkpoint, crops, tmp_path, monkeypatch):
    """A random network suffers more from rounding than a trained one: only the order of trials is tested."""
    monkeypatch.setattr(parity, "INT8_MEAN_DEG", 90.0)
    return ["--checkpoint", str(checkpoint), "--out", str(tmp_path / "dist"), "--calibration", str(crops)]


def quantised(path):
    """The names of the convolutions and matrix products whose weights are int8."""
    graph = onnx.load(path).graph
    of_int8 = {node.output[0] for node in graph.node if node.op_type == "DequantizeLinear"}
    return {node.name for node in graph.node if node.op_type in ("Conv", "Gemm") and node.input[1] in of_int8}


def test_the_onnx_files_keep_in_float_what_their_sidecars_say(argv, tmp_path, monkeypatch):
    bounds = iter((-1.0, 90.0, 90.0))  # the first try fails, the second holds; then TensorRT's first

    class Bound(float):
        def __ge__(self, other: float) -> bool:
            return next(bounds) >= other

    monkeypatch.setattr(to_int8, "TRY_DEG", Bound())
    assert main([*argv, "--formats", "onnx-int8", "onnx-int8-tensorrt"]) == 0
    for name, groups in (
        ("small_int8", to_int8.FALLBACKS[1]),
        ("small_int8_tensorrt", to_int8.SYMMETRIC_FALLBACKS[0]),
    ):
        path = tmp_path / "dist" / f"{name}.onnx"
        assert load_model_spec(path).notes["kept_in_float"] == list(groups)
        assert {opset.domain for opset in onnx.load(path).opset_import} == {""}
        small = quantised(path)
        assert small and not [node for node in small if any(group in node for group in groups)]
        assert any("/backbone.7/" in node for node in small)
        assert any("/fc1/" in node for node in small) == ("tensorrt" not in name)
        assert not any("/fc_" in node for node in small)
    zero_points = {
        int(onnx.numpy_helper.to_array(item).ravel()[0])
        for item in onnx.load(path).graph.initializer
        if item.name.endswith("zero_point")
    }
    assert zero_points == {0}, "TensorRT takes no other"


def test_openvino_tries_all_in_int8_first(argv, tmp_path, monkeypatch):
    monkeypatch.setattr(to_int8, "TRY_DEG", 90.0)
    assert main([*argv, "--formats", "openvino-int8"]) == 0
    path = tmp_path / "dist" / "small_openvino_int8.xml"
    assert load_model_spec(path).notes["kept_in_float"] == []
    assert "FakeQuantize" in path.read_text() and 'element_type="i8"' in path.read_text()


def test_without_openvino_the_onnx_files_are_made_and_its_own_name_it(argv, tmp_path, monkeypatch):
    monkeypatch.setattr(to_int8, "TRY_DEG", 90.0)
    monkeypatch.setitem(sys.modules, "openvino", None)
    for module in ("deploy.runtimes.openvino_runtime", "export.to_int8_openvino", "export.to_openvino"):
        monkeypatch.delitem(sys.modules, module, raising=False)
    assert main([*argv, "--formats", "onnx-int8"]) == 0
    assert list(load_model_spec(tmp_path / "dist" / "small_int8.onnx").parity_deg) == ["onnxruntime:CPU:int8"]
    with pytest.raises(
        RuntimeUnavailableError, match=r"openvino-int8: .*run `pip install openvino` or leave"
    ):
        main([*argv, "--formats", "openvino-int8"])
    names = [kind.name for kind in choose_kinds(None, [])]
    assert "onnx-int8-tensorrt" in names and not [name for name in names if "openvino" in name]


@pytest.mark.parametrize(
    ("off_deg", "chosen"),
    [([0.23, 0.1], 0), ([0.4, 0.1], 1), ([0.29, 0.26, 0.27], 1), ([0.9, 0.24, 0.1], 1)],
)
def test_the_first_try_well_within_the_bound_is_taken_else_the_nearest(off_deg, chosen):
    tries = [(f"/backbone.{k}/",) for k in range(len(off_deg))]
    attempt = {groups: (f"model {k}", off_deg[k]) for k, groups in enumerate(tries)}.__getitem__
    assert to_int8.first_near(tries, attempt, "net.onnx") == (tries[chosen], f"model {chosen}")


def test_where_no_try_keeps_the_bound_nothing_is_written(argv, tmp_path, monkeypatch):
    monkeypatch.setattr(to_int8, "TRY_DEG", 0.0)
    monkeypatch.setattr(to_int8, "INT8_MEAN_DEG", 0.0)
    monkeypatch.setattr(to_int8, "SYMMETRIC_FALLBACKS", to_int8.SYMMETRIC_FALLBACKS[:1])
    with pytest.raises(ModelError, match=r"small_int8_tensorrt\.onnx: int8 differs by .*at most 0\.0\)"):
        main([*argv, "--formats", "onnx-int8-tensorrt"])
    assert not list((tmp_path / "dist").glob("*int8*"))


def test_the_ways_to_run_a_file_that_are_compared():
    three = ["fp32", "bf16", "fp16"]

    def names(kind: str, devices: list[str]) -> list[tuple[str, str | None]]:
        return [(run.runtime, run.precision) for run in runs_of(KINDS[kind], devices, three)]

    engine = ("onnxruntime", None)
    assert names("onnx", ["CPU"]) == [engine, *(("openvino", precision) for precision in three)]
    assert names("onnx-fp16", ["CPU"]) == [engine, ("openvino", "fp32"), ("openvino", "fp16")]
    assert names("onnx-int8", ["CPU"]) == [engine, ("openvino", "fp32"), ("openvino", "bf16")]
    assert names("openvino-bf16", ["CPU"]) == [("openvino", "bf16")]
    assert runs_of(KINDS["openvino-fp32"], ["GPU"], three) == [Run("openvino", "GPU", "fp16")]
