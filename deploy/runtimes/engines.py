"""Which engines there are, which files each runs, and in which ways: facts, told without any of them."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from typing import NamedTuple

CHECKPOINTS = (".pt", ".pth")
ENGINE_FILES = (".engine", ".plan")


class Engine(NamedTuple):
    """A runtime's module and class; the package whose absence is a clear error, and what to install.

    ``suffixes`` are those of the files that it runs.
    """

    module: str
    cls: str
    package: str
    install: str
    suffixes: tuple[str, ...]


RUNTIMES = {
    "onnxruntime": Engine(
        "deploy.runtimes.onnxruntime_runtime", "OnnxRuntime", "onnxruntime", "onnxruntime", (".onnx",)
    ),
    "openvino": Engine(
        "deploy.runtimes.openvino_runtime", "OpenVinoRuntime", "openvino", "openvino", (".onnx", ".xml")
    ),
    "torch": Engine(
        "deploy.runtimes.torch_runtime", "TorchRuntime", "torch", "'webcam-gaze[train]'", CHECKPOINTS
    ),
    "tensorrt": Engine(
        "deploy.runtimes.tensorrt_runtime", "TensorRtRuntime", "tensorrt", "tensorrt", ENGINE_FILES
    ),
}
# Where exported files are compared and measured. onnxruntime's OPENVINO is left to OpenVINO itself.
ORT_DEVICES = ("CPU", "CUDA", "TENSORRT")
OPENVINO_DEVICES = ("CPU", "GPU", "NPU", "AUTO")
TENSORRT_DEVICES = ("CUDA", "TENSORRT")


def is_installed(runtime: str) -> bool:
    """Whether the engine's Python package can be found."""
    return importlib.util.find_spec(RUNTIMES[runtime].package) is not None


def runtimes_of(suffix: str) -> list[str]:
    """The engines that run files of this suffix."""
    return [name for name, engine in RUNTIMES.items() if suffix in engine.suffixes]


def sensible_precisions(
    runtime: str, device: str, of_file: str, openvino_precisions: Sequence[str]
) -> list[str | None]:
    """What an exported file is worth calculating in on a device; nothing where the engine has no such device.

    None stands for the file's own precision.

    Args:
        of_file: the file's precision.
        openvino_precisions: what OpenVINO's CPU device calculates in here.
    """
    if runtime == "tensorrt":
        return [None] if device in TENSORRT_DEVICES else []
    if runtime == "onnxruntime":
        if device not in ORT_DEVICES:
            return []
        return [None, "fp16"] if (device, of_file) == ("TENSORRT", "fp32") else [None]
    if device.partition(".")[0] not in OPENVINO_DEVICES:
        return []
    if device != "CPU":
        return ["fp16"]
    # int8 with fp16 is no faster than fp32: a fully connected layer falls back to a reference kernel.
    return [each for each in openvino_precisions if (of_file, each) != ("int8", "fp16")]
