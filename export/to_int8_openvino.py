"""int8 in OpenVINO's format by post-training quantisation (NNCF)."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from pathlib import Path

import nncf
import numpy as np
import openvino
from nncf.quantization.advanced_parameters import AdvancedQuantizationParameters
from nncf.quantization.range_estimator import RangeEstimatorParametersSet
from numpy.typing import NDArray

from deploy.runtimes.base import ANGLES_NAME, INPUT_NAME
from deploy.runtimes.layer_groups import belongs
from export.to_int8 import first_near, tried_rows
from export.to_openvino import write_openvino
from gaze.geometry import angular_error_deg
from gaze.types import ModelSpec

LAYERS = ("Convolution", "GroupConvolution", "MatMul", "Multiply", "Add")


def quantise_openvino(
    source: Path,
    spec: ModelSpec,
    faces: NDArray[np.uint8],
    expected_rad: NDArray[np.float64],
    path: Path,
    tries: Sequence[tuple[str, ...]],
) -> list[str]:
    """Quantise an fp32 ONNX model (made with ConvolvedPreprocess) after calibration on faces.

    Args:
        faces: (N, S, S, 3) uint8 BGR, what calibrates.
        expected_rad: (N, 2) angles of the float network for these faces.
        tries: groups of layers that stay in float, the fewest first.

    Returns:
        The groups of the try that was taken.

    Raises:
        DataError: there is no face.
        ModelError: even with the sensitive layers in float the mean difference breaks the bound.
        OSError: the files cannot be written.
    """
    chosen = tried_rows(len(faces))
    # Not by nncf.set_log_level, which also sets the level of every handler there, whoever put it there.
    logging.getLogger("nncf").setLevel(logging.ERROR)
    data = nncf.Dataset([face[None] for face in faces])

    def attempt(in_float: tuple[str, ...]) -> tuple[openvino.Model, float]:
        # convert_model folds the shapes that the ONNX reader leaves open; without it the depthwise weights
        # are no constants for the quantiser and those layers stay in float.
        model = openvino.convert_model(source)
        quantised = nncf.quantize(
            model,
            data,
            # Symmetric: with zero points the convolutions leave the engine's fast path for int8.
            preset=nncf.QuantizationPreset.PERFORMANCE,
            subset_size=len(faces),
            ignored_scope=_layers_of(model, in_float),
            # Its default is the mean of each picture's extremes, which clips the large angles.
            advanced_parameters=AdvancedQuantizationParameters(
                activations_range_estimator_params=RangeEstimatorParametersSet.MINMAX
            ),
        )
        return quantised, _mean_difference_deg(quantised, faces[chosen], expected_rad[chosen])

    in_float, quantised = first_near(tries, attempt, path.name)
    write_openvino(quantised, spec, path)
    return list(in_float)


def _layers_of(model: openvino.Model, groups: tuple[str, ...]) -> nncf.IgnoredScope | None:
    names = [
        item.get_friendly_name()
        for item in model.get_ordered_ops()
        if item.get_type_name() in LAYERS and belongs(item.get_friendly_name(), groups)
    ]
    return nncf.IgnoredScope(names=names) if names else None


def _mean_difference_deg(
    model: openvino.Model, faces: NDArray[np.uint8], expected_rad: NDArray[np.float64]
) -> float:
    compiled = openvino.Core().compile_model(model, "CPU", {"INFERENCE_PRECISION_HINT": "f32"})
    request = compiled.create_infer_request()
    angles = []
    for at in range(0, len(faces), 16):
        request.infer({INPUT_NAME: faces[at : at + 16]})
        angles.append(np.array(request.get_tensor(ANGLES_NAME).data))
    return float(angular_error_deg(np.concatenate(angles), expected_rad).mean())
