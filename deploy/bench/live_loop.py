"""Milliseconds of every stage of the live loop, its cold start and its peak memory."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from deploy.bench.frames import bench_frames, kind_and_name
from deploy.machine import counted_cores, describe_machine
from deploy.network_options import network_settings
from deploy.pipeline import Pipeline
from deploy.runtimes.base import check_threads
from deploy.smoothing import SmoothingConfig
from gaze.camera import Camera
from gaze.errors import GazeError
from gaze.estimator import GazeEstimator
from gaze.types import Frame

SCHEMA = "gaze.bench/1"


def run_bench(arguments: argparse.Namespace) -> dict[str, object]:
    """All measurements; the keys are those of the JSON output."""
    kind, source = kind_and_name(arguments.source)
    check_threads(arguments.threads)
    images, fps = bench_frames(arguments.source, arguments.size, arguments.faces)
    settings = {**network_settings(arguments), "max_faces": arguments.faces}
    started = _cold_start(images[0], settings)
    with GazeEstimator.create(Camera.guessed(*arguments.size), **settings) as estimator:
        pipeline = Pipeline(estimator, smoothing=SmoothingConfig())
        totals: list[float] = []
        stages: dict[str, list[float]] = {}
        found, crops = 0, []
        for number in range(arguments.warm_up + arguments.frames):
            frame = Frame(images[_there_and_back(number, len(images))], number, number / fps)
            begin = time.perf_counter()
            result = pipeline.process(frame)
            total = (time.perf_counter() - begin) * 1000.0
            if number < arguments.warm_up:
                continue
            totals.append(total)
            for stage, value in result.stage_ms.items():
                stages.setdefault(stage, []).append(value)
            found += len(result.estimates)
            crops = [e.normalized.image for e in result.estimates if e.normalized is not None] or crops
        alone = _parts_alone(estimator, images, crops, fps, arguments.frames)
        predictor = estimator.predictor
        runtime = {
            "runtime": predictor.name,
            "runtime_choice": predictor.description,
            "precision": predictor.precision,
            "threads": predictor.threads_used,
            "model": predictor.spec.name,
            "input_size": predictor.spec.input_size,
            "landmarks": estimator.detector.name,
        }
    other = [
        total - landmarks - network
        for total, landmarks, network in zip(totals, stages["landmarks"], stages["network"], strict=True)
    ]
    return {
        "schema": SCHEMA,
        "end_to_end": _statistics(totals),
        "stages": {name: _statistics(values) for name, values in stages.items()},
        "neither_landmarks_nor_network": _statistics(other),
        "parts_alone": alone,
        "floor_ms": round(sum(part["median_ms"] for part in alone.values()), 3),
        **started,
        **runtime,
        "faces": arguments.faces,
        "faces_found": round(found / arguments.frames, 3),
        "frames": arguments.frames,
        "size": list(arguments.size),
        "source": source,
        "source_kind": kind,
        "source_frames": len(images),
        "machine": describe_machine(),
    }


def _there_and_back(number: int, count: int) -> int:
    """0 1 2 … n-1 n-2 … 1 0 1 …: a clip played for ever without a jump, so that tracking is not lost."""
    if count == 1:
        return 0
    phase = number % (2 * count - 2)
    return phase if phase < count else 2 * count - 2 - phase


def _parts_alone(estimator, images, crops, fps: float, count: int) -> dict[str, dict[str, float]]:
    """Landmarks and network with nothing else between them: what the loop cannot be faster than."""
    landmarks = []
    for number in range(count):
        frame = Frame(images[_there_and_back(number, len(images))], number, 1e6 + number / fps)
        begin = time.perf_counter()
        estimator.detector.detect(frame)
        landmarks.append((time.perf_counter() - begin) * 1000.0)
    parts = {"landmarks": _statistics(landmarks)}
    if crops:
        batch, network = np.stack(crops), []
        for _ in range(count):
            begin = time.perf_counter()
            estimator.predictor.predict(batch)
            network.append((time.perf_counter() - begin) * 1000.0)
        parts["network"] = _statistics(network)
    return parts


def _statistics(values_ms: Sequence[float]) -> dict[str, float]:
    median, p95, p99 = np.percentile(values_ms, [50, 95, 99])
    return {"median_ms": round(median, 3), "p95_ms": round(p95, 3), "p99_ms": round(p99, 3)}


def _cold_start(image: NDArray[np.uint8], settings: dict[str, object]) -> dict[str, object]:
    """A fresh process up to its first estimate, and its peak memory after some more."""
    with tempfile.TemporaryDirectory() as folder:
        picture, options = Path(folder) / "picture.npy", Path(folder) / "settings.json"
        np.save(picture, image)
        options.write_text(json.dumps(settings), encoding="utf-8")
        begin = time.time()
        child = subprocess.run(
            [sys.executable, "-m", "deploy.bench.start", str(picture), str(options)],
            capture_output=True,
            text=True,
            check=False,
        )
    if child.returncode != 0:
        last = child.stderr.strip().splitlines()[-1:] or ["no message"]
        raise GazeError(f"the fresh process for the cold start failed: {last[0]}")
    told = json.loads(child.stdout.splitlines()[-1])
    peak = told["peak_rss_mb"]
    return {
        "cold_start_ms": round((told["finished_unix_s"] - begin) * 1000.0, 1),
        "peak_rss_mb": round(peak, 1) if peak is not None else None,
        "torch_loaded": "torch" in told["modules"],
    }


def _too_few(result: dict) -> list[str]:
    if result["faces_found"] >= 0.9 * result["faces"]:
        return []
    return ["too few faces found: these are the times of less work; give another --source or a larger --size"]


def as_text(result: dict) -> str:
    """The result as a table for people."""
    machine = result["machine"]
    lines = [
        f"{machine['cpu']}, {counted_cores(machine)}, {machine['system']}, Python {machine['python']}",
        f"{result['runtime_choice']}",
        f"{result['source_frames']} frames of {result['source']}, played there and back, at "
        f"{result['size'][0]}x{result['size'][1]}, {result['faces']} face(s), "
        f"{result['faces_found']:.2f} found a frame, {result['frames']} frames",
        *_too_few(result),
        "",
        f"{'':<32}{'median':>9}{'95 %':>9}{'99 %':>9}  ms",
    ]
    rows = {**result["stages"], "neither landmarks nor network": result["neither_landmarks_nor_network"]}
    rows["end to end"] = result["end_to_end"]
    rows |= {f"{name} alone": values for name, values in result["parts_alone"].items()}
    for name, values in rows.items():
        numbers = "".join(f"{values[key]:>9.2f}" for key in ("median_ms", "p95_ms", "p99_ms"))
        lines.append(f"{name.replace('_', ' '):<32}{numbers}")
    lines += [
        f"{'floor (parts alone)':<32}{result['floor_ms']:>9.2f}",
        "",
        f"cold start {result['cold_start_ms'] / 1000:.2f} s, peak memory {result['peak_rss_mb'] or 0:.0f} MB",
    ]
    return "\n".join(lines)
