"""An exported ONNX model to OpenVINO's own format (.xml and .bin), with the same names and inputs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import openvino

from deploy.runtimes.openvino_fp32_layers import keep_in_fp32
from gaze.errors import ModelError
from gaze.types import ModelSpec


def export_openvino(onnx_path: Path, spec: ModelSpec, path: Path, in_float: Sequence[str] = ()) -> None:
    """Write ``path`` (.xml) and its .bin; weights are stored as fp16 for fp16 and bf16.

    A weight that bf16 holds has 8 significant bits, so fp16 holds it too, but for the tiniest.

    Args:
        in_float: groups of layers that the file marks for fp32, and whose weights it holds so.

    Raises:
        ModelError: OpenVINO cannot read the ONNX model.
        OSError: the files cannot be written.
    """
    try:
        model = openvino.convert_model(onnx_path)
        if in_float:
            model = keep_in_fp32(openvino.Core(), model, in_float)
    except RuntimeError as error:
        raise ModelError(
            f"{onnx_path}: OpenVINO {openvino.__version__} cannot convert it: {error}"
        ) from error
    write_openvino(model, spec, path)


def write_openvino(model: openvino.Model, spec: ModelSpec, path: Path) -> None:
    """Write a model with the facts of its sidecar in the .xml.

    Raises:
        OSError: the files cannot be written.
    """
    model.set_rt_info(spec.name, ["gaze", "name"])
    model.set_rt_info(spec.precision, ["gaze", "precision"])
    model.set_rt_info(spec.label_space, ["gaze", "label_space"])
    model.set_rt_info(spec.licence, ["gaze", "licence"])
    try:
        openvino.save_model(model, path, compress_to_fp16=spec.precision in ("fp16", "bf16"))
    except RuntimeError as error:
        raise OSError(f"{path}: cannot be written: {error}") from error
