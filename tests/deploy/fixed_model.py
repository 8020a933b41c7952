"""A model file of a few hundred bytes that always gives the angles it was made with."""

import dataclasses
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gaze.model_spec import save_spec, sha256_of, sidecar_path
from gaze.normalization import DEFAULT_NORMALIZED_CAMERA
from gaze.types import ModelSpec


def write_fixed_model(path: Path, pitch_rad: float = 0.0, yaw_rad: float = 0.0) -> Path:
    """faces uint8 (N, 112, 112, 3) -> pitch_yaw_rad (N, 2), constant, and a weight map (N, 4, 4)."""

    def constant(name, values, dtype):
        return numpy_helper.from_array(np.array(values, dtype=dtype), name)

    nodes = [
        helper.make_node("Cast", ["faces"], ["real"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["real"], ["mean"], axes=[1, 2, 3], keepdims=0),
        helper.make_node("Mul", ["mean", "zero"], ["nothing"]),
        helper.make_node("Unsqueeze", ["nothing", "axis"], ["column"]),
        helper.make_node("Add", ["column", "angles"], ["pitch_yaw_rad"]),
        helper.make_node("Unsqueeze", ["column", "axis"], ["cell"]),
        helper.make_node("Add", ["cell", "weights"], ["weight_map"]),
    ]
    graph = helper.make_graph(
        nodes,
        "fixed",
        [helper.make_tensor_value_info("faces", TensorProto.UINT8, ["N", 112, 112, 3])],
        [
            helper.make_tensor_value_info("pitch_yaw_rad", TensorProto.FLOAT, ["N", 2]),
            helper.make_tensor_value_info("weight_map", TensorProto.FLOAT, ["N", 4, 4]),
        ],
        [
            constant("zero", 0.0, np.float32),
            constant("axis", [1], np.int64),
            constant("angles", [[pitch_rad, yaw_rad]], np.float32),
            constant("weights", np.arange(16).reshape(1, 4, 4) / 15.0, np.float32),
        ],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    onnx.save(model, path)
    spec = ModelSpec("fixed", 112, DEFAULT_NORMALIZED_CAMERA, outputs=("pitch_yaw_rad", "weight_map"))
    save_spec(dataclasses.replace(spec, sha256=sha256_of(path)), sidecar_path(path))
    return path
