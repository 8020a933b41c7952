"""Small models with known arithmetic, written with onnx's helper, and their sidecars."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from gaze.model_spec import save_spec, sha256_of, sidecar_path
from gaze.types import ModelSpec, NormalizedCamera

SIZE = 16
WEIGHTS = np.array([[0.002, -0.001], [0.0005, 0.001], [-0.001, 0.003]], dtype=np.float32)


def expected_angles(faces: np.ndarray) -> np.ndarray:
    """What the tiny model gives: the mean of each channel (BGR) times WEIGHTS, by numpy alone."""
    return faces.reshape(len(faces), -1, 3).mean(axis=1) @ WEIGHTS


def spec(name: str = "tiny", **changes: object) -> ModelSpec:
    """The sidecar of a tiny model."""
    base = ModelSpec(name=name, input_size=SIZE, normalized_camera=NormalizedCamera(70.0, 600.0, SIZE))
    return dataclasses.replace(base, **changes)


def tiny_graph(
    input_name: str = "faces",
    output_name: str = "pitch_yaw_rad",
    input_type: int = TensorProto.UINT8,
    opset: int = 17,
    batch: int | str = "n",
) -> onnx.ModelProto:
    """uint8 (N, S, S, 3) -> (N, 2): channel means times a matrix."""
    nodes = [
        helper.make_node("Cast", [input_name], ["float"], to=TensorProto.FLOAT),
        helper.make_node("ReduceMean", ["float"], ["means"], axes=[1, 2], keepdims=0),
        helper.make_node("MatMul", ["means", "weights"], [output_name]),
    ]
    graph = helper.make_graph(
        nodes,
        "tiny",
        [helper.make_tensor_value_info(input_name, input_type, [batch, SIZE, SIZE, 3])],
        [helper.make_tensor_value_info(output_name, TensorProto.FLOAT, [batch, 2])],
        [numpy_helper.from_array(WEIGHTS, "weights")],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def write_model(path: Path, model: onnx.ModelProto | None = None, **changes: object) -> Path:
    """Write a model and a sidecar with its checksum; ``changes`` go into the sidecar."""
    path.write_bytes((tiny_graph() if model is None else model).SerializeToString())
    save_spec(spec(path.stem, **({"sha256": sha256_of(path)} | changes)), sidecar_path(path))
    return path


def some_faces(count: int, size: int = SIZE, seed: int = 0) -> np.ndarray:
    """Random uint8 faces (N, S, S, 3)."""
    return np.random.default_rng(seed).integers(0, 256, (count, size, size, 3), dtype=np.uint8)
