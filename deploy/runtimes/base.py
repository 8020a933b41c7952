"""What every runtime shares: the checked call, the context manager, the names of precisions."""

from __future__ import annotations

import os
import re
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from gaze.errors import ModelError, UsageError
from gaze.types import UINT8_INPUT, ModelSpec, Prediction

INPUT_NAME = "faces"
ANGLES_NAME = "pitch_yaw_rad"
# What onnxruntime writes before a reason, in this order since one error can hold another: its status; a file
# of its sources with line and function; one with its path, line and signature.
ORT_POSITIONS = (
    re.compile(r"\[ONNXRuntimeError\] : \d+ : \w+ : "),
    re.compile(r"(?<![/\w])\w+\.cc:\d+ \w+ (?=[A-Z])"),
    re.compile(r"/onnxruntime_src/\S+:\d+ .*?\)\s+(?=[A-Z])"),
)
# More only wait for each other, and thousands take minutes to start.
MOST_THREADS_A_CORE = 4
PRECISIONS = ("fp32", "bf16", "fp16", "int8")


class Runtime(ABC):
    """A network ready to run; a Predictor (see gaze.estimator).

    Attributes:
        spec: what the model is.
        name: the engine, its device and precision, such as ``openvino:CPU:bf16``.
        description: one line of what was chosen and why.
        precision: what the engine calculates in.
        threads_used: CPU threads that an inference runs on, where the engine can tell.
    """

    threads_used: int | None = None

    def __init__(
        self, spec: ModelSpec, engine: str, device: str, precision: str, threads: int | None
    ) -> None:
        self.spec = spec
        self.engine = engine
        self.device = device
        self.precision = precision
        self.threads = threads
        self.name = f"{engine}:{device}:{precision}"
        count = "all cores" if threads is None else f"{threads} thread{'s' if threads > 1 else ''}"
        self.description = f"{engine} on {device}, {precision}, {count}, model {spec.name}"

    def predict(self, faces: NDArray[np.uint8]) -> Prediction:
        """Normalised faces (N, S, S, 3) uint8 BGR, any N -> angles (N, 2) in radians.

        Raises:
            ModelError: the faces are of another type or size than the model takes, or the engine fails.
        """
        size = self.spec.input_size
        if not isinstance(faces, np.ndarray) or faces.dtype != np.uint8 or faces.shape[1:] != (size, size, 3):
            got = f"{faces.dtype} {faces.shape}" if isinstance(faces, np.ndarray) else type(faces).__name__
            raise ModelError(
                f"model {self.spec.name} takes uint8 faces (N, {size}, {size}, 3) in BGR, got {got}; "
                "normalise with the camera of its sidecar"
            )
        if len(faces) == 0:
            return Prediction(np.zeros((0, 2), dtype=np.float32))
        outputs = self._infer(np.ascontiguousarray(faces))
        return Prediction(outputs[ANGLES_NAME], outputs.get("sigma_rad"), outputs.get("weight_map"))

    @abstractmethod
    def _infer(self, faces: NDArray[np.uint8]) -> dict[str, NDArray[np.float32]]:
        """The outputs by name; arrays that stay valid after the next call."""

    def close(self) -> None:  # noqa: B027 - engines without anything to free need not override it
        """Free the network."""

    def __enter__(self) -> Runtime:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()


def check_threads(threads: int | None) -> None:
    """Raises UsageError: the number of threads is below one, or far above what this machine has cores for."""
    if threads is None:
        return
    if threads < 1:
        raise UsageError(f"threads must be at least 1, got {threads}; leave it out to use every core")
    cores = os.cpu_count() or 1
    most = MOST_THREADS_A_CORE * cores
    if threads > most:
        raise UsageError(
            f"threads must be at most {most} on this machine, which has {cores} cores, got {threads}; "
            "leave it out to use every core"
        )


def check_precision(precision: str | None) -> None:
    """Raises UsageError: the precision has no such name."""
    if precision is not None and precision not in PRECISIONS:
        raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")


@dataclass(frozen=True, slots=True)
class Port:
    """An input or output of a graph: element type as the engine spells it, and sizes, None where free.

    ``shape`` None is a graph that does not say.
    """

    kind: str
    shape: tuple[int | None, ...] | None

    @classmethod
    def of(cls, kind: str, sizes: Iterable[object]) -> Port:
        """From an engine's own sizes: what is no positive whole number (a name, -1, None) is free."""
        return cls(kind, tuple(size if isinstance(size, int) and size > 0 else None for size in sizes))


def check_graph(path: Path, inputs: Mapping[str, Port], outputs: Mapping[str, Port], spec: ModelSpec) -> None:
    """Hold the graph's names, input type and shapes against the contract of an exported model.

    Raises:
        ModelError: the graph is of a foreign network, or its sidecar promises what it does not have.
    """
    mend = "give a model written by `gaze export`"
    kind = next(iter(inputs.values())).kind if len(inputs) == 1 else None
    # Before the input's name, which differs in our own variant with float input.
    of_float = kind is not None and ANGLES_NAME in outputs and "uint8" not in kind and kind != "u8"
    if of_float or spec.input_kind != UINT8_INPUT:
        kind = kind if of_float else spec.input_kind
        raise ModelError(
            f"{path}: takes {kind} input; this is the variant for other tools, the runtimes here "
            "need the one that takes uint8 pictures; give the file beside it without _float_input in its name"
        )
    if set(inputs) != {INPUT_NAME} or ANGLES_NAME not in outputs:
        raise ModelError(
            f"{path}: is not a gaze model: it has inputs {sorted(inputs)} and outputs {sorted(outputs)}, "
            f"not {INPUT_NAME!r} -> {ANGLES_NAME!r}; {mend}"
        )
    if missing := sorted(set(spec.outputs) - set(outputs)):
        raise ModelError(f"{path}: its sidecar promises {', '.join(missing)}, the graph has none; {mend}")
    size = spec.input_size
    _check_shape(path, INPUT_NAME, inputs[INPUT_NAME].shape, (None, size, size, 3))
    for name in spec.outputs:
        wanted = (None, None, None) if name == "weight_map" else (None, 2)
        _check_shape(path, name, outputs[name].shape, wanted)


def _check_shape(
    path: Path, name: str, shape: tuple[int | None, ...] | None, wanted: tuple[int | None, ...]
) -> None:
    """A size that either side leaves free fits; the first, the number of faces, must be free in the graph."""
    if shape is None:
        return
    fits = len(shape) == len(wanted) and shape[:1] == (None,)
    if fits and all(None in pair or pair[0] == pair[1] for pair in zip(shape, wanted, strict=True)):
        return
    raise ModelError(
        f"{path}: the graph's {name} is {_spelled(shape)}, its sidecar means {_spelled(wanted)} "
        "(N: any number); keep the two files of one `gaze export` together, or run it again"
    )


def _spelled(shape: tuple[int | None, ...]) -> str:
    return "[" + ", ".join("N" if size is None else str(size) for size in shape) + "]"


def reading_mend(error: BaseException, package: str) -> str:
    """What helps when an engine cannot read a model."""
    if "external" in str(error).lower():
        return "copy it together with the file of its external data, or run `gaze export` again"
    return f"upgrade {package} if the file is newer than it, else run `gaze export` again"


def first_line(error: BaseException) -> str:
    """The telling line of an engine's error, without the positions in its source around it."""
    lines = [line.strip() for line in str(error).splitlines()]
    passing = ("Exception from", "FrontEnd API", "Check '", "Loading input model")
    telling = [line for line in lines if line and not line.startswith(passing)]
    text = telling[0] if telling else next(filter(None, lines), type(error).__name__)
    for position in ORT_POSITIONS:
        text = position.sub(" ", text)
    text = " ".join(text.split()).rstrip(".")
    return text if len(text) <= 300 else text[:297] + "..."
