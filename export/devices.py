"""Where `gaze export` runs its artefacts: what was asked for, checked before anything is made."""

from __future__ import annotations

import re
from collections.abc import Sequence

from deploy.runtimes.engines import is_installed
from export.artefacts import DEVICES, Kind, runs_of
from gaze.errors import RuntimeUnavailableError, UsageError


def check_devices(
    asked: Sequence[str], kinds: Sequence[Kind], openvino_precisions: Sequence[str]
) -> list[str]:
    """The devices asked for, in capitals.

    Raises:
        RuntimeUnavailableError: this machine, or the engine installed, has no such device.
        UsageError: no engine has it, or a kind is run by no engine on any of them.
    """
    devices = [device.upper() for device in asked]
    for device in devices:
        # OpenVINO numbers the GPUs of a machine: GPU.0, GPU.1.
        if device not in DEVICES and not re.fullmatch(r"GPU\.\d+", device):
            raise UsageError(f"--devices {device}: no such device; choose from {', '.join(DEVICES)}")
    runs = {kind.name: runs_of(kind, devices, openvino_precisions) for kind in kinds if kind.engines}
    if idle := [name for name, ways in runs.items() if not ways]:
        raise UsageError(
            f"--devices {' '.join(devices)}: nothing runs {', '.join(idle)} there, and nothing is exported "
            "that was not run; add CPU, or choose other --formats"
        )
    for runtime, device in sorted({(run.runtime, run.device) for row in runs.values() for run in row}):
        if device != "CPU" and runtime != "tensorrt":  # what TensorRT lacks is told with trtexec's command
            _require(runtime, device)
    return devices


def _require(runtime: str, device: str) -> None:
    if not is_installed(runtime):
        raise RuntimeUnavailableError(
            f"--devices {device}: the package {runtime}, which runs there, is not installed; "
            f"run `pip install {runtime}`"
        )
    if runtime == "onnxruntime":
        from deploy.runtimes.onnxruntime_runtime import require_provider

        require_provider(device)
    else:
        from deploy.runtimes.openvino_runtime import require_device

        require_device(device)
