"""OpenVINO on the CPU, an Intel GPU or NPU, in a stated precision."""

from __future__ import annotations

import os
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import openvino
from numpy.typing import NDArray

from deploy.runtimes.base import (
    ANGLES_NAME,
    INPUT_NAME,
    Port,
    Runtime,
    check_graph,
    check_precision,
    check_threads,
    first_line,
    reading_mend,
)
from deploy.runtimes.engine_cache import cache_root, writable_folder
from deploy.runtimes.engines import RUNTIMES
from deploy.runtimes.openvino_fp32_layers import NOTE, keep_in_fp32
from gaze.errors import ModelError, RuntimeUnavailableError, UsageError
from gaze.model_spec import load_model_spec, sha256_of
from gaze.types import ModelSpec, Prediction

VERSION = openvino.__version__.partition("-")[0]
HINTS = {"fp32": "f32", "bf16": "bf16", "fp16": "f16"}
DEVICE_MENDS = {
    "GPU": "install the Intel compute runtime (intel-opencl-icd) and add the user to the group render",
    "NPU": "install the Intel NPU driver (linux-npu-driver) and add the user to the group render",
}


@dataclass(frozen=True, slots=True)
class LayerTime:
    """An operation of the compiled model, its type and kernel as the engine names them, and its time."""

    name: str
    operation: str
    kernel: str
    time_us: float


class OpenVinoRuntime(Runtime):
    """An IR (.xml) or ONNX model on OpenVINO.

    Args:
        model_path: the model; its sidecar lies beside it.
        device: CPU, GPU, NPU, AUTO or a numbered one such as GPU.1.
        precision: of the calculation: fp32, bf16 or fp16; None is bf16 for a file made for it and else
            fp32 (OpenVINO itself would take bf16 on a recent Xeon). For an int8 model it is the precision
            of what is not int8.
        threads: CPU threads; None for all cores.
        cache_dir: keep compiled models here for faster starts. GPU and NPU have one by default (see
            engine_cache), as compiling takes seconds there; on the CPU it saves a tenth of a second.
        throughput: tune for predict_many instead of for the single call.
        count_times: let the engine time its operations for layer_times, which makes it a little slower.

    Raises:
        ModelError: the model is missing, altered, of a foreign network or cannot be read.
        RuntimeUnavailableError: the device does not exist here, lacks the precision, or the cache is not
            writable.
        UsageError: no such precision or number of threads.
    """

    def __init__(
        self,
        model_path: str | os.PathLike[str],
        device: str = "CPU",
        precision: str | None = None,
        threads: int | None = None,
        cache_dir: str | os.PathLike[str] | None = None,
        throughput: bool = False,
        count_times: bool = False,
    ) -> None:
        path = Path(model_path)
        device = device.upper()
        check_threads(threads)
        check_precision(precision)
        if path.suffix not in RUNTIMES["openvino"].suffixes:
            raise UsageError(
                f"{path}: OpenVINO runs .xml and .onnx files; leave --runtime at auto for this file"
            )
        spec = load_model_spec(path)
        quantised = spec.precision == "int8"
        if precision == "int8" and not quantised:
            raise UsageError(f"{path}: holds {spec.precision}; give the int8 file that `gaze export` writes")
        own = "bf16" if spec.precision == "bf16" else "fp32"
        float_precision = own if precision in (None, "int8") else precision
        shown = f"int8+{float_precision}" if quantised else float_precision
        super().__init__(spec, "openvino", device, shown, threads)
        core = openvino.Core()
        if not device.startswith("AUTO"):
            require_device(device, core)
            _check_precision(core, device, float_precision)
        model = _read(core, path, spec)
        if float_precision == "bf16" and (kept := spec.notes.get(NOTE)):
            model = _with_fp32_layers(core, model, kept, path)
        # NPUs take fixed shapes only; there the faces of a frame run one after the other.
        self._one_by_one = device.startswith("NPU")
        if self._one_by_one:
            model.reshape([1, spec.input_size, spec.input_size, 3])
        settings: dict[str, object] = {
            "PERFORMANCE_HINT": "THROUGHPUT" if throughput else "LATENCY",
            "INFERENCE_PRECISION_HINT": HINTS[float_precision],
            "PERF_COUNT": count_times,
        }
        if device == "NPU":
            del settings["INFERENCE_PRECISION_HINT"]  # the driver takes none: it calculates in fp16 and int8
        if threads is not None and device.startswith("CPU"):
            settings["INFERENCE_NUM_THREADS"] = threads
        if cache_dir is not None or device != "CPU":
            settings["CACHE_DIR"] = str(writable_folder(cache_root(cache_dir) / "openvino"))
        try:
            self._compiled = core.compile_model(model, device, settings)
        except RuntimeError as error:
            raise ModelError(
                f"{path}: OpenVINO {VERSION} cannot compile it for {device} in {shown}: "
                f"{first_line(error)}; try another --precision or --device"
            ) from error
        if device.startswith("CPU"):
            self.threads_used = int(self._compiled.get_property("INFERENCE_NUM_THREADS"))
        self._request = self._compiled.create_infer_request()
        self._names = list(spec.outputs)

    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        if self._one_by_one and len(faces) > 1:
            parts = [self._infer(faces[index : index + 1]) for index in range(len(faces))]
            return {name: np.concatenate([part[name] for part in parts]) for name in self._names}
        try:
            self._request.infer({INPUT_NAME: faces}, share_inputs=True)
        except RuntimeError as error:
            raise self._failure(error) from error
        return self._collect(self._request)

    def _failure(self, error: RuntimeError) -> ModelError:
        return ModelError(
            f"model {self.spec.name}: OpenVINO {VERSION} failed to run it in {self.precision} on "
            f"{self.device}: {first_line(error)}; try another --precision or --runtime onnxruntime"
        )

    def _collect(self, request: openvino.InferRequest) -> dict[str, NDArray[np.float32]]:
        return {name: np.array(request.get_tensor(name).data, dtype=np.float32) for name in self._names}

    def predict_many(self, batches: Iterable[NDArray[np.uint8]]) -> list[Prediction]:
        """Many batches (N, S, S, 3) through as many requests at a time as the device likes, in their order.

        The requests are waited for in turn and not by callbacks: a callback of Python that is still waiting
        for the interpreter while the model is freed would lock both up for ever.

        Raises:
            ModelError: the engine fails.
        """
        count = self._compiled.get_property("OPTIMAL_NUMBER_OF_INFER_REQUESTS")
        idle = deque(self._compiled.create_infer_request() for _ in range(count))
        running: deque[openvino.InferRequest] = deque()
        results: list[Prediction] = []

        def finish_oldest() -> None:
            request = running.popleft()
            request.wait()
            outputs = self._collect(request)
            results.append(
                Prediction(outputs[ANGLES_NAME], outputs.get("sigma_rad"), outputs.get("weight_map"))
            )
            idle.append(request)

        try:
            for faces in batches:
                if not idle:
                    finish_oldest()
                request = idle.popleft()
                request.start_async({INPUT_NAME: np.ascontiguousarray(faces)})
                running.append(request)
            while running:
                finish_oldest()
        except RuntimeError as error:
            raise self._failure(error) from error
        return results

    def layer_times(self) -> list[LayerTime]:
        """What each operation took in the latest single call; for a runtime made with ``count_times``."""
        return [
            LayerTime(item.node_name, item.node_type, item.exec_type, item.real_time.total_seconds() * 1e6)
            for item in self._request.profiling_info
            if item.status == openvino.ProfilingInfo.Status.EXECUTED
        ]

    def close(self) -> None:
        """Free the compiled model."""
        self._request = None
        self._compiled = None


def preferred_precision(device: str = "CPU") -> str:
    """What OpenVINO itself would calculate in on this device, such as bf16 on a CPU made for it."""
    hint = openvino.Core().get_property(device, "INFERENCE_PRECISION_HINT")
    kind = hint.to_string() if hasattr(hint, "to_string") else str(hint)
    return next((name for name, spelled in HINTS.items() if spelled == kind), "fp32")


def cpu_precisions() -> list[str]:
    """Every float precision that OpenVINO calculates in on this CPU, fp32 first."""
    capabilities = openvino.Core().get_property("CPU", "OPTIMIZATION_CAPABILITIES")
    return ["fp32", *(name for name in ("bf16", "fp16") if name.upper() in capabilities)]


def require_device(device: str, core: openvino.Core | None = None) -> None:
    """Check that OpenVINO finds a device here, asking ``core`` where the caller has one already.

    Raises:
        RuntimeUnavailableError: it does not; the message names those that it finds, and the mend.
    """
    family = device.partition(".")[0].partition(":")[0]
    available = (core or openvino.Core()).available_devices
    if not any(name == device or name.partition(".")[0] == device for name in available):
        mend = DEVICE_MENDS.get(family, "choose one of these")
        raise RuntimeUnavailableError(
            f"OpenVINO {VERSION} finds no device {device} here, only {', '.join(available)}; {mend}"
        )


def _check_precision(core: openvino.Core, device: str, precision: str) -> None:
    capabilities = core.get_property(device, "OPTIMIZATION_CAPABILITIES")
    if precision != "fp32" and precision.upper() not in capabilities:
        raise RuntimeUnavailableError(
            f"{device} ({core.get_property(device, 'FULL_DEVICE_NAME')}) does not calculate in {precision}; "
            f"it offers {', '.join(capabilities)}; choose another --precision"
        )


def _read(core: openvino.Core, path: Path, spec: ModelSpec) -> openvino.Model:
    if path.suffix == ".xml":
        weights = path.with_suffix(".bin")
        if not weights.is_file() or sha256_of(weights) != spec.notes.get("sha256_bin"):
            raise ModelError(
                f"{weights}: is missing, truncated or altered (its checksum is in the sidecar); keep "
                "the .xml, .bin and .json together or run `gaze export` again"
            )
    try:
        model = core.read_model(path)
    except RuntimeError as error:
        raise ModelError(
            f"{path}: OpenVINO {VERSION} cannot read it: {first_line(error)}; "
            f"{reading_mend(error, 'openvino')}"
        ) from error
    inputs = {item.any_name: _port(item) for item in model.inputs}
    outputs = {name: _port(item) for item in model.outputs for name in item.names}
    check_graph(path, inputs, outputs, spec)
    return model


def _with_fp32_layers(core: openvino.Core, model: openvino.Model, kept: object, path: Path) -> openvino.Model:
    if not isinstance(kept, list) or not all(isinstance(group, str) and group for group in kept):
        raise ModelError(f"{path}: its sidecar's {NOTE} must be names of layers, got {kept!r}")
    try:
        return keep_in_fp32(core, model, kept)
    except (OSError, RuntimeError) as error:
        raise RuntimeUnavailableError(
            f"{path}: no room for a temporary copy ({error}); free the disk, set TMPDIR to another folder or "
            "choose --precision fp32"
        ) from error


def _port(item: openvino.Output) -> Port:
    kind, shape = item.element_type.to_string(), item.partial_shape
    if shape.rank.is_dynamic:
        return Port(kind, None)
    return Port.of(kind, [size.get_length() if size.is_static else None for size in shape])
