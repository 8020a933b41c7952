"""Engines that run the network: one file per engine, one interface (deploy.runtimes.base.Runtime)."""

from __future__ import annotations

import importlib
import logging
import os
from pathlib import Path
from typing import TYPE_CHECKING

from deploy.runtimes.engines import CHECKPOINTS, ENGINE_FILES, RUNTIMES, is_installed
from gaze.errors import RuntimeUnavailableError, UsageError
from gaze.model_spec import checkpoint_beside, is_shipped, load_model_spec, resolve_model
from gaze.types import ModelSpec

if TYPE_CHECKING:
    from deploy.runtimes.base import Runtime

log = logging.getLogger("gaze")

ORT_ONLY_DEVICES = ("CUDA", "TENSORRT", "OPENVINO")
# A faster precision is chosen without being asked for only where its measured error is below this.
AUTO_PARITY_DEG = 0.3


def create_runtime(
    model_path: str | os.PathLike[str] | None = None,
    runtime: str = "auto",
    device: str = "CPU",
    precision: str | None = None,
    threads: int | None = None,
    cache_dir: str | os.PathLike[str] | None = None,
) -> Runtime:
    """A Predictor for a model file. Its ``description`` says what was chosen and, for auto, why.

    Args:
        model_path: .onnx, .xml (OpenVINO), .pt (checkpoint) or .engine (TensorRT), or the name of a shipped
            model (gaze.model_spec.shipped_models); None is the default one.
        runtime: onnxruntime, openvino, torch, tensorrt or auto. A named one runs or fails. For a shipped
            model torch runs the checkpoint beside it, by the model's own sidecar.
        device: CPU, or as the engine names it (onnxruntime: CUDA, TENSORRT, OPENVINO; openvino: GPU, NPU,
            AUTO; torch: CUDA).
        precision: fp32, bf16, fp16 or int8; None for the file's own, or auto's choice.
        threads: CPU threads; None for all cores.
        cache_dir: where compiled models are kept; None for GAZE_CACHE_DIR or the user's cache folder.

    Raises:
        ModelError: the model is missing, altered or cannot be run by this engine.
        RuntimeUnavailableError: the engine or device is not here.
        UsageError: an unknown runtime, device or precision, or one that does not fit the file.
    """
    path = resolve_model(model_path)
    reason = spec = None
    if runtime == "auto":
        runtime, precision, reason = _choose(path, device.upper(), precision)
    elif runtime not in RUNTIMES:
        raise UsageError(f"no runtime {runtime!r}; choose auto, {', '.join(RUNTIMES)}")
    engine = RUNTIMES[runtime]
    if not is_installed(runtime):
        jetson = " (on a Jetson it comes with JetPack)" if runtime == "tensorrt" else ""
        # An .onnx file alone runs on more than one engine.
        other = " or choose --runtime auto" if reason is None and path.suffix == ".onnx" else ""
        raise RuntimeUnavailableError(
            f"runtime {runtime}{f' ({reason})' if reason else ''}: the package {engine.package} is not "
            f"installed; run `pip install {engine.install}`{jetson}{other}"
        )
    if runtime == "torch" and is_shipped(path):
        path, spec = checkpoint_beside(path)
    made = getattr(importlib.import_module(engine.module), engine.cls)(
        path, device=device, precision=precision, threads=threads, cache_dir=cache_dir
    )
    if spec is not None:
        made.spec = spec
    if reason is not None:
        made.description = f"auto: {made.description}: {reason}"
    return made


def warn_if_unmeasured(made: Runtime, precision: str | None) -> None:
    """Warn, in one line, of a precision that was asked for and whose error the model's sidecar does not hold.

    An export leaves out there what broke its bound, too. fp32 and the file's own precision are never warned
    of. This is apart from create_runtime, since what measures a runtime need not be told.
    """
    if (
        precision in (None, "fp32", made.spec.precision)
        or _largest_parity_deg(made.spec, made.name) is not None
    ):
        return
    log.warning(
        "%s in %s: its sidecar holds no measured error for this, which may be too large; `gaze export` makes "
        "a file for %s and measures its error",
        made.spec.name,
        made.name,
        precision,
    )


def _choose(path: Path, device: str, precision: str | None) -> tuple[str, str | None, str]:
    """Runtime, precision and the reason."""
    if path.suffix in CHECKPOINTS:
        return "torch", precision, "a checkpoint runs on torch alone"
    if path.suffix in ENGINE_FILES:
        return "tensorrt", precision, "an engine runs on TensorRT alone"
    if path.suffix == ".xml":
        fast = precision is None and device == "CPU" and _bf16_pays(path)
        reason = "an .xml model runs on OpenVINO alone"
        if fast:
            reason += ", and this CPU is made for bf16, whose error was measured at export"
        return "openvino", "bf16" if fast else precision, reason
    if device in ORT_ONLY_DEVICES:
        return "onnxruntime", precision, f"the device {device} is one of onnxruntime's"
    if device != "CPU":
        return "openvino", precision, f"the device {device} is one of OpenVINO's"
    if precision not in (None, "int8") and path.is_file() and load_model_spec(path).precision != precision:
        return "openvino", precision, f"it alone calculates a file of another precision in {precision}"
    # In bf16, too: what an ONNX file must keep in fp32 for its error takes what the rest gains.
    return "onnxruntime", precision, "it is about as fast as OpenVINO, starts sooner and takes less memory"


def _bf16_pays(path: Path) -> bool:
    """Whether the sidecar holds a good parity of bf16 and OpenVINO itself prefers bf16 on this CPU."""
    if not is_installed("openvino"):
        return False
    parity_deg = _largest_parity_deg(load_model_spec(path), "openvino:CPU:bf16")
    if parity_deg is None or parity_deg > AUTO_PARITY_DEG:
        return False
    from deploy.runtimes.openvino_runtime import preferred_precision

    return preferred_precision() == "bf16"


def _largest_parity_deg(spec: ModelSpec, name: str) -> float | None:
    """The largest difference from the network on torch, as measured in a runtime of this name, if it was."""
    parity = spec.parity_deg.get(name)
    return None if parity is None else parity.get("max")
