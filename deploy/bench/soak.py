"""`gaze bench --soak FRAMES`: the headless loop at full speed for long, and whether anything grows."""

from __future__ import annotations

import argparse
import importlib
import json
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from deploy.bench.progress import Say, progress_line
from deploy.bench.soak_report import FEWEST_SAMPLES, Sample, Verdict, draw, judge
from deploy.demo import CLIP
from deploy.machine import counted_cores, describe_machine
from gaze.errors import GazeError, UsageError
from gaze.evenly import evenly_spread
from gaze.files import prepare_outputs, replacing, write_json
from gaze.help_format import HelpFormatter
from gaze.option_types import at_least_one

SCHEMA = "gaze.soak/1"
SAMPLES = 200
LONGEST_STOP_S = 10.0


def main(argv: Sequence[str] | None = None) -> int:
    """Run, write and judge.

    Returns:
        0 when everything was flat, else 1.

    Raises:
        GazeError: the loop does not start or breaks off, or a result cannot be written.
    """
    argv = list(sys.argv[1:] if argv is None else argv)
    cut = argv.index("--") if "--" in argv else len(argv)
    options = _parser().parse_args(argv[:cut])
    if options.soak < 5 * FEWEST_SAMPLES:
        raise UsageError(f"--soak {options.soak}: too few frames to see a trend, give at least 50")
    if not Path("/proc/self/fd").is_dir():
        raise GazeError("the soak reads memory and handles from /proc, which this system lacks; use Linux")
    prepare_outputs(options.out / "soak.json")
    importlib.import_module("matplotlib")  # that it is missing is told before the run
    with progress_line(options.soak) as say:
        samples, told, stop_s = run(options.soak, options.source, argv[cut + 1 :], say)
    verdict = judge(samples, stop_s)
    machine = describe_machine()
    rate = samples[-1].frames / samples[-1].elapsed_s
    title = f"{samples[-1].frames} frames, {rate:.0f} a second; {machine['cpu']}, {counted_cores(machine)}"
    content = {
        "schema": SCHEMA,
        "frames": samples[-1].frames,
        "source": options.source,
        "options": argv[cut + 1 :],
        "chosen": told,
        "machine": machine,
        "frames_per_s": rate,
        "memory_growth_mb": verdict.memory_growth_mb,
        "handles_growth": verdict.handles_growth,
        "threads_growth": verdict.threads_growth,
        "latency_ratio": verdict.latency_ratio,
        "stop_s": verdict.stop_s,
        "problems": list(verdict.problems),
        "samples": [item.as_json for item in samples],
    }
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        write_json(options.out / "soak.json", content)
        draw(samples, "; ".join([title, *told]), options.out / "soak.png")
        text = as_markdown(samples, verdict)
        with replacing(options.out / "soak.md") as temporary:
            temporary.write_text(text, encoding="utf-8")
    except OSError as error:
        raise GazeError(
            f"{error.filename}: cannot be written ({error.strerror}); make room or give another --out"
        ) from error
    print("\n".join([title, *told, "", text]))
    for problem in verdict.problems:
        print(f"not flat: {problem}")
    return 1 if verdict.problems else 0


def run(frames: int, source: str, options: Sequence[str], say: Say) -> tuple[list[Sample], list[str], float]:
    """Run the loop on the source, again and again, and take samples.

    Returns:
        The samples; what the loop told of its engine; seconds from SIGTERM to its end.

    Raises:
        GazeError: the loop ends before all frames are done.
    """
    command = [sys.executable, "-m", "gaze.cli", "run", "--source", source, "--loop", "--no-window"]
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said:
        process = subprocess.Popen(
            [*command, "--no-progress", "--jsonl", "-", *options],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
            text=True,
        )
        try:
            samples = list(_samples(process, frames, say))
            begin = time.monotonic()
            process.send_signal(signal.SIGTERM)
            process.communicate(timeout=LONGEST_STOP_S)  # reads on: the loop may wait for its reader
            stop_s = time.monotonic() - begin
        except EOFError as error:
            process.wait()
            said.seek(0)
            last = said.read().strip().splitlines()[-1:] or ["it said nothing"]
            raise GazeError(f"the loop ended after {error} of {frames} frames: {last[0]}") from error
        except subprocess.TimeoutExpired as error:
            raise GazeError(f"the loop did not end within {LONGEST_STOP_S:.0f} s of SIGTERM") from error
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()
        said.seek(0)
        lines = [line.removeprefix("gaze run: ").strip() for line in said]
    return samples, [line for line in lines if line.startswith("runtime ")], stop_s


def _samples(process: subprocess.Popen, frames: int, say: Say) -> Iterator[Sample]:
    every = max(1, frames // SAMPLES)
    begin = None
    latencies: list[float] = []
    for done in range(1, frames + 1):
        line = process.stdout.readline()
        if not line:
            raise EOFError(done - 1)
        begin = time.monotonic() if begin is None else begin
        latencies.append(sum(json.loads(line)["ms"].values()))
        if done % every == 0:
            median, p99 = np.percentile(latencies, [50, 99])
            elapsed = max(time.monotonic() - begin, 1e-9)
            yield Sample(done, elapsed, *_state(process.pid), float(median), float(p99))
            latencies.clear()
            say(done, "frames")


def _state(pid: int) -> tuple[float, int, int]:
    """Resident memory in MB, open handles and threads of a process."""
    folder = Path("/proc") / str(pid)
    fields = dict(line.split(":", 1) for line in (folder / "status").read_text("ascii").splitlines())
    memory_mb = int(fields["VmRSS"].split()[0]) * 1024 / 1e6
    return memory_mb, sum(1 for _ in (folder / "fd").iterdir()), int(fields["Threads"])


def as_markdown(samples: Sequence[Sample], verdict: Verdict) -> str:
    """Ten rows over the run, and the trends in words."""
    lines = [
        "| frames | minutes | memory MB | handles | threads | median ms | 99 % ms |",
        "|---|---|---|---|---|---|---|",
    ]
    for index in evenly_spread(len(samples), 10):
        item = samples[index]
        lines.append(
            f"| {item.frames} | {item.elapsed_s / 60:.1f} | {item.resident_mb:.1f} | {item.handles} | "
            f"{item.threads} | {item.median_ms:.2f} | {item.p99_ms:.2f} |"
        )
    lines.append(
        f"\nAfter the warm-up memory changed by {verdict.memory_growth_mb:+.1f} MB along a straight line, "
        f"the handles by {verdict.handles_growth:+d}, the threads by {verdict.threads_growth:+d} and the "
        f"median latency to {verdict.latency_ratio:.2f} of the start's; "
        f"SIGTERM ended it in {verdict.stop_s:.2f} s."
    )
    return "\n".join(lines) + "\n"


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="gaze bench",
        description="Run `gaze run` headless and at full speed on a file, again and again, and watch memory, "
        "open handles, threads and latency; at the end SIGTERM must end it within a second. Writes "
        "soak.json, soak.md and soak.png. Exit code 1 when something grew. What follows -- goes to "
        "`gaze run`.",
        formatter_class=HelpFormatter,
    )
    parser.add_argument(
        "--soak", type=at_least_one, required=True, metavar="FRAMES", help="how many frames; 200000 is usual"
    )
    parser.add_argument("--source", default=str(CLIP), help="video that is played again and again")
    parser.add_argument("--out", type=Path, default=Path("out/soak"), metavar="DIR", help="for the results")
    return parser
