"""The kinds of artefact that `gaze export` writes: their files, what makes them, and where each must run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from deploy.runtimes.engines import ORT_DEVICES, is_installed, sensible_precisions
from gaze.errors import RuntimeUnavailableError, UsageError


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of artefact. ``source`` is the kind it is made from; None is the network itself.

    ``for_tensorrt``: in int8 as TensorRT takes it, which makes an engine of it on the device.
    ``by_onnxruntime``: nothing but onnxruntime makes it or what it is made from, or compares it.
    """

    name: str
    suffix: str
    precision: str
    engines: tuple[str, ...]
    source: str | None = None
    calibrated: bool = False
    for_tensorrt: bool = False
    by_onnxruntime: bool = False

    @property
    def takes_float(self) -> bool:
        """Whether its input is floats, for other tools: no engine here shows it faces."""
        return not self.engines

    @property
    def is_engine(self) -> bool:
        """Whether it is built by TensorRT, for the GPU of this machine alone."""
        return self.engines == ("tensorrt",)

    @property
    def runs_in_bf16(self) -> bool:
        """Whether OpenVINO may calculate all of it in bf16, where the CPU can."""
        return self.precision in ("fp32", "bf16") and "openvino" in self.engines


KINDS = {
    kind.name: kind
    for kind in (
        Kind("onnx", ".onnx", "fp32", ("onnxruntime", "openvino")),
        Kind("onnx-float-input", "_float_input.onnx", "fp32", (), by_onnxruntime=True),
        Kind(
            "onnx-fp16",
            "_fp16.onnx",
            "fp16",
            ("onnxruntime", "openvino"),
            source="onnx",
            by_onnxruntime=True,
        ),
        Kind(
            "onnx-int8",
            "_int8.onnx",
            "int8",
            ("onnxruntime", "openvino"),
            calibrated=True,
            by_onnxruntime=True,
        ),
        Kind(
            "onnx-int8-tensorrt",
            "_int8_tensorrt.onnx",
            "int8",
            ("onnxruntime",),
            calibrated=True,
            for_tensorrt=True,
            by_onnxruntime=True,
        ),
        Kind("openvino-fp32", "_openvino_fp32.xml", "fp32", ("openvino",), source="onnx"),
        Kind("openvino-fp16", "_openvino_fp16.xml", "fp16", ("openvino",), source="onnx"),
        Kind("openvino-bf16", "_openvino_bf16.xml", "bf16", ("openvino",), calibrated=True),
        Kind(
            "openvino-int8",
            "_openvino_int8.xml",
            "int8",
            ("openvino",),
            calibrated=True,
            by_onnxruntime=True,  # its tries are chosen as those of the ONNX files are (export.to_int8)
        ),
        Kind("tensorrt-fp32", "_tensorrt_fp32.engine", "fp32", ("tensorrt",), source="onnx"),
        Kind("tensorrt-fp16", "_tensorrt_fp16.engine", "fp16", ("tensorrt",), source="onnx"),
        Kind(
            "tensorrt-int8",
            "_tensorrt_int8.engine",
            "int8",
            ("tensorrt",),
            source="onnx-int8-tensorrt",
            calibrated=True,
            by_onnxruntime=True,
        ),
    )
}
# Of onnxruntime, then OpenVINO's others.
DEVICES = (*ORT_DEVICES, "GPU", "NPU")


@dataclass(frozen=True, slots=True)
class Run:
    """One way to run an artefact."""

    runtime: str
    device: str
    precision: str | None


def choose_kinds(names: Sequence[str] | None, openvino_precisions: Sequence[str]) -> list[Kind]:
    """The kinds asked for, each after the kind it is made from; all that can be made when none is named.

    Args:
        openvino_precisions: what OpenVINO's CPU device calculates in here.

    Raises:
        RuntimeUnavailableError: what makes the kind, or the only engine that runs it, is not installed.
        UsageError: an unknown kind, or bf16 on a CPU without.
    """
    if names is None:
        return [
            kind
            for kind in KINDS.values()
            if _runs_here(kind)
            and _made_here(kind)
            and (kind.precision != "bf16" or "bf16" in openvino_precisions)
        ]
    for name in names:
        if name not in KINDS:
            raise UsageError(f"no format {name!r}; choose from {', '.join(KINDS)}")
        if not _made_here(KINDS[name]):
            raise RuntimeUnavailableError(
                f"{name}: the package onnxruntime, without which it is not made and compared, is not "
                "installed; run `pip install onnxruntime` or leave the format out"
            )
        # What TensorRT lacks is told with the command that builds the engine without its Python package.
        if not _runs_here(KINDS[name]) and not KINDS[name].is_engine:
            package = KINDS[name].engines[0]
            raise RuntimeUnavailableError(
                f"{name}: the package {package} is not installed, and nothing is exported that was not run; "
                f"run `pip install {package}` or leave the format out"
            )
        if KINDS[name].precision == "bf16" and "bf16" not in openvino_precisions:
            raise UsageError(
                f"{name}: OpenVINO does not calculate in bf16 on this CPU, and nothing is exported that was "
                "not run; export it on a CPU with AVX-512"
            )
    wanted = set(names) | {KINDS[name].source for name in names}  # a None among them matches no kind
    return [kind for kind in KINDS.values() if kind.name in wanted]


def _runs_here(kind: Kind) -> bool:
    return not kind.engines or any(map(is_installed, kind.engines))


def _made_here(kind: Kind) -> bool:
    return not kind.by_onnxruntime or is_installed("onnxruntime")


def runs_of(kind: Kind, devices: Sequence[str], openvino_precisions: Sequence[str]) -> list[Run]:
    """Every way this kind is run on the devices; OpenVINO's CPU in each of the precisions given."""
    if kind.is_engine:
        return [Run("tensorrt", "CUDA", None)]
    runs = []
    for device in devices:
        for runtime in kind.engines:
            precisions = sensible_precisions(runtime, device, kind.precision, openvino_precisions)
            # `gaze bench` times more; no error is stated of a file of one 16-bit format in the other, nor of
            # one made for bf16 in anything else.
            if kind.precision == "fp16":
                precisions = [each for each in precisions if each != "bf16"]
            elif kind.precision == "bf16" and precisions:
                precisions = ["bf16"]
            runs += [Run(runtime, device, each) for each in precisions]
    return runs


def openvino_precisions() -> list[str]:
    """What OpenVINO's CPU device calculates in here; none where it is not installed."""
    if not is_installed("openvino"):
        return []
    from deploy.runtimes.openvino_runtime import cpu_precisions

    return cpu_precisions()
