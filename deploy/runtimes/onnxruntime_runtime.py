"""onnxruntime, on the provider that was asked for and no other."""

from __future__ import annotations

import os
import warnings
from pathlib import Path

import numpy as np
import onnxruntime
from numpy.typing import NDArray
from onnxruntime.capi import onnxruntime_pybind11_state as ort_errors

from deploy.machine import physical_cores
from deploy.runtimes.base import (
    INPUT_NAME,
    Port,
    Runtime,
    check_graph,
    check_precision,
    check_threads,
    first_line,
    reading_mend,
)
from deploy.runtimes.engine_cache import MAX_BATCH, EngineKey, prepared_cache
from deploy.runtimes.engines import RUNTIMES
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.model_spec import load_model_spec
from gaze.types import ModelSpec

PROVIDERS = {
    "CPU": "CPUExecutionProvider",
    "CUDA": "CUDAExecutionProvider",
    "TENSORRT": "TensorrtExecutionProvider",
    "OPENVINO": "OpenVINOExecutionProvider",
}
PACKAGES = {
    "CPU": "onnxruntime",
    "CUDA": "onnxruntime-gpu (in place of onnxruntime) and CUDA with cuDNN",
    "TENSORRT": "onnxruntime-gpu (in place of onnxruntime), CUDA and TensorRT",
    "OPENVINO": "onnxruntime-openvino (in place of onnxruntime); or use --runtime openvino",
}
# All the errors of the engine; they have no common base of their own.
ENGINE_ERRORS = (
    ort_errors.EPFail,
    ort_errors.EngineError,
    ort_errors.Fail,
    ort_errors.InvalidArgument,
    ort_errors.InvalidGraph,
    ort_errors.InvalidProtobuf,
    ort_errors.NoModel,
    ort_errors.NoSuchFile,
    ort_errors.NotImplemented,
    ort_errors.RuntimeException,
    RuntimeError,
    ValueError,
)


class OnnxRuntime(Runtime):
    """An ONNX model on onnxruntime.

    Args:
        model_path: the .onnx file; its sidecar lies beside it.
        device: CPU, CUDA, TENSORRT or OPENVINO.
        precision: None for the file's own. TENSORRT also calculates an fp32 file in fp16.
        threads: CPU threads within an operation; None for all cores.
        cache_dir: where TENSORRT keeps its engines (see engine_cache).

    Raises:
        ModelError: the model is missing, altered, of a foreign network or too new for this engine.
        RuntimeUnavailableError: the provider is not in this onnxruntime or does not start here.
        UsageError: no such device, precision or number of threads.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        device: str = "CPU",
        precision: str | None = None,
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
    ) -> None:
        path = Path(model_path)
        device = device.upper()
        check_threads(threads)
        check_precision(precision)
        if path.suffix not in RUNTIMES["onnxruntime"].suffixes:
            raise UsageError(f"{path}: onnxruntime runs .onnx files; leave --runtime at auto for this file")
        if device not in PROVIDERS:
            raise UsageError(f"onnxruntime has no device {device!r}; choose one of {', '.join(PROVIDERS)}")
        spec = load_model_spec(path)
        precision = precision or spec.precision
        _check_file_precision(path, spec, device, precision)
        super().__init__(spec, "onnxruntime", device, precision, threads)
        self._session = _open_session(path, spec, device, precision, threads, cache_dir)
        check_graph(
            path,
            {item.name: _port(item) for item in self._session.get_inputs()},
            {item.name: _port(item) for item in self._session.get_outputs()},
            spec,
        )
        self._outputs = list(spec.outputs)
        if device == "CPU":
            # Left to itself it takes every physical core, also those that the process is kept away from.
            self.threads_used = threads or physical_cores()

    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        try:
            values = self._session.run(self._outputs, {INPUT_NAME: faces})
        except ENGINE_ERRORS as error:
            raise ModelError(
                f"model {self.spec.name}: onnxruntime failed to run it on {self.device}: {first_line(error)}"
            ) from error
        return dict(zip(self._outputs, values, strict=True))

    def close(self) -> None:
        """Free the session."""
        self._session = None


def _port(item: onnxruntime.NodeArg) -> Port:
    # onnxruntime gives no sizes at all for a tensor whose rank is unknown.
    return Port.of(item.type, item.shape) if item.shape else Port(item.type, None)


def _check_file_precision(path: Path, spec: ModelSpec, device: str, precision: str) -> None:
    if precision == spec.precision or (device, spec.precision, precision) == ("TENSORRT", "fp32", "fp16"):
        return
    mends = {
        "bf16": "use --runtime openvino",
        "int8": "give the int8 file that `gaze export` writes",
    }
    mend = mends.get(
        precision, f"give the {precision} file that `gaze export` writes, or use --runtime openvino"
    )
    raise UsageError(
        f"{path}: holds {spec.precision} and onnxruntime's {device} provider calculates in what the file "
        f"holds; {mend}"
    )


def require_provider(device: str) -> None:
    """Check that this onnxruntime was built with the provider of a device of PROVIDERS.

    Raises:
        RuntimeUnavailableError: it was not; the message names the package that was.
    """
    available = onnxruntime.get_available_providers()
    if PROVIDERS[device] not in available:
        raise RuntimeUnavailableError(
            f"this onnxruntime {onnxruntime.__version__} has no {PROVIDERS[device]} "
            f"(it has {', '.join(available)}); install {PACKAGES[device]}"
        )


def _open_session(
    path: Path,
    spec: ModelSpec,
    device: str,
    precision: str,
    threads: int | None,
    cache_dir: str | os.PathLike[str] | None,
) -> onnxruntime.InferenceSession:
    require_provider(device)
    provider = PROVIDERS[device]
    if device in ("CUDA", "TENSORRT") and hasattr(onnxruntime, "preload_dlls"):
        onnxruntime.preload_dlls()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4  # fatal ones alone: what it would log as an error it raises too
    if threads is not None:
        options.intra_op_num_threads = threads
    # Threads wait busily within a run, where sleeping and waking for each of its many small operations costs
    # a third of the time, and not between two frames, where the landmarks need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "1")
    options.add_session_config_entry("session.force_spinning_stop", "1")
    settings: dict[str, str] = {}
    if device == "TENSORRT":
        settings = _tensorrt_settings(spec, precision, cache_dir)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # what it would say is raised below
            session = onnxruntime.InferenceSession(path, options, providers=[(provider, settings)])
    except ENGINE_ERRORS as error:
        raise ModelError(
            f"{path}: onnxruntime {onnxruntime.__version__} on {device} cannot load it: {first_line(error)}; "
            f"{reading_mend(error, 'onnxruntime')}"
        ) from error
    session.disable_fallback()
    if session.get_providers()[0] != provider:
        raise RuntimeUnavailableError(
            f"{provider} did not start and onnxruntime fell back to {session.get_providers()[0]}: "
            f"check the driver and install {PACKAGES[device]}; or choose --device CPU"
        )
    return session


def _tensorrt_settings(
    spec: ModelSpec, precision: str, cache_dir: str | os.PathLike[str] | None
) -> dict[str, str]:
    size = spec.input_size
    shape = f"{INPUT_NAME}:{{}}x{size}x{size}x3"
    folder = prepared_cache(EngineKey.of_this_machine(spec.sha256, precision), cache_dir)
    return {
        "trt_engine_cache_enable": "True",
        "trt_engine_cache_path": str(folder),
        "trt_timing_cache_enable": "True",
        "trt_timing_cache_path": str(folder),
        "trt_fp16_enable": str(precision == "fp16"),
        "trt_int8_enable": str(precision == "int8"),
        "trt_profile_min_shapes": shape.format(1),
        "trt_profile_opt_shapes": shape.format(1),
        "trt_profile_max_shapes": shape.format(MAX_BATCH),
    }
