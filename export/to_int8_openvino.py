"""int8 in OpenVINO's format by post-training quantisation (NNCF)."""

from __future__ import annotations

import logging
from pathlib import Path

import nncf
import numpy as np
import openvino
from numpy.typing import NDArray

from deploy.runtimes.base import ANGLES_NAME, INPUT_NAME
from export.parity import INT8_MEAN_DEG
from export.to_openvino import write_openvino
from gaze.errors import DataError
from gaze.geometry import angular_error_deg
from gaze.types import ModelSpec

SUBSET = 300
# So many faces rank the layers when some must go back to float.
RANKING_FACES = 64


def quantise_openvino(
    source: Path,
    spec: ModelSpec,
    faces: NDArray[np.uint8],
    expected_rad: NDArray[np.float64],
    path: Path,
) -> list[str]:
    """Quantise an fp32 ONNX model (made with ConvolvedPreprocess) after calibration on faces.

    Where the mean difference breaks the bound, NNCF's accuracy control gives the most sensitive layers back
    to float until it is kept.

    Args:
        faces: (N, S, S, 3) uint8 BGR, what calibrates.
        expected_rad: (N, 2) angles of the float network for these faces.

    Returns:
        What stayed in float beyond the quantiser's own choice, in words.

    Raises:
        DataError: there is no face.
        OSError: the files cannot be written.
    """
    if len(faces) == 0:
        raise DataError("int8: the calibration set holds no face; give --calibration FOLDER with some")
    nncf.set_log_level(logging.ERROR)
    data = nncf.Dataset([face[None] for face in faces])
    settings = {
        # Symmetric: with zero points the convolutions leave the engine's fast path for int8.
        "preset": nncf.QuantizationPreset.PERFORMANCE,
        "subset_size": min(SUBSET, len(faces)),
    }
    # convert_model folds the shapes that the ONNX reader leaves open; without it the depthwise weights are
    # no constants for the quantiser and those layers stay in float.
    model = openvino.convert_model(source)
    quantised = nncf.quantize(model, data, **settings)
    kept: list[str] = []
    if _mean_difference_deg(quantised, faces, expected_rad) > INT8_MEAN_DEG:
        chosen = np.unique(np.linspace(0, len(faces) - 1, min(RANKING_FACES, len(faces))).astype(int))

        def closeness(compiled: openvino.CompiledModel, rows: object) -> float:
            del rows  # the validation set is `chosen`
            return -_difference(compiled, faces[chosen], expected_rad[chosen])

        quantised = nncf.quantize_with_accuracy_control(
            openvino.convert_model(source),
            calibration_dataset=data,
            validation_dataset=nncf.Dataset([face[None] for face in faces[chosen]]),
            validation_fn=closeness,
            max_drop=0.8 * INT8_MEAN_DEG,
            drop_type=nncf.DropType.ABSOLUTE,
            **settings,
        )
        kept.append("layers chosen by accuracy control")
    write_openvino(quantised, spec, path)
    return kept


def _mean_difference_deg(
    model: openvino.Model, faces: NDArray[np.uint8], expected_rad: NDArray[np.float64]
) -> float:
    settings = {"INFERENCE_PRECISION_HINT": "f32"}
    return _difference(openvino.Core().compile_model(model, "CPU", settings), faces, expected_rad)


def _difference(
    compiled: openvino.CompiledModel, faces: NDArray[np.uint8], expected_rad: NDArray[np.float64]
) -> float:
    request = compiled.create_infer_request()
    angles = []
    for at in range(0, len(faces), 16):
        request.infer({INPUT_NAME: faces[at : at + 16]})
        angles.append(np.array(request.get_tensor(ANGLES_NAME).data))
    return float(angular_error_deg(np.concatenate(angles), expected_rad).mean())
