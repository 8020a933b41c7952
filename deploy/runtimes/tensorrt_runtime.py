"""TensorRT: runs an engine that was built on this machine (`gaze export --formats tensorrt-fp16`)."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import tensorrt
from numpy.typing import NDArray

from deploy.runtimes.base import INPUT_NAME, Port, Runtime, check_graph, check_precision, check_threads
from deploy.runtimes.cuda_memory import DeviceBuffers
from deploy.runtimes.engine_cache import MAX_BATCH, EngineKey, check_key
from deploy.runtimes.engines import ENGINE_FILES, TENSORRT_DEVICES
from gaze.errors import ModelError, UsageError
from gaze.model_spec import load_model_spec


class TensorRtRuntime(Runtime):
    """An engine file on TensorRT.

    Args:
        model_path: the .engine file; its sidecar lies beside it and names GPU, TensorRT and model.
        device: CPU (the default of all runtimes), CUDA or TENSORRT: an engine runs on the GPU in any case.
        precision: None, or the precision that the engine was built in.
        threads: taken so that all runtimes are made alike.
        cache_dir: likewise; an engine is compiled already.

    Raises:
        ModelError: the engine is missing, altered, or was built for another GPU, TensorRT or model.
        RuntimeUnavailableError: there is no GPU, TensorRT or CUDA runtime.
        UsageError: no engine file, or another precision than the engine's.
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
        check_threads(threads)
        check_precision(precision)
        if path.suffix not in ENGINE_FILES:
            raise UsageError(f"{path}: TensorRT runs .engine files; leave --runtime at auto for this file")
        if device.upper() not in ("CPU", *TENSORRT_DEVICES):
            raise UsageError(f"TensorRT has no device {device!r}; leave --device away")
        spec = load_model_spec(path)
        if precision not in (None, spec.precision):
            raise UsageError(
                f"{path}: was built in {spec.precision}; build one in {precision} with `gaze export`"
            )
        super().__init__(spec, "tensorrt", "CUDA", spec.precision, None)
        stored = spec.notes.get("engine")
        stored = stored if isinstance(stored, dict) else {}
        check_key(stored, EngineKey.of_this_machine(str(stored.get("model_sha256")), spec.precision), path)
        self._runtime = tensorrt.Runtime(tensorrt.Logger(tensorrt.Logger.ERROR))
        engine = self._runtime.deserialize_cuda_engine(path.read_bytes())
        if engine is None:
            raise ModelError(
                f"{path}: TensorRT {tensorrt.__version__} cannot load this engine; build it again here with "
                "`gaze export --formats tensorrt-fp16`"
            )
        self._engine = engine
        names = [engine.get_tensor_name(index) for index in range(engine.num_io_tensors)]
        ports = {
            name: Port.of(str(engine.get_tensor_dtype(name)).lower(), tuple(engine.get_tensor_shape(name)))
            for name in names
        }
        inputs = {
            name: port
            for name, port in ports.items()
            if engine.get_tensor_mode(name) == tensorrt.TensorIOMode.INPUT
        }
        outputs = {name: port for name, port in ports.items() if name not in inputs}
        check_graph(path, inputs, outputs, spec)
        self._outputs = list(outputs)
        self._context = engine.create_execution_context()
        self._buffers = DeviceBuffers()

    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        parts = [self._part(faces[at : at + MAX_BATCH]) for at in range(0, len(faces), MAX_BATCH)]
        return {name: np.concatenate([part[name] for part in parts]) for name in self.spec.outputs}

    def _part(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        self._context.set_input_shape(INPUT_NAME, faces.shape)
        self._context.set_tensor_address(INPUT_NAME, self._buffers.address(INPUT_NAME, faces.nbytes))
        self._buffers.upload(INPUT_NAME, faces)
        outputs = {}
        for name in self._outputs:
            outputs[name] = np.empty(tuple(self._context.get_tensor_shape(name)), dtype=np.float32)
            self._context.set_tensor_address(name, self._buffers.address(name, outputs[name].nbytes))
        if not self._context.execute_async_v3(self._buffers.stream):
            raise ModelError(
                f"{self.spec.name}: TensorRT failed to run {len(faces)} faces; build the engine again"
            )
        for name, array in outputs.items():
            self._buffers.download(name, array)
        self._buffers.wait()
        return outputs

    def close(self) -> None:
        """Free the engine and its memory on the GPU."""
        self._buffers.close()
        self._context = None
        self._engine = None
