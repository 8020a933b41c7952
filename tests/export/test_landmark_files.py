"""int8, bf16 and fp16 files of a network that finds landmarks: what finds and reads them stays in float."""

from __future__ import annotations

import cv2
import pytest

pytest.importorskip("torch")
onnx = pytest.importorskip("onnx")
openvino = pytest.importorskip("openvino")
pytest.importorskip("nncf")

from smooth_pictures import smooth_faces  # noqa: E402

from deploy.runtimes.openvino_fp32_layers import NOTE  # noqa: E402
from deploy.runtimes.openvino_runtime import cpu_precisions  # noqa: E402
from export import bf16, parity, to_int8  # noqa: E402
from export.command import main  # noqa: E402
from export.layers import LANDMARKS  # noqa: E402
from gaze.model_spec import load_model_spec  # noqa: E402

LAYERS = ("Conv", "Gemm", "MatMul")


@pytest.fixture(scope="module")
def exported_in_coarse(checkpoint_with_landmarks, tmp_path_factory):
    """All in int8, bf16 or fp16 that may be: every try is near enough, as a random network is never."""
    folder, crops = tmp_path_factory.mktemp("dist"), tmp_path_factory.mktemp("crops")
    for index, face in enumerate(smooth_faces(64, 16, seed=2).faces):
        cv2.imwrite(str(crops / f"{index:02d}.png"), face)
    argv = ["--checkpoint", str(checkpoint_with_landmarks), "--out", str(folder), "--calibration", str(crops)]
    formats = ["onnx", "onnx-fp16", "onnx-int8", "openvino-int8", "openvino-bf16"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(parity, "INT8_MEAN_DEG", 90.0)
        patch.setattr(to_int8, "TRY_DEG", 90.0)
        for precision in ("fp16", "bf16"):
            patch.setitem(parity.MAX_DEG, precision, 90.0)
        patch.setattr(bf16, "TRY_DEG", 90.0)
        assert main([*argv, "--formats", *formats]) == 0
    return folder


def finds_landmarks(name):
    return any(group in name for group in LANDMARKS)


def test_theirs_are_the_weights_in_fp32_of_an_fp16_file(exported_in_coarse):
    graph = onnx.load(exported_in_coarse / "landmarks_fp16.onnx").graph
    type_of = {item.name: item.data_type for item in graph.initializer}
    layers = [node for node in graph.node if node.op_type in LAYERS and node.input[1] in type_of]
    exact = {node.name for node in layers if type_of[node.input[1]] == onnx.TensorProto.FLOAT}
    assert exact == {node.name for node in layers if finds_landmarks(node.name)}
    assert 10 < len(exact) < len(layers) - 40


def test_no_layer_of_theirs_is_int8_for_onnxruntime(exported_in_coarse):
    graph = onnx.load(exported_in_coarse / "landmarks_int8.onnx").graph
    made_by = {name: node.op_type for node in graph.node for name in node.output}
    layers = [node for node in graph.node if node.op_type in LAYERS]
    small = {node.name for node in layers if made_by.get(node.input[1]) == "DequantizeLinear"}
    theirs = [node.name for node in layers if finds_landmarks(node.name)]
    assert len(theirs) > 10 and small and not small & set(theirs)


def test_no_layer_of_theirs_is_int8_for_openvino(exported_in_coarse):
    model = openvino.Core().read_model(exported_in_coarse / "landmarks_openvino_int8.xml")
    layers = [item for item in model.get_ordered_ops() if item.get_type_name() in ("Convolution", "MatMul")]
    small = {item.get_friendly_name() for item in layers if weights_are_int8(item)}
    theirs = [item.get_friendly_name() for item in layers if finds_landmarks(item.get_friendly_name())]
    assert len(theirs) > 10 and small and not small & set(theirs)


def weights_are_int8(layer):
    """Whether what a layer is multiplied with begins as int8, before it is scaled and shaped."""
    item = layer.input_value(1).get_node()
    while item.get_type_name() != "Constant":
        item = item.input_value(0).get_node()
    return item.get_element_type() in (openvino.Type.i8, openvino.Type.u8)


@pytest.mark.skipif("bf16" not in cpu_precisions(), reason="no bf16 on this CPU")
def test_all_of_theirs_runs_in_fp32_where_the_rest_is_bf16(exported_in_coarse):
    spec = load_model_spec(exported_in_coarse / "landmarks_openvino_bf16.xml")
    assert set(LANDMARKS) <= set(spec.notes[NOTE])


def test_the_sidecars_of_int8_name_them(exported_in_coarse):
    for name in ("landmarks_int8.onnx", "landmarks_openvino_int8.xml"):
        kept = load_model_spec(exported_in_coarse / name).notes["kept_in_float"]
        assert set(LANDMARKS) <= set(kept)
