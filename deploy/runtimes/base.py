"""What every runtime shares: the checked call, the context manager, the names of precisions."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Collection
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from gaze.errors import ModelError, UsageError
from gaze.types import ModelSpec, Prediction

INPUT_NAME = "faces"
ANGLES_NAME = "pitch_yaw_rad"
PRECISIONS = ("fp32", "bf16", "fp16", "int8")


class Runtime(ABC):
    """A network ready to run; a Predictor (see gaze.estimator).

    Attributes:
        spec: what the model is.
        name: the engine, its device and precision, such as ``openvino:CPU:bf16``.
        description: one line of what was chosen and why.
        precision: what the engine calculates in.
    """

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
    """Raises UsageError: the number of threads is below one."""
    if threads is not None and threads < 1:
        raise UsageError(f"threads must be at least 1, got {threads}; leave it out to use every core")


def check_precision(precision: str | None) -> None:
    """Raises UsageError: the precision has no such name."""
    if precision is not None and precision not in PRECISIONS:
        raise UsageError(f"precision must be one of {', '.join(PRECISIONS)}, got {precision!r}")


def check_graph(path: Path, inputs: dict[str, str], outputs: Collection[str], spec: ModelSpec) -> None:
    """Hold the graph's names and input type against the contract of an exported model.

    Args:
        inputs: name of each input -> its element type, as the engine spells it.

    Raises:
        ModelError: the graph is of a foreign network, or its sidecar promises outputs that it lacks.
    """
    mend = "give a model written by `gaze export`"
    if set(inputs) != {INPUT_NAME} or ANGLES_NAME not in outputs:
        raise ModelError(
            f"{path}: is not a gaze model: it has inputs {sorted(inputs)} and outputs {sorted(outputs)}, "
            f"not {INPUT_NAME!r} -> {ANGLES_NAME!r}; {mend}"
        )
    kind = inputs[INPUT_NAME]
    if "uint8" not in kind and kind != "u8":
        raise ModelError(
            f"{path}: takes {kind} input; this is the variant for other tools, the runtimes here "
            f"need the one that takes uint8 pictures; {mend}"
        )
    if missing := sorted(set(spec.outputs) - set(outputs)):
        raise ModelError(f"{path}: its sidecar promises {', '.join(missing)}, the graph has none; {mend}")


def first_line(error: BaseException) -> str:
    """The telling line of an engine's error, without the positions in its source around it."""
    lines = [line.strip() for line in str(error).splitlines()]
    passing = ("Exception from", "FrontEnd API", "Check '", "Loading input model")
    telling = [line for line in lines if line and not line.startswith(passing)]
    text = telling[0] if telling else next(filter(None, lines), type(error).__name__)
    return text if len(text) <= 300 else text[:297] + "..."
