"""What a long run did over time: samples, whether they are flat, and their picture."""

from __future__ import annotations

import dataclasses
import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from gaze.files import replacing

# The start is left out of the judgement: engines and allocators still take their working memory then.
WARM_UP_SHARE = 0.2
FEWEST_SAMPLES = 10
MEMORY_GROWTH = 0.03
LATENCY_GROWTH = 0.25
STOP_S = 1.0


@dataclass(frozen=True, slots=True)
class Sample:
    """The state after ``frames`` frames; latencies are of the frames since the sample before.

    Latency is the sum of a frame's stages, capture and writing excluded. ``handles`` counts open files,
    sockets and pipes of the process.
    """

    frames: int
    elapsed_s: float
    resident_mb: float
    handles: int
    threads: int
    median_ms: float
    p99_ms: float

    @property
    def as_json(self) -> dict[str, float]:
        """All fields."""
        return dataclasses.asdict(self)


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a run was flat. ``problems`` says in words what was not."""

    memory_growth_mb: float
    handles_growth: int
    threads_growth: int
    latency_ratio: float
    stop_s: float
    problems: tuple[str, ...]


def judge(samples: Sequence[Sample], stop_s: float) -> Verdict:
    """Hold memory, handles, threads, latency and the time to stop against their bounds.

    Memory is judged by a straight line through the samples after the warm-up, so that a single peak counts
    little and a steady leak counts whole; latency by the medians of the first and the last third of them.

    Raises:
        ValueError: there are too few samples to see a trend.
    """
    kept = samples[int(WARM_UP_SHARE * len(samples)) :]
    if len(kept) < FEWEST_SAMPLES:
        raise ValueError(f"{len(kept)} samples after the warm-up, at least {FEWEST_SAMPLES} are needed")
    frames = np.array([item.frames for item in kept], dtype=float)
    memory = np.array([item.resident_mb for item in kept])
    growth = float(np.polyfit(frames, memory, 1)[0] * (frames[-1] - frames[0]))
    third = len(kept) // 3
    early, late = kept[:third], kept[-third:]
    # Medians: a sample may fall into the moment in which the clip is opened anew.
    handles = round(np.median([x.handles for x in late]) - np.median([x.handles for x in early]))
    threads = round(np.median([x.threads for x in late]) - np.median([x.threads for x in early]))
    ratio = float(np.median([x.median_ms for x in late]) / np.median([x.median_ms for x in early]))
    allowed_mb = MEMORY_GROWTH * float(np.median(memory))
    problems = []
    if growth > allowed_mb:
        problems.append(f"memory grew by {growth:.1f} MB after the warm-up, {allowed_mb:.1f} allowed")
    if handles > 0:
        problems.append(f"{handles} handles more at the end than at the start")
    if threads > 0:
        problems.append(f"{threads} threads more at the end than at the start")
    if ratio > 1.0 + LATENCY_GROWTH:
        problems.append(f"latency grew to {ratio:.2f} of the start's; if the machine was busy, run it again")
    if stop_s > STOP_S:
        problems.append(
            f"SIGTERM took {stop_s:.2f} s to end it, {STOP_S:.0f} s allowed; "
            "if the machine was busy, run it again"
        )
    return Verdict(
        memory_growth_mb=growth,
        handles_growth=handles,
        threads_growth=threads,
        latency_ratio=ratio,
        stop_s=stop_s,
        problems=tuple(problems),
    )


def draw(samples: Sequence[Sample], title: str, path: Path) -> None:
    """Memory, handles with threads, and latency over frames, one above the other.

    Raises:
        OSError: the picture cannot be written.
    """
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    frames = [item.frames for item in samples]
    figure, (memory, handles, latency) = pyplot.subplots(3, 1, figsize=(9, 9), sharex=True)
    figure.set_layout_engine("constrained")
    figure.suptitle("\n".join(textwrap.wrap(title, 110)), fontsize=9)
    memory.plot(frames, np.array([item.resident_mb for item in samples]))
    memory.set_ylabel("resident memory, MB")
    handles.plot(frames, np.array([item.handles for item in samples]), label="handles")
    handles.plot(frames, np.array([item.threads for item in samples]), label="threads")
    handles.set_ylabel("count")
    handles.legend()
    latency.plot(frames, np.array([item.p99_ms for item in samples]), label="99th percentile", color="0.7")
    latency.plot(frames, np.array([item.median_ms for item in samples]), label="median")
    latency.set_ylabel("latency, ms")
    latency.set_xlabel("frames")
    latency.legend()
    for axes in (memory, handles, latency):
        axes.set_ylim(0, 1.1 * max(line.get_ydata().max() for line in axes.get_lines()))
        axes.grid(alpha=0.3)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=120)
    pyplot.close(figure)
