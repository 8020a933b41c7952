"""int8 as ONNX with QuantizeLinear and DequantizeLinear, for onnxruntime or for TensorRT."""

from __future__ import annotations

import logging
import operator
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import numpy as np
import onnx
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.quantization import (
    CalibrationDataReader,
    CalibrationMethod,
    QuantFormat,
    QuantType,
    quantize_static,
)
from onnxruntime.quantization.shape_inference import quant_pre_process

from deploy.runtimes.base import ANGLES_NAME, INPUT_NAME
from deploy.runtimes.layer_groups import belongs
from export.layers import BLOCKS, HEAD, OUTPUTS, SPATIAL_WEIGHTS, blocks
from export.parity import INT8_MEAN_DEG
from export.to_onnx import finish_onnx
from gaze.errors import DataError, ModelError
from gaze.evenly import evenly_spread
from gaze.files import replacing
from gaze.geometry import angular_error_deg
from gaze.types import ModelSpec

# What is left in float, more at each try until the bound is kept. The first blocks are the most sensitive;
# the centring of block 1 (see export.steady) would be rounded four times over. The outputs are never rounded:
# 256 steps over all angles are a quarter of a degree each. The head goes last: in float it takes a quarter of
# the time.
FALLBACKS: tuple[tuple[str, ...], ...] = (
    blocks(1) + OUTPUTS,
    blocks(*range(4)) + OUTPUTS,
    blocks(*range(7)) + OUTPUTS,
    blocks(*range(11)) + OUTPUTS,
    blocks(*range(11)) + HEAD,
)
# Without a zero point the picture and what follows a ReLU have half the steps. At the end only the two large
# fully connected layers are int8, which hold half of all weights.
SYMMETRIC_FALLBACKS: tuple[tuple[str, ...], ...] = (
    ("/preprocess/", *blocks(*range(7)), *HEAD),
    ("/preprocess/", *blocks(*range(11)), *HEAD),
    ("/preprocess/", *blocks(*range(BLOCKS)), *SPATIAL_WEIGHTS, *OUTPUTS),
)
# OpenVINO's files, whose biases NNCF corrects, need nothing in float at first.
OPENVINO_FALLBACKS: tuple[tuple[str, ...], ...] = ((), *FALLBACKS[1:])
# So many faces tell how far a try is off; the verdict is export.parity's, on faces held back.
TRIED_FACES = 64
# They helped to calibrate, so others will be a little further off. Where no try is as near as that, the
# nearest is taken if it keeps the bound.
TRY_DEG = 0.8 * INT8_MEAN_DEG


Model = TypeVar("Model")


class FaceReader(CalibrationDataReader):
    """Hands faces to the calibrator one by one."""

    def __init__(self, faces: NDArray[np.uint8]) -> None:
        self._faces = iter(faces)

    def get_next(self) -> dict[str, NDArray[np.uint8]] | None:
        """The next face, or None after the last."""
        face = next(self._faces, None)
        return None if face is None else {INPUT_NAME: face[None]}


def quantise_onnx(
    make_source: Callable[[tuple[str, ...]], Path],
    spec: ModelSpec,
    faces: NDArray[np.uint8],
    expected_rad: NDArray[np.float64],
    path: Path,
    for_tensorrt: bool,
    tries: Sequence[tuple[str, ...]],
) -> list[str]:
    """Quantise an fp32 model after calibration on faces.

    onnxruntime gets uint8 activations with a zero point, so that ReLU6 vanishes in the quantisation; TensorRT
    takes symmetric int8 only, and biases in float.

    Ranges are the extremes seen: a clipped activation would cost the large angles tens of degrees.

    Args:
        make_source: writes the fp32 model (with ConvolvedPreprocess) of which these groups of layers stay in
            float, and gives its path.
        faces: (N, S, S, 3) uint8 BGR, what calibrates.
        expected_rad: (N, 2) angles of the float network for these faces.
        tries: groups of layers that stay in float, the fewest first; FALLBACKS or, for TensorRT,
            SYMMETRIC_FALLBACKS.

    Returns:
        The groups of the try that was taken.

    Raises:
        DataError: there is no face.
        ModelError: even with the sensitive layers in float the mean difference breaks the bound.
    """
    chosen = tried_rows(len(faces))
    kind = QuantType.QInt8 if for_tensorrt else QuantType.QUInt8
    operators = (
        ["Conv", "Gemm", "Add"] if for_tensorrt else ["Conv", "Gemm", "Add", "Mul", "Clip", "Relu", "Flatten"]
    )
    with tempfile.TemporaryDirectory(dir=path.parent) as folder, _quiet():
        prepared, tried = Path(folder) / "prepared.onnx", Path(folder) / "tried.onnx"

        def attempt(in_float: tuple[str, ...]) -> tuple[onnx.ModelProto, float]:
            quant_pre_process(make_source(in_float), prepared, skip_symbolic_shape=True)
            names = [node.name for node in onnx.load(prepared).graph.node]
            quantize_static(
                prepared,
                tried,
                FaceReader(faces),
                quant_format=QuantFormat.QDQ,
                activation_type=kind,
                weight_type=QuantType.QInt8,
                per_channel=True,
                calibrate_method=CalibrationMethod.MinMax,
                op_types_to_quantize=operators,
                nodes_to_exclude=[name for name in names if belongs(name, in_float)],
                extra_options={
                    "ActivationSymmetric": for_tensorrt,
                    "WeightSymmetric": True,
                    "QuantizeBias": not for_tensorrt,
                },
            )
            return onnx.load(tried), _mean_difference_deg(tried, faces[chosen], expected_rad[chosen])

        in_float, quantised = first_near(tries, attempt, path.name)
        with replacing(path) as temporary:
            finish_onnx(quantised, spec, temporary)
    return list(in_float)


def first_near(
    tries: Sequence[tuple[str, ...]], attempt: Callable[[tuple[str, ...]], tuple[Model, float]], name: str
) -> tuple[tuple[str, ...], Model]:
    """The first try within TRY_DEG, else the nearest: the groups in float and the model.

    Args:
        attempt: quantises with these groups in float; gives the model and its mean difference in degrees.
        name: of the file, for the error.

    Raises:
        ModelError: no try keeps the bound.
    """
    tried: list[tuple[float, tuple[str, ...], Model]] = []
    for in_float in tries:
        model, off_deg = attempt(in_float)
        if off_deg <= TRY_DEG:
            return in_float, model
        tried.append((off_deg, in_float, model))
    off_deg, in_float, model = min(tried, key=operator.itemgetter(0))
    if off_deg > INT8_MEAN_DEG:
        raise ModelError(
            f"{name}: int8 differs by {off_deg:.2f} degrees in the mean even with its sensitive layers in "
            f"float (at most {INT8_MEAN_DEG}); calibrate on more faces, nearer to those of the training"
        )
    return in_float, model


def tried_rows(count: int) -> NDArray[np.int64]:
    """Which of so many faces tell how far a try is off.

    Raises:
        DataError: there is no face.
    """
    if count == 0:
        raise DataError("int8: the calibration set holds no face; give --calibration FOLDER with some")
    return evenly_spread(count, TRIED_FACES)


def _mean_difference_deg(path: Path, faces: NDArray[np.uint8], expected_rad: Sequence[float]) -> float:
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    (angles,) = session.run([ANGLES_NAME], {INPUT_NAME: faces})
    return float(angular_error_deg(angles, expected_rad).mean())


@contextmanager
def _quiet() -> Iterator[None]:
    """The quantiser reports its steps to the root logger; they are of no use to the caller."""
    logger = logging.getLogger()
    before = logger.level
    logger.setLevel(logging.ERROR)
    try:
        yield
    finally:
        logger.setLevel(before)
