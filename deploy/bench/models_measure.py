"""Measuring exported models: which runs there are, their times in turns, their memory apart."""

from __future__ import annotations

import dataclasses
import json
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.bench.models_degrees import Degrees, Judge
from deploy.bench.progress import Say
from deploy.machine import peak_memory_mb
from deploy.runtimes import create_runtime
from deploy.runtimes.base import Runtime
from deploy.runtimes.engines import is_installed, runtimes_of, sensible_precisions
from gaze.errors import GazeError
from gaze.model_spec import load_model_spec
from gaze.types import ModelSpec

CALLS_PER_TURN = 4
QUEUED_BATCHES = 64


@dataclass(frozen=True, slots=True)
class Configuration:
    """One way to run one model file."""

    path: Path
    spec: ModelSpec
    runtime: str
    device: str
    precision: str | None
    threads: int | None

    @property
    def shown(self) -> str:
        """For progress and messages."""
        threads = "" if self.threads is None else f", {self.threads} threads"
        return (
            f"{self.path.name} {self.runtime} {self.device} {self.precision or self.spec.precision}{threads}"
        )

    def open(self, throughput: bool = False) -> Runtime:
        """The runtime, tuned for single calls or for the queue.

        Raises:
            GazeError: it does not run here.
        """
        if throughput:
            from deploy.runtimes.openvino_runtime import OpenVinoRuntime

            return OpenVinoRuntime(self.path, self.device, self.precision, self.threads, throughput=True)
        return create_runtime(self.path, self.runtime, self.device, self.precision, self.threads)


@dataclass(frozen=True, slots=True)
class Row:
    """A measured run. Times are of one call with ``batch`` faces.

    Degrees come from the model's sidecar or are ``measured_here`` (see deploy.bench.models_degrees).
    """

    file: str
    run: str
    precision: str
    threads: int | None
    batch: int
    median_ms: float
    p99_ms: float
    faces_per_s: float
    queue_faces_per_s: float | None
    size_mb: float
    peak_rss_mb: float | None
    parity_mean_deg: float | None
    parity_max_deg: float | None
    error_deg: float | None
    threads_used: int | None = None
    measured_here: bool = False

    @property
    def ms_per_face(self) -> float:
        """Median time of a call, shared by its faces."""
        return self.median_ms / self.batch

    def as_json(self) -> dict[str, object]:
        """All fields and the time per face."""
        return dataclasses.asdict(self) | {"ms_per_face": self.ms_per_face}


def configurations(
    folder: Path, devices: Sequence[str], threads: Sequence[int | None]
) -> tuple[list[Configuration], list[str]]:
    """Every way to run the models of a folder here, and what is left out, with the reason."""
    found: list[Configuration] = []
    left_out: list[str] = []
    openvino = _openvino_precisions()
    for path in sorted(folder.iterdir()):
        runtimes = [runtime for runtime in runtimes_of(path.suffix) if runtime != "torch"]
        if not runtimes:  # no exported model
            continue
        try:
            spec = load_model_spec(path)
        except GazeError as error:
            left_out.append(str(error))
            continue
        if spec.notes.get("format") == "onnx-float-input":
            left_out.append(f"{path.name}: takes float pictures, for tools other than these runtimes")
            continue
        for runtime in runtimes:
            if not is_installed(runtime):
                left_out.append(f"{path.name}: {runtime} is not installed")
                continue
            for device in devices:
                for precision in sensible_precisions(runtime, device, spec.precision, openvino):
                    counts = threads if device == "CPU" else [None]
                    found += [
                        Configuration(
                            path=path,
                            spec=spec,
                            runtime=runtime,
                            device=device,
                            precision=precision,
                            threads=count,
                        )
                        for count in counts
                    ]
    return found, left_out


def _openvino_precisions() -> list[str]:
    if not is_installed("openvino"):
        return []
    from deploy.runtimes.openvino_runtime import cpu_precisions

    return cpu_precisions()


def measure(
    wanted: Sequence[Configuration],
    batches: Sequence[int],
    rounds: int,
    with_memory: bool,
    say: Say,
) -> tuple[list[Row], list[Configuration], list[str]]:
    """Open all runs, let them take turns, close them.

    Returns:
        The rows, the runs they are of, and what is left out because it does not start or fails later, with
        the reason. A figure that alone cannot be measured is None in its row.
    """
    started: list[Configuration] = []
    runtimes: list[Runtime] = []
    degrees: list[Degrees] = []
    left_out: list[str] = []
    judge = Judge({item.path: item.spec for item in wanted})
    try:
        for number, configuration in enumerate(wanted):
            say(number, configuration.shown)
            try:
                runtimes.append(opened(configuration))
                started.append(configuration)
            except GazeError as error:
                left_out.append(f"{configuration.shown}: {error}")
        times, failed = _take_turns(runtimes, batches, rounds)
        for configuration, runtime in zip(started, runtimes, strict=True):
            try:
                degrees.append(judge.degrees(configuration.spec, runtime))
            except GazeError as error:
                left_out.append(f"the degrees of {configuration.shown}: {error}")
                degrees.append(Degrees())
    finally:
        for runtime in runtimes:
            runtime.close()
    left_out += [
        f"{started[number].shown}, {batch} faces a call: {error}" for (number, batch), error in failed.items()
    ]
    rows = []
    for number, (configuration, runtime) in enumerate(zip(started, runtimes, strict=True)):
        say(number, configuration.shown)
        shown, memory = configuration.shown, None
        if with_memory:
            memory = _figure(f"the peak memory of {shown}", left_out, _peak_memory_mb, configuration)
        for batch in batches:
            if (number, batch) in failed:
                continue
            queue = None
            if configuration.runtime == "openvino":
                what = f"the queue of {shown}, {batch} faces a call"
                queue = _figure(what, left_out, _queue_rate, configuration, batch)
            taken = times[number, batch]
            rows.append(_row(configuration, runtime, batch, taken, memory, queue, degrees[number]))
    return rows, started, left_out


def _figure(
    what: str, left_out: list[str], take: Callable[..., float | None], *arguments: object
) -> float | None:
    """What ``take`` measures; None where it fails, which must not cost what was measured before."""
    try:
        return take(*arguments)
    except GazeError as error:
        left_out.append(f"{what}: {error}")
        return None


def opened(configuration: Configuration) -> Runtime:
    """The runtime of a run, after a first face has gone through it.

    Raises:
        GazeError: it does not start here.
    """
    runtime = configuration.open()
    try:
        runtime.predict(random_faces(configuration.spec, 1))
    except GazeError:
        runtime.close()
        raise
    return runtime


def random_faces(spec: ModelSpec, batch: int) -> NDArray[np.uint8]:
    """The same random pictures (batch, S, S, 3) every time: what they show costs no time."""
    size = spec.input_size
    return np.random.default_rng(0).integers(0, 256, (batch, size, size, 3), dtype=np.uint8)


def _take_turns(
    runtimes: Sequence[Runtime], batches: Sequence[int], rounds: int
) -> tuple[dict[tuple[int, int], list[float]], dict[tuple[int, int], GazeError]]:
    """Times in ms by the number of a runtime and of the faces in a call; and what ended those that failed."""
    jobs = [
        (number, batch, runtime, random_faces(runtime.spec, batch))
        for number, runtime in enumerate(runtimes)
        for batch in batches
    ]
    times: dict[tuple[int, int], list[float]] = {(number, batch): [] for number, batch, _, _ in jobs}
    failed: dict[tuple[int, int], GazeError] = {}
    for number_of_turn in range(rounds + 1):
        for number, batch, runtime, faces in jobs:
            if (number, batch) in failed:
                continue
            try:
                taken_ms = _one_turn(runtime, faces)
            except GazeError as error:
                failed[number, batch] = error
                continue
            if number_of_turn > 0:  # the first turn warms up
                times[number, batch] += taken_ms
    return times, failed


def _one_turn(runtime: Runtime, faces: NDArray[np.uint8]) -> list[float]:
    """Milliseconds of each of its calls; the one before them, after another run's turn, does not count."""
    runtime.predict(faces)
    taken_ms = []
    for _ in range(CALLS_PER_TURN):
        begin = time.perf_counter()
        runtime.predict(faces)
        taken_ms.append((time.perf_counter() - begin) * 1000.0)
    return taken_ms


def _row(
    configuration: Configuration,
    runtime: Runtime,
    batch: int,
    times_ms: Sequence[float],
    memory: float | None,
    queue: float | None,
    degrees: Degrees,
) -> Row:
    path = configuration.path
    median, p99 = np.percentile(times_ms, [50, 99])
    weights = path.with_suffix(".bin")
    size = path.stat().st_size + (weights.stat().st_size if path.suffix == ".xml" else 0)
    return Row(
        file=path.name,
        run=runtime.name,
        precision=runtime.precision,
        threads=configuration.threads,
        batch=batch,
        median_ms=float(median),
        p99_ms=float(p99),
        faces_per_s=1000.0 * batch / float(np.mean(times_ms)),
        queue_faces_per_s=queue,
        size_mb=size / 1e6,
        peak_rss_mb=memory,
        parity_mean_deg=degrees.parity_mean_deg,
        parity_max_deg=degrees.parity_max_deg,
        error_deg=degrees.error_deg,
        threads_used=runtime.threads_used,
        measured_here=degrees.measured_here,
    )


def _queue_rate(configuration: Configuration, batch: int) -> float:
    """Faces a second through OpenVINO's asynchronous queue.

    Raises:
        GazeError: it does not start or fails.
    """
    faces = random_faces(configuration.spec, batch)
    with configuration.open(throughput=True) as runtime:
        runtime.predict_many([faces] * 8)
        begin = time.perf_counter()
        runtime.predict_many([faces] * QUEUED_BATCHES)
        return QUEUED_BATCHES * batch / (time.perf_counter() - begin)


def _peak_memory_mb(configuration: Configuration) -> float | None:
    """Peak memory of a fresh process that loads the model and predicts, in MB; None where no system tells.

    Raises:
        GazeError: the process does not start or fails, as for want of memory.
    """
    settings = {
        "model_path": str(configuration.path),
        "runtime": configuration.runtime,
        "device": configuration.device,
        "precision": configuration.precision,
        "threads": configuration.threads,
    }
    command = [sys.executable, "-m", "deploy.bench.models_measure", json.dumps(settings)]
    try:
        child = subprocess.run(command, capture_output=True, text=True, check=False)
    except OSError as error:
        raise GazeError(f"the process that measures it does not start ({error.strerror})") from error
    if child.returncode != 0:
        last = child.stderr.strip().splitlines()[-1:] or [f"exit code {child.returncode}"]
        raise GazeError(f"the process that measures it failed: {last[0]}")
    return json.loads(child.stdout.splitlines()[-1])


def _print_own_memory(settings: dict[str, object]) -> None:
    with create_runtime(**settings) as runtime:
        for _ in range(20):
            runtime.predict(random_faces(runtime.spec, 1))
    print(json.dumps(peak_memory_mb()))


if __name__ == "__main__":
    _print_own_memory(json.loads(sys.argv[1]))
