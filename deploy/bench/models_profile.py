"""Where the time within a model goes: OpenVINO's own counters, summed by kind of operation and kernel."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from deploy.bench.models_measure import Configuration, random_faces
from deploy.runtimes.openvino_runtime import OpenVinoRuntime

WARM_UP = 20
COLUMNS = ("operation", "kernel", "how many", "µs", "% of the sum")


@dataclass(frozen=True, slots=True)
class Share:
    """What all operations of one type that run in one kernel take together, in µs a call."""

    operation: str
    kernel: str
    count: int
    time_us: float


def profile(configuration: Configuration, batch: int, calls: int) -> list[Share]:
    """The shares of a model, the largest first; each operation counts with the median of so many calls.

    Args:
        configuration: a run on OpenVINO.

    Raises:
        GazeError: it does not run here.
    """
    faces = random_faces(configuration.spec, batch)
    times: dict[str, list[float]] = defaultdict(list)
    kernels: dict[str, tuple[str, str]] = {}
    with OpenVinoRuntime(
        configuration.path,
        configuration.device,
        configuration.precision,
        configuration.threads,
        count_times=True,
    ) as runtime:
        for _ in range(WARM_UP):
            runtime.predict(faces)
        for _ in range(calls):
            runtime.predict(faces)
            for layer in runtime.layer_times():
                times[layer.name].append(layer.time_us)
                kernels[layer.name] = (layer.operation, layer.kernel)
    sums: dict[tuple[str, str], float] = defaultdict(float)
    counts: dict[tuple[str, str], int] = defaultdict(int)
    for name, values in times.items():
        sums[kernels[name]] += float(np.median(values))
        counts[kernels[name]] += 1
    shares = [Share(*kernel, counts[kernel], sums[kernel]) for kernel in sums]
    return sorted(shares, key=lambda share: -share.time_us)


def as_table(configuration: Configuration, shares: Sequence[Share], batch: int) -> str:
    """Markdown: one row for each share of at least a hundredth, below a line that names the run."""
    whole = sum(share.time_us for share in shares) or 1.0
    lines = [
        f"{configuration.shown}, {batch} face{'s' if batch > 1 else ''} a call: {whole:.0f} µs in all",
        "",
        "| " + " | ".join(COLUMNS) + " |",
        "|" + "---|" * len(COLUMNS),
    ]
    lines += [
        f"| {share.operation} | {share.kernel} | {share.count} | {share.time_us:.0f} | "
        f"{100.0 * share.time_us / whole:.0f} |"
        for share in shares
        if share.time_us >= 0.01 * whole
    ]
    return "\n".join(lines) + "\n"
